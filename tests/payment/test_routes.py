from decimal import Decimal

import pytest
from flask.testing import FlaskClient

from chassis.core.errors import Unavailable
from services.payment.app import create_app
from tests.payment.fakes import PaymentShop, authorize, void
from tests.samples import NO_USER_NAMES, USER_NAMES


@pytest.fixture
def shop() -> PaymentShop:
    return PaymentShop()


@pytest.fixture
def client(shop: PaymentShop) -> FlaskClient:
    return create_app(shop.service, shop.ledger.check).test_client()


def test_payment_is_shown_with_its_status_and_amount(client: FlaskClient, shop: PaymentShop) -> None:
    shop.service.authorize(authorize())
    answer = client.get("/payment/ann/o-1")
    assert answer.status_code == 200
    assert answer.get_json() == {
        "userName": "ann",
        "orderId": "o-1",
        "status": "AUTHORIZED",
        "amount": Decimal("36.9"),
        "authorizationId": shop.ledger.entries["o-1"].authorizationId,
        "reason": None,
        "requestedAt": "2026-11-21T09:30:00.123Z",
        "changedAt": "2026-11-21T09:30:00.123Z",
    }


def test_payment_that_was_voided_before_it_was_requested_has_no_amount(client: FlaskClient, shop: PaymentShop) -> None:
    shop.service.void(void())
    answer = client.get("/payment/ann/o-1").get_json()
    assert (answer["status"], answer["amount"], answer["requestedAt"]) == ("VOIDED", None, None)


def test_unknown_payment_is_a_404(client: FlaskClient, shop: PaymentShop) -> None:
    shop.service.authorize(authorize())
    for path in ("/payment/ann/o-2", "/payment/bob/o-1"):
        answer = client.get(path)
        assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


@pytest.mark.parametrize("name", USER_NAMES)
def test_user_name_of_any_identity_provider_is_accepted(client: FlaskClient, name: str) -> None:
    assert client.get(f"/payment/{name.replace('|', '%7C')}/o-1").status_code == 404


@pytest.mark.parametrize("name", [name for name in NO_USER_NAMES if name and not set(name) & set("/.?#\\%\n")])
def test_impossible_user_name_is_a_422(client: FlaskClient, name: str) -> None:
    assert client.get(f"/payment/{name}/o-1").status_code == 422


def test_service_is_not_ready_while_its_table_does_not_answer(client: FlaskClient, shop: PaymentShop) -> None:
    assert client.get("/health/ready").status_code == 200
    shop.ledger.down = True
    with pytest.raises(Unavailable):
        shop.ledger.check()
    assert client.get("/health/ready").status_code == 503
