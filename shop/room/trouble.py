"""What the page says when the room cannot read something. The room then tries again."""

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from bootstrap.errors import Failed, explain

log = structlog.stdlib.get_logger(__name__)


def told(error: Exception) -> str:
    """One line. What is neither an answer of AWS nor a refusal is a bug, and is logged with its place in the code."""
    if isinstance(error, Failed):
        return str(error)
    if isinstance(error, BotoCoreError | ClientError):
        return explain(error)
    log.error("unexpected error", exc_info=error)
    return f"It does not work as it should: {type(error).__name__}. The log says where."
