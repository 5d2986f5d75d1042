"""The IAM policy for deployers: every call of the commands and of CloudFormation's resource types, and no other."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import cfnlint
import pytest
from botocore import xform_name
from botocore.session import get_session

from docs import fargate, front, functions
from tests.bootstrap.template import read, resources_of

ROOT = Path(__file__).parents[2]
POLICY: dict[str, Any] = json.loads((ROOT / "docs" / "deployer-policy.json").read_text())
RUN_POLICY: dict[str, Any] = json.loads((ROOT / "docs" / "deployer-policy-run.json").read_text())
LAMBDA_POLICY: dict[str, Any] = json.loads((ROOT / "docs" / "deployer-policy-lambda.json").read_text())
FRONT_POLICY: dict[str, Any] = json.loads((ROOT / "docs" / "deployer-policy-front.json").read_text())
SCHEMAS = Path(cfnlint.__file__).parent / "data" / "schemas" / "resources"
# What `shop stack`, `doctor`, `dlq`, `notifications` and `order` call. `remains.py` runs on emulators alone.
MODULES = [
    *(f"bootstrap/{name}.py" for name in ("changes", "stack", "stacks", "collisions", "overview", "rules")),
    *(f"shop/doctor/{name}.py" for name in ("resources", "routes", "delivery", "replies")),
    "shop/notifications/peek.py",
    *(f"shop/dlq/{name}.py" for name in ("operations", "queues", "receiver", "redrive")),
    *(f"shop/order/{name}.py" for name in ("executions", "sources")),
]
SERVICES = ["cloudformation", "cloudwatch", "dynamodb", "events", "iam", "sns", "sqs", "stepfunctions"]
IAM_NAMES = {"stepfunctions": "states"}
# The `handlers` of each type's schema in the CloudFormation registry, create to delete, as of late 2026; for alarms and
# subscriptions, of which we have no such list, the API's own operations. Left out is what only properties need that the
# templates do not have: keys, roles, streams, imports, data policies.
HANDLERS = {
    "AWS::CloudWatch::Alarm": "cloudwatch PutMetricAlarm DescribeAlarms DeleteAlarms ListTagsForResource TagResource "
    "UntagResource",
    "AWS::CloudWatch::CompositeAlarm": "cloudwatch PutCompositeAlarm DescribeAlarms DeleteAlarms ListTagsForResource "
    "TagResource UntagResource",
    "AWS::CloudWatch::Dashboard": "cloudwatch PutDashboard GetDashboard DeleteDashboards",
    "AWS::DynamoDB::Table": "dynamodb CreateTable DescribeTable UpdateTable DeleteTable DescribeTimeToLive "
    "UpdateTimeToLive DescribeContinuousBackups UpdateContinuousBackups DescribeContributorInsights "
    "DescribeKinesisStreamingDestination GetResourcePolicy ListTagsOfResource TagResource UntagResource",
    "AWS::Events::Archive": "events CreateArchive DescribeArchive UpdateArchive DeleteArchive",
    "AWS::Events::EventBus": "events CreateEventBus DescribeEventBus UpdateEventBus DeleteEventBus PutPermission "
    "RemovePermission ListTagsForResource TagResource UntagResource",
    "AWS::Events::Rule": "events PutRule DescribeRule DeleteRule PutTargets RemoveTargets ListTargetsByRule "
    "ListTagsForResource TagResource UntagResource",
    # PassRole hands the role to the state machine.
    "AWS::IAM::Role": "iam CreateRole GetRole UpdateRole UpdateRoleDescription UpdateAssumeRolePolicy DeleteRole "
    "PutRolePolicy GetRolePolicy ListRolePolicies DeleteRolePolicy ListAttachedRolePolicies TagRole UntagRole PassRole",
    "AWS::SNS::Subscription": "sns Subscribe GetSubscriptionAttributes SetSubscriptionAttributes Unsubscribe",
    "AWS::SNS::Topic": "sns CreateTopic GetTopicAttributes SetTopicAttributes DeleteTopic Subscribe Unsubscribe "
    "ListSubscriptionsByTopic GetDataProtectionPolicy ListTagsForResource TagResource UntagResource",
    "AWS::SNS::TopicPolicy": "sns SetTopicAttributes",
    "AWS::SQS::Queue": "sqs CreateQueue GetQueueUrl GetQueueAttributes SetQueueAttributes DeleteQueue ListQueueTags "
    "TagQueue UntagQueue",
    "AWS::SQS::QueuePolicy": "sqs SetQueueAttributes",
    "AWS::StepFunctions::StateMachine": "states CreateStateMachine DescribeStateMachine UpdateStateMachine "
    "DeleteStateMachine ListTagsForResource TagResource UntagResource",
}
NOT_OF_LOGS = (
    r"logs:(.*Kms.*|.*LogDelivery|.*DataProtection.*|.*Index.*|.*ResourcePolic.*|PutBearer.*|PutLogGroupDeletion.*)"
)
# Permissions in the handlers of the front's types that only properties need which its template does not have: keys,
# roles of a pool, policies, delivery streams, and the web ACL of anything but a stage.
NOT_OF_FRONT = re.compile(
    r"(amplify|apprunner|appsync|bedrock-agentcore|ec2|elasticloadbalancing|firehose|kms|payments|s3):.*|"
    r"apigateway:UpdateRestApiPolicy|cognito-idp:(AddCustomAttributes|.*WebACL.*)|wafv2:.*PermissionPolicy|"
    r"iam:(CreateServiceLinkedRole|.*PermissionsBoundary|ListRoleTags)|" + NOT_OF_LOGS
)
# The same for `--run fargate`: keys, other targets, scheduled scaling, copies of secrets, and parts of other networks.
NOT_OF_RUN = re.compile(
    r"(cloudwatch|cognito-idp|firehose|kms|lambda|s3|vpc-lattice|vpce):.*|"
    r"iam:(.*PermissionsBoundary|(At|De)tachRolePolicy)|ecr:(.*RepositoryPolicy|PutImageTagMutability)|"
    r"ec2:(.*Vpn.*|.*VpcEncryptionControl.*|.*CidrBlock|.*Ipam.*|DescribeInstances|ModifyVpcTenancy)|"
    r"ecs:(PutAccountSetting.*|PutClusterCapacityProviders)|application-autoscaling:.*ScheduledAction.*|"
    r"elasticloadbalancing:(.*CapacityReservation|.*Targets|ModifyIpPools|SetIpAddressType)|"
    r"secretsmanager:(Replicate.*|Remove.*)|" + NOT_OF_LOGS
)
# The same for `--run lambda`: networks, file systems, keys, layers, signed code, and what a bucket here does not have.
NOT_OF_LAMBDA = re.compile(
    r"(ec2|elasticfilesystem|firehose|kms|s3files|s3tables):.*|iam:(.*PermissionsBoundary|(At|De)tachRolePolicy)|"
    r"lambda:(AssociateRuntimeAlias|PassCapacityProvider|PublishVersion|GetLayerVersion|GetCodeSigningConfig|"
    r"(Put|Delete)Function(CodeSigningConfig|Concurrency)|Put(FunctionRecursion|FunctionScaling|RuntimeManagement)Config)|"
    r"secretsmanager:(Replicate.*|Remove.*)|s3:(REST.*|Update.*|.*Metadata.*|GetObjectVersion|DeleteBucket.+|Put(?!BucketPublicAccessBlock|BucketTagging).*)|"
    + NOT_OF_LOGS
)
UPLOAD = (
    "s3 PutObject GetObject ListBucket DeleteObject"  # by `up` and `down`, and by Lambda with the deployer's rights
)
REPLAY = "events StartReplay DescribeReplay CancelReplay"  # by hand, as the runbook says
# "IAM permissions for pushing an image to an Amazon ECR private repository", Amazon ECR User Guide
PUSH = (
    "ecr GetAuthorizationToken BatchCheckLayerAvailability BatchGetImage GetDownloadUrlForLayer InitiateLayerUpload "
    "UploadLayerPart CompleteLayerUpload PutImage"
)
# "Fn::GetAZs", AWS CloudFormation Template Reference: the availability zones of the subnets
ZONES = "ec2 DescribeAvailabilityZones DescribeAccountAttributes DescribeSubnets"


def listed(text: str) -> set[str]:
    service, *names = text.split()
    return {f"{service}:{name}" for name in names}


def calls(module: str) -> Iterator[str]:
    """The IAM actions behind the methods and paginators of AWS clients that the module names."""
    for node in ast.walk(ast.parse((ROOT / module).read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            service = _service(node.func.value)
            if service is None:
                continue
            paged = node.func.attr == "get_paginator"
            yield action(service, ast.literal_eval(node.args[0]) if paged else node.func.attr)


def _service(node: ast.expr) -> str | None:
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name.lstrip("_") if name.lstrip("_") in SERVICES else None


def action(service: str, method: str) -> str:
    """A batch needs the right to the single action."""
    return f"{IAM_NAMES.get(service, service)}:{operations(service)[method].removesuffix('Batch')}"


@cache
def operations(service: str) -> dict[str, str]:
    return {xform_name(name): name for name in get_session().get_service_model(service).operation_names}


def granted(policy: dict[str, Any] = POLICY) -> list[str]:
    return [action for statement in policy["Statement"] for action in statement["Action"]]


def handlers(types: set[str]) -> Iterator[str]:
    """The permissions that the types' schemas in the CloudFormation registry name, as cfn-lint has them."""
    found = [json.loads(path.read_text()) for path in SCHEMAS.glob("*.json")]
    schemas = {each["typeName"]: each for each in found if each.get("typeName") in types and "handlers" in each}
    assert schemas.keys() == types
    for schema in schemas.values():
        yield from (name for key, each in schema["handlers"].items() if key != "list" for name in each["permissions"])


