from typing import Any

import pytest
from pydantic import ValidationError

from services.stock.commands_in import ReserveStock
from tests.stock_fakes import TASK, command_data, reserve


def with_items(*items: dict[str, Any]) -> ReserveStock:
    return ReserveStock.model_validate(command_data(reserve(p=1)) | {"items": [*items], "task": TASK})


def test_lines_of_one_product_are_summed() -> None:
    red = {"productId": "p-1", "quantity": 2, "color": "red", "price": 9.9}
    assert with_items(red, red | {"color": "blue"}, {"productId": "p-2", "quantity": 1}).pieces == {"p-1": 4, "p-2": 1}


def test_order_of_99_products_fits_a_transaction_and_one_of_100_does_not() -> None:
    items = [{"productId": f"p-{n}", "quantity": 1} for n in range(100)]
    assert len(with_items(*items[:99], items[0]).pieces) == 99
    with pytest.raises(ValidationError, match="at most 99 different products"):
        with_items(*items)


@pytest.mark.parametrize(
    "line",
    [
        {"productId": "p", "quantity": 0},
        {"productId": "p", "quantity": -1},
        {"productId": "p", "quantity": 1000},
        {"productId": "p", "quantity": True},
        {"productId": "p", "quantity": "1"},
        {"productId": "a/b", "quantity": 1},
        {"productId": "", "quantity": 1},
        {"productId": "p"},
    ],
)
def test_invalid_line_is_rejected(line: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        with_items(line)


def test_order_without_lines_is_rejected() -> None:
    with pytest.raises(ValidationError):
        with_items()
