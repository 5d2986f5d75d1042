import pytest

from chassis.core.errors import Misconfigured
from services.storefront.wiring import Wiring


def test_each_service_has_its_own_address() -> None:
    urls = Wiring({"BASKET_URL": "http://basket:8000/"}).service._api._urls  # type: ignore[attr-defined] # of the class
    assert urls == {
        "product": "http://127.0.0.1:8001",
        "basket": "http://basket:8000",
        "ordering": "http://127.0.0.1:8003",
        "stock": "http://127.0.0.1:8004",
        "payment": "http://127.0.0.1:8005",
    }


def test_key_of_cookies_is_random_if_none_is_set() -> None:
    first, second = Wiring({}).session_key, Wiring({"SHOP_SESSION_KEY": ""}).session_key
    assert len(first) == 64
    assert first != second
    assert Wiring({"SHOP_SESSION_KEY": "sixteen letters!", "WEB_WORKERS": "2"}).session_key == "sixteen letters!"


@pytest.mark.parametrize(
    ("env", "words"),
    [({"WEB_WORKERS": "2"}, "must sign cookies with the same key"), ({"SHOP_SESSION_KEY": "x"}, "too short")],
)
def test_key_that_several_workers_cannot_share_is_rejected(env: dict[str, str], words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        Wiring(env)
