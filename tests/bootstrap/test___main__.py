"""The command line against an emulator, from an empty account to an empty account."""

import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import pytest

from bootstrap.__main__ import main
from bootstrap.aws import Aws, connect
from bootstrap.clock import Clock
from bootstrap.names import Names
from bootstrap.templates import ROOT, load
from shop.doctor.doctor import Doctor
from tests.bootstrap.fakes import quick_clock
from tests.stacks import tree

STACKS = [template.stack for template in load(Names("shop"))]
UP_TO_DATE = "".join(f"{name}: no changes\n" for name in STACKS)


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    return tree(tmp_path / "changed", ordering=lambda text: text.replace("Timeout: 30\n", "Timeout: 61\n"))


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    return tree(tmp_path / "broken", ordering=lambda text: text.replace("Timeout: 30\n", "Timeout: 999999\n"))


def visibility_of(aws: Aws, queue: str) -> str:
    url = aws.sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    answer = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    return answer["Attributes"]["VisibilityTimeout"]


def put_order(aws: Aws, table: str = "shop-order") -> None:
    aws.dynamodb.put_item(TableName=table, Item={"userName": {"S": "swn"}, "orderId": {"S": "o-1"}})


def orders(aws: Aws, table: str = "shop-order") -> int:
    return aws.dynamodb.scan(TableName=table)["Count"]


def existing(aws: Aws) -> list[str]:
    """The names of the stacks, sorted."""
    found = aws.cloudformation.describe_stacks()["Stacks"]
    return sorted(stack["StackName"] for stack in found if stack["StackStatus"] != "DELETE_COMPLETE")


def faults(env: Mapping[str, str]) -> list[str]:
    """What doctor finds wrong with stacks and resources. No consumer runs, so no test message is sent."""
    names = Names.from_env(env)
    doctor = Doctor(connect(env, print), names, load(names), processes=(), clock=Clock())
    return [finding.text for finding in doctor.examine(0) if not finding.ok]


