import pytest

from bootstrap.errors import Misused
from bootstrap.lambdas import settings

TOKENS = {"AUTH_ISSUER": "https://issuer.test", "AUTH_AUDIENCE": "shop", "AUTH_JWKS": "https://issuer.test/keys"}


def test_users_with_tokens_are_the_default() -> None:
    found = settings(TOKENS)
    assert (found["Auth"], found["AuthIssuer"]) == ("on", TOKENS["AUTH_ISSUER"])
    assert settings(TOKENS | {"SHOP_AUTH": "on"}) == found


def test_without_tokens_it_must_be_said() -> None:
    assert settings({"SHOP_AUTH": "off"})["Auth"] == "off"


@pytest.mark.parametrize(
    "env",
    [{}, {"SHOP_AUTH": "on"}, {"SHOP_AUTH": "maybe"}, {"SHOP_AUTH": "off"} | TOKENS, TOKENS | {"AUTH_JWKS": ""}],
)
def test_settings_that_leave_open_who_may_call_are_refused(env: dict[str, str]) -> None:
    with pytest.raises(Misused, match="set AUTH_ISSUER, AUTH_AUDIENCE, AUTH_JWKS"):
        settings(env)


def test_zips_are_where_shop_package_puts_them() -> None:
    assert settings(TOKENS | {"SHOP_VAR": "/somewhere"})["Zips"] == "/somewhere/functions"


def test_login_needs_the_address_of_the_storefront() -> None:
    """A function does not know its own URL."""
    given = TOKENS | {"SHOP_LOGIN_CLIENT": "c"}
    assert settings(given | {"SHOP_LOGIN_ADDRESS": "https://s.test"})["LoginAddress"] == "https://s.test"
    for address in ("", "http://s.test", "s.test"):
        with pytest.raises(Misused, match="set SHOP_LOGIN_ADDRESS to the address of storefront"):
            settings(given | {"SHOP_LOGIN_ADDRESS": address})
