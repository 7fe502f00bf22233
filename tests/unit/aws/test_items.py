"""Dataclasses to items and back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.aws.items import from_attribute, from_item, to_attribute, to_item
from shared.core.errors import Permanent
from shared.core.jobs import Job
from tests.factories import a_job

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.text()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_whatever_json_holds_comes_back(value: Any) -> None:
    assert from_attribute(to_attribute(value)) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}])
def test_what_dynamodb_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(Permanent):
        to_attribute(value)


def test_an_item_of_an_older_version_gets_the_defaults_of_what_it_lacks() -> None:
    job = a_job()
    item = to_item(job)
    for newer in ("pack", "mailed_run", "summary", "worker"):
        del item[newer]
    assert from_item(Job, item) == job


def test_an_item_of_a_newer_version_is_read_without_what_is_not_known_yet() -> None:
    job = a_job()
    assert from_item(Job, {**to_item(job), "colour": {"S": "red"}}) == job


def test_what_is_none_takes_no_room() -> None:
    assert "ledger" not in to_item(a_job())


def test_a_damaged_item_is_said_to_be_with_the_field() -> None:
    item = {**to_item(a_job()), "state": {"S": "SLEEPING"}}
    with pytest.raises(Permanent, match="state"):
        from_item(Job, item)
