"""Order IDs are UUIDv7 (RFC 9562) of the order's date. As text, they sort by date, and so does the table's sort key."""

import zlib
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UUID7 = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
BEFORE_ALL = "-"  # sorts before every ID
SHARDS = ("0", "1", "2", "3")  # of the index of open orders, so that its writes do not all go to one partition


def first_of(instant: str) -> str:
    """The lowest ID that an order of this millisecond can have."""
    return _of(instant, "7000-8000-000000000000")


def last_of(instant: str) -> str:
    return _of(instant, "7fff-bfff-ffffffffffff")


def shard_of(order_id: str) -> str:
    return SHARDS[zlib.crc32(order_id.encode()) % len(SHARDS)]


def _of(instant: str, rest: str) -> str:
    """No UUIDv7 is earlier than 1970."""
    milliseconds = (datetime.fromisoformat(instant) - EPOCH) // timedelta(milliseconds=1)
    digits = f"{milliseconds:012x}"
    return BEFORE_ALL if milliseconds < 0 else f"{digits[:8]}-{digits[8:]}-{rest}"
