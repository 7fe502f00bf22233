"""What one dead letter is, and its way back into the inbox.

It is verified as a push is, but for its age; what is not a true message of its own topic is never processed. Then the
inbox's conditional writes decide, so that a message is handled anew once, however many operators replay it, and whatever
dies in between: a letter that is met again is a duplicate.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any

from shared.core.channels import Channel
from shared.core.clock import Clock
from shared.core.dead_letters import DeadLetter
from shared.core.errors import Conflict
from shared.core.inbox import About, Entry, EntryState, Inbox
from shared.inbox.intake import about_of, digest
from shared.sns_verify import CertificateStore, Notification, VerificationError, Verifier, read

Parsers = Mapping[str, Callable[[str], Any]]
"""Channel → what makes a message of a text; the message has ``about()``. A parser raises `Permanent`."""


class Verdict(StrEnum):
    """What became, or would become, of a dead letter."""

    REPLAYED = "replayed"
    """It is in the inbox, to be handled anew, and no longer in the queue."""
    DUPLICATE = "duplicate"
    """The inbox has it already, waiting, under way or done. A replay removes it from the queue."""
    INVALID = "invalid"
    """It is not a true message of its topic. It stays in the queue."""
    UNDECIDED = "undecided"
    """Nobody knows whether it is true: its certificate cannot be had now, or GAS fails at it. It stays in the queue."""
    DISCARDED = "discarded"
    WOULD_REPLAY = "would be replayed"
    WOULD_DISCARD = "would be discarded"


@dataclass(frozen=True)
class Judgement:
    """A verdict, and what it rests on."""

    verdict: Verdict
    detail: str
    """Why, in a sentence or two."""
    entry: Entry | None = None
    """What the inbox has of it."""
    would_fail: bool = False
    """It would be replayed in vain: its text is no message, as servers of this version see it."""


@dataclass(frozen=True)
class Claimed:
    """What a letter says it is, true or not, as it can be shown and stored anywhere: see `clean`. Empty where it does not
    say."""

    topic_arn: str = ""
    message_id: str = ""
    text: str = ""
    about: About = field(default_factory=About)


LONGEST_ID, LONGEST_ARN = 128, 256
"""Characters of an id, and of an ARN: longer than any true one."""


def clean(text: str, longest: int) -> str:
    """At most so many characters of what a stranger wrote: without control characters, and without the halves of
    surrogate pairs, which JSON can speak of and no database can store."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text[:longest])


@dataclass(frozen=True)
class Judged:
    """One of several letters, and what is to be said of it."""

    letter: DeadLetter
    found: Judgement | Exception
    """What GAS failed with, where it could not judge it."""
    message: Notification | None = None
    """What it is, when that is true."""

    def judgement(self) -> Judgement:
        """Raises what `found` is, if it is that."""
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


class _Unfit(Exception):
    """The letter cannot be replayed (now); the sentence says why."""

    def __init__(self, sentence: str, verdict: Verdict = Verdict.INVALID) -> None:
        super().__init__(sentence)
        self.judgement = Judgement(verdict, sentence)


