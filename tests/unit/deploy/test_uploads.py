"""A presigned POST is held to its policy."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
from moto.s3.exceptions import S3ClientError

from deploy.local.s3.policy import check_policy

NOW = datetime(2026, 3, 6, 12, 0, tzinfo=UTC)
FIELDS = {"bucket": "b", "key": "k"}


def policy(expiration: str = "2026-03-06T12:05:00Z") -> str:
    conditions = [["content-length-range", 2, 10], {"bucket": "b"}, {"key": "k"}]
    return base64.b64encode(json.dumps({"expiration": expiration, "conditions": conditions}).encode()).decode()


@pytest.mark.parametrize("size", [2, 10])
def test_a_size_within_the_range_is_taken(size: int) -> None:
    check_policy(policy(), fields=FIELDS, size=size, now=NOW)


@pytest.mark.parametrize(("size", "code"), [(1, "EntityTooSmall"), (11, "EntityTooLarge")])
def test_a_size_outside_it_is_refused(size: int, code: str) -> None:
    with pytest.raises(S3ClientError, match=code):
        check_policy(policy(), fields=FIELDS, size=size, now=NOW)


def test_an_expired_policy_is_refused() -> None:
    with pytest.raises(S3ClientError, match="Policy expired"):
        check_policy(policy("2026-03-06T12:00:00Z"), fields=FIELDS, size=5, now=NOW)


@pytest.mark.parametrize(
    "fields", [{"bucket": "b", "key": "somebody-elses"}, {"bucket": "b"}, {"bucket": "c", "key": "k"}]
)
def test_an_upload_to_another_place_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(S3ClientError, match="Policy Condition failed"):
        check_policy(policy(), fields=fields, size=5, now=NOW)
