"""What must be set before containers are deployed, and what each mistake is answered with."""

import pytest

from bootstrap.errors import Misused
from bootstrap.fargate import settings

DIGEST = "@sha256:" + "a" * 64
PLAIN = {"SHOP_RUN_CERTIFICATE": "none", "SHOP_AUTH": "off"}
ARN = "arn:aws:acm:eu-west-1:123456789012:certificate/c-1"
TLS = {"SHOP_RUN_CERTIFICATE": ARN, "SHOP_RUN_DOMAIN": "shop.example.com"}
ISSUER = {"AUTH_ISSUER": "https://issuer.test", "AUTH_AUDIENCE": "shop", "AUTH_JWKS": "https://issuer.test/jwks"}


def test_certificate_comes_with_its_domain() -> None:
    found = settings(PLAIN | TLS)
    assert (found["Certificate"], found["Domain"]) == (ARN, "shop.example.com")


def test_plain_http_is_a_choice() -> None:
    found = settings(PLAIN)
    assert (found["Certificate"], found["Domain"]) == ("", "")


@pytest.mark.parametrize(
    "wrong",
    [
        {"SHOP_RUN_CERTIFICATE": ""},
        {"SHOP_RUN_CERTIFICATE": "shop.example.com"},
        {"SHOP_RUN_CERTIFICATE": ARN},
        {"SHOP_RUN_DOMAIN": "shop.example.com"},
    ],
)
def test_nobody_gets_plain_http_by_mistake(wrong: dict[str, str]) -> None:
    with pytest.raises(Misused, match="set SHOP_RUN_CERTIFICATE to the ARN of a certificate"):
        settings(PLAIN | wrong)


def test_tables_have_a_value_only_where_the_environment_gives_one() -> None:
    assert "Tables" not in settings(PLAIN) | settings(PLAIN | {"SHOP_TABLES": ""})
    found = [settings(PLAIN | {"SHOP_TABLES": given})["Tables"] for given in ("order=shop-order-2", "none")]
    assert found == ["order=shop-order-2", ""]


def test_issuer_of_tokens_is_passed_on() -> None:
    found = settings(PLAIN | ISSUER | {"SHOP_AUTH": ""})
    assert (found["Auth"], found["AuthIssuer"], found["AuthAudience"]) == ("on", "https://issuer.test", "shop")


@pytest.mark.parametrize(
    "wrong",
    [{"SHOP_AUTH": ""}, {"SHOP_AUTH": "on"}, {"SHOP_AUTH": "on", "AUTH_ISSUER": "i"}, ISSUER, {"SHOP_AUTH": "unset"}],
)
def test_nobody_gets_a_shop_without_authentication_by_mistake(wrong: dict[str, str]) -> None:
    with pytest.raises(Misused, match="set AUTH_ISSUER, AUTH_AUDIENCE, AUTH_JWKS to those of the issuer"):
        settings(PLAIN | wrong)


def test_images_are_given_by_digest() -> None:
    images = f"product=registry.test/shop/product{DIGEST} basket=registry.test/shop/basket{DIGEST}"
    found = settings(PLAIN | {"SHOP_IMAGES": images})
    assert found["ImageOfproduct"] == f"registry.test/shop/product{DIGEST}"
    assert found["Architecture"] == "ARM64"


def test_settings_of_the_processes_are_passed_on() -> None:
    found = settings(PLAIN | {"SHOP_TABLES": "order=shop-order-2", "SHOP_RATE_LIMIT": "9/s", "SHOP_RUN_RELAYS": "3"})
    assert (found["Tables"], found["RateLimit"], found["CorsOrigins"]) == ("order=shop-order-2", "9/s", "")
    assert (found["Relays"], found["WebTasks"]) == ("3", "2")


@pytest.mark.parametrize(
    "images", [f"stok=r/stok{DIGEST}", "stock=r/stock:latest", f"stock:r/stock{DIGEST}", f"stock=r/stock{DIGEST}a"]
)
def test_an_image_that_may_change_or_belongs_to_no_service_is_refused(images: str) -> None:
    with pytest.raises(Misused, match="SHOP_IMAGES has words other than a service with its image by digest"):
        settings(PLAIN | {"SHOP_IMAGES": images})


@pytest.mark.parametrize(
    ("setting", "value", "why"),
    [
        ("SHOP_ARCHITECTURE", "amd64", "is neither ARM64 nor X86_64"),
        ("SHOP_RUN_RELAYS", "5", "is not a number from 1 to 4"),
        ("SHOP_RUN_RELAYS", "0", "is not a number from 1 to 4"),
        ("SHOP_RUN_WEB_TASKS", "two", "is not a number from 1 to 100"),
    ],
)
def test_a_setting_that_cannot_be_right_is_refused(setting: str, value: str, why: str) -> None:
    with pytest.raises(Misused, match=f"{setting}={value} {why}"):
        settings(PLAIN | {setting: value})
