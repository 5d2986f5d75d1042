"""A brake for bad deployments: while most messages are refused, they are held back instead of dead-lettered."""

from threading import Lock

import structlog

WINDOW = 10  # different messages, the last ones that were handled or refused
LEAST = 5  # refused ones among them: fewer may be bad messages, and go to the dead-letter queue
TRIES = 10  # after which SQS gives a message up (`maxReceiveCount` in the templates)
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 30.0  # seconds: a saga gives up a command after 60 s (`StepTimeout`)

log = structlog.stdlib.get_logger(__name__)


class Brake:
    """Is on while more than half of the last messages, and at least five, were refused or failed by a bug.

    A few bad messages are their senders' fault. If most are bad, it is more likely that this consumer is. An outage is
    neither. While the brake is on, a refused message is retried like one that failed by a bug, and the loop pauses
    after a batch with such a message, so that a queue does not run empty into its dead-letter queue.
    """

    def __init__(self) -> None:
        self._refused: dict[str, bool] = {}  # by message ID, the latest last
        self._lock = Lock()
        self._pauses = 0  # since the brake was off
        self._must_pause = False  # a message was refused since the last pause

    def note(self, message_id: str, *, refused: bool) -> bool:
        """Notes what became of a message, and returns whether the brake is on."""
        with self._lock:
            self._refused.pop(message_id, None)
            self._refused[message_id] = refused
            self._must_pause = self._must_pause or refused
            if len(self._refused) > WINDOW:
                self._refused.pop(next(iter(self._refused)))
            return self._count() > 0

    def pause(self) -> float:
        """Seconds to wait before the next batch. Call it once after each batch: it doubles while the brake is on.

        After a batch of good messages it is 0, since a pause would only delay the next good one.
        """
        with self._lock:
            count, of = self._count(), len(self._refused)
            must_pause, self._must_pause = self._must_pause, False
            self._pauses = self._pauses if count else 0
            if not (count and must_pause):
                return 0.0
            seconds = min(LONGEST_PAUSE, FIRST_PAUSE * (1 << self._pauses))
            self._pauses = min(self._pauses + 1, 10)
        log.error("most messages are refused, so receiving pauses", refused=count, of=of, seconds=seconds)
        return seconds

    def _count(self) -> int:
        """How many messages were refused, or 0 while the brake is off."""
        count = sum(self._refused.values())
        return count if count >= LEAST and 2 * count > len(self._refused) else 0
