"""Without most of botocore's list of endpoints, each client still has the endpoint that botocore chooses."""

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.loaders import JSONFileLoader
from botocore.session import get_session

from chassis.aws.clients import Clients
from chassis.aws.data import LeanData

CALLED = ["dynamodb", "events", "sqs", "stepfunctions"]
CREDENTIALS = ["sts", "sso", "sso-oidc"]
REGIONS = ["us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1", "ap-southeast-5", "xx-nowhere-1"]


def made_by(session: Any, region: str) -> list[Any]:
    keys = {"aws_access_key_id": "a" * 16, "aws_secret_access_key": "s" * 40}
    clients = [session.create_client(name, region_name=region, **keys) for name in [*CALLED, *CREDENTIALS]]
    return [(each.meta.endpoint_url, each._request_signer._signing_name, each.meta.region_name) for each in clients]


@pytest.mark.parametrize("region", REGIONS)
def test_clients_have_the_endpoints_that_botocore_chooses(nowhere: None, region: str) -> None:
    lean = get_session()
    lean.get_component("data_loader").file_loader = LeanData()
    assert made_by(lean, region) == made_by(get_session(), region)


@pytest.mark.parametrize("region", [None, "aws-global"])
def test_sts_has_its_global_endpoint(nowhere: None, region: str) -> None:
    session: Any = get_session()
    session.get_component("data_loader").file_loader = LeanData()
    keys = {"aws_access_key_id": "a" * 16, "aws_secret_access_key": "s" * 40}
    client = session.create_client("sts", region_name=region, **keys)
    assert (client.meta.endpoint_url, client._request_signer.region_name) == ("https://sts.amazonaws.com", "us-east-1")


def test_the_list_of_endpoints_is_short_and_all_else_is_as_in_the_file(nowhere: None) -> None:
    place = get_session().get_component("data_loader").CUSTOMER_DATA_PATH
    assert LeanData().load_file(f"{place}/no such file") is None
    root = Path(boto3.__file__).parent.parent / "botocore" / "data"
    model = str(root / "dynamodb" / "2012-08-10" / "service-2")
    assert LeanData().load_file(model) == JSONFileLoader().load_file(model)
    (first, *_) = LeanData().load_file(str(root / "endpoints"))["partitions"]
    assert first["services"].keys() == {"sts"}
    assert "eu-west-1" in first["regions"]


def test_every_process_reads_the_lean_data(nowhere: None) -> None:
    env = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_REGION": "us-east-1"}
    clients = Clients(env)
    assert isinstance(clients._core.get_component("data_loader").file_loader, LeanData)
