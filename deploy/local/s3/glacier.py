"""The Glacier storage class: objects that are asked for, lie there as temporary copies for some days, and go again.

Source: "Restoring an archived object" and "RestoreObject", Amazon S3 User Guide and API Reference.
"""

from __future__ import annotations

import functools
import json
import logging
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.core.exceptions import ServiceException
from moto.moto_api import state_manager
from moto.s3.exceptions import InvalidObjectState, S3ClientError
from moto.s3.models import FakeBucket, FakeKey
from moto.s3.notifications import S3NotificationEvent, _get_s3_event
from moto.s3.utils import ARCHIVE_STORAGE_CLASSES

from deploy.local.sns.lanes import Timer
from deploy.local.sns.publisher import Publish

log = logging.getLogger(__name__)

STANDARD_FACTOR = 4
"""The Standard tier takes so many times as long as the Expedited one (minutes and hours, in the cloud)."""
_SUBJECT = "Amazon S3 Notification"
_IN_PROGRESS, _RESTORED = "IN_PROGRESS", "RESTORED"
"""moto's words, which its headers and checks go by."""


class RestorationRefused(S3ClientError):
    """Not now."""

    status: int
    """Of the HTTP answer; moto would say 400 where boto3's model of S3 does not know the error."""


class RestoreAlreadyInProgress(RestorationRefused):
    """A temporary copy is on its way."""

    status = 409
    code = "RestoreAlreadyInProgress"

    def __init__(self) -> None:
        super().__init__("Object restore is already in progress")


class NoExpeditedCapacity(RestorationRefused):
    """Too many Expedited restorations at once."""

    status = 503
    code = "GlacierExpeditedRetrievalNotAvailable"

    def __init__(self) -> None:
        super().__init__("Glacier expedited retrievals are currently not available, please try again later")


@dataclass(frozen=True)
class Pace:
    """How this Glacier differs from Amazon's."""

    seconds: float = 3.0
    """How long an Expedited restoration takes."""
    expedited_at_once: int | None = None
    """How many Expedited restorations there is capacity for; None is no limit."""


class Glacier:
    """Restorations of objects. Every method but the tasks that it gives its timer is called with S3 locked."""

    def __init__(
        self,
        pace: Pace,
        timer: Timer,
        publish: Publish,
        lock: Callable[[], AbstractContextManager[Any]],
        now: Callable[[], datetime],
    ) -> None:
        self._pace = pace
        self._timer = timer
        self._publish = publish
        self._lock = lock
        """S3, exclusively."""
        self._now = now
        self._expedited = 0
        # moto would call an object restored as soon as somebody looks at it.
        state_manager.set_transition("s3::keyrestore", {"progression": "manual", "times": sys.maxsize})

    def dump(self) -> int:
        """How many Expedited restorations are under way."""
        return self._expedited

    def load(self, kept: int) -> None:
        """So many are."""
        self._expedited = kept

    def restore(self, bucket: FakeBucket, key: FakeKey, *, days: int, tier: str) -> bool:
        """Begins. True when there is a temporary copy already: it stays for ``days`` from now."""
        if key.storage_class not in ARCHIVE_STORAGE_CLASSES:
            raise InvalidObjectState(storage_class=key.storage_class)
        if key.status == _IN_PROGRESS:
            raise RestoreAlreadyInProgress
        if key.status == _RESTORED:
            self._keep(bucket, key, days)
            return True
        expedited = tier == "Expedited"
        if expedited:
            if self._pace.expedited_at_once is not None and self._expedited >= self._pace.expedited_at_once:
                raise NoExpeditedCapacity
            self._expedited += 1
        key.status = _IN_PROGRESS
        key.set_expiry(_midnight_after(self._now(), days))  # moto shows no restoration without one
        self._announce(bucket, key, S3NotificationEvent.OBJECT_RESTORE_POST_EVENT)
        self._timer.later(
            self._pace.seconds * (1 if expedited else STANDARD_FACTOR),
            functools.partial(self._finish, bucket, key, days, expedited=expedited),
        )
        return False

    def _finish(self, bucket: FakeBucket, key: FakeKey, days: int, *, expedited: bool) -> None:
        with self._lock():
            self._expedited -= expedited
            if not _is_there(bucket, key):
                return  # deleted or written anew meanwhile
            key.status = _RESTORED
            expiry = self._keep(bucket, key, days)
            details = {
                "lifecycleRestorationExpiryTime": _timestamp(expiry),
                "lifecycleRestoreStorageClass": key.storage_class,
            }
            self._announce(bucket, key, S3NotificationEvent.OBJECT_RESTORE_COMPLETED_EVENT, details)

    def _keep(self, bucket: FakeBucket, key: FakeKey, days: int) -> datetime:
        expiry = _midnight_after(self._now(), days)
        key.set_expiry(expiry)
        self._timer.at(expiry, functools.partial(self._expire, bucket, key, expiry))
        return expiry

    def _expire(self, bucket: FakeBucket, key: FakeKey, expiry: datetime) -> None:
        with self._lock():
            if not _is_there(bucket, key) or key._expiry != expiry:
                return  # or kept for longer
            key.set_expiry(None)
            key._status = None
            self._announce(bucket, key, S3NotificationEvent.OBJECT_RESTORE_DELETE_EVENT)

    def _announce(
        self, bucket: FakeBucket, key: FakeKey, event: str, restored: dict[str, str | None] | None = None
    ) -> None:
        """To the topics that the bucket notifies of such events; a moment later, when S3 is free again."""
        configuration = bucket.notification_configuration
        for target in configuration.topic if configuration else ():
            if target.matches(event, key.name):
                body: dict[str, Any] = _get_s3_event(event, bucket, key, target.id)
                if restored is not None:
                    body["Records"][0]["glacierEventData"] = {"restoreEventData": restored}
                self._timer.later(0, functools.partial(self._tell, target.arn, json.dumps(body)))

    def _tell(self, topic_arn: str, message: str) -> None:
        try:
            self._publish(topic_arn, message, subject=_SUBJECT)
        except ServiceException as error:
            log.warning("an event of S3 went nowhere: %s", error)


def _is_there(bucket: FakeBucket, key: FakeKey) -> bool:
    return bucket.keys.get(key.name) is key


def _midnight_after(moment: datetime, days: int) -> datetime:
    """Temporary copies go at midnight UTC, the first after their days are over."""
    return (moment + timedelta(days=days + 1)).replace(hour=0, minute=0, second=0, microsecond=0)


def _timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
