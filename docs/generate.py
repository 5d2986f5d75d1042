"""Writes the generated parts of the docs: the event catalogue, performance, load, the saga and the metrics. And the
routes of bootstrap/front.yaml, and bootstrap/fargate and bootstrap/lambdas.

`python -m docs.generate` renews them.
"""

import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bench import picture, report
from chassis.core.events import EventData
from docs import asyncapi, dashboards, fargate, front, functions, machine, openapi
from load import picture as load_picture
from load import report as load_report
from services.basket.events import BasketCheckedOut
from services.ordering.events import OrderCancelled, OrderConfirmed, OrderRejected
from services.product.events import ProductChanged, ProductCreated, ProductDeleted
from shop.metrics.known import known
from shop.settings import ROOT

# Each event with its producer and its golden file.
EVENTS: Mapping[type[EventData], tuple[str, str]] = {
    BasketCheckedOut: ("basket", "checkout_basket"),
    ProductCreated: ("product", "product_created"),
    ProductChanged: ("product", "product_changed"),
    ProductDeleted: ("product", "product_deleted"),
    OrderConfirmed: ("ordering", "order_confirmed"),
    OrderRejected: ("ordering", "order_rejected"),
    OrderCancelled: ("ordering", "order_cancelled"),
}
PERFORMANCE = ROOT / "docs" / "performance.json"  # results of `make bench`, copied from var/bench
LOAD = ROOT / "docs" / "load.json"  # results of `make load-report`
TEXT: dict[str, Any] = {"type": "string"}
OPTIONAL = {"traceparent": TEXT | {"description": "W3C Trace Context: the span that made the event"}}  # of the metadata
GENERATED = re.compile(
    r"(<!-- what follows is written by `make \w+` -->\n).*?(?=<!-- end of what `make \w+` writes -->)", re.DOTALL
)


def schema(event: type[EventData]) -> dict[str, Any]:
    """Of the event as EventBridge delivers it; fields may be added, so others than these are no mistake."""
    data = deepcopy(event.model_json_schema(mode="serialization", ref_template="#/$defs/{model}"))
    metadata = dict.fromkeys(("id", "idempotency-key", "correlation-id", "occurred-at"), TEXT)
    metadata |= {"version": {"const": event.VERSION}}
    definitions = {"$defs": _untitled(found)} if (found := data.pop("$defs", None)) else {}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{event.DETAIL_TYPE}, version {event.VERSION}",
        "description": data.pop("description"),
        **_object({
            "source": {"const": event.SOURCE},
            "detail-type": {"const": event.DETAIL_TYPE},
            "detail": _object({"metadata": _object(metadata, OPTIONAL), "data": _untitled(data)}),
        }),
        **definitions,
    }  # fmt: skip


def page(text: str) -> str:
    """The page with its generated part as the models have it."""
    return filled(text, "\n".join(_catalogue()))


def performance_page(text: str, results: Mapping[str, Any]) -> str:
    return filled(text, report.tables(results).rstrip())


def load_page(text: str, results: Mapping[str, Any]) -> str:
    return filled(text, load_report.section(results))


def saga_page(text: str) -> str:
    return filled(text, machine.section(machine.definition()))


def metrics_page(text: str) -> str:
    rows = (
        f"| `{metric.name}` | {metric.unit} | {metric.kind} | {metric.meaning} | {service} |"
        for metric, service in known().values()
    )
    head = ["| metric | unit | a line has | means | service |", "|---|---|---|---|---|"]
    return filled(text, "\n".join([*head, *rows]))


def schema_file(event: type[EventData]) -> Path:
    return ROOT / "docs" / "schemas" / f"{event.DETAIL_TYPE}.v{event.VERSION}.json"


