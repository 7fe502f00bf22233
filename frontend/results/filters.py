"""The filter over a job's variants: read from an address's query string, and written back to it in one way only.

What cannot be read is told beside its field, and everything else still applies. Nothing a person types becomes SQL:
see `frontend.results.conditions`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Literal, cast
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from frontend.results import conditions
from frontend.results.conditions import Where
from frontend.results.vocabulary import CLASSES, IMPACTS, TERMS, ZYGOSITIES

Match = Literal["any", "worst", "picked"]
MATCHES: Final[Mapping[Match, str]] = {
    "worst": "the most severe consequence",
    "any": "any transcript",
    "picked": "the picked transcript",
}
"""Which of a variant's transcripts gene, consequence and impact are compared with."""
GENOTYPES: Final = {"het": "heterozygous in any sample", "hom": "homozygous in any sample"}

MOST_VALUES = 60
"""Of one field; more than there are consequences."""
LONGEST = 200
"""Characters of one value."""
_LAST_POSITION = 2**31 - 1
_REGION = re.compile(r"(?P<contig>[^\s:;]+?)(?::(?P<start>[\d,]+)(?:\s*(?:-|–|\.\.)\s*(?P<end>[\d,]+))?)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


@dataclass(frozen=True)
class Region:
    """A stretch of a contig, 1-based, both ends in it; without an end all that follows."""

    contig: str
    start: int = 1
    end: int = _LAST_POSITION

    def __str__(self) -> str:
        if (self.start, self.end) == (1, _LAST_POSITION):
            return self.contig
        if self.start == self.end:
            return f"{self.contig}:{self.start:,}"
        return f"{self.contig}:{self.start:,}-{self.end:,}"


@dataclass(frozen=True)
class Genotype:
    """What one sample must have: one of `ZYGOSITIES`."""

    sample: str
    zygosity: str

    def __str__(self) -> str:
        return f"{self.sample}:{self.zygosity}"


@dataclass(frozen=True)
class Span:
    """From one number to another, both in it; None is no bound."""

    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        low, high = ("" if bound is None else f"{bound:.9g}" for bound in (self.low, self.high))
        return low if low == high else f"{low}..{high}"


@dataclass(frozen=True)
class Filter:
    """Every field must hold; of the values of one field, one. Empty fields hold always."""

    gene: tuple[str, ...] = ()
    """Symbols or gene ids, without regard to case."""
    region: tuple[Region, ...] = ()
    consequence: tuple[str, ...] = ()
    impact: tuple[str, ...] = ()
    match: Match = "worst"
    kind: tuple[str, ...] = field(default=(), metadata={"name": "class"})
    clinvar: tuple[str, ...] = ()
    """Significances as ClinVar words them; ``any`` is every variant that ClinVar knows."""
    af: Span | None = None
    """A variant whose frequency is not known counts as rare: only a lower bound keeps it out."""
    qual: Span | None = None
    """A variant without a quality has none that is high enough."""
    size: Span | None = None
    """Bases that are gained, or lost where it is negative."""
    passed: bool = field(default=False, metadata={"name": "filter"})
    """FILTER is PASS, or no filter was applied."""
    genotype: str = ""
    sample: tuple[Genotype, ...] = ()
    """All must hold."""
    haplotype: bool = False
    """A consequence is another one when the variants on its haplotype are read together."""
    text: str = field(default="", metadata={"name": "q"})

    @classmethod
    def parse(cls, args: MultiDict[str, str], samples: Sequence[str] = ()) -> tuple[Filter, dict[str, str]]:
        """The filter that a query string means, and for each field that means nothing a sentence.

        Args:
            args: What follows the ``?``; names that are none of ours are ignored.
            samples: Those of the file.
        """
        problems: dict[str, str] = {}
        values: dict[str, Any] = {}
        for item in fields(cls):
            given = [text for raw in args.getlist(_name(item)) if (text := _CONTROL.sub("", raw).strip())]
            if not given:
                continue
            try:
                values[item.name] = _read(item.name, given, samples)
            except ValueError as error:
                problems[_name(item)] = str(error)
        return cls(**values), problems

    def pairs(self) -> list[tuple[str, str]]:
        """Names and values of a query string, always in the same order."""
        found: list[tuple[str, str]] = []
        for item in fields(self):
            value = getattr(self, item.name)
            if value == item.default:
                continue
            texts = value if isinstance(value, tuple) else (value,)
            found += [(_name(item), _written(text)) for text in texts]
        return found

    def to_query(self, **more: object) -> str:
        """The query string, without a ``?``; ``more`` is added where it is not None."""
        extra = [(name, str(value)) for name, value in more.items() if value is not None]
        return urlencode(self.pairs() + extra)

    def where(self) -> Where:
        """The condition in SQL on a row of ``variants``, see `frontend.results.store`."""
        return conditions.where(self)

    def without(self, name: str, value: str | None = None) -> Filter:
        """Without one value of the field that a query string calls ``name``, or without the field."""
        item = next(item for item in fields(self) if _name(item) == name)
        present = getattr(self, item.name)
        left: Any = item.default
        if value is not None and isinstance(present, tuple):
            left = tuple(kept for kept in present if _written(kept) != value)
        changes: dict[str, Any] = {item.name: left}
        return replace(self, **changes)

    @property
    def is_empty(self) -> bool:
        """Whether it lets everything through."""
        return replace(self, match="worst") == Filter()


def _name(item: Any) -> str:
    """What a query string calls the field."""
    name: str = item.metadata.get("name", item.name)
    return name


def _written(value: Any) -> str:
    if value is True:
        return "1"
    return str(value)


def _read(name: str, given: list[str], samples: Sequence[str]) -> Any:
    """Raises ValueError with a sentence for people."""
    if any(len(text) > LONGEST for text in given):
        raise ValueError(f"At most {LONGEST} characters, please.")
    if len(given) > MOST_VALUES:
        raise ValueError(f"At most {MOST_VALUES} values, please.")
    return _READERS[name](given, samples)


def _genes(given: list[str], _: Sequence[str]) -> tuple[str, ...]:
    found = _distinct(part for text in given for part in re.split(r"[\s,;]+", text) if part)
    if wrong := next((name for name in found if not re.fullmatch(r"[\w.\-@]+", name)), None):
        raise ValueError(f"“{wrong}” is no gene's name. Write symbols or ids, such as JAG1, with spaces between them.")
    if len(found) > MOST_VALUES:
        raise ValueError(f"At most {MOST_VALUES} genes, please.")
    return tuple(found)


def _regions(given: list[str], _: Sequence[str]) -> tuple[Region, ...]:
    texts = _distinct(part for text in given for part in re.split(r"[;\s]+(?=[^\s\d–-])|;", text) if part.strip())
    return tuple(dict.fromkeys(_region(text.strip()) for text in texts))


def _region(text: str) -> Region:
    found = _REGION.fullmatch(text)
    if found is None:
        raise ValueError(f"“{text}” is no region. Write it like 20:1,000,000-2,000,000, 20:1,234,567 or 20.")
    if found["start"] is None:
        return Region(found["contig"])
    start = _position(found["start"])
    end = _position(found["end"]) if found["end"] else start
    if end < start:
        raise ValueError(f"“{text}” ends before it begins.")
    return Region(found["contig"], start, end)


def _position(text: str) -> int:
    digits = text.replace(",", "")
    if not digits.isascii() or not 0 < len(digits) <= 10 or not 1 <= int(digits) <= _LAST_POSITION:
        raise ValueError(f"“{text}” is no position: they begin at 1.")
    return int(digits)


def _of(known: Sequence[str], what: str) -> Callable[[list[str], Sequence[str]], tuple[str, ...]]:
    exact = {name.lower(): name for name in known}

    def read(given: list[str], _: Sequence[str]) -> tuple[str, ...]:
        found = _distinct(part.strip() for text in given for part in text.split(",") if part.strip())
        if wrong := next((name for name in found if name.lower() not in exact), None):
            raise ValueError(f"“{wrong}” is no {what}.")
        return tuple(name for name in known if name.lower() in {text.lower() for text in found})

    return read


def _significances(given: list[str], _: Sequence[str]) -> tuple[str, ...]:
    return tuple(_distinct(given))


def _span(
    example: str, least: float, most: float, alone: Callable[[float], Span]
) -> Callable[[list[str], Sequence[str]], Span]:
    """``alone`` says what one number alone means."""

    def number(text: str) -> float | None:
        text = text.replace("−", "-").strip()
        if not text:
            return None
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        if not least <= value <= most:
            raise ValueError(text)
        return value

    def read(given: list[str], _: Sequence[str]) -> Span:
        text = given[-1]
        low, dots, high = text.partition("..")
        try:
            span = Span(number(low), number(high))
        except ValueError:
            raise ValueError(f"“{text}” is not understood. {example}") from None
        if not dots and span.low is not None:
            return alone(span.low)
        if span == Span() or (span.low is not None and span.high is not None and span.low > span.high):
            raise ValueError(f"“{text}” holds no number. {example}")
        return span

    return read


def _flag(*words: str) -> Callable[[list[str], Sequence[str]], bool]:
    def read(given: list[str], _: Sequence[str]) -> bool:
        if given[-1].lower() not in words:
            raise ValueError(f"“{given[-1]}” means nothing here: it can be on or left out.")
        return True

    return read


def _match(given: list[str], _: Sequence[str]) -> Match:
    if given[-1] not in MATCHES:
        raise ValueError(f"“{given[-1]}” is none of {', '.join(MATCHES)}.")
    return cast("Match", given[-1])


def _genotype(given: list[str], _: Sequence[str]) -> str:
    if given[-1] not in GENOTYPES:
        raise ValueError(f"“{given[-1]}” is neither het nor hom.")
    return given[-1]


def _samples(given: list[str], samples: Sequence[str]) -> tuple[Genotype, ...]:
    found = []
    for text in given:
        sample, _, zygosity = text.rpartition(":")
        if sample not in samples:
            raise ValueError(f"The results have no genotypes of a sample “{sample or text}”.")
        if zygosity not in ZYGOSITIES:
            raise ValueError(f"“{zygosity}” is none of {', '.join(ZYGOSITIES)}.")
        found.append(Genotype(sample, zygosity))
    return tuple(dict.fromkeys(found))


def _text(given: list[str], _: Sequence[str]) -> str:
    return " ".join(given[-1].split())


def _distinct(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


_READERS: Final[Mapping[str, Callable[[list[str], Sequence[str]], Any]]] = {
    "gene": _genes,
    "region": _regions,
    "consequence": _of(TERMS, "consequence. Choose from the list, or write Sequence Ontology's word"),
    "impact": _of(IMPACTS, "impact: there are HIGH, MODERATE, LOW and MODIFIER"),
    "match": _match,
    "kind": _of(CLASSES, f"kind of variant: there are {', '.join(CLASSES)}"),
    "clinvar": _significances,
    "af": _span("Write 0.01 or 1% for at most that, or 0.01..0.05.", 0, 1, lambda most: Span(high=most)),
    "qual": _span("Write 30 for at least that, or 30..100.", -1e9, 1e9, lambda least: Span(low=least)),
    "size": _span("Write -3 for three bases lost, 1..10 for up to ten gained.", -1e9, 1e9, lambda n: Span(n, n)),
    "passed": _flag("pass", "1", "on"),
    "genotype": _genotype,
    "sample": _samples,
    "haplotype": _flag("1", "on", "changed"),
    "text": _text,
}
