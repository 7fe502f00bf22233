"""What goes wrong between the servers and the cloud: which faults there are, and which call meets which."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

PUSH = "push"
"""SNS's pushes to the servers, as a service among the others."""
CERTIFICATE = "certificate"
"""The host of SNS's signing certificates."""


class Fault(StrEnum):
    """One call's fate."""

    NONE = "undisturbed"
    LATE = "late"
    """The call arrives after a while: calls and pushes overtake each other."""
    TWICE = "twice"
    """A push is delivered a second time, at once or much later."""
    ERROR = "server error"
    """Nothing is done; a 5xx of the service's own shape."""
    THROTTLED = "throttled"
    """Nothing is done; the service's own way to say that it is asked too often."""
    RESET = "reset"
    """Nothing is done; the connection breaks."""
    HANGS = "hangs"
    """Nothing is done; no answer comes."""
    UNANSWERED = "unanswered"
    """It is done, and the connection breaks before the answer."""
    CUT_SHORT = "cut short"
    """It is done, and the answer ends half-way."""
    BELATED = "belated"
    """No answer comes; it is done all the same, after the caller has given up."""
    TURNED_AWAY = "turned away"
    """A push is answered 403, as by a firewall before the server: SNS never tries it again."""


ERRORS: Mapping[str, Mapping[Fault, float]] = {
    "dynamodb": {
        Fault.ERROR: 6,
        Fault.THROTTLED: 6,
        Fault.RESET: 3,
        Fault.UNANSWERED: 6,
        Fault.CUT_SHORT: 2,
        Fault.HANGS: 0.5,
        Fault.BELATED: 0.5,
    },
    "s3": {Fault.ERROR: 3, Fault.THROTTLED: 3, Fault.RESET: 2, Fault.UNANSWERED: 2, Fault.CUT_SHORT: 2},
    "sns": {Fault.ERROR: 3, Fault.THROTTLED: 2, Fault.RESET: 1, Fault.UNANSWERED: 3, Fault.CUT_SHORT: 1},
    "sqs": {Fault.ERROR: 3, Fault.THROTTLED: 2, Fault.RESET: 1, Fault.UNANSWERED: 3, Fault.CUT_SHORT: 1},
    "ses": {Fault.ERROR: 2, Fault.THROTTLED: 2, Fault.RESET: 1, Fault.UNANSWERED: 3},
    "states": {Fault.ERROR: 3, Fault.THROTTLED: 2, Fault.RESET: 1, Fault.UNANSWERED: 3},
    CERTIFICATE: {Fault.ERROR: 2, Fault.RESET: 1, Fault.HANGS: 0.5, Fault.CUT_SHORT: 1},
    PUSH: {Fault.ERROR: 6, Fault.RESET: 3, Fault.UNANSWERED: 6, Fault.HANGS: 1},
}
"""Service → how often each of its errors occurs, among the calls that meet one."""
OUTAGE = (Fault.ERROR, Fault.RESET)
"""What every call meets while its service is out."""


@dataclass(frozen=True)
class Fate:
    """What happens to one call."""

    fault: Fault
    seconds: float = 0.0
    """Of waiting, where the fault has some."""


@dataclass(frozen=True)
class Weather:
    """How bad it is. Parts of one: each call meets at most one fault."""

    errors: float = 0.3
    late: float = 0.1
    longest_delay: float = 1.5
    """Seconds that a late call takes."""
    twice: float = 0.15
    longest_echo: float = 10.0
    """Seconds after which a push is delivered a second time."""
    hang: float = 4.0
    """Seconds that a call hangs before the connection breaks, if the caller does not give up before."""
    turned_away: float = 0.02
    outage_every: float = 10.0
    """Seconds from the end of one service's outage to the beginning of the next one's."""
    outage: float = 3.0
    """Seconds."""


class Storm:
    """Deals out faults until `end`. The n-th call of a service meets the same fault whenever the seed is the same.

    A message whose report nobody else can give is never turned away for good: that SES sent an e-mail, where the answer
    to the call was lost as well, would be told to nobody.
    """

    SPARED = frozenset({"mail-feedback"})

    def __init__(self, weather: Weather, seed: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.weather = weather
        self.met: Counter[tuple[str, Fault]] = Counter()
        """How many calls of each service met which fault."""
        self.turned_away: set[str] = set()
        """Ids of the messages that SNS was told never to try again."""
        self._seed = seed
        self._clock = clock
        self._began = clock()
        self._lock = threading.Lock()
        self._dice: dict[str, random.Random] = {}
        self._outages = self._plan()
        self._ended = False

    def end(self) -> None:
        """From now on everything arrives at once, and once."""
        self._ended = True

    def fate(self, service: str, *, topic: str = "", message_id: str = "") -> Fate:
        """What happens to the next call of the service. ``topic`` and ``message_id``: what a push is about."""
        if self._ended or service not in ERRORS:
            return Fate(Fault.NONE)
        with self._lock:
            dice = self._dice.setdefault(service, random.Random(f"{self._seed} {service}"))
            fate = self._draw(dice, service, topic)
            if fate.fault is Fault.TURNED_AWAY:
                if message_id in self.turned_away:
                    fate = Fate(Fault.NONE)  # an echo of it
                self.turned_away.add(message_id)
            self.met[service, fate.fault] += 1
        return fate

    @property
    def errors(self) -> float:
        """The part of all calls that met an error."""
        harmless = {Fault.NONE, Fault.LATE, Fault.TWICE}
        return sum(n for (_, fault), n in self.met.items() if fault not in harmless) / max(1, self.met.total())

    def report(self) -> str:
        """A line for each service."""
        lines = [f"{self.met.total()} calls, {self.errors:.0%} of them met an error"]
        for service in sorted({service for service, _ in self.met}):
            of_it = {fault: n for (name, fault), n in sorted(self.met.items()) if name == service}
            lines.append(f"  {service:<12}" + ", ".join(f"{fault} {n}" for fault, n in of_it.items()))
        return "\n".join(lines)

    def _draw(self, dice: random.Random, service: str, topic: str) -> Fate:
        weather, number, choice, wait = self.weather, dice.random(), dice.random(), dice.random()
        if self._is_out(service):
            return Fate(OUTAGE[int(choice * len(OUTAGE))])
        if number < weather.errors:
            names, weights = zip(*ERRORS[service].items(), strict=True)
            return Fate(random.Random(choice).choices(names, weights)[0], weather.hang)
        number -= weather.errors
        if number < weather.late:
            return Fate(Fault.LATE, wait * weather.longest_delay)
        number -= weather.late
        if service == PUSH and number < weather.twice:
            return Fate(Fault.TWICE, wait * weather.longest_echo if choice < 0.5 else 0.0)
        number -= weather.twice
        if service == PUSH and number < weather.turned_away and topic not in self.SPARED:
            return Fate(Fault.TURNED_AWAY)
        return Fate(Fault.NONE)

    def _plan(self) -> list[str]:
        """The services in the order in which they are out."""
        services = sorted(ERRORS) * 20
        random.Random(f"{self._seed} outages").shuffle(services)
        return services

    def _is_out(self, service: str) -> bool:
        period = self.weather.outage_every + self.weather.outage
        number, into = divmod(self._clock() - self._began, period)
        return into >= self.weather.outage_every and self._outages[int(number) % len(self._outages)] == service
