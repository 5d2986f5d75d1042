"""Parses requests into the models in a view's annotations, for which flask-openapi writes the OpenAPI document."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import current_app, request
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, ValidationError

from chassis.web import problems

Parse = Callable[[], BaseModel]


class Blueprint(APIBlueprint):
    """Its views parse the request. Those of flask-openapi do it too, but copy all headers of each request."""

    def add_url_rule(self, rule: str, endpoint: str | None = None, view_func: Any = None, **options: Any) -> None:  # type: ignore[override] # the other parameters are named
        super().add_url_rule(rule, endpoint, parsing(view_func.__wrapped__), **options)


def parsing(view: Callable[..., Any]) -> Callable[..., Any]:
    """`view`, called with the parsed parts of the request. Raises Invalid for the first part that is not valid."""
    models = view.__annotations__
    parsers = {part: parser(models[part]) for part, parser in PARSERS.items() if part in models}

    @wraps(view)
    def parse_and_call(**_: str) -> Any:
        try:
            parts = {part: parse() for part, parse in parsers.items()}
        except ValidationError as error:
            raise problems.invalid(error, patchable=_is_patchable()) from None
        return view(**parts)

    return parse_and_call


def _of_headers(model: type[BaseModel]) -> Parse:
    """Reads them where WSGI has them (PEP 3333). Werkzeug's mapping raises an error for each header that is absent."""
    names = [field.alias or name for name, field in model.model_fields.items()]
    keys = {name: f"HTTP_{name.upper().replace('-', '_')}" for name in names}

    def parse() -> BaseModel:
        sent = request.environ
        return model.model_validate({name: sent[key] for name, key in keys.items() if key in sent})

    return parse


def _is_patchable() -> bool:
    urls = current_app.create_url_adapter(request)
    return request.method == "PUT" and urls is not None and "PATCH" in urls.allowed_methods()


# By the name of the view's parameter.
PARSERS: dict[str, Callable[[type[BaseModel]], Parse]] = {
    "header": _of_headers,
    "path": lambda model: lambda: model.model_validate(request.view_args),
    "query": lambda model: lambda: model.model_validate(request.args.to_dict()),
    "body": lambda model: lambda: model.model_validate(request.get_json()),
}
