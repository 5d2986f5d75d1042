"""An SQS in memory with planned failures."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shop.dlq.dead_letter import DeadLetter


def message(identity: str = "m-1", body: str = "{}", *, sent: int = 0, origin: str = "", **attributes: str) -> Any:
    """As SQS hands it out; `attributes` are message attributes, `origin` the source of SQS's own redrive."""
    system = {"SentTimestamp": str(sent), "ApproximateReceiveCount": "11"}
    return {
        "MessageId": identity,
        "ReceiptHandle": f"handle of {identity}",
        "Body": body,
        "Attributes": system | ({"DeadLetterQueueSourceArn": origin} if origin else {}),
        "MessageAttributes": {name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()},
    }


def letter(
    identity: str = "m-1", body: str = "{}", *, sent: int = 0, origin: str = "", **attributes: str
) -> DeadLetter:
    return DeadLetter(message(identity, body, sent=sent, origin=origin, **attributes))


@dataclass
class FakeSqs:
    """Queues by URL. `refused` bodies are not sent, `stuck` ids not deleted; `on_send` sees what arrives where."""

    queues: dict[str, list[Any]]
    refused: set[str] = field(default_factory=set)
    stuck: set[str] = field(default_factory=set)
    forgetful: bool = False
    on_send: Callable[[str, Any], None] = lambda _url, _message: None
    dies_at: str = ""
    hidden: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    batches: list[Any] = field(default_factory=list)
    ids: Any = field(default_factory=itertools.count)

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name == self.dies_at:
            raise KeyboardInterrupt

    def bodies(self, url: str) -> list[str]:
        return [message["Body"] for message in self.queues[url]]

    def receive_message(self, **asked: Any) -> dict[str, Any]:
        self._call("receive")
        visible = [m for m in self.queues[asked["QueueUrl"]] if m["ReceiptHandle"] not in self.hidden]
        taken = visible[: asked["MaxNumberOfMessages"]]
        if not self.forgetful:
            self.hidden |= {m["ReceiptHandle"] for m in taken}
        return {"Messages": taken} if taken else {}

    def send_message_batch(self, **asked: Any) -> dict[str, Any]:
        self._call("send")
        self.batches.append(asked["Entries"])
        good = [entry for entry in asked["Entries"] if entry["MessageBody"] not in self.refused]
        sent = [(entry["Id"], self._arrive(asked["QueueUrl"], entry)) for entry in good]
        failed = [entry["Id"] for entry in asked["Entries"] if entry["MessageBody"] in self.refused]
        return {
            "Successful": [{"Id": entry, "MessageId": identity} for entry, identity in sent],
            "Failed": [{"Id": entry, "Code": "InternalError", "Message": "not today"} for entry in failed],
        }

    def publish_batch(self, **asked: Any) -> dict[str, Any]:
        """SNS's, to a topic that is looked into like a queue."""
        assert all(
            set(entry) == {"Id", "Message", "MessageAttributes"} for entry in asked["PublishBatchRequestEntries"]
        )
        entries = [{"MessageBody": entry["Message"], **entry} for entry in asked["PublishBatchRequestEntries"]]
        return self.send_message_batch(QueueUrl=asked["TopicArn"], Entries=entries)

    def _arrive(self, url: str, entry: Mapping[str, Any]) -> str:
        texts = {name: value["StringValue"] for name, value in entry["MessageAttributes"].items()}
        arrived = message(f"sent-{next(self.ids)}", entry["MessageBody"], **texts)
        self.queues[url].append(arrived)
        self.on_send(url, arrived)
        return str(arrived["MessageId"])

    def delete_message_batch(self, **asked: Any) -> dict[str, Any]:
        self._call("delete")
        handles = {entry["ReceiptHandle"]: entry["Id"] for entry in asked["Entries"]}
        queue = self.queues[asked["QueueUrl"]]
        gone = [m for m in queue if m["ReceiptHandle"] in handles and m["MessageId"] not in self.stuck]
        self.queues[asked["QueueUrl"]] = [m for m in queue if m not in gone]
        self.hidden -= {m["ReceiptHandle"] for m in gone}
        return {"Successful": [{"Id": handles[m["ReceiptHandle"]]} for m in gone]}

    def change_message_visibility_batch(self, **asked: Any) -> dict[str, Any]:
        self._call("show")
        assert all(entry["VisibilityTimeout"] == 0 for entry in asked["Entries"])
        assert len(asked["Entries"]) <= 10
        self.hidden -= {entry["ReceiptHandle"] for entry in asked["Entries"]}
        return {}
