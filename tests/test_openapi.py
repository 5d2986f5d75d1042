"""schemathesis checks that each service conforms to its OpenAPI document."""

import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from decimal import Decimal
from itertools import chain
from typing import Any

import pytest
import schemathesis
import schemathesis.engine
from flask_openapi.openapi import OpenAPI
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis.config import SchemathesisConfig
from schemathesis.engine.events import EngineEvent, FatalError, NonFatalError, ScenarioFinished

from chassis.core import logs
from chassis.web.edge import Edge
from services.basket import app as basket
from services.basket.models import Listing
from services.basket.service import BasketService
from services.basket.wiring import Wiring as BasketWiring
from services.ordering import app as ordering
from services.ordering.wiring import Wiring as OrderingWiring
from services.payment import app as payment
from services.payment.models import Payment, Status
from services.payment.wiring import Wiring as PaymentWiring
from services.product import app as product
from services.product.seed import seed
from services.product.wiring import Wiring as ProductWiring
from services.stock import app as stock
from services.stock.routes import EXAMPLE_ID
from services.stock.wiring import Wiring as StockWiring
from tests import tokens
from tests.samples import orders_of
from tests.test_documents import ORDER_ID

pytestmark = pytest.mark.ministack  # thousands of requests examine the services, and take minutes elsewhere

# Rules that a schema cannot express, so some requests that fit the schema are rejected.
REFUSED = {
    "GET /product": [
        "400",
        "422",
    ],  # a cursor must come from this list; a tombstone has no category
    "GET /basket": ["400"],
    "GET /order": ["400"],
    "GET /order/{userName}": [
        "400",
        "422",
    ],  # also: `orderDate` cannot be combined with `from` and `to`, and `from` must not be later than `to`
    "GET /product/{id}": ["412"],  # If-Match
    "POST /product": ["400", "422"],  # at most two decimals, and 1e-49 is too small
    "PUT /product/{id}": ["400", "412", "422"],  # also: If-Match, If-None-Match
    "PATCH /product/{id}": ["400", "412", "422"],
    "DELETE /product/{id}": ["412", "422"],
    "POST /basket": ["400", "422"],  # lines of one product and colour may have more than 999 pieces together
    "POST /basket/{userName}/items": ["400", "422"],
    "PUT /stock/{productId}": ["400", "422"],  # 1e9 as a number with a point or an exponent
    "POST /basket/checkout": ["400", "422"],  # the bounds of `expectedTotal`; a key belongs to one request
}
ACCEPTED = ["2xx", "3xx", "404", "409"]
UNFIT = {
    # `/basket/{userName}` has the same path for a user named "checkout", and `Allow` shows it.
    "POST /basket/checkout": {"allow_header_conformance": {"enabled": False}},
    # A deleted basket exists again after a line was added under the same user name.
    "GET /basket/{userName}": {"use_after_free": {"enabled": False}},
}


# Operations that find nothing if the page is tried from top to bottom: DELETE comes before PATCH, a checkout deletes
# the basket, and no example can name an order.
ABSENT_IN_TURN = {
    "PATCH /product/{id}",
    "POST /order/{userName}/{orderId}/cancel",
    "GET /basket/{userName}",
    "DELETE /basket/{userName}",
    "GET /order/{userName}/{orderId}",
}


def checks(operation: str) -> dict[str, Any]:
    accepted = {"positive_data_acceptance": {"expected-statuses": ACCEPTED + REFUSED.get(operation, [])}}
    return {"include-name": operation, "checks": accepted | UNFIT.get(operation, {})}


ADMIN = tokens.bearer("root", admin=True)
CONFIG = {
    "headers": ADMIN,
    # It repeats requests without a token, with an argument that the WSGI client of werkzeug lacks. tests/test_access.py
    # sends every kind of token to every operation.
    "checks": {"ignored_auth": {"enabled": False}},
    "continue-on-failure": True,
    "generation": {"max-examples": 40, "database": "none", "deterministic": True},
    "operations": [checks(operation) for operation in REFUSED | UNFIT],
}


class AnyProduct:
    """A catalogue that has every product."""

    def look_up(self, product_ids: Collection[str]) -> dict[str, Listing]:
        return {name: Listing(name, Decimal("9.95")) for name in product_ids}


def make_product(env: Mapping[str, str]) -> OpenAPI:
    wiring = ProductWiring(env)
    seed(wiring.service(wiring.publish_now))
    return product.from_env(env)


