"""How an entry of the inbox is stored.

Moments are numbers of milliseconds, those of the history text. The keys of the indexes are attributes of their own,
left out where an index shall not have the entry:

- ``shard``: ``<route>#<number>``; spread, so that no one partition takes every write;
- ``due_at``: of what is not finished;
- ``state_shard``: ``<route>#<state>#<number>``, of what is not DONE;
- ``job_id``, ``user_id``: of a message that names one.

What is finished is removed by TTL (``expires_at``, epoch seconds); what is not finished never is.
"""

from __future__ import annotations

import zlib
from dataclasses import fields
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from shared.aws.items import Item, from_attribute, to_attribute
from shared.core.clock import from_millis, to_millis
from shared.core.inbox import About, Attempt, Entry, EntryState, Head

SHARDS = 2
LONGEST_KEY = 1024
"""Bytes; DynamoDB's own bound of a hash key is twice as much."""

_COMPRESS_ABOVE = 32 * 1024
"""Bytes. A legal message of 256 KiB is up to 1.5 MB of JSON, and an item of DynamoDB holds 400 KB; compressed, even
random text of control characters, the worst there is, takes less than 300 KB."""
_SECOND = 1000
_ABOUT = tuple(field.name for field in fields(About))
_NAMES = tuple(field.name for field in fields(Entry) if field.name not in {"about", "history"})
_HEAD_NAMES = tuple(field.name for field in fields(Head) if field.name != "about")
_MOMENTS = frozenset({"received_at", "accepted_at", "due_at", "claimed_at", "started_at", "finished_at", "forget_at"})
_history = TypeAdapter(tuple[Attempt, ...])


def to_item(entry: Entry) -> dict[str, Any]:
    """The item of an entry."""
    plain: dict[str, Any] = {}
    for name in _NAMES:
        value = getattr(entry, name)
        if value is not None:
            plain[name] = to_millis(value) if isinstance(value, datetime) else value
    for name in _ABOUT:
        value = getattr(entry.about, name)
        if value and len(value.encode()) <= LONGEST_KEY:
            plain[name] = value
    plain["envelope"] = _packed(entry.envelope.encode())
    if entry.history:
        plain["history"] = _packed(_history.dump_json(entry.history))
    shard = zlib.crc32(entry.message_id.encode()) % SHARDS
    plain["shard"] = f"{entry.route}#{shard}"
    if entry.state is not EntryState.DONE:
        plain["state_shard"] = f"{entry.route}#{entry.state}#{shard}"
    if entry.forget_at is not None:
        plain["expires_at"] = to_millis(entry.forget_at) // _SECOND
    return {name: to_attribute(value) for name, value in plain.items()}


def from_item(item: Item) -> Entry:
    """The inverse of `to_item`."""
    plain = _plain(item, _NAMES)
    history = _unpacked(from_attribute(item["history"])) if "history" in item else "[]"
    return Entry(
        **{
            "due_at": None,
            **plain,
            "envelope": _unpacked(plain["envelope"]),
            "history": _history.validate_json(history),
        }
    )


def to_head(item: Item) -> Head:
    """Of an item as the indexes have it."""
    return Head(**_plain(item, _HEAD_NAMES))


def shards(prefix: str) -> list[str]:
    """Every value of ``shard`` (prefix: a route) or ``state_shard`` (a route, ``#``, a state)."""
    return [f"{prefix}#{number}" for number in range(SHARDS)]


def _plain(item: Item, names: tuple[str, ...]) -> dict[str, Any]:
    plain = {name: from_attribute(item[name]) for name in names if name in item}
    for name in _MOMENTS & plain.keys():
        plain[name] = from_millis(plain[name])
    plain["state"] = EntryState(plain["state"])
    plain["about"] = About(**{name: from_attribute(item[name]) for name in _ABOUT if name in item})
    return plain


def _packed(raw: bytes) -> str | bytes:
    return zlib.compress(raw) if len(raw) > _COMPRESS_ABOVE else raw.decode()


def _unpacked(stored: str | bytes) -> str:
    return zlib.decompress(stored).decode() if isinstance(stored, bytes) else stored
