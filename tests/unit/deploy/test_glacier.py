"""Restorations from Glacier: their time, their events, their ends. No network, and hours pass in no time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from moto.core.base_backend import BackendDict
from moto.moto_api import state_manager
from moto.s3.exceptions import InvalidObjectState
from moto.s3.models import FakeKey, s3_backends

from deploy.local.s3.glacier import Glacier, NoExpeditedCapacity, Pace, RestoreAlreadyInProgress
from tests.unit.deploy.virtual import Told, VirtualTime

ACCOUNT = "123456789012"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:object-restored"
EVENTS = ("s3:ObjectRestore:Post", "s3:ObjectRestore:Completed", "s3:ObjectRestore:Delete")
DAY = 24 * 60 * 60.0


class Scene:
    """A bucket that tells of everything, and a Glacier at the given pace."""

    def __init__(self, pace: Pace) -> None:
        self.time, self.told = VirtualTime(), Told()
        self.glacier = Glacier(pace, self.time, self.told, nullcontext, self.time.wall)
        self.s3 = s3_backends[ACCOUNT]["aws"]
        self.bucket = self.s3.create_bucket("files", "us-east-1")
        self.s3.put_bucket_notification_configuration(
            "files", {"TopicConfiguration": [{"Topic": TOPIC, "Event": [event]} for event in EVENTS]}
        )

    def put(self, name: str = "alice/j 1/input.vcf", storage: str = "GLACIER") -> FakeKey:
        key: FakeKey = self.s3.put_object("files", name, b"##fileformat", storage=storage)
        return key

    def restore(self, key: FakeKey, tier: str = "Expedited", days: int = 2) -> bool:
        return self.glacier.restore(self.bucket, key, days=days, tier=tier)

    def header(self, key: FakeKey) -> str | None:
        self.time.pass_by(0)
        found: str | None = key.response_dict.get("x-amz-restore")
        return found

    def events(self) -> list[str]:
        return [record["eventName"] for record in self.records()]

    def records(self) -> list[dict[str, Any]]:
        self.time.pass_by(0)
        return [json.loads(text)["Records"][0] for _, text in self.told.messages]


@pytest.fixture
def scene() -> Iterator[Scene]:
    yield Scene(Pace(seconds=3, expedited_at_once=2))
    state_manager.unset_transition("s3::keyrestore")
    BackendDict.reset()


def test_a_restoration_takes_its_time_and_then_there_is_a_copy(scene: Scene) -> None:
    key = scene.put()
    assert scene.restore(key) is False
    assert scene.header(key) == 'ongoing-request="true"'
    scene.time.pass_by(2.9)
    assert scene.header(key) == 'ongoing-request="true"'
    scene.time.pass_by(0.2)
    assert scene.header(key) == 'ongoing-request="false", expiry-date="Mon, 09 Mar 2026 00:00:00 GMT"'


def test_a_standard_restoration_takes_longer(scene: Scene) -> None:
    key = scene.put()
    scene.restore(key, "Standard")
    scene.time.pass_by(11.9)
    assert scene.header(key) == 'ongoing-request="true"'
    scene.time.pass_by(0.2)
    assert "false" in (scene.header(key) or "")


def test_the_bucket_tells_of_begin_copy_and_end(scene: Scene) -> None:
    key = scene.put()
    scene.restore(key)
    assert scene.events() == ["ObjectRestore:Post"]
    scene.time.pass_by(3)
    assert scene.events() == ["ObjectRestore:Post", "ObjectRestore:Completed"]
    completed = scene.records()[-1]
    assert completed["s3"]["object"]["key"] == "alice%2Fj+1%2Finput.vcf"  # as S3 writes it
    assert completed["glacierEventData"]["restoreEventData"] == {
        "lifecycleRestorationExpiryTime": "2026-03-09T00:00:00.000Z",
        "lifecycleRestoreStorageClass": "GLACIER",
    }
    scene.time.pass_by(3 * DAY)
    assert scene.events()[2:] == ["ObjectRestore:Delete"]
    assert {topic for topic, _ in scene.told.messages} == {TOPIC}


def test_a_copy_expires_and_can_be_asked_for_again(scene: Scene) -> None:
    key = scene.put()
    scene.restore(key)
    scene.time.pass_by(3 * DAY)
    assert scene.header(key) is None
    assert scene.restore(key) is False
    scene.time.pass_by(3)
    assert "false" in (scene.header(key) or "")


def test_asking_again_while_a_copy_is_there_keeps_it_for_longer(scene: Scene) -> None:
    key = scene.put()
    scene.restore(key)
    scene.time.pass_by(DAY)
    assert scene.restore(key) is True
    scene.time.pass_by(2 * DAY)
    assert scene.header(key) == 'ongoing-request="false", expiry-date="Tue, 10 Mar 2026 00:00:00 GMT"'
    scene.time.pass_by(DAY)
    assert scene.header(key) is None
    assert scene.events().count("ObjectRestore:Delete") == 1


def test_asking_twice_is_refused_while_it_is_on_its_way(scene: Scene) -> None:
    key = scene.put()
    scene.restore(key)
    with pytest.raises(RestoreAlreadyInProgress):
        scene.restore(key, "Standard")


def test_what_is_not_in_glacier_is_not_restored(scene: Scene) -> None:
    with pytest.raises(InvalidObjectState):
        scene.restore(scene.put(storage="STANDARD"))


def test_without_expedited_capacity_standard_still_goes(scene: Scene) -> None:
    first, second, third = (scene.put(f"alice/j{number}/input.vcf") for number in range(3))
    scene.restore(first)
    scene.restore(second)
    with pytest.raises(NoExpeditedCapacity):
        scene.restore(third)
    assert scene.header(third) is None
    scene.restore(third, "Standard")
    scene.time.pass_by(3)
    scene.restore(scene.put("alice/j4/input.vcf"))  # there is room again


def test_an_object_that_was_deleted_meanwhile_is_not_restored(scene: Scene) -> None:
    key = scene.put()
    scene.restore(key)
    scene.s3.delete_object("files", key.name)
    scene.time.run()
    assert scene.events() == ["ObjectRestore:Post"]


def test_an_object_that_was_written_anew_meanwhile_is_not_restored(scene: Scene) -> None:
    key = scene.put()
    scene.restore(key)
    fresh = scene.put()
    scene.time.run()
    assert scene.events() == ["ObjectRestore:Post"]
    assert scene.header(fresh) is None


def test_looking_does_not_finish_a_restoration(scene: Scene) -> None:
    key = scene.put()
    scene.restore(key)
    for _ in range(50):
        key.advance()
        assert scene.header(key) == 'ongoing-request="true"'
