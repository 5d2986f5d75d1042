"""The settings of API Gateway, and where it is deployed. `tests/test_front.py` sends requests through it."""

import os
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

from bootstrap import commands, front
from bootstrap.__main__ import main
from bootstrap.aws import Aws
from bootstrap.context import Context
from bootstrap.deploy import Deployment
from bootstrap.errors import Failed, Misused
from bootstrap.names import Names
from bootstrap.templates import ROOT, Template
from tests.bootstrap.fakes import FakeCloudFormation, aws_of, client_error, quick_clock
from tests.documents import DOCUMENTS
from tests.environment import free_port

OWN = "product=https://a.test/p basket=https://b.test ordering=https://c.test payment=https://d.test"
ADDRESSES = {"Product": "product:8000", "Basket": "basket:8000", "Ordering": "ordering:8000", "Payment": "payment:8000"}
ADDRESSES |= {"Stock": "stock:8000", "Protocol": "http"}
AT_HTTPS = {"SHOP_FRONT_SERVICES": "https://{service}.example.com"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://{service}:8000", ADDRESSES),
        (" http://{service}:8000/ ", ADDRESSES),
        ("http://{service}:8000 stock=http://s:1/x/", ADDRESSES | {"Stock": "s:1/x"}),
        (
            f"{OWN} stock=https://e.test",
            {"Product": "a.test/p", "Basket": "b.test", "Ordering": "c.test", "Payment": "d.test", "Stock": "e.test"}
            | {"Protocol": "https"},
        ),
    ],
)
def test_addresses_are_one_for_all_services_or_one_for_each(given: str, expected: dict[str, str]) -> None:
    found = front.settings({"SHOP_FRONT_SERVICES": given})
    assert found == expected | {"Waf": "off", "Domain": "", "Certificate": ""}


@pytest.mark.parametrize(
    "given",
    [
        "{service}:8000",
        "ftp://{service}",
        "http://",
        "https://ann:secret@{service}",
        "https://{service}?x=1",
        "https://a.test https://b.test",
        "https://{service}.test stock=http://stock",
        "https://{service}.test stok=https://stock",
        OWN,
    ],
)
def test_addresses_that_the_gateway_cannot_use_are_refused(given: str) -> None:
    with pytest.raises(Misused, match=r"does not give each service one address, all by http or all by https\."):
        front.settings({"SHOP_FRONT_SERVICES": given})


def test_without_addresses_there_are_no_settings() -> None:
    assert front.settings({"SHOP_FRONT_WAF": "on"}) == {}
    assert front.settings({"SHOP_FRONT_SERVICES": " "}) == {}


def test_web_acl_and_own_domain_are_options() -> None:
    own = {"SHOP_FRONT_WAF": "on", "SHOP_FRONT_DOMAIN": "api.test", "SHOP_FRONT_CERTIFICATE": "arn:cert"}
    found = front.settings(AT_HTTPS | own)
    assert (found["Waf"], found["Domain"], found["Certificate"]) == ("on", "api.test", "arn:cert")
    with pytest.raises(Misused, match="SHOP_FRONT_WAF=yes is neither on nor off"):
        front.settings(AT_HTTPS | {"SHOP_FRONT_WAF": "yes"})
    with pytest.raises(Misused, match="SHOP_FRONT_DOMAIN and SHOP_FRONT_CERTIFICATE belong together"):
        front.settings(AT_HTTPS | {"SHOP_FRONT_DOMAIN": "api.test"})


def test_template_declares_exactly_the_parameters_that_the_settings_give() -> None:
    given = front.settings(AT_HTTPS) | {"Where": "aws"}
    template = front.template(Names("shop"), settings=given | {"NotificationEmail": "ann@example.com"})
    assert template.parameters() == given | {"Shop": "shop"}
    assert {name.capitalize() for name in DOCUMENTS} <= given.keys()