def test_the_policy_grants_what_the_commands_and_the_resource_types_call_and_nothing_else() -> None:
    own = {action for module in MODULES for action in calls(module)}
    types = {resource["Type"] for resource in read().values()}
    assert own >= {"cloudformation:CreateChangeSet", "cloudformation:DescribeStackEvents", "events:PutEvents"}
    assert set(granted()) == own | listed(REPLAY) | {action for each in types for action in listed(HANDLERS[each])}
    assert len(granted()) == len(set(granted()))


def test_the_policy_reaches_the_shop_alone_where_iam_can_tell() -> None:
    """The actions in the last statement have no resource in IAM ("Service Authorization Reference")."""
    *scoped, others = POLICY["Statement"]
    arns = [
        arn
        for each in scoped
        for arn in ([each["Resource"]] if isinstance(each["Resource"], str) else each["Resource"])
    ]
    assert all(re.search(r":(REGION|iam:|cloudwatch:):ACCOUNT:.*shopwire", arn) for arn in arns)
    assert others["Resource"] == "*"
    assert set(others["Action"]) == {
        "cloudformation:ListStacks",
        "cloudwatch:DescribeAlarms",
        "sns:ListTopics",
        "states:ListStateMachines",
    } | listed("sns GetSubscriptionAttributes SetSubscriptionAttributes Unsubscribe")


