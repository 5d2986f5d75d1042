"""The AsyncAPI document is valid by the official schema, which comes from the package of the AsyncAPI Initiative."""

import json

import pytest
from jsonschema import Draft7Validator, ValidationError

from docs import asyncapi
from tests.environment import ROOT

pytestmark = pytest.mark.clients

SCHEMA = ROOT / ".clients" / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"


def test_document_is_valid_by_the_official_schema_and_a_wrong_one_is_not() -> None:
    validator = Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    document = json.loads(asyncapi.FILE.read_text(encoding="utf-8"))
    validator.validate(document)
    document["operations"]["wrong"] = {"action": "publish"}
    with pytest.raises(ValidationError):
        validator.validate(document)
