"""The one envelope of every event."""

import json
from typing import Any, NamedTuple


class Event(NamedTuple):
    """An event as it is sent: `detail` is the exact JSON text, so that sending it again sends the same."""

    id: str
    source: str
    detail_type: str
    detail: str

    @classmethod
    def wrap(cls, source: str, detail_type: str, metadata: dict[str, Any], data: dict[str, Any]) -> "Event":
        """`metadata` needs `id`, `idempotency-key`, `version`, `correlation-id` and `occurred-at`."""
        detail = json.dumps({"metadata": metadata, "data": data}, ensure_ascii=False, separators=(",", ":"))
        return cls(metadata["id"], source, detail_type, detail)

    @property
    def size(self) -> int:
        """Bytes as PutEvents counts them ("Calculating PutEvents event entry size", EventBridge User Guide)."""
        return sum(len(text.encode()) for text in (self.source, self.detail_type, self.detail))

    @property
    def correlation_id(self) -> str:
        return str(json.loads(self.detail)["metadata"]["correlation-id"])
