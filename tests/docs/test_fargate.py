"""The templates of the containers have a task for each process, and each role what its manifest allows."""

import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

import pytest
import yaml

from bootstrap.manifests import Manifest, Process, manifests, processes
from bootstrap.templates import LARGEST
from chassis.core import measured, metrics
from docs import fargate
from tests.bootstrap.template import of_type, resources_of, template_with
from tests.documents import operations
from tests.environment import ROOT

CIDR = "10.3.0.0/16"
NETWORK = resources_of(fargate.FOLDER / "network.yaml")
RESOURCES = {it.service: resources_of(fargate.FOLDER / f"{it.service}.yaml") for it in manifests()}
COMPOSE: Mapping[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
PROCESSES = [(manifest, process) for manifest in manifests() for process in manifest.process]
ARN = "arn:aws:{}:eu-west-1:123456789012:"
NOT_ON_FARGATE = {"localstack", "bootstrap", "seed", "door", "room"}  # AWS, commands, the load balancer, and a tool

each_process = pytest.mark.parametrize(
    ("manifest", "process"), PROCESSES, ids=[process.name for _, process in PROCESSES]
)
web_processes = pytest.mark.parametrize("process", [it for it in processes() if it.serve], ids=lambda it: it.name)


def part(process: Process, kind: str) -> Any:
    """A resource of the process, such as its "Task"."""
    name = "".join(word.capitalize() for word in process.name.split("-"))
    service = process.module.split(".")[1]
    return RESOURCES[service][f"{name}{kind}"]["Properties"]


def containers(process: Process) -> Iterator[Any]:
    """All that the task may have."""
    for it in part(process, "Task")["ContainerDefinitions"]:
        yield it["Fn::If"][1] if "Fn::If" in it else it


def environment(container: Any) -> dict[str, str]:
    return {it["Name"]: it["Value"] for it in container["Environment"]}


def test_templates_match_the_manifests() -> None:
    """`make docs` updates the templates."""
    written = dict(fargate.files())
    assert set(fargate.FOLDER.glob("*.yaml")) == {*written, fargate.FOLDER / "network.yaml"}
    assert [path.name for path, text in written.items() if path.read_text() != text] == []


@pytest.mark.parametrize("path", [*fargate.FOLDER.glob("*.yaml")], ids=lambda it: it.stem)
def test_template_is_no_larger_than_cloudformation_takes_and_has_no_alias(path: Any) -> None:
    """CloudFormation takes no aliases ("Template formats", CloudFormation User Guide)."""
    assert len(path.read_bytes()) < LARGEST
    assert [it for it in yaml.scan(path.read_text()) if isinstance(it, yaml.AliasToken)] == []


def test_every_container_of_compose_has_a_task() -> None:
    named = [container["Name"] for _, process in PROCESSES for container in containers(process)]
    assert {*COMPOSE} - NOT_ON_FARGATE == {process.name for process in processes()} <= {*named}


@each_process
def test_container_runs_what_compose_runs(manifest: Manifest, process: Process) -> None:
    for container in containers(process):
        assert container.get("Command") == COMPOSE[process.name].get("command")
        assert container["StopTimeout"] == 30  # as compose's stop_grace_period
        assert container["ReadonlyRootFilesystem"] is True
        assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}


@each_process
def test_role_has_exactly_what_the_manifest_allows(manifest: Manifest, process: Process) -> None:
    """And `tests/test_docs.py` compares the manifest with the calls in the code."""
    task = part(process, "Task")
    if not process.allow:
        assert "TaskRoleArn" not in task
        return
    [policy] = part(process, "Role")["Policies"]
    granted = [(it["Resource"], it["Action"]) for it in policy["PolicyDocument"]["Statement"]]
    assert granted == [
        (arn(resource), [f"{resource.partition(':')[0]}:{action}" for action in actions])
        for resource, actions in process.allow.items()
    ]


def arn(resource: str) -> str:
    service, _, rest = resource.partition(":")
    kinds = ("table/", "event-bus/", "stateMachine:", "execution:")
    kind = next((it for it in kinds if rest.startswith(it)), "")
    return f"{ARN.format(service)}{kind}shop-{rest.removeprefix(kind)}"


