"""The part of Amazon States Language that the stack uses: waits until a moment, and publications. No I/O.

What is not of this part is an error: an execution that ignored a field would do something else than in the cloud.
Source: the Amazon States Language specification (states-language.net), and "Publish messages to an Amazon SNS topic
with Step Functions", AWS Step Functions Developer Guide.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_PUBLISH = re.compile(r"arn:aws[a-z-]*:states:::sns:publish")
_PATH = re.compile(r"\$(\.[A-Za-z_][A-Za-z0-9_]*)*")


class InvalidDefinition(ValueError):
    """The definition is not of the known part. ``str(error)`` says why."""


class InvalidData(ValueError):
    """What an execution was given does not fit its definition. ``str(error)`` says why."""


@dataclass(frozen=True)
class Wait:
    """Until the moment that ``timestamp_path`` leads to."""

    timestamp_path: str
    next: str

    def until(self, data: Any) -> datetime:
        """Raises `InvalidData` where there is no RFC 3339 timestamp."""
        value = resolve(self.timestamp_path, data)
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            moment = None
        if moment is None or moment.tzinfo is None or "T" not in value:
            raise InvalidData(f"{self.timestamp_path} is {value!r}, which is no timestamp.")
        return moment


@dataclass(frozen=True)
class Retry:
    """How often a publication that failed is tried again, whatever the error."""

    interval: float
    """Seconds."""
    backoff: float
    most_seconds: float
    attempts: int

    def delay(self, attempt: int) -> float:
        """Seconds before retry ``attempt``, counted from 0."""
        return float(min(self.interval * self.backoff ** min(attempt, 100), self.most_seconds))


@dataclass(frozen=True)
class Publish:
    """To a topic."""

    parameters: Mapping[str, Any]
    result_path: str
    retry: Retry
    catch: str | None
    """The state that follows when every attempt failed; None: the execution fails."""
    catch_path: str
    next: str | None
    """None: the execution ends."""

    def arguments(self, data: Any) -> tuple[str, str]:
        """Topic ARN and message; an object becomes JSON."""
        filled = fill(self.parameters, data)
        message = filled["Message"]
        return filled["TopicArn"], message if isinstance(message, str) else json.dumps(message, separators=(",", ":"))


@dataclass(frozen=True)
class Machine:
    """A definition that was understood."""

    start_at: str
    states: Mapping[str, Wait | Publish]


@functools.lru_cache(maxsize=64)
def parse(definition: str) -> Machine:
    """Raises `InvalidDefinition`."""
    try:
        document = json.loads(definition)
        _only(document, {"StartAt", "States", "Comment"}, "the definition")
        states = {name: _state(name, state) for name, state in document["States"].items()}
        machine = Machine(document["StartAt"], states)
    except (TypeError, AttributeError, json.JSONDecodeError) as error:
        raise InvalidDefinition(f"The definition is malformed: {error}") from None
    except KeyError as error:
        raise InvalidDefinition(f"The definition lacks {error}.") from None
    for name in [machine.start_at, *(after for state in states.values() for after in _followers(state))]:
        if name not in states:
            raise InvalidDefinition(f"There is no state {name}.")
    return machine


def resolve(path: str, data: Any) -> Any:
    """What a reference path such as ``$.a.b`` leads to. Raises `InvalidData` where it leads nowhere."""
    for name in path.split(".")[1:]:
        if not isinstance(data, dict) or name not in data:
            raise InvalidData(f"{path} leads to nothing.")
        data = data[name]
    return data


def fill(template: Any, data: Any) -> Any:
    """A payload template: the value of ``"name.$"`` is a path, and becomes ``"name"``."""
    if not isinstance(template, dict):
        return template
    return {
        name.removesuffix(".$"): resolve(value, data) if name.endswith(".$") else fill(value, data)
        for name, value in template.items()
    }


def place(path: str, result: Any, data: Any) -> Any:
    """The data with the result at the path, which is ``$`` or ``$.name``."""
    if path == "$":
        return result
    if not isinstance(data, dict):
        raise InvalidData(f"There is no object for {path} to be in.")
    return {**data, path.removeprefix("$."): result}


def _state(name: str, state: Mapping[str, Any]) -> Wait | Publish:
    where = f"state {name}"
    if state["Type"] == "Wait":
        _only(state, {"Type", "Comment", "TimestampPath", "Next"}, where)
        return Wait(_path(state["TimestampPath"]), state["Next"])
    if state["Type"] == "Task" and _PUBLISH.fullmatch(state["Resource"]):
        _only(
            state,
            {"Type", "Comment", "Resource", "Parameters", "ResultPath", "Retry", "Catch", "Next", "End"},
            where,
        )
        _only(state["Parameters"], {"TopicArn", "Message"}, f"the parameters of {where}")
        _check_template(state["Parameters"])
        if bool(state.get("End")) == ("Next" in state):
            raise InvalidDefinition(f"Either Next or End has to be in {where}.")
        catch = _catcher(state, where)
        return Publish(
            parameters=state["Parameters"],
            result_path=_shallow(state.get("ResultPath", "$")),
            retry=_retrier(state, where),
            catch=catch.get("Next"),
            catch_path=_shallow(catch.get("ResultPath", "$")),
            next=state.get("Next"),
        )
    raise InvalidDefinition(f"The local cloud knows Wait and sns:publish alone, and not {where}.")


def _retrier(state: Mapping[str, Any], where: str) -> Retry:
    given = _the_one(state, "Retry", where)
    known = {"IntervalSeconds", "BackoffRate", "MaxDelaySeconds", "MaxAttempts"}
    _only(given, known | {"ErrorEquals"}, f"Retry of {where}")
    if not given:
        return Retry(0, 1, 0, attempts=0)
    return Retry(
        interval=given.get("IntervalSeconds", 1),
        backoff=given.get("BackoffRate", 2.0),
        most_seconds=given.get("MaxDelaySeconds", float("inf")),
        attempts=given.get("MaxAttempts", 3),
    )


def _catcher(state: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    given = _the_one(state, "Catch", where)
    _only(given, {"ErrorEquals", "ResultPath", "Next"}, f"Catch of {where}")
    return given


def _the_one(state: Mapping[str, Any], field: str, where: str) -> Mapping[str, Any]:
    """The only entry of a list, which is for all errors; empty where there is none."""
    entries = state.get(field, [])
    if not entries:
        return {}
    if len(entries) > 1 or entries[0]["ErrorEquals"] != ["States.ALL"]:
        raise InvalidDefinition(f"The local cloud knows one {field} for States.ALL, and not that of {where}.")
    only: Mapping[str, Any] = entries[0]
    return only


def _check_template(template: Any) -> None:
    if isinstance(template, dict):
        for name, value in template.items():
            if name.endswith(".$"):
                _path(value)
            else:
                _check_template(value)
    elif isinstance(template, list):
        raise InvalidDefinition("The local cloud knows no lists in parameters.")


def _path(value: Any) -> str:
    if not isinstance(value, str) or _PATH.fullmatch(value) is None:
        raise InvalidDefinition(f"The local cloud knows paths such as $.a.b, and not {value!r}.")
    return value


def _shallow(value: Any) -> str:
    path = _path(value)
    if path.count(".") > 1:
        raise InvalidDefinition(f"The local cloud places results at $ or $.a, and not at {path}.")
    return path


def _followers(state: Wait | Publish) -> list[str]:
    named = [state.next] if isinstance(state, Wait) else [state.next, state.catch]
    return [name for name in named if name is not None]


def _only(given: Mapping[str, Any], known: Set[str], where: str) -> None:
    unknown = sorted(set(given) - known)
    if unknown:
        raise InvalidDefinition(f"The local cloud does not know [{', '.join(unknown)}] of {where}.")
