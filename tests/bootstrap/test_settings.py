"""Settings of the environment become parameters of the templates that declare them."""

import os
from collections.abc import Mapping

import pytest

from bootstrap.__main__ import main
from bootstrap.errors import Misused
from bootstrap.settings import login, settings
from tests import aws_clients


@pytest.mark.parametrize(
    ("env", "email"),
    [({}, ""), ({"SHOP_NOTIFY_EMAIL": ""}, ""), ({"SHOP_NOTIFY_EMAIL": "ann@example.com"}, "ann@example.com")],
)
def test_the_mailbox_is_that_of_the_environment_or_none(env: Mapping[str, str], email: str) -> None:
    assert settings(env)["NotificationEmail"] == email


@pytest.mark.parametrize("address", ["ann", "ann@", "@example.com", "ann@example.com bob@example.com", "a@b@c", " "])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(Misused, match="is not an e-mail address: write it as"):
        settings({"SHOP_NOTIFY_EMAIL": address})


ARN = "arn:aws:sns:eu-west-1:123456789012:on-call"


@pytest.mark.parametrize(
    ("given", "topic", "email"),
    [("", "", ""), ("ann@example.com", "", "ann@example.com"), (ARN, ARN, "")],
)
def test_alarms_go_to_a_mailbox_or_to_a_topic_that_exists(given: str, topic: str, email: str) -> None:
    found = settings({"SHOP_ALARM_TOPIC": given})
    assert (found["AlarmTopic"], found["AlarmEmail"]) == (topic, email)


@pytest.mark.parametrize(
    "given", ["on-call", "arn:aws:sqs:eu-west-1:123456789012:on-call", "arn:aws:sns:x", f"{ARN}:1"]
)
def test_what_cannot_get_alarms_is_refused(given: str) -> None:
    with pytest.raises(Misused, match="is neither an e-mail address nor the ARN of a topic"):
        settings({"SHOP_ALARM_TOPIC": given})


def test_protection_has_a_value_only_where_the_environment_gives_one() -> None:
    assert "Protect" not in settings({}) | settings({"SHOP_PROTECT": ""})
    assert [settings({"SHOP_PROTECT": given})["Protect"] for given in ("on", "off")] == ["on", "off"]


def test_a_misspelt_protection_is_refused() -> None:
    with pytest.raises(Misused, match="SHOP_PROTECT=yes is neither on nor off"):
        settings({"SHOP_PROTECT": "yes"})


def test_days_of_the_archive_have_a_value_only_where_the_environment_gives_one() -> None:
    assert "ArchiveDays" not in settings({}) | settings({"SHOP_ARCHIVE_DAYS": ""})
    assert [settings({"SHOP_ARCHIVE_DAYS": given})["ArchiveDays"] for given in ("0", "60")] == ["0", "60"]


@pytest.mark.parametrize("days", ["61", "-1", "1.5", "a week", "\u0667"])
def test_events_are_not_kept_for_longer_than_consumers_know_what_they_handled(days: str) -> None:
    with pytest.raises(Misused, match=f"SHOP_ARCHIVE_DAYS={days} is not a number of days from 0 to 60"):
        settings({"SHOP_ARCHIVE_DAYS": days})


@pytest.mark.integration
def test_mailbox_is_subscribed_and_exchanged_by_the_next_up(aws_env: Mapping[str, str]) -> None:
    assert main(["up", "platform", "notification"], os.environ | {"SHOP_NOTIFY_EMAIL": "ann@example.com"}) == 0
    assert mailboxes() == ["ann@example.com"]
    assert main(["up", "notification"], os.environ | {"SHOP_NOTIFY_EMAIL": "bob@example.com"}) == 0
    assert mailboxes() == ["bob@example.com"]


@pytest.mark.integration
@pytest.mark.ministack
def test_up_without_the_mailbox_removes_it_and_up_with_it_adds_it(aws_env: Mapping[str, str]) -> None:
    """LocalStack does neither in a stack that exists."""
    assert main(["up", "platform", "notification"], os.environ | {"SHOP_NOTIFY_EMAIL": "ann@example.com"}) == 0
    assert main(["up", "notification"], os.environ) == 0
    assert mailboxes() == []
    assert main(["up", "notification"], os.environ | {"SHOP_NOTIFY_EMAIL": "bob@example.com"}) == 0
    assert mailboxes() == ["bob@example.com"]


def mailboxes() -> list[str]:
    found = aws_clients.client("sns").list_subscriptions()["Subscriptions"]
    return [each["Endpoint"] for each in found if each["Protocol"] == "email"]


SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shopwire/login-AbCdEf"


def test_login_of_the_storefront_is_passed_on_without_its_secret() -> None:
    given = {"AUTH_ISSUER": "https://i", "SHOP_LOGIN_CLIENT": "c", "SHOP_LOGIN_PARAMETERS": "audience=a"}
    found = login(given | {"SHOP_LOGIN_PASSWORD_SECRET": SECRET})
    assert found == {"LoginClient": "c", "LoginParameters": "audience=a", "LoginSecret": SECRET}
    assert {*login({}).values()} == {""}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"SHOP_LOGIN_PASSWORD": "s3cret"}, "into Secrets Manager"),
        ({"SHOP_LOGIN_PASSWORD_SECRET": "s3cret"}, "into Secrets Manager"),
        ({"SHOP_LOGIN_CLIENT": "c"}, "needs AUTH_ISSUER"),
    ],
)
def test_login_that_would_not_work_or_would_show_its_secret_is_refused(given: dict[str, str], words: str) -> None:
    with pytest.raises(Misused, match=words) as refused:
        login(given)
    assert "s3cret" not in str(refused.value)