def make_basket(env: Mapping[str, str]) -> OpenAPI:
    logs.configure("basket", env)
    wiring = BasketWiring(env)
    service = BasketService(wiring.store, AnyProduct(), wiring.publish_now, lambda: str(uuid.uuid4()))
    return basket.create_app(service, wiring.store.check, "http://orders", Edge.from_env(env))


def make_ordering(env: Mapping[str, str]) -> OpenAPI:
    store = OrderingWiring(env).store
    for each in orders_of("swn", 30):
        store.put_once(each, "hash")
    return ordering.from_env(env)


def make_payment(env: Mapping[str, str]) -> OpenAPI:
    at = "2026-11-21T09:30:00.123Z"
    amount = Decimal("36.90")
    example = Payment(
        userName="ann", orderId=ORDER_ID, status=Status.REQUESTED, amount=amount, requestedAt=at, changedAt=at
    )
    PaymentWiring(env).store.request(example)
    return payment.from_env(env)


def make_stock(env: Mapping[str, str]) -> OpenAPI:
    StockWiring(env).service.set_available(EXAMPLE_ID, 10)
    return stock.from_env(env)


services = pytest.mark.parametrize("make", [make_product, make_basket, make_ordering, make_payment, make_stock])


@services
@pytest.mark.integration
def test_service_conforms_to_its_openapi_document(stack: Mapping[str, str], make: Callable[..., OpenAPI]) -> None:
    app = make({**stack, **tokens.env(), "LOG_LEVEL": "CRITICAL"})
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app, config=SchemathesisConfig.from_dict(CONFIG))
    happened = list(schemathesis.engine.from_schema(schema).execute())
    assert list(failures(happened)) == []
    succeeded = {label for label, status in answers(happened) if status < 300}
    documented = {f"{method.upper()} {path}" for path, item in app.api_doc["paths"].items() for method in item}
    assert documented - succeeded <= {"POST /basket/checkout"}  # it needs a basket that was filled before by chance
    assert len(list(answers(happened))) > min(200, 40 * len(documented))


def failures(happened: list[EngineEvent]) -> Iterator[str]:
    for event in happened:
        if isinstance(event, NonFatalError | FatalError):
            yield str(event)
        if isinstance(event, ScenarioFinished):
            for check in chain.from_iterable(event.recorder.checks.values()):
                if check.failure_info:
                    yield f"{check.name}: {check.failure_info.failure} {check.failure_info.code_sample}"


def answers(happened: list[EngineEvent]) -> Iterator[tuple[str, int]]:
    """Each called operation with the status of its response."""
    for event in happened:
        if isinstance(event, ScenarioFinished):
            for case_id, interaction in event.recorder.interactions.items():
                if interaction.response:
                    yield event.recorder.cases[case_id].value.operation.label, interaction.response.status_code


@services
@pytest.mark.integration
def test_swagger_ui_examples_work_unedited(stack: Mapping[str, str], make: Callable[..., OpenAPI]) -> None:
    """Sends what Swagger UI sends for each operation without edits, from top to bottom."""
    app = make({**stack, **tokens.env(), "LOG_LEVEL": "CRITICAL"})
    answers = {label: app.test_client().open(**request, headers=ADMIN) for label, request in requests(app.api_doc)}
    failed = {label: answer.status_code for label, answer in answers.items() if answer.status_code >= 400}
    assert failed == {label: 404 for label in answers if label in ABSENT_IN_TURN}


def requests(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    schemas = document["components"]["schemas"]
    for path, item in document["paths"].items():
        for method, operation in item.items():
            named = {p["name"]: p["example"] for p in operation["parameters"] if "example" in p}
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            example = schemas[body["$ref"].rpartition("/")[2]]["examples"][0] if body else None
            yield f"{method.upper()} {path}", {"path": path.format(**named), "method": method, "json": example}


@services
@pytest.mark.integration
def test_document_is_valid_and_allows_null_only_in_json(stack: Mapping[str, str], make: Callable[..., OpenAPI]) -> None:
    document = make(stack).test_client().get("/openapi.json").json
    assert document is not None
    OpenAPIV31SpecValidator(document).validate()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    parameters = [parameter for operation in operations for parameter in operation["parameters"] if "in" in parameter]
    assert parameters
    assert all(parameter["schema"]["type"] in {"string", "integer", "boolean"} for parameter in parameters)
