"""Measures the calls to AWS."""

import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from chassis.core import metrics
from chassis.core.measured import AWS_FAILURES, AWS_LATENCY, AWS_RETRIES


def measured(call: Callable[..., Any]) -> Callable[..., Any]:
    """`call`, which returns or raises as before. An error that AWS answers is an answer, if its status is not 5xx."""

    def measured_call(*arguments: Any) -> Any:
        began = time.perf_counter()
        response: Any = None
        try:
            response = call(*arguments)
        except ClientError as error:
            response = error.response
            raise
        finally:
            metrics.record(AWS_LATENCY, (time.perf_counter() - began) * 1000)
            _record(response)
        return response

    return measured_call


def _record(response: Any) -> None:
    about = response.get("ResponseMetadata", {}) if response else {}
    if retries := about.get("RetryAttempts"):
        metrics.record(AWS_RETRIES, retries)
    if about.get("HTTPStatusCode", 500) >= 500:
        metrics.record(AWS_FAILURES)