@each_process
def test_only_ecs_takes_on_the_roles(manifest: Manifest, process: Process) -> None:
    roles = dict(of_type(RESOURCES[manifest.service], "AWS::IAM::Role"))
    for role in roles.values():
        [statement] = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
    own = [it for it in part(process, "Task").values() if isinstance(it, str) and it.endswith("Role.Arn")]
    assert {it.removesuffix(".Arn") for it in own} <= roles.keys()


@each_process
def test_logs_are_those_that_the_execution_role_may_write_and_are_deleted_after_a_month(
    manifest: Manifest, process: Process
) -> None:
    log = part(process, "Log")
    assert log == {"LogGroupName": f"/shop/{process.name}", "RetentionInDays": 30}
    [policy] = RESOURCES[manifest.service]["ExecutionRole"]["Properties"]["Policies"]
    allowed = {action: it["Resource"] for it in policy["PolicyDocument"]["Statement"] for action in it["Action"]}
    pattern = allowed["logs:PutLogEvents"].rpartition(":log-group:")[2]
    assert log["LogGroupName"].startswith(pattern.removesuffix("*"))
    assert allowed["ecr:BatchGetImage"].endswith(f":repository/shop/{manifest.service}")


@each_process
def test_failed_deployment_goes_back_to_the_former_tasks(manifest: Manifest, process: Process) -> None:
    configured = part(process, "Service")["DeploymentConfiguration"]
    assert configured["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    limits = (configured["MinimumHealthyPercent"], configured["MaximumPercent"])
    assert limits == ((0, 100) if fargate.is_relay(process) else (100, 200))


def test_an_outbox_has_one_task_whose_containers_share_all_its_segments() -> None:
    relays = [process for process in processes() if fargate.is_relay(process)]
    assert len(relays) == 3
    for process in relays:
        assert part(process, "Service")["DesiredCount"] == 1
        segments = [environment(it)["SHOP_RELAY_SEGMENT"] for it in containers(process)]
        assert segments == ["1/1", "2/1", "3/1", "4/1"]  # the test's default is one relay
        conditions = [it["Fn::If"][0] for it in part(process, "Task")["ContainerDefinitions"][1:]]
        assert conditions == ["With2Relays", "With3Relays", "With4Relays"]


@web_processes
def test_load_balancer_asks_whether_a_process_lives_and_not_whether_it_is_ready(process: Process) -> None:
    assert part(process, "Targets")["HealthCheckPath"] == "/health/live"
    [container] = containers(process)
    assert "/health/live" in container["HealthCheck"]["Command"][-1]
    assert "/health/ready" not in str(RESOURCES)


def test_every_path_of_a_service_is_routed_to_it() -> None:
    routes = {process.name: patterns(process) for process in processes() if process.serve}
    for operation in operations():
        first = f"/{operation.path.split('/')[1]}"
        assert {first, f"{first}/*"} <= {*routes[operation.service]}
    every = [pattern for its in routes.values() for pattern in its]
    assert len(every) == len({*every})
    assert routes["storefront"] == ["/", "/shop", "/shop/*"]


def patterns(process: Process) -> list[str]:
    [condition] = part(process, "Route")["Conditions"]
    return list(condition["PathPatternConfig"]["Values"])


def test_no_two_routes_have_the_same_priority() -> None:
    priorities = [part(process, "Route")["Priority"] for process in processes() if process.serve]
    assert len(priorities) == len({*priorities})


@web_processes
def test_addresses_of_others_are_names_of_service_connect(process: Process) -> None:
    env = environment(next(containers(process)))
    for setting, other in process.urls.items():
        if (process.name, setting) in fargate.PUBLIC:
            assert env[setting] == "Address"
            continue
        assert env[setting] == f"http://{other}:8000"
        [target] = processes_named(other)
        [connected] = part(target, "Service")["ServiceConnectConfiguration"]["Services"]
        assert connected["ClientAliases"] == [{"DnsName": other, "Port": 8000}]
        assert connected["IngressPortOverride"] == NETWORK["AmongTasks"]["Properties"]["FromPort"]


def processes_named(name: str) -> list[Process]:
    return [process for process in processes() if process.name == name]


def test_a_service_is_deployed_after_those_that_it_calls() -> None:
    """A task finds only names that existed when it was started."""
    names = [process.name for process in processes()]
    for process in processes():
        called = [it for setting, it in process.urls.items() if (process.name, setting) not in fargate.PUBLIC]
        assert all(names.index(it) < names.index(process.name) for it in called)


def test_images_are_deleted_by_their_number_and_never_by_their_age() -> None:
    """ECR does not know which image ECS uses, and the last push of a service may be a year old."""
    network = template_with({"Shop": "shop"}, fargate.FOLDER / "network.yaml")
    repositories = [it for _, it in of_type(network["Resources"], "AWS::ECR::Repository")]
    assert {it["RepositoryName"] for it in repositories} == {f"shop/{it.service}" for it in manifests()}
    shared = {"LifecyclePolicyText": {"Fn::FindInMap": ["Images", "Policy", "Text"]}}
    assert all(it["LifecyclePolicy"] == shared for it in repositories)
    [rule] = json.loads(network["Mappings"]["Images"]["Policy"]["Text"])["rules"]
    expected = {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 90}
    assert (rule["selection"], rule["action"]) == (expected, {"type": "expire"})


def test_subnets_and_trusted_proxies_follow_the_addresses_of_the_network() -> None:
    network = template_with({"Cidr": CIDR}, fargate.FOLDER / "network.yaml")
    blocks = [it["CidrBlock"] for _, it in of_type(network["Resources"], "AWS::EC2::Subnet")]
    assert blocks == [{"Fn::Select": [number, {"Fn::Cidr": [CIDR, 2, 12]}]} for number in (0, 1)]
    assert network["Resources"]["Vpc"]["Properties"]["CidrBlock"] == CIDR
    assert network["Outputs"]["Cidr"]["Value"] == CIDR


@web_processes
def test_web_process_trusts_the_network_and_has_the_settings_of_authentication(process: Process) -> None:
    env = environment(next(containers(process)))
    assert env["SHOP_TRUSTED_PROXIES"].split() == ["127.0.0.1", "Cidr"]
    assert env.keys() >= {"SHOP_AUTH", "AUTH_ISSUER", "AUTH_AUDIENCE", "AUTH_JWKS"}


def test_storefront_has_the_settings_of_its_login_with_the_address_of_the_shop() -> None:
    [container] = RESOURCES["storefront"]["StorefrontTask"]["Properties"]["ContainerDefinitions"]
    names = {name for name in environment(container) if name.startswith("SHOP_LOGIN_")}
    assert names == {"SHOP_LOGIN_CLIENT", "SHOP_LOGIN_PARAMETERS", "SHOP_LOGIN_ADDRESS"}
    text = (fargate.FOLDER / "storefront.yaml").read_text()
    assert "{Name: SHOP_LOGIN_ADDRESS, Value: !Ref Address}" in text


def test_secret_comes_from_secrets_manager_and_stands_in_no_template() -> None:
    own = RESOURCES["storefront"]
    [container] = own["StorefrontTask"]["Properties"]["ContainerDefinitions"]
    login = {"Name": "SHOP_LOGIN_PASSWORD", "ValueFrom": ""}
    assert container["Secrets"] == [
        {"Name": "SHOP_SESSION_KEY", "ValueFrom": "SessionKey"},
        {"Fn::If": ["WithLoginSecret", login, "AWS::NoValue"]},
    ]
    assert own["SessionKey"]["Properties"]["GenerateSecretString"]["PasswordLength"] >= 32
    [policy] = own["ExecutionRole"]["Properties"]["Policies"]
    reads = [it for it in policy["PolicyDocument"]["Statement"] if "secretsmanager:GetSecretValue" in it["Action"]]
    assert [it["Resource"] for it in reads] == [["SessionKey", {"Fn::If": ["WithLoginSecret", "", "AWS::NoValue"]}]]
    assert not {"SHOP_SESSION_KEY", "SHOP_LOGIN_PASSWORD"} & environment(container).keys()


@each_process
def test_web_scales_by_processor_and_consumers_by_their_backlog(manifest: Manifest, process: Process) -> None:
    if fargate.is_relay(process):
        assert f"{process.name.title().replace('-', '')}Scaling" not in RESOURCES[manifest.service]
        return
    its = part(process, "Policy")["TargetTrackingScalingPolicyConfiguration"]
    if process.serve:
        metric = {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}
        assert (its["TargetValue"], its["PredefinedMetricSpecification"]) == (60, metric)
        return
    waiting, lines, each = its["CustomizedMetricSpecification"]["Metrics"]
    [queue] = waiting["MetricStat"]["Metric"]["Dimensions"]
    received = [arn for arn, actions in process.allow.items() if "ReceiveMessage" in actions]
    assert [queue["Value"]] == [it.replace("sqs:", "shop-") for it in received]
    assert lines["MetricStat"]["Stat"] == "SampleCount"
    metric = lines["MetricStat"]["Metric"]
    dimensions = {it["Name"]: it["Value"] for it in metric["Dimensions"]}
    assert (metric["Namespace"], metric["MetricName"]) == (metrics.NAMESPACE, measured.LOOPS.name)
    assert dimensions == {"Shop": "shop", "Process": process.name}
    assert (each["Expression"], each["ReturnData"]) == ("FILL(waiting, 0) / (FILL(lines, 6) / 6)", True)


@each_process
def test_tasks_of_a_consumer_are_counted_by_six_samples_a_minute(manifest: Manifest, process: Process) -> None:
    """A line has one value of the metric, because it is a sum."""
    assert all(environment(container)["SHOP_METRICS"] == "10" for container in containers(process))
    assert measured.LOOPS.kind is metrics.Kind.SUM


def test_what_an_emulator_lacks_is_made_on_aws_alone() -> None:
    every = [(it["Type"], it.get("Condition")) for its in (NETWORK, *RESOURCES.values()) for it in its.values()]
    lacking = ("AWS::ApplicationAutoScaling::", "AWS::EC2::SecurityGroupIngress")
    assert {condition for kind, condition in every if kind.startswith(lacking)} == {"OnAws"}
    assert {condition for kind, condition in every if not kind.startswith(lacking)} == {None, "WithTls"}


def test_nobody_reaches_a_task_but_the_load_balancer_and_other_tasks() -> None:
    admitted = NETWORK["TaskGroup"]["Properties"]["SecurityGroupIngress"]
    assert [(it["FromPort"], it.get("CidrIp")) for it in admitted] == [(8000, None)]
    assert [it["SourceSecurityGroupId"] for it in admitted] == ["BalancerGroup.GroupId"]
    assert NETWORK["AmongTasks"]["Properties"]["SourceSecurityGroupId"] == "TaskGroup.GroupId"


def test_network_spans_two_zones_and_reaches_dynamodb_without_the_internet() -> None:
    zones = [it["AvailabilityZone"]["Fn::Select"][0] for _, it in of_type(NETWORK, "AWS::EC2::Subnet")]
    assert zones == [0, 1]
    endpoints = [it["ServiceName"] for _, it in of_type(NETWORK, "AWS::EC2::VPCEndpoint")]
    assert endpoints == ["com.amazonaws.eu-west-1.dynamodb", "com.amazonaws.eu-west-1.s3"]


def test_every_service_has_a_repository_for_its_image() -> None:
    found = {it["RepositoryName"] for _, it in of_type(NETWORK, "AWS::ECR::Repository")}
    assert found == {f"shop/{manifest.service}" for manifest in manifests()}


def test_tasks_of_one_process_are_grouped_in_one_ecs_service() -> None:
    names = sorted(it["ServiceName"] for its in RESOURCES.values() for _, it in of_type(its, "AWS::ECS::Service"))
    assert [(name, len([*group])) for name, group in groupby(names)] == [
        (name, 1) for name in sorted(process.name for process in processes())
    ]
