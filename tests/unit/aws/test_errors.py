"""What AWS answers → whether trying again can help."""

from __future__ import annotations

import pytest
from boto3.exceptions import RetriesExceededError, S3UploadFailedError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from shared.aws.errors import translated
from shared.core.errors import GasError, NotFound, Permanent, TooLarge, Unavailable


def answered(code: str, status: int = 400, words: str = "") -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": words}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]  # what matters of it
        "Operation",
    )


def outcome(error: Exception) -> type[GasError]:
    with pytest.raises(GasError) as caught, translated("AWS"):
        raise error
    assert caught.value.__cause__ is not None
    return type(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        answered("ThrottlingException"),
        answered("ProvisionedThroughputExceededException"),
        answered("RequestLimitExceeded"),
        answered("SlowDown", 503),
        answered("NoSuchUpload", 404),
        answered("InternalServerError", 500),
        answered("Whatever", 502),
        answered("TooManyRequestsException", 429),
        answered("TransactionConflictException"),
        answered("ExpiredTokenException"),
        answered("AccessDeniedException"),
        answered("InvalidSignatureException", 403),  # also what a wrong clock brings about
        answered("MissingAuthenticationTokenException", 403),
        answered("ResourceNotFoundException"),
        answered("AWS.SimpleQueueService.NonExistentQueue"),
        answered("SendingPausedException"),
        answered("NotFound", 404),
        ReadTimeoutError(endpoint_url="x"),
        ConnectTimeoutError(endpoint_url="x"),
        EndpointConnectionError(endpoint_url="x"),
        NoCredentialsError(),
        RetriesExceededError(S3UploadFailedError("cut short")),
    ],
    ids=str,
)
def test_what_may_pass_is_unavailable(error: Exception) -> None:
    assert outcome(error) is Unavailable


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (answered("ValidationException"), Permanent),
        (answered("MessageRejected"), Permanent),
        (answered("BadRequestException"), Permanent),
        (answered("InvalidParameter"), Permanent),
        (ParamValidationError(report="x"), Permanent),
        (answered("NoSuchKey", 404), NotFound),
        (answered("404", 404), NotFound),
        (answered("ValidationException", words="Item size has exceeded the maximum allowed size"), TooLarge),
        (answered("EntityTooLarge"), TooLarge),
    ],
)
def test_what_stays_wrong_is_permanent(error: BotoCoreError | ClientError, kind: type[GasError]) -> None:
    assert outcome(error) is kind


@pytest.mark.parametrize(
    ("cause", "kind"), [(answered("SlowDown", 503), Unavailable), (answered("EntityTooLarge"), TooLarge)]
)
def test_a_transfer_that_failed_is_as_wrong_as_its_cause(cause: ClientError, kind: type[GasError]) -> None:
    failed = S3UploadFailedError("failed")
    failed.__cause__ = cause
    assert outcome(failed) is kind


def test_what_is_not_of_aws_is_left_alone() -> None:
    with pytest.raises(ZeroDivisionError), translated("AWS"):
        raise ZeroDivisionError
    with pytest.raises(NotFound), translated("AWS"):
        raise NotFound("ours")