@pytest.mark.integration
def test_up_deploys_the_platform_first_and_a_second_up_says_no_changes(
    aws_env: Mapping[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["up"], aws_env) == 0
    said = capsys.readouterr()
    assert said.out.startswith("".join(f"{name}: CREATE_COMPLETE\n" for name in STACKS))
    assert "shop is deployed at http://127.0.0.1" in said.out
    assert f"shop-ordering ({STACKS.index('shop-ordering') + 1} of {len(STACKS)})\n" in said.err
    assert main(["up"], aws_env) == 0
    assert capsys.readouterr().out.startswith(f"{UP_TO_DATE}no changes: shop is up to date at http")


@pytest.mark.integration
def test_one_service_is_deployed_alone_once_the_platform_is_there(
    aws_env: Mapping[str, str], empty_aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["up", "basket"], aws_env) == 1
    assert "shop-platform does not exist, and the services need it: " in capsys.readouterr().err
    assert existing(empty_aws) == []
    assert main(["up", "platform"], aws_env) == 0
    assert main(["up", "basket"], aws_env) == 0
    assert existing(empty_aws) == ["shop-basket", "shop-platform"]
    assert main(["plan", "basket"], aws_env) == 0
    assert "no changes: shop-basket is up to date" in capsys.readouterr().out
    assert main(["status", "basket"], aws_env) == 0
    assert main(["status"], aws_env) == 1
    assert "shop-ordering does not exist: `up ordering` creates it" in capsys.readouterr().out


@pytest.mark.integration
def test_no_service_is_deployed_onto_a_bus_that_is_gone(
    aws_env: Mapping[str, str], empty_aws: Aws, names: Names, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["up", "platform"], aws_env) == 0
    empty_aws.events.delete_event_bus(Name=names.bus)
    for arguments in (["up"], ["up", "basket"]):
        assert main(arguments, aws_env) == 1
        assert "the bus shop-bus was deleted, although shop-platform is CREATE_COMPLETE" in capsys.readouterr().err
    assert existing(empty_aws) == ["shop-platform"]


@pytest.mark.integration
def test_a_changed_template_updates_in_place(
    aws_env: Mapping[str, str], empty_aws: Aws, names: Names, changed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["up"], aws_env)
    put_order(empty_aws)
    capsys.readouterr()
    assert main(["up"], aws_env, root=changed) == 0
    assert "shop-notification: no changes\nshop-ordering: UPDATE_COMPLETE\n" in capsys.readouterr().out
    assert visibility_of(empty_aws, "shop-order") == "61"
    assert orders(empty_aws) == 1


@pytest.mark.ministack
@pytest.mark.integration
def test_a_failed_update_prints_the_resources_reason_and_leaves_the_shop_as_it_was(
    aws_env: Mapping[str, str], empty_aws: Aws, names: Names, broken: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["up"], aws_env)
    before = visibility_of(empty_aws, "shop-order")
    assert main(["up"], aws_env, root=broken) == 1
    assert "Queue (AWS::SQS::Queue) UPDATE_FAILED: Invalid value" in capsys.readouterr().err
    assert visibility_of(empty_aws, "shop-order") == before
    assert main(["status"], aws_env) == 1
    assert "its last deployment failed" in faults(aws_env)[0]


@pytest.mark.ministack
@pytest.mark.integration
def test_a_failed_creation_is_no_obstacle_to_the_next(
    aws_env: Mapping[str, str], broken: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["up"], aws_env, root=broken) == 1
    assert main(["up"], aws_env) == 0
    assert "was never completed" in capsys.readouterr().err


@pytest.mark.integration
def test_plan_changes_nothing(
    aws_env: Mapping[str, str], empty_aws: Aws, changed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan"], aws_env) == 0
    assert "+ OrderTable  AWS::DynamoDB::Table" in capsys.readouterr().out
    assert existing(empty_aws) == []
    main(["up"], aws_env)
    assert main(["plan"], aws_env, root=changed) == 0
    assert "~ OrderQueue" in capsys.readouterr().out
    assert main(["plan"], aws_env) == 0
    assert capsys.readouterr().out == f"{UP_TO_DATE}no changes: shop is up to date\n"


@pytest.mark.integration
def test_force_mends_what_up_cannot_see(
    aws_env: Mapping[str, str], empty_aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["up"], aws_env)
    put_order(empty_aws)
    empty_aws.dynamodb.delete_table(TableName="shop-basket")
    assert main(["up"], aws_env) == 0
    [fault] = faults(aws_env)
    assert "BasketTable" in fault
    assert main(["up", "basket", "--force"], aws_env) == 0
    assert orders(empty_aws) == 1
    assert faults(aws_env) == []
    assert main(["up", "--force"], aws_env) == 0
    assert orders(empty_aws) == 0


@pytest.mark.integration
def test_down_leaves_nothing_and_may_be_repeated_and_the_next_up_is_like_the_first(
    aws_env: Mapping[str, str], empty_aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert main(["up"], aws_env) == 0
        assert faults(aws_env) == []
        capsys.readouterr()
        assert main(["down"], aws_env) == 0
        assert capsys.readouterr().out == "".join(f"{name} is deleted\n" for name in reversed(STACKS))
        assert empty_aws.dynamodb.list_tables()["TableNames"] == []
        assert empty_aws.sns.list_subscriptions()["Subscriptions"] == empty_aws.sns.list_topics()["Topics"] == []
    assert main(["down"], aws_env) == 0
    assert "nothing to delete" in capsys.readouterr().out
    assert main(["status"], aws_env) == 1


@pytest.mark.integration
def test_the_platform_is_not_deleted_under_a_service(
    aws_env: Mapping[str, str], empty_aws: Aws, names: Names, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["up"], aws_env)
    for arguments in (["down", "platform", "basket"], ["up", "platform", "--force"]):
        assert main(arguments, aws_env) == 2
        assert f"{STACKS[-1]} would lose the rules on the bus of shop-platform" in capsys.readouterr().err
    assert main(["down", *(stack.removeprefix("shop-") for stack in STACKS[1:])], aws_env) == 0
    rule = {"Name": "of-another-stack", "EventBusName": names.bus, "EventPattern": '{"source": ["x"]}'}
    empty_aws.events.put_rule(**rule)  # type: ignore[arg-type] # a mapping
    assert main(["down", "platform"], aws_env) == 1
    assert "still used by rules of other stacks, delete these first: of-another-stack" in capsys.readouterr().err
    empty_aws.events.delete_rule(Name="of-another-stack", EventBusName=names.bus)
    assert main(["down", "platform"], aws_env) == 0
    assert existing(empty_aws) == []


@pytest.mark.integration
def test_two_shops_live_in_one_account(aws_env: Mapping[str, str], empty_aws: Aws) -> None:
    one, two = ({**aws_env, "SHOP_NAME": name} for name in ("one", "two"))
    assert main(["up"], one) == 0
    assert main(["up"], two) == 0
    assert main(["down"], one) == 0
    assert faults(two) == []


@pytest.mark.ministack
@pytest.mark.integration
def test_two_deployments_at_once_both_succeed(aws_env: Mapping[str, str], empty_aws: Aws) -> None:
    """One is overtaken, perhaps at several stacks, and tries those again. LocalStack confuses two change sets."""
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda _: main(["up"], aws_env), range(2))) == [0, 0]
    assert existing(empty_aws) == sorted(STACKS)
    assert faults(aws_env) == []


@pytest.mark.integration
def test_a_reader_that_has_enough_is_no_error(aws_env: Mapping[str, str]) -> None:
    main(["up"], aws_env)
    command = f"{sys.executable} -m bootstrap status | head -1"
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)  # noqa: S607
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