def test_the_policy_for_the_front_adds_what_its_resource_types_call_and_nothing_else() -> None:
    types = {resource["Type"] for resource in resources_of(front.TEMPLATE).values()}
    needed = {name for name in handlers(types) if not NOT_OF_FRONT.fullmatch(name)}
    assert set(granted(FRONT_POLICY)) == needed - set(granted())
    assert len(granted(FRONT_POLICY)) == len(set(granted(FRONT_POLICY)))


def test_the_policy_for_containers_adds_what_their_resource_types_and_a_push_call_and_nothing_else() -> None:
    types = {it["Type"] for path in fargate.FOLDER.glob("*.yaml") for it in resources_of(path).values()}
    needed = {name for name in handlers(types) if not NOT_OF_RUN.fullmatch(name)} | listed(PUSH) | listed(ZONES)
    assert len(types) > 20
    assert set(granted(RUN_POLICY)) == needed - set(granted())
    assert len(granted(RUN_POLICY)) == len(set(granted(RUN_POLICY)))


def test_the_policy_for_functions_adds_what_their_resource_types_and_an_upload_call_and_nothing_else() -> None:
    types = {it["Type"] for path in functions.FOLDER.glob("*.yaml") for it in resources_of(path).values()}
    needed = {name for name in handlers(types) if not NOT_OF_LAMBDA.fullmatch(name)} | listed(UPLOAD)
    assert len(types) == 11
    assert set(granted(LAMBDA_POLICY)) == needed - set(granted())
    assert len(granted(LAMBDA_POLICY)) == len(set(granted(LAMBDA_POLICY)))


@pytest.mark.parametrize(
    "policy", [POLICY, FRONT_POLICY, RUN_POLICY, LAMBDA_POLICY], ids=["shop", "front", "run", "lambda"]
)
def test_the_policy_fits_into_one_managed_policy(policy: dict[str, Any]) -> None:
    """6,144 characters without white space ("IAM and AWS STS quotas")."""
    assert len(json.dumps(policy, separators=(",", ":"))) < 6144


def test_every_name_in_the_templates_begins_as_the_policy_expects() -> None:
    keys = {"TableName", "QueueName", "TopicName", "AlarmName", "RoleName", "StateMachineName", "Name"}
    properties = [resource["Properties"] for resource in read("shopwire").values()]
    names = [value for each in properties for key, value in each.items() if key in keys]
    assert len(names) >= 31
    assert [name for name in names if not name.startswith("shopwire-")] == []