def main() -> None:
    path = ROOT / "docs" / "events.md"
    path.write_text(page(path.read_text(encoding="utf-8")), encoding="utf-8")
    for event in EVENTS:
        schema_file(event).write_text(json.dumps(schema(event), indent=2) + "\n", encoding="utf-8")
    document = asyncapi.document(EVENTS, schema_file)
    asyncapi.FILE.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    path = ROOT / "docs" / "saga.md"
    path.write_text(saga_page(path.read_text(encoding="utf-8")), encoding="utf-8")
    for path, written in dashboards.templates():
        path.write_text(dashboards.filled(path.read_text(encoding="utf-8"), written), encoding="utf-8")
    path = ROOT / "docs" / "dashboard.svg"
    path.write_text(dashboards.picture(dashboards.way_of_an_order()), encoding="utf-8")
    path = ROOT / "docs" / "metrics.md"
    path.write_text(metrics_page(path.read_text(encoding="utf-8")), encoding="utf-8")
    front.TEMPLATE.write_text(front.template(front.TEMPLATE.read_text("utf-8"), openapi.documents()), "utf-8")
    for path, written in [*fargate.files(), *functions.templates().items()]:
        path.write_text(written, encoding="utf-8")
    results = json.loads(PERFORMANCE.read_text(encoding="utf-8"))
    path = PERFORMANCE.with_suffix(".md")
    path.write_text(performance_page(path.read_text(encoding="utf-8"), results), encoding="utf-8")
    PERFORMANCE.with_suffix(".svg").write_text(picture.draw(results), encoding="utf-8")
    results = json.loads(LOAD.read_text(encoding="utf-8"))
    path = LOAD.with_suffix(".md")
    path.write_text(load_page(path.read_text(encoding="utf-8"), results), encoding="utf-8")
    LOAD.with_suffix(".svg").write_text(load_picture.draw(results), encoding="utf-8")


def filled(text: str, generated: str) -> str:
    return GENERATED.sub(lambda start: f"{start[1]}\n{generated}\n\n", text)


def _catalogue() -> Iterator[str]:
    yield "| event | source | published by | consumed by |"
    yield "|---|---|---|---|"
    for event, (producer, _) in EVENTS.items():
        heard = ", ".join(f"rule `{rule}`" for rule in rules_of(event))
        yield f"| [{event.DETAIL_TYPE}](#{event.DETAIL_TYPE.lower()}) | `{event.SOURCE}` | {producer} | {heard} |"
    for event in EVENTS:
        yield from _entry(event)


def _entry(event: type[EventData]) -> Iterator[str]:
    shape, golden = schema(event), EVENTS[event][1]
    yield f"\n## {event.DETAIL_TYPE}\n"
    yield f"{' '.join((event.__doc__ or '').split())}\n"
    yield (
        f"Version {event.VERSION} · [JSON Schema](schemas/{schema_file(event).name}) · "
        f"[golden event](../tests/events/{golden}.json)\n"
    )
    yield from _fields("field of `data`", shape["properties"]["detail"]["properties"]["data"])
    for name, part in shape.get("$defs", {}).items():
        yield ""
        yield from _fields(f"field of {name}", part)


def _fields(title: str, shape: Mapping[str, Any]) -> Iterator[str]:
    yield f"| {title} | type | |"
    yield "|---|---|---|"
    for name, field in shape["properties"].items():
        kind = _type(field) if name in shape["required"] else f"{_type(field)}, optional"
        yield f"| `{name}` | {kind} | {field.get('description', '')} |"


def _type(field: Mapping[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_type(each) for each in field["anyOf"])
    if "$ref" in field:
        return str(field["$ref"].rpartition("/")[2])
    return f"list of {_type(field['items'])}" if field["type"] == "array" else str(field["type"])


def rules_of(event: type[EventData]) -> list[str]:
    """The rules in the templates that name the event."""
    return [each.rule for each in asyncapi.subscriptions() if event.DETAIL_TYPE in each.detail_types]


def _object(required: Mapping[str, Any], optional: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    return {"type": "object", "required": [*required], "properties": {**required, **optional}}


def _untitled(part: Any) -> Any:
    """Without pydantic's titles, which only repeat the names."""
    if isinstance(part, dict):
        return {key: _untitled(value) for key, value in part.items() if key != "title" or not isinstance(value, str)}
    return [_untitled(each) for each in part] if isinstance(part, list) else part


if __name__ == "__main__":
    main()
