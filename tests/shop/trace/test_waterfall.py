from typing import Any

from shop.trace.records import Recorded
from shop.trace.waterfall import draw

MS = 1_000_000


def span(name: str, start: float, end: float, parent: str = "", **fields: Any) -> Recorded:
    """Times are in milliseconds. The name is the id too."""
    kind = fields.pop("kind", "call")
    return Recorded("t-1", name, parent, "basket", kind, name, int(start * MS), int(end * MS), fields)


def rows(*spans: Recorded, width: int = 60) -> list[str]:
    return [line for line in draw([*spans], width) if not line.startswith(("Trace ", "  correlation", "  order"))]


def test_bars_are_as_long_as_the_spans_and_where_they_were() -> None:
    root, first, last = rows(
        span("POST /", 0, 100, kind="request", status=202), span("a", 0, 50, "POST /"), span("b", 50, 100, "POST /")
    )
    assert root == "POST / 202  basket       0.0   100.0 ms  ████████████████████"
    assert first == "  a         basket       0.0    50.0 ms  ███████████"
    assert last == "  b         basket      50.0    50.0 ms            ██████████"


def test_a_label_says_what_a_span_is_and_how_it_ended() -> None:
    labels = [
        row.split("  basket")[0].strip()
        for row in rows(
            span("CheckoutBasket", 0, 9, kind="message"),
            span("DynamoDB.GetItem", 1, 2, on="shop-order", retries=1),
            span("SFN.StartExecution", 3, 4, on="arn:aws:states:us-east-1:1:stateMachine:shop-fulfil"),
            span("SQS.SendMessage", 5, 6, on="http://localhost:4566/000000000000/shop-order-dlq", error="ClientError"),
        )
    ]
    assert labels == [
        "message CheckoutBasket",
        "DynamoDB.GetItem shop-order 1 retries",
        "SFN.StartExecution shop-fulfil",
        "SQS.SendMessage shop-order-dlq failed: ClientError",
    ]


def test_the_head_names_the_order_and_counts() -> None:
    head = [*draw([span("POST /", 0, 100, correlation_id="c-1"), span("a", 5, 90, "POST /", order_id="o-1")], 80)][:3]
    assert head == ["Trace t-1: 2 spans of 1 processes in 0.100 s", "  correlation c-1", "  order o-1"]


def test_a_long_wait_is_drawn_short_and_marked() -> None:
    first, last, note = rows(span("POST /", 0, 10), span("relay", 120_000, 120_010))
    assert first == "POST /  basket       0.0    10.0 ms  ███████████≈"
    assert last == "relay   basket  120000.0    10.0 ms  " + " " * 11 + "≈ ███████████"
    assert note.startswith("≈")


def test_a_span_that_nobody_recorded_is_shown_as_such() -> None:
    parent, child, note = rows(span("a", 0, 10, "lost"))
    assert parent == "? not recorded"
    assert child.startswith("  a ")
    assert note.startswith("?")


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in "".join(rows(span("a\x1b[2J", 0, 1, on="\x1b[2J")))
