import pytest

from chassis.tracing import Context

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_context_is_read_and_written_as_the_specification_has_it() -> None:
    context = Context.read(f"00-{TRACE}-{SPAN}-01")
    assert context == (TRACE, SPAN, "01")
    assert str(context) == f"00-{TRACE}-{SPAN}-01"


def test_a_later_version_may_append_fields() -> None:
    assert Context.read(f"cc-{TRACE}-{SPAN}-01-what-the-future-holds") == (TRACE, SPAN, "01")


@pytest.mark.parametrize(
    "invalid",
    [
        None,
        "",
        "1",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE}-{SPAN}-01-more",
        f"cc-{TRACE}-{SPAN}-01-{'x' * 300}",
    ],
)
def test_an_invalid_header_counts_as_none(invalid: str | None) -> None:
    assert Context.read(invalid) is None


def test_a_child_is_in_the_same_trace() -> None:
    parent = Context.new()
    assert parent.child().trace_id == parent.trace_id
    assert len({Context.new().trace_id, parent.trace_id}) == len({parent.child().span_id, parent.span_id}) == 2
