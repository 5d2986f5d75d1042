from collections.abc import Mapping

import pytest
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    MetadataRetrievalError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from chassis.aws import errors
from chassis.aws.clients import Clients
from chassis.core.errors import Refused, Unavailable


def error(code: str, status: int = 400, *, unanswered: bool = False) -> ClientError:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status, "Unanswered": unanswered}}
    return ClientError(answer, "Operation")  # type: ignore[arg-type] # the parts that are read


@pytest.mark.parametrize(
    "code",
    [
        "AccessDeniedException", "ExpiredTokenException", "IncompleteSignature", "InvalidClientTokenId",
        "InvalidSignatureException", "LimitExceededException", "MissingAuthenticationTokenException", "OptInRequired",
        "ProvisionedThroughputExceededException", "RequestExpired", "RequestLimitExceeded", "ResourceNotFoundException",
        "SignatureDoesNotMatch", "ThrottlingException", "TransactionConflictException", "UnrecognizedClientException",
        "a future code", "302", "403", "",
    ],
)  # fmt: skip
def test_other_error_codes_are_refused(code: str) -> None:
    cause = error(code)
    with pytest.raises(Refused, match="DynamoDB") as raised, errors.unavailable("DynamoDB"):
        raise cause
    assert raised.value.__cause__ is cause


@pytest.mark.parametrize(
    "cause",
    [
        error("InternalServerError", 500),
        error("ValidationException", 500),
        error("?", 503),
        error("IdempotentParameterMismatchException"),
        error("TransactionInProgressException"),
        error("ThrottlingException", unanswered=True),
        NoCredentialsError(),
        PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
        CredentialRetrievalError(provider="container-role", error_msg="refused"),
        MetadataRetrievalError(error_msg="refused"),
        TokenRetrievalError(provider="sso", error_msg="expired"),
        UnauthorizedSSOTokenError(),
    ],
    ids=repr,
)
def test_errors_with_unknown_outcome_are_unavailable(cause: Exception) -> None:
    with pytest.raises(Unavailable, match="DynamoDB") as raised, errors.unavailable("DynamoDB"):
        raise cause
    assert not isinstance(raised.value, Refused)
    assert raised.value.__cause__ is cause


@pytest.mark.parametrize(
    "cause",
    [
        error("ConditionalCheckFailedException"),
        error("SerializationException"),
        error("TransactionCanceledException"),
        error("ValidationException"),
        ParamValidationError(report="a bug"),
        KeyError("a bug"),
    ],
    ids=repr,
)
def test_other_errors_pass_unchanged(cause: Exception) -> None:
    with pytest.raises(type(cause)), errors.unavailable("DynamoDB"):
        raise cause


@pytest.mark.integration
def test_old_item_is_the_row_that_made_the_condition_fail(stack: Mapping[str, str]) -> None:
    client = Clients(stack).of("dynamodb")
    row = {"id": "1", "version": 3, "tags": ["a"]}
    client.put_item(TableName="shop-product", Item=row)
    put = {"TableName": "shop-product", "Item": row, "ConditionExpression": "attribute_not_exists(id)"}
    with pytest.raises(ClientError) as error:
        client.put_item(**put, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert errors.is_condition_failure(error.value)
    assert errors.old_item(error.value) == row


def test_old_item_is_empty_if_there_is_no_row() -> None:
    assert errors.old_item(error("ConditionalCheckFailedException")) == {}