class Functions:
    """The stacks of `--run lambda`, as CloudFormation describes them."""

    meta = SimpleNamespace(endpoint_url="https://cloudformation.eu-west-1.amazonaws.com")

    def __init__(self, auth: str = "on", without: str = "") -> None:
        self._auth, self._without = auth, without

    def describe_stacks(self, StackName: str) -> Any:  # noqa: N803 boto3's name
        service = StackName.removeprefix("shop-").removesuffix("-functions")
        if service == self._without:
            raise client_error("ValidationError", f"Stack with id {StackName} does not exist")
        return {
            "Stacks": [
                {
                    "StackStatus": "UPDATE_COMPLETE",
                    "Parameters": [{"ParameterKey": "Auth", "ParameterValue": self._auth}],
                    "Outputs": [{"OutputKey": "Url", "OutputValue": f"https://{service}.lambda-url.on.aws/"}],
                }
            ]
        }


def completed(cloudformation: Functions, services: str = "functions") -> Mapping[str, str]:
    template = front.template(Names("shop"), settings=front.settings({"SHOP_FRONT_SERVICES": services}))
    return front.completed(aws_of(cloudformation), template).parameters()


def test_addresses_of_functions_are_their_urls_which_only_their_stacks_know() -> None:
    found = completed(Functions())
    assert {name: found[name.capitalize()] for name in DOCUMENTS} == {
        name: f"{name}.lambda-url.on.aws" for name in DOCUMENTS
    }
    assert found["Protocol"] == "https"


def test_other_addresses_are_left_as_they_are_given() -> None:
    assert completed(Functions(without="product"), "https://{service}.example.com")["Product"] == "product.example.com"


def test_function_that_does_not_exist_comes_first() -> None:
    with pytest.raises(Failed, match=r"shop-stock-functions comes first: .*up stock-functions --run lambda"):
        completed(Functions(without="stock"))


def test_functions_that_take_only_signed_requests_cannot_be_behind_the_gateway() -> None:
    with pytest.raises(Failed, match=r"takes only signed requests, which API Gateway does not send. .* AUTH_ISSUER"):
        completed(Functions(auth="off"))


def test_functions_that_will_take_only_signed_requests_are_refused_before_they_are_deployed() -> None:
    function = Template(Names("shop"), "stock-functions", ROOT / "bootstrap/lambdas/stock.yaml", {"Auth": "off"})
    template = front.template(Names("shop"), settings=front.settings({"SHOP_FRONT_SERVICES": "functions"}))
    with pytest.raises(Failed, match="the URL of shop-stock-functions takes only signed requests"):
        front.prepared(aws_of(Functions()), template, {"stock-functions": function})


