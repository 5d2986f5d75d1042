import pytest
import structlog

from chassis.core.errors import Conflict, NotFound
from services.ordering.service import OrderService
from tests.fakes import FakeOrders
from tests.samples import placed


@pytest.fixture
def service() -> OrderService:
    return OrderService(FakeOrders())


def test_order_is_placed_once_despite_redelivery(service: OrderService) -> None:
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            service.place(placed())
    assert service.page(10, None).items == [placed().to_order()]
    assert [line["event"] for line in lines] == ["order placed", "order already exists", "order already exists"]


def test_different_order_with_the_same_id_is_a_conflict(service: OrderService) -> None:
    service.place(placed())
    with pytest.raises(Conflict):
        service.place(placed(address="Ankara"))
    assert service.get("swn", placed().orderId).address == "Istanbul"


def test_orders_are_read_by_user_and_id(service: OrderService) -> None:
    service.place(placed())
    (found,) = service.page_of_user("swn", None, 10, None).items
    assert found == service.get("swn", found.orderId)
    assert service.page_of_user("ada", None, 10, None).items == []
    with pytest.raises(NotFound):
        service.get("ada", found.orderId)
