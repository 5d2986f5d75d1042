"""Bodies of responses."""

from typing import Any

from flask import Response
from pydantic import BaseModel


def json_of(model: BaseModel, **options: Any) -> Response:
    """A response with `model` as pydantic writes it. A dictionary that Flask writes costs more CPU.

    `options` are those of pydantic's `model_dump_json`, such as `exclude_none`.
    """
    return Response(f"{model.model_dump_json(**options)}\n", content_type="application/json")