@contextmanager
def emulator(health: str, **headers: str) -> Iterator[Aws]:
    """An emulator whose health is answered with these headers."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(health.encode())

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        meta = SimpleNamespace(endpoint_url=f"http://127.0.0.1:{server.server_port}")
        yield aws_of(SimpleNamespace(meta=meta))
        server.shutdown()


@pytest.mark.parametrize(
    ("services", "why"),
    [
        ('{"apigateway": "available"}', None),
        ('{"apigateway": "running"}', None),
        ('{"apigateway": "disabled"}', "has no API Gateway: start LocalStack with apigateway"),
        ("{}", "has no API Gateway"),
    ],
)
def test_localstack_gets_the_front_if_it_has_api_gateway(services: str, why: str | None) -> None:
    with emulator(f'{{"services": {services}}}', x_localstack="true") as aws:
        found = front.refusal(aws, ADDRESSES)
    assert found is None if why is None else why in str(found)


def test_emulator_that_drops_headers_is_refused() -> None:
    with emulator('{"services": {"apigateway": "available"}}') as aws:
        assert "MiniStack's API Gateway drops ETag, Location" in str(front.refusal(aws, ADDRESSES))


def test_emulator_that_does_not_answer_is_one_clear_line() -> None:
    aws = aws_of(SimpleNamespace(meta=SimpleNamespace(endpoint_url=f"http://127.0.0.1:{free_port()}")))
    with pytest.raises(Failed, match="does not answer"):
        front.refusal(aws, ADDRESSES)


def test_front_on_aws_calls_the_services_by_https_alone() -> None:
    aws = aws_of(None, emulator=False)
    assert "give SHOP_FRONT_SERVICES addresses with https" in str(front.refusal(aws, ADDRESSES))
    assert front.refusal(aws, ADDRESSES | {"Protocol": "https"}) is None


def test_front_without_addresses_names_the_setting() -> None:
    assert "set SHOP_FRONT_SERVICES to the addresses of the services" in str(front.refusal(aws_of(None), {}))


@pytest.mark.integration
@pytest.mark.ministack
def test_ministack_is_refused_the_front_and_gets_all_else(
    aws_env: Mapping[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    env = os.environ | {"SHOP_FRONT_SERVICES": "http://{service}:8000"}
    assert main(["up", "front"], env) == 2
    assert "shop-front cannot be deployed: MiniStack's API Gateway drops" in capsys.readouterr().err
    assert main(["plan"], env) == 0
    printed = capsys.readouterr()
    assert "shop-front is left out: MiniStack's" in printed.err
    assert "+ Bus  AWS::Events::EventBus" in printed.out
    assert "shop-front:" not in printed.out


def on_aws(cloudformation: FakeCloudFormation, out: list[str], *services: str, **settings: str) -> Context:
    cloudformation.meta = SimpleNamespace(endpoint_url="https://cloudformation.eu-west-1.amazonaws.com")
    args = Namespace(services=services, force=False, really_aws=False)
    aws = aws_of(cloudformation, region="eu-west-1", emulator=False)
    return Context(args, aws, Names("shop"), quick_clock(), out.append, out.append, settings=settings)


def test_front_is_deployed_last_and_on_aws_with_the_parts_of_aws() -> None:
    out: list[str] = []
    cloudformation = FakeCloudFormation()
    assert commands.plan(on_aws(cloudformation, out, **front.settings(AT_HTTPS))) == 0
    stacks = [line.partition(":")[0] for line in out if line.startswith("shop-")]
    assert (stacks[0], stacks[-1]) == ("shop-platform", "shop-front")
    assert {"ParameterKey": "Where", "ParameterValue": "aws"} in cloudformation.asked["Parameters"]


def test_front_needs_no_platform() -> None:
    """It uses neither the bus nor a queue."""
    out: list[str] = []
    cloudformation = FakeCloudFormation(after_execution=[("", "CREATE_IN_PROGRESS", ""), ("", "CREATE_COMPLETE", "")])
    assert commands.up(on_aws(cloudformation, out, "front", **front.settings(AT_HTTPS))) == 0
    assert "shop-front: CREATE_COMPLETE" in out
    assert [it for it in cloudformation.called if it.startswith("create")] == ["create CREATE"]


def test_front_that_exists_is_left_as_it_is_without_its_settings() -> None:
    out: list[str] = []
    cloudformation = FakeCloudFormation()
    cloudformation.happened(("", "CREATE_COMPLETE", ""))
    cloudformation.change_set_status = "FAILED"
    cloudformation.change_set_reason = "The submitted information didn't contain changes."
    assert commands.plan(on_aws(cloudformation, out)) == 0
    assert any("shop-front is left out: set SHOP_FRONT_SERVICES" in line for line in out)
    assert not any(line.startswith("shop-front:") for line in out)


def test_up_names_the_way_out_where_localstack_cannot_change_a_stage() -> None:
    refused = [("Stage", "UPDATE_FAILED", "Stage already exists"), ("", "ROLLBACK_COMPLETE", "")]
    cloudformation = FakeCloudFormation(after_execution=refused)
    cloudformation.happened(("", "CREATE_COMPLETE", ""))
    cloudformation.meta = SimpleNamespace(endpoint_url="http://127.0.0.1:4566")
    aws = aws_of(cloudformation, region="us-east-1")
    deployment = Deployment(aws, front.template(Names("shop"), settings=ADDRESSES), print, quick_clock())
    with pytest.raises(Failed, match=r"cannot change the routes of a stage.*SHOP_NAME=shop .* up front --force"):
        deployment.up(may_lose_rows=True)
