"""What AWS answers when it does not do what was asked → the errors of GAS. The one place that knows the codes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from boto3.exceptions import Boto3Error
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ParamValidationError,
)

from shared.core.errors import NotFound, Permanent, TooLarge, Unavailable

# Answered with a 4xx, and yet another day's try may succeed: AWS is busy, or an operator has to mend something
# (credentials, permissions, a table that is not there). A message that meets these must wait, not be thrown away.
_PASSING = frozenset(
    {
        # busy; OverLimit: more of an SQS queue is held at this moment than SQS allows (120,000 messages)
        "AWS.SimpleQueueService.OverLimit", "OverLimit", "BandwidthLimitExceeded", "EC2ThrottledException", "LimitExceededException", "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException", "RequestLimitExceeded", "RequestThrottled", "RequestThrottledException",
        "ReplicatedWriteConflictException", "RequestTimeout", "RequestTimeoutException", "SlowDown", "ThrottledException",
        "Throttling", "ThrottlingException", "TooManyRequestsException", "TransactionConflictException",
        "TransactionInProgressException", "KMSThrottling", "KmsThrottled",
        "OperationAborted",
        # an upload in parts was forgotten under way: what it belonged to is being deleted, as the next try will see
        "NoSuchUpload",
        # the caller is not known, or not allowed
        "AccessDenied", "AccessDeniedException", "AuthFailure", "AuthorizationError", "ExpiredToken",
        "ExpiredTokenException", "IncompleteSignature", "IncompleteSignatureException", "InvalidAccessKeyId",
        "InvalidClientTokenId", "InvalidSecurity", "InvalidSignatureException", "MissingAuthenticationToken",
        "MissingAuthenticationTokenException", "NotAuthorized",
        "KMSAccessDenied", "KmsAccessDenied", "OptInRequired", "RequestExpired", "RequestTimeTooSkewed",
        "SignatureDoesNotMatch", "UnrecognizedClientException",
        # something of ours is not there, or switched off
        "AWS.SimpleQueueService.NonExistentQueue", "AccountSuspendedException", "KMSDisabled", "KMSInvalidState",
        "KMSNotFound", "KMSOptInRequired", "KmsDisabled", "KmsInvalidState", "KmsNotFound", "KmsOptInRequired",
        "MailFromDomainNotVerifiedException", "NoSuchBucket", "NotFound", "NotFoundException", "QueueDoesNotExist", "ResourceNotFoundException",
        "SendingPausedException",
    }
)  # fmt: skip
_MISSING = frozenset({"404", "NoSuchKey"})
_SERVER_ERROR = 500


def code_of(error: ClientError) -> str:
    """AWS's name for the error."""
    return error.response.get("Error", {}).get("Code", "")


def message_of(error: ClientError) -> str:
    """AWS's own words."""
    return error.response.get("Error", {}).get("Message", "")


def status_of(error: ClientError) -> int:
    """The HTTP status of AWS's answer; 0 when there is none."""
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


@contextmanager
def translated(service: str) -> Iterator[None]:
    """Around a call of AWS: what comes out is a `GasError`.

    `Unavailable` when the same call may succeed later, `NotFound`, `TooLarge`, and `Permanent` for the rest. Errors
    that mean something particular to one call are caught inside, by whoever makes the call.
    """
    try:
        yield
    except ClientError as error:
        raise _translate(service, error) from error
    except ParamValidationError as error:
        raise Permanent(f"{service} cannot be asked this: {error}") from error
    except (BotoCoreError, Boto3Error) as error:
        # No connection, no answer in time, an answer cut short, no credentials, a transfer given up.
        cause = error.__cause__ or error.__context__
        if isinstance(cause, ClientError) and isinstance(error, Boto3Error):
            raise _translate(service, cause) from error
        raise Unavailable(f"{service} could not be reached ({type(error).__name__}).") from error


def _translate(service: str, error: ClientError) -> Unavailable | Permanent:
    code, words = code_of(error), message_of(error)
    if code in _PASSING or status_of(error) >= _SERVER_ERROR:
        return Unavailable(f"{service} did not do what it was asked ({code}).")
    if code in _MISSING:
        return NotFound("There is no such file.")
    if code == "InvalidObjectState":
        return Permanent("The file is in the archive, where it cannot be read.")
    if code == "EntityTooLarge" or ("size" in words.lower() and "exceed" in words.lower()):
        return TooLarge(f"{service} cannot hold something as large as this.")
    return Permanent(f"{service} refused ({code}): {words}")
