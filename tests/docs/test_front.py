"""The template of API Gateway has the routes of the OpenAPI documents, and what they need around them."""

import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import pytest

from chassis.web.cors import EXPOSED
from chassis.web.problems import Problem
from docs import front
from tests.bootstrap.template import resources_of
from tests.documents import DOCUMENTS, operations

TEXT = front.TEMPLATE.read_text()
RESOURCES = resources_of(front.TEMPLATE)
BODY = RESOURCES["Api"]["Properties"]["Body"]
STAGE = RESOURCES["Stage"]["Properties"]
ANY = "x-amazon-apigateway-any-method"
# A value in the header needs quotation marks of its own.
HEADERS = "gatewayresponse.header."


def test_template_matches_the_documents() -> None:
    """`make docs` updates the template."""
    assert front.template(TEXT, DOCUMENTS) == TEXT


def routes() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, item in BODY["paths"].items():
        for method, content in item.items():
            yield path, method, content


def test_every_operation_has_a_route_to_its_service() -> None:
    for operation in operations():
        route = BODY["paths"][operation.path][operation.method]["x-amazon-apigateway-integration"]
        [_, [protocol, rest]] = route["uri"]["Fn::Join"]
        assert (protocol, rest) == ("https", f"://${{stageVariables.{operation.service}}}{operation.path}")
        assert (route["type"], route["httpMethod"]) == ("http_proxy", operation.method.upper())


def test_other_methods_of_each_path_reach_the_service_without_a_token() -> None:
    """It answers HEAD, the preflight requests of browsers, and methods that it does not have."""
    for path in {operation.path for operation in operations()}:
        assert BODY["paths"][path][ANY]["x-amazon-apigateway-integration"]["httpMethod"] == "ANY"
        assert "security" not in BODY["paths"][path][ANY]


def test_parts_of_a_path_are_passed_on() -> None:
    for path, _, content in routes():
        names = re.findall(r"\{(\w+)\}", path)
        assert [it["name"] for it in content.get("parameters", [])] == names
        passed = content["x-amazon-apigateway-integration"].get("requestParameters", {})
        assert passed == {f"integration.request.path.{it}": f"method.request.path.{it}" for it in names}


def test_only_open_operations_need_no_token_on_aws() -> None:
    found = {f"{method.upper()} {path}": content.get("security") for path, method, content in routes()}
    for operation in operations():
        users = {"Fn::If": ["OnAws", [{"user": ["aws.cognito.signin.user.admin"]}], []]}
        assert found[str(operation)] == (None if operation.content["security"] == [] else users)


def test_partners_read_what_is_open_with_a_key() -> None:
    own = {path: item for path, item in BODY["paths"].items() if path.startswith(front.PREFIX)}
    assert own.keys() == {"/partner/product", "/partner/product/{id}", "/partner/stock/{productId}"}
    for item in own.values():
        assert {method: content["security"] for method, content in item.items()} == {"get": [{"partner": []}]}


def test_stage_has_a_variable_for_each_service() -> None:
    assert STAGE["Variables"] == {name: name.capitalize() for name in DOCUMENTS}


def deployment(text: str) -> str:
    [name] = set(re.findall(r"\bDeployment[0-9a-f]{8}\b", text))
    return str(name)


def test_any_change_of_the_api_makes_another_deployment() -> None:
    documents = deepcopy(DOCUMENTS)
    documents["stock"]["paths"]["/stock/{productId}"]["delete"] = {"security": []}
    closed = deepcopy(DOCUMENTS)
    closed["stock"]["paths"]["/stock/{productId}"]["get"]["security"] = [{"token": []}]
    answer = TEXT.replace("No service has this path.", "There is no such path.")
    texts = [TEXT, front.template(TEXT, documents), front.template(TEXT, closed), front.template(answer, DOCUMENTS)]
    assert len({deployment(text) for text in texts}) == len(texts)


def test_other_changes_of_the_template_keep_the_deployment() -> None:
    text = TEXT.replace("Default: 100\n", "Default: 50\n")
    assert deployment(front.template(text, DOCUMENTS)) == deployment(TEXT)