class Replayer:
    """Judges and replays; from any number of threads.

    Raises `ValueError` when a channel's topic is no ARN.
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        inbox: Inbox,
        certificates: CertificateStore,
        parsers: Parsers,
        now: Clock,
    ) -> None:
        self._inbox = inbox
        self._parsers = parsers
        self._now = now
        self._verifiers = {
            channel.name: Verifier(
                topic_arns={channel.topic_arn}, certificates=certificates, now=now, minimum_version=2
            )
            for channel in channels
        }

    def judge(self, channel: Channel, letters: Sequence[DeadLetter], *, pool: Executor | None = None) -> list[Judged]:
        """What a replay of each would do, in their order; changes nothing. Raises `Unavailable`, and whatever an entry
        makes of which the inbox has something that nobody can read.

        ``pool``: looks at several at once, since each may have to wait for a certificate.
        """
        look = partial(self._look, channel)
        looked_at = list(pool.map(look, letters) if pool is not None else map(look, letters))
        true = [_entry_id(channel, found) for found in looked_at if isinstance(found, Notification)]
        known = self._inbox.get_all(true)

        def judged(letter: DeadLetter, found: Notification | Judgement | Exception) -> Judged:
            if not isinstance(found, Notification):
                return Judged(letter, found)
            return Judged(letter, self._foreseen(channel, found, known.get(_entry_id(channel, found))), found)

        return list(map(judged, letters, looked_at))

    def _look(self, channel: Channel, letter: DeadLetter) -> Notification | Judgement | Exception:
        try:
            return self._verified(channel, letter)
        except _Unfit as unfit:
            return unfit.judgement
        except Exception as error:  # noqa: BLE001 - for whoever deals with this letter; the others are not to wait behind it
            return error

    def _foreseen(self, channel: Channel, message: Notification, known: Entry | None) -> Judgement:
        judgement = _against(known, message)
        doubt = self._complaint(channel, message.message)
        if doubt and judgement.verdict is Verdict.WOULD_REPLAY:
            detail = f"{judgement.detail} It would fail at once: {doubt}"
            return Judgement(judgement.verdict, detail, known, would_fail=True)
        return judgement

    def replay(self, channel: Channel, message: Notification) -> Judgement:
        """Has a message handled anew that `judge` found to be true, if nobody had so yet. Raises `Unavailable`, and what
        else `Inbox.accept` raises. What it answers may differ from what `judge` foresaw: somebody else may be quicker.

        It is for the caller to remove the letter afterwards: of what is not `INVALID` or `UNDECIDED` the inbox has a copy.
        """
        now = self._now()
        entry = Entry(
            entry_id=_entry_id(channel, message),
            route=channel.name,
            message_id=message.message_id,
            topic_arn=message.topic_arn,
            envelope=message.envelope,
            digest=digest(message),
            received_at=now,
            accepted_at=now,
            due_at=now,  # no process has it at hand: whoever sweeps first shall start it
            about=about_of(message.message, self._parsers[channel.name]),
        )
        known = self._inbox.accept(entry)
        judgement = _against(known, message)
        if judgement.verdict is not Verdict.WOULD_REPLAY:
            return judgement
        if known is None:
            return Judgement(Verdict.REPLAYED, "The inbox accepted it, as a push.", entry)
        replayed = known.replayed(now)
        try:
            self._inbox.change(known, replayed)
        except Conflict:
            return Judgement(Verdict.DUPLICATE, "Somebody else has just had it handled anew.", known)
        return Judgement(Verdict.REPLAYED, "The inbox, which had given it up, has it handled anew.", replayed)

    def claimed(self, channel: Channel, letter: DeadLetter) -> Claimed:
        """What the letter says it is. Nothing of it is proven."""
        try:
            message = read(_bytes(letter)).message
        except VerificationError:
            found = _of_function(letter)
            if found is None:
                attributes = letter.attributes
                return _claimed(attributes.get("topic_arn", ""), attributes.get("message_id", ""), "", About())
            topic_arn, message_id, text = found
        else:
            topic_arn, message_id, text = message.topic_arn, message.message_id, message.message
        return _claimed(topic_arn, message_id, text, about_of(text, self._parsers[channel.name]))

    def _verified(self, channel: Channel, letter: DeadLetter) -> Notification:
        if not channel.has_inbox:
            raise _Unfit(
                "What a function failed at is not signed, and no inbox could take it: it can be shown and discarded. "
                "docs/dead-letters.md says how to mend what it was about."
            )
        try:
            message = self._verifiers[channel.name].verify(_bytes(letter), check_age=False)
        except VerificationError as error:
            if error.is_final:
                raise _Unfit(f"It is not a true message of {channel.name}: {error}") from None
            raise _Unfit(f"Whether it is true cannot be told now: {error}", Verdict.UNDECIDED) from None
        if not isinstance(message, Notification):
            raise _Unfit("It asks to confirm a subscription: there is nothing to handle in it.")
        return message

    def _complaint(self, channel: Channel, text: str) -> str:
        """Why the text is not a message, as servers of this version see it."""
        try:
            self._parsers[channel.name](text)
        except Exception as error:  # noqa: BLE001 - as the worker that would meet it
            return str(error)
        return ""


def _entry_id(channel: Channel, message: Notification) -> str:
    return f"{channel.name}#{message.message_id}"


def _against(known: Entry | None, message: Notification) -> Judgement:
    """What is to be done with a true message of which the inbox has this."""
    if known is None:
        return Judgement(Verdict.WOULD_REPLAY, "It was never accepted.")
    if known.verdict and known.state in {EntryState.RUNNING, EntryState.RECEIVED}:
        return Judgement(Verdict.UNDECIDED, "It is being given up at this moment: look at it again in a minute.", known)
    if known.digest != digest(message):
        return Judgement(
            Verdict.INVALID, "The inbox has another message under its MessageId, which SNS never gives twice.", known
        )
    match known.state:
        case EntryState.DEAD:
            return Judgement(Verdict.WOULD_REPLAY, f"It was given up: {known.error}", known)
        case EntryState.DONE:
            moment = f" at {known.finished_at:%Y-%m-%d %H:%M:%S} UTC" if known.finished_at else ""
            return Judgement(Verdict.DUPLICATE, f"It was handled{moment}.", known)
        case EntryState.RUNNING:
            return Judgement(Verdict.DUPLICATE, "It is being handled.", known)
        case EntryState.RECEIVED:
            return Judgement(Verdict.DUPLICATE, "It waits in the inbox to be handled.", known)


def _claimed(topic_arn: str, message_id: str, text: str, about: About) -> Claimed:
    ids = (about.job_id, about.user_id, about.request_id)
    return Claimed(
        clean(topic_arn, LONGEST_ARN),
        clean(message_id, LONGEST_ID),
        text.encode(errors="replace").decode(),
        About(*(clean(one, LONGEST_ID) for one in ids)),
    )


def _bytes(letter: DeadLetter) -> bytes:
    # What is not text, such as half a surrogate pair, becomes what the parser refuses as not being UTF-8.
    return letter.body.encode(errors="surrogatepass")


def _of_function(letter: DeadLetter) -> tuple[str, str, str] | None:
    """Topic, id and text of the event that a Lambda function failed at.

    Source: "Using a dead-letter queue", AWS Lambda Developer Guide: the body is the event, here SNS's.
    """
    try:
        sns = json.loads(letter.body)["Records"][0]["Sns"]
        found = sns["TopicArn"], sns["MessageId"], sns["Message"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return found if all(isinstance(value, str) for value in found) else None
