"""Each route limits its calls to a busy table."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chassis.core import deadline
from chassis.core.errors import Refused, Unavailable
from chassis.messaging.dispatch import publish_now
from chassis.messaging.outbox import Outbox
from services.basket.catalogue import ReplicatedCatalogue
from services.basket.checkout import CheckoutInput
from services.basket.models import LineInput
from services.basket.service import BasketService
from services.basket.store import BasketStore, CatalogueStore
from tests.fakes import FakeBus
from tests.samples import CHECKOUT

LINE = {"productId": "p-1", "productName": "P", "color": "", "quantity": 1, "addedPrice": 1}
BASKET = {"userName": "swn", "items": [LINE], "version": "1", "recent": []}
PRODUCT = {"productId": "p-1", "version": 1, "name": "P", "price": 1}
CANCELLED = {"CancellationReasons": [{"Code": "None"}, {"Code": "ThrottlingError"}, {"Code": "None"}]}


def refusal(code: str, **members: Any) -> ClientError:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 400}} | members
    return ClientError(answer, "Operation")  # type: ignore[arg-type] # the parts that are read


class BusyDynamoDB:
    """Answers except for the operations in `errors`. `calls` counts the calls without botocore's second attempt."""

    def __init__(self, **errors: ClientError) -> None:
        self.calls: Counter[str] = Counter()
        self.unprocessed = False
        self._errors = errors

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            self.calls[operation] += 1
            if operation in self._errors:
                raise self._errors[operation]
            return getattr(self, f"_{operation}")(**arguments)

        return call

    def _get_item(self, *, TableName: str, **_: Any) -> Any:  # noqa: N803 DynamoDB's names here and below
        return {"Item": BASKET} if TableName == "basket" else {}

    def _batch_get_item(self, *, RequestItems: Any) -> Any:  # noqa: N803
        if self.unprocessed:
            return {"Responses": {}, "UnprocessedKeys": RequestItems}
        return {"Responses": {"catalogue": [PRODUCT]}, "UnprocessedKeys": {}}


class NoProducts:
    def find(self, product_ids: Any) -> Any:
        pytest.fail("requested a product")


def service(dynamodb: Any) -> BasketService:
    outbox = Outbox(dynamodb, "outbox")
    catalogue = ReplicatedCatalogue(CatalogueStore(dynamodb, "catalogue"), NoProducts())
    publish = partial(publish_now, bus=FakeBus(), outbox=outbox)
    return BasketService(BasketStore(dynamodb, outbox, "basket", "receipt"), catalogue, publish, lambda: "id")


def check_out(dynamodb: BusyDynamoDB) -> None:
    deadline.start(3)
    service(dynamodb).checkout(CheckoutInput.model_validate(CHECKOUT))


@pytest.mark.parametrize(
    "error",
    [
        refusal("TransactionCanceledException", **CANCELLED),
        refusal("ThrottlingException"),
        refusal("RequestLimitExceeded"),
        refusal("InvalidSignatureException"),
    ],
    ids=lambda error: error.response["Error"]["Code"],
)
def test_refused_checkout_is_reported_after_two_attempts(error: ClientError) -> None:
    dynamodb = BusyDynamoDB(transact_write_items=error)
    with pytest.raises(Refused) as raised:
        check_out(dynamodb)
    assert "unknown" not in raised.value.detail, "nothing was written, so the outcome is known"
    assert dynamodb.calls["transact_write_items"] <= 2
    assert dynamodb.calls.total() <= 6, dynamodb.calls


def test_checkout_without_prices_reads_them_twice() -> None:
    dynamodb = BusyDynamoDB()
    dynamodb.unprocessed = True
    with pytest.raises(Refused):
        check_out(dynamodb)
    assert dynamodb.calls == Counter(get_item=1, batch_get_item=2)


def test_line_refused_by_a_busy_table_is_not_added() -> None:
    dynamodb = BusyDynamoDB(put_item=refusal("ProvisionedThroughputExceededException"))
    deadline.start(3)
    with pytest.raises(Refused):
        service(dynamodb).add("swn", LineInput(productId="p-1", quantity=1))
    assert dynamodb.calls["put_item"] == 1  # plus botocore's second attempt


def test_basket_that_cannot_be_read_is_requested_once() -> None:
    dynamodb = BusyDynamoDB(get_item=refusal("ProvisionedThroughputExceededException"))
    with pytest.raises(Unavailable):
        check_out(dynamodb)
    assert dynamodb.calls == Counter(get_item=1)
