"""The pages of the machine room. Each route makes one call and shows the answer."""

from typing import cast

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for

from chassis.web.app import Answer
from shop.room.actions import OFFERS, VERBS
from shop.room.service import Room

pages = Blueprint("pages", __name__)
SHOWN = 50  # events on a page without JavaScript


def room() -> Room:
    return cast("Room", current_app.extensions["service"])


@pages.get("/")
def about() -> Answer:
    return redirect(url_for("pages.page"), 303)  # type: ignore[return-value] # werkzeug's class, of which Flask's is one


@pages.get("/room")
def page() -> Answer:
    its = room()
    return render_template(
        "room.html", room=its, state=its.state(), events=its.events()[-SHOWN:][::-1], offers=OFFERS, verbs=VERBS
    )


@pages.get("/room/stream")
def stream() -> Answer:
    """The browser repeats the id of its last event when it asks again."""
    after = request.headers.get("Last-Event-ID") or request.args.get("after", "")
    return Response(room().stream(after), mimetype="text/event-stream", headers={"Cache-Control": "no-store"})


@pages.get("/room/trail/<wanted>")
def trail(wanted: str) -> Answer:
    steps, events, waterfalls = room().trail(wanted)
    return render_template("trail.html", wanted=wanted, steps=steps, events=events, waterfalls=waterfalls)


@pages.get("/events")
def events() -> Answer:
    return render_template("events.html", passages=[*room().passages()])


@pages.post("/room/do/<action>")
@pages.post("/room/do/<action>/<process>")
def do(action: str, process: str = "") -> Answer:
    said = room().do(action, process)
    if wants_json():
        return {"said": said}
    return redirect(url_for("pages.page"), 303)  # type: ignore[return-value] # as above


def wants_json() -> bool:
    """Scripts and health checks. A browser prefers a page."""
    return request.accept_mimetypes.best_match(["application/json", "text/html"], "application/json") != "text/html"