@pytest.mark.parametrize("kind", BODY["x-amazon-apigateway-gateway-responses"])
def test_answers_of_the_gateway_are_problem_documents_with_a_correlation_id(kind: str) -> None:
    answer = BODY["x-amazon-apigateway-gateway-responses"][kind]
    problem = json.loads(answer["responseTemplates"]["application/json"])
    assert problem.get("status") == (int(answer["statusCode"]) if "statusCode" in answer else None)
    Problem.model_validate({"status": 400} | problem)
    headers = {name.removeprefix(HEADERS): value for name, value in answer["responseParameters"].items()}
    assert headers.pop("X-Correlation-Id") == "context.requestId"
    assert headers.pop("Content-Type") == "'application/problem+json'"
    # Otherwise the browser would show a page of another origin no answer at all.
    assert headers.pop("Access-Control-Allow-Origin") == "'*'"
    assert headers.pop("Access-Control-Expose-Headers") == f"'{EXPOSED}'"
    assert all(re.fullmatch("'[^']+'", value) for value in headers.values())
    assert ("Retry-After" in headers) == (problem.get("status") in {429, 503})
    assert ("WWW-Authenticate" in headers) == (problem.get("status") == 401)


def test_bodies_are_validated_by_the_services_alone() -> None:
    """The gateway would answer 400 without naming the field, and repeat a value that it refuses."""
    assert "x-amazon-apigateway-request-validator" not in TEXT
    assert "requestBody" not in TEXT


def test_requests_are_throttled_by_stage_and_plan() -> None:
    [setting] = STAGE["MethodSettings"]
    assert setting.keys() >= {"ThrottlingRateLimit", "ThrottlingBurstLimit"}
    assert (setting["ResourcePath"], setting["HttpMethod"]) == ("/*", "*")
    plan = RESOURCES["PartnerPlan"]["Properties"]
    assert plan["ApiStages"] == [{"ApiId": "Api", "Stage": "Stage"}]
    assert plan.keys() >= {"Throttle", "Quota"}


def test_access_log_is_json_and_has_no_address_header_or_query() -> None:
    condition, logged, otherwise = STAGE["AccessLogSetting"]["Fn::If"]
    assert (condition, otherwise) == ("OnAws", "AWS::NoValue")
    fields = json.loads(logged["Format"])
    assert fields.keys() >= {"request_id", "timestamp", "method", "path", "status", "ms"}
    assert [it for it in fields.values() if re.search("sourceIp|query|caller|userAgent|claims", it)] == []


def test_role_for_logs_outlives_the_stack() -> None:
    """There is one in an account and region, and other APIs may use it."""
    for name in ("LogRole", "LogSetting"):
        assert RESOURCES[name]["DeletionPolicy"] == RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


def test_what_only_aws_has_is_made_there_alone() -> None:
    on_aws = {name: it["Condition"] for name, it in RESOURCES.items() if "Condition" in it}
    kinds = ("AWS::Cognito::", "AWS::WAFv2::", "AWS::Logs::", "AWS::IAM::")
    assert {name for name, it in RESOURCES.items() if it["Type"].startswith(kinds)} <= on_aws.keys()
    assert set(on_aws.values()) == {"OnAws", "WithWaf", "WithDomain"}


def test_no_condition_has_the_name_of_a_parameter() -> None:
    """LocalStack would not end."""
    names = re.findall(r"^  (\w+):", TEXT.partition("Parameters:\n")[2].partition("\nResources:")[0], re.MULTILINE)
    assert len(names) == len(set(names)) >= 15


def test_tokens_of_the_pool_are_those_that_the_services_accept() -> None:
    assert RESOURCES["Admins"]["Properties"]["GroupName"] == "admin"
    client = RESOURCES["UserPoolClient"]["Properties"]
    assert client["GenerateSecret"] is False  # the audience of the services is the client's id
    scheme = BODY["components"]["securitySchemes"]["user"]["Fn::If"][1]
    assert scheme["x-amazon-apigateway-authorizer"]["providerARNs"] == ["UserPool.Arn"]


def test_filter_leaves_the_size_of_a_body_to_the_services() -> None:
    rules = RESOURCES["WebAcl"]["Properties"]["Rules"]
    common = next(it["Statement"]["ManagedRuleGroupStatement"] for it in rules if it["Name"] == "common")
    assert common["RuleActionOverrides"] == [{"Name": "SizeRestrictions_BODY", "ActionToUse": {"Count": {}}}]
