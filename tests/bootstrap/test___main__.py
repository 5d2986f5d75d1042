"""The command line against an emulator, from an empty account to an empty account."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import pytest

from bootstrap.__main__ import main
from bootstrap.aws import Aws
from bootstrap.clock import Clock
from bootstrap.names import Names
from tests.bootstrap.conftest import TEMPLATE
from tests.bootstrap.fakes import quick_clock

ROOT = Path(__file__).parents[2]


@pytest.fixture
def changed(tmp_path: Path) -> str:
    path = tmp_path / "changed.yaml"
    path.write_text(re.sub(r"VisibilityTimeout: \d+", "VisibilityTimeout: 61", TEMPLATE))
    return str(path)


@pytest.fixture
def broken(tmp_path: Path) -> str:
    path = tmp_path / "broken.yaml"
    path.write_text(re.sub(r"VisibilityTimeout: \d+", "VisibilityTimeout: 999999", TEMPLATE))
    return str(path)


def visibility(aws: Aws, names: Names) -> str:
    url = aws.sqs.get_queue_url(QueueName=names.order_queue)["QueueUrl"]
    answer = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    return answer["Attributes"]["VisibilityTimeout"]


@pytest.mark.integration
def test_a_second_up_says_no_changes(aws_env: Mapping[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up"], aws_env) == 0
    assert "shop: CREATE_COMPLETE" in capsys.readouterr().out
    assert main(["up"], aws_env) == 0
    assert capsys.readouterr().out == "no changes: shop is up to date\n"


@pytest.mark.integration
def test_a_changed_template_updates_in_place(
    aws_env: Mapping[str, str], empty_aws: Aws, names: Names, changed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["up"], aws_env)
    empty_aws.dynamodb.put_item(TableName=names.order_table, Item={"userName": {"S": "swn"}, "orderId": {"S": "o-1"}})
    assert main(["up", "--template", changed], aws_env) == 0
    assert "shop: UPDATE_COMPLETE" in capsys.readouterr().out
    assert visibility(empty_aws, names) == "61"
    assert empty_aws.dynamodb.scan(TableName=names.order_table)["Count"] == 1


@pytest.mark.ministack
@pytest.mark.integration
def test_a_failed_update_prints_the_resources_reason_and_leaves_the_shop_as_it_was(
    aws_env: Mapping[str, str], empty_aws: Aws, names: Names, broken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["up"], aws_env)
    before = visibility(empty_aws, names)
    assert main(["up", "--template", broken], aws_env) == 1
    assert "Queue (AWS::SQS::Queue) UPDATE_FAILED: Invalid value" in capsys.readouterr().err
    assert visibility(empty_aws, names) == before
    assert main(["status"], aws_env) == 1
    assert main(["doctor", "--no-consumer"], aws_env) == 1


@pytest.mark.ministack
@pytest.mark.integration
def test_a_failed_creation_is_no_obstacle_to_the_next(
    aws_env: Mapping[str, str], broken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["up", "--template", broken], aws_env) == 1
    assert main(["up"], aws_env) == 0
    assert "was never completed" in capsys.readouterr().err


@pytest.mark.integration
def test_plan_changes_nothing(
    aws_env: Mapping[str, str], empty_aws: Aws, changed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan"], aws_env) == 0
    assert "+ OrderTable  AWS::DynamoDB::Table" in capsys.readouterr().out
    assert empty_aws.cloudformation.list_stacks(StackStatusFilter=["REVIEW_IN_PROGRESS"])["StackSummaries"] == []
    main(["up"], aws_env)
    assert main(["plan", "--template", changed], aws_env) == 0
    assert "~ OrderQueue" in capsys.readouterr().out
    assert main(["plan"], aws_env) == 0
    assert capsys.readouterr().out == "no changes: shop is up to date\n"


@pytest.mark.integration
def test_force_mends_what_up_cannot_see(
    aws_env: Mapping[str, str], empty_aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["up"], aws_env)
    empty_aws.dynamodb.delete_table(TableName="shop-basket")
    assert main(["up"], aws_env) == 0
    assert main(["doctor", "--no-consumer"], aws_env) == 1
    assert "BasketTable" in capsys.readouterr().out
    assert main(["up", "--force"], aws_env) == 0
    assert main(["doctor", "--no-consumer"], aws_env) == 0


@pytest.mark.integration
def test_down_leaves_nothing_and_may_be_repeated_and_the_next_up_is_like_the_first(
    aws_env: Mapping[str, str], empty_aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert main(["up"], aws_env) == 0
        assert main(["doctor", "--no-consumer"], aws_env) == 0
        assert main(["down"], aws_env) == 0
        assert empty_aws.dynamodb.list_tables()["TableNames"] == []
        assert empty_aws.sns.list_subscriptions()["Subscriptions"] == empty_aws.sns.list_topics()["Topics"] == []
    assert main(["down"], aws_env) == 0
    assert "nothing to delete" in capsys.readouterr().out
    assert main(["status"], aws_env) == 1


@pytest.mark.integration
def test_two_shops_live_in_one_account(aws_env: Mapping[str, str], empty_aws: Aws) -> None:
    assert main(["up", "--stack", "one"], aws_env) == 0
    assert main(["up", "--stack", "two"], aws_env) == 0
    assert main(["down", "--stack", "one"], aws_env) == 0
    assert main(["doctor", "--stack", "two", "--no-consumer"], aws_env) == 0


@pytest.mark.integration
def test_a_reader_that_has_enough_is_no_error(aws_env: Mapping[str, str]) -> None:
    main(["up"], aws_env)
    command = f"{sys.executable} -m bootstrap status | head -1"
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)  # noqa: S607
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


@pytest.mark.integration
def test_a_mistake_is_one_line_and_no_traceback(capsys: pytest.CaptureFixture[str], aws_env: Mapping[str, str]) -> None:
    nowhere = {**aws_env, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    tried = [
        (main(["down"], nowhere), "does not answer"),
        (main(["up"], nowhere, quick_clock()), "does not answer"),
        (main(["up", "--stack", "a_b"], aws_env), "cannot be a stack's name"),
        (main(["up", "--template", "/nowhere"], aws_env), "cannot read the template"),
        (main(["status"], {**aws_env, "AWS_ENDPOINT_URL_CLOUDWATCH": "x"}), "not like http"),
    ]
    said = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("waiting")]
    assert [code for code, _ in tried] == [1, 1, 2, 2, 2]
    assert len(said) == len(tried)
    for line, (_, expected) in zip(said, tried, strict=True):
        assert line.startswith("error: ")
        assert expected in line


@pytest.mark.ministack
@pytest.mark.integration
def test_an_answer_of_aws_is_one_line(
    tmp_path: Path, aws_env: Mapping[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "no.yaml").write_text("Resources: {Q: {Type: 'No::Such::Type'}}")
    assert main(["up", "--template", str(tmp_path / "no.yaml")], aws_env) == 1
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize("arguments", [[], ["dance"], ["doctor", "--wait", "long"], ["doctor", "--wait", "-1"]])
def test_a_wrong_argument_is_a_usage_error(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments, {})
    assert end.value.code == 2


@pytest.mark.integration
def test_an_interruption_is_said_and_not_shown_as_a_traceback(
    aws_env: Mapping[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    class Interrupting(Clock):
        def polls(self, *_: object, **__: object) -> NoReturn:
            raise KeyboardInterrupt

    assert main(["status"], aws_env, Interrupting()) == 130
    assert "interrupted" in capsys.readouterr().err


def test_no_text_of_another_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"], {"AWS_ENDPOINT_URL": "http://127.0.0.1:1/\x1b[2J", "AWS_REGION": "us-east-1"}) != 0
    said = capsys.readouterr().err
    assert r"\x1b[2J" in said
    assert "\x1b" not in said