@pytest.mark.integration
def test_a_mistake_is_one_line_and_no_traceback(
    capsys: pytest.CaptureFixture[str], aws_env: Mapping[str, str], tmp_path: Path
) -> None:
    nowhere = {**aws_env, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    tried = [
        (main(["down"], nowhere), "does not answer"),
        (main(["up"], nowhere, quick_clock()), "does not answer"),
        (main(["up"], {**aws_env, "SHOP_NAME": "a_b"}), "cannot be the name of a shop"),
        (main(["up"], {**aws_env, "SHOP_STACK": "mine"}), "SHOP_STACK is called SHOP_NAME now"),
        (main(["up", "laundry"], aws_env), "there is no template of 'laundry': choose from platform, basket, "),
        (main(["up"], aws_env, root=tmp_path), "cannot read the template"),
        (main(["status"], {**aws_env, "AWS_ENDPOINT_URL_CLOUDWATCH": "x"}), "not like http"),
    ]
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert [code for code, _ in tried] == [1, 1, 2, 2, 2, 2, 2]
    assert len(said) == len(tried)
    for line, (_, expected) in zip(said, tried, strict=True):
        assert expected in line


def test_containers_that_did_not_choose_authentication_are_refused_on_aws_only(
    capsys: pytest.CaptureFixture[str],
) -> None:
    env = {"AWS_ENDPOINT_URL": "", "AWS_REGION": "eu-west-1", "SHOP_AUTH": "unset"}
    assert main(["up"], env) == 2
    assert "SHOP_AUTH is not set, so containers on AWS would run without authentication" in capsys.readouterr().err
    assert main(["up"], env | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, quick_clock()) == 1
    assert "does not answer" in capsys.readouterr().err


@pytest.mark.ministack
@pytest.mark.integration
def test_an_answer_of_aws_is_one_line(
    tmp_path: Path, aws_env: Mapping[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    unknown = tree(
        tmp_path, platform=lambda _: "Parameters: {Shop: {Type: String}}\nResources: {Q: {Type: 'No::Such'}}"
    )
    assert main(["up"], aws_env, root=unknown) == 1
    assert "\nerror: " in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["dance"], ["up", "--wait"]])
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
