from collections.abc import Mapping
from typing import Any

import pytest

from chassis.core.errors import Unavailable
from services.product.models import Product, ProductChanges
from services.product.seed import catalogue, main, seed_with_retries
from services.product.wiring import Wiring
from tests.environment import free_port


def test_demo_catalogue_has_fixed_ids() -> None:
    assert catalogue() == catalogue()
    assert catalogue()[0].id == "4b761b9d-ba68-5d36-a4cd-a639adf7b348"


def test_demo_catalogue_has_enough_products_and_categories() -> None:
    products = catalogue()
    assert len({product.id for product in products}) == len(products) >= 20
    assert len({product.category for product in products}) >= 5


class BusyService:
    """Raises Unavailable in the first `failures` calls."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.added: list[Product] = []

    def add(self, product: Product) -> None:
        if self.failures:
            self.failures -= 1
            raise Unavailable("DynamoDB does not answer.")
        self.added.append(product)


def test_seed_retries_while_the_database_is_busy(capsys: pytest.CaptureFixture[str]) -> None:
    waits: list[float] = []
    service: Any = BusyService(failures=4)
    assert seed_with_retries(service, waits.append) == (len(catalogue()), 0)
    assert service.added == catalogue()
    assert len(waits) == 4
    assert capsys.readouterr().err == "seed: DynamoDB does not answer. Trying again.\n" * 4


def test_seed_gives_up_after_five_attempts() -> None:
    waits: list[float] = []
    service: Any = BusyService(failures=1000)
    with pytest.raises(Unavailable):
        seed_with_retries(service, waits.append)
    assert (1000 - service.failures, len(waits)) == (5, 4)


@pytest.mark.integration
def test_seeding_twice_adds_once_and_keeps_edited_products(
    stack: Mapping[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([], stack) == 0
    wiring, edited = Wiring(stack), catalogue()[0].id
    service = wiring.service(wiring.publish_now)
    service.update(edited, ProductChanges(name="Mine"), None)
    service.remove(catalogue()[1].id, None)
    assert main([], stack) == 0
    assert service.get(edited).name == "Mine"
    assert service.get(catalogue()[1].id).version == 3
    assert len(wiring.store.page(None, 100, None).items) == len(catalogue())
    assert capsys.readouterr().out.splitlines()[-1] == f"seed: 1 products added, {len(catalogue()) - 1} were there"


@pytest.mark.integration
@pytest.mark.ministack
@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["--only-emulator"], 0)])
def test_seed_rejects_an_endpoint_that_is_no_emulator(
    aws_env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    assert main(arguments, aws_env) == code


@pytest.mark.integration
@pytest.mark.ministack
def test_seed_writes_to_real_aws_only_with_the_option(
    aws_env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    assert main(["--really-aws"], aws_env, lambda _: None) == 1
    assert "seed: DynamoDB does not answer. Check that the shop is deployed" in capsys.readouterr().err


@pytest.mark.usefixtures("nowhere")
def test_seed_without_a_region_names_the_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], {}) == 1
    assert capsys.readouterr().err == (
        "seed: No AWS region is set. Set AWS_REGION, for example AWS_REGION=eu-west-1.\n"
    )


@pytest.mark.integration
@pytest.mark.ministack
def test_seed_without_a_stack_says_what_to_do(aws_env: Mapping[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], aws_env, lambda _: None) == 1
    assert "Check that the shop is deployed" in capsys.readouterr().err
