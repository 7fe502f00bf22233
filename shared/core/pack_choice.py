"""Which reference pack a VCF is for, and why, in sentences for the person who sent it.

Lengths of contigs are the strongest evidence, then positions beyond a contig's end, then what the header calls its
reference, then mere names. Whether REF agrees with the sequence is seen by the annotator, which has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.core import assemblies
from shared.core.packs import CardContig, PackCard
from shared.core.vcf_facts import VcfFacts, read_facts

__all__ = ["Choice", "VcfFacts", "choose", "label", "read_facts"]

_SHOWN = 3  # contigs in a sentence
_INSTALLABLE = {"GRCh37": "grch37", "GRCh38": "grch38"}
"""Assemblies for which `gas packs install` has a recipe."""


@dataclass(frozen=True)
class Choice:
    """``pack`` is None when a person has to decide; then ``mismatch`` says why."""

    pack: str | None
    why: str
    """Why this pack; empty without one."""
    mismatch: str | None = None
    fitting: tuple[str, ...] = ()
    """With a mismatch: the installed packs that the file does fit, as far as it says."""
    candidates: tuple[str, ...] = ()
    """All installed packs, those that know most of the file's contigs first."""


def label(card: PackCard) -> str:
    """What the pack is called in a sentence: its assembly where that has a well-known name, else its title."""
    named = assemblies.named_in(card.assembly)
    return next(iter(named)) if len(named) == 1 else card.title


def choose(facts: VcfFacts, cards: Sequence[PackCard], wanted: str = "") -> Choice:
    """The pack for a file with these facts. ``wanted``: the pack that its owner asked for; empty: none."""
    fits = sorted((_Fit(facts, card) for card in cards), key=lambda fit: fit.rank, reverse=True)
    usable = [fit for fit in fits if fit.is_usable]
    candidates = tuple(fit.card.name for fit in fits)
    best = usable[0] if usable else None
    if wanted:
        asked = next((fit for fit in fits if fit.card.name == wanted), None)
        if asked is not None and asked.is_usable:
            return Choice(wanted, "You chose it.", candidates=candidates)
        mismatch = asked.contradiction if asked else "The reference that you chose is not installed any more."
        return Choice(None, "", _with_fitting(mismatch, best), (best.card.name,) if best else (), candidates)
    if best is None:
        return Choice(None, "", _nothing_fits(facts, fits), candidates=candidates)
    rivals = [fit for fit in usable[1:] if fit.says_the_same_as(best)]
    if rivals:
        alike = [best, *rivals]
        return Choice(None, "", _ambiguous(alike), tuple(fit.card.name for fit in alike), candidates)
    return Choice(best.card.name, best.why, candidates=candidates)


class _Fit:
    """How a file's facts and one pack agree."""

    def __init__(self, facts: VcfFacts, card: PackCard) -> None:
        self.facts = facts
        self.card = card
        self.evidence = tuple(facts.records or facts.contigs)
        """The contigs that the pack ought to have."""
        self.known = tuple(name for name in self.evidence if name.lower() in card.by_alias)
        self.agreeing: list[str] = []
        self.disagreeing: list[str] = []
        for name, length in facts.contigs.items():
            contig = card.by_alias.get(name.lower())
            if contig is not None and length is not None:
                (self.agreeing if contig.length == length else self.disagreeing).append(name)
        self.beyond = [name for name in self.known if facts.records.get(name, 0) > self._contig(name).length]
        self.named = self._named()

    @property
    def is_usable(self) -> bool:
        return not self._is_contradicted and (bool(self.known) or not self.evidence)

    @property
    def rank(self) -> tuple[bool, float, int, bool, int]:
        """Higher is better; the last: of packs with the same sequence the smallest says most about a small file."""
        share = len(self.known) / len(self.evidence) if self.evidence else 0.0
        return (self.is_usable, share, len(self.agreeing), self.named is True, -len(self.card.contigs))

    @property
    def why(self) -> str:
        """One sentence, of a pack that is usable."""
        if self.agreeing:
            first = self._example(self.agreeing)
            others = len(self.agreeing) - 1
            more = f", and {others:,} more {'contigs' if others > 1 else 'contig'} as well" if others else ""
            sentence = f"The header says {first} is {self.facts.contigs[first]:,} long, as in {label(self.card)}{more}."
            return " ".join([sentence, *self._notes()])
        if self.named:
            return f"The header names {label(self.card)} as its reference."
        if self.known:
            return f"The file speaks of {_listed(self.known)}, which {label(self.card)} has."
        return "The file does not say what its reference is."

    @property
    def contradiction(self) -> str:
        """One sentence, of a pack that is not usable."""
        bad = [name for name in self.disagreeing if name in self.facts.records] or self.disagreeing
        if bad and self._lengths_contradict:
            name = self._example(bad)
            return self._length_sentence(name) + f"; {label(self.card)} has {self._contig(name).length:,}."
        if self.beyond:
            name = self.beyond[0]
            place = f"{_short(name)}:{self.facts.records[name]:,}"
            return f"There is a record at {place}, but in {label(self.card)} that contig ends at {self._contig(name).length:,}."
        if not self.known:
            return f"The file speaks of {_listed(self.evidence)}; {self.card.title} has nothing of that name."
        hint = next(hint for hint in self.facts.hints if assemblies.named_in(hint))
        return f"The header names its reference as “{_short(hint)}”, which is not {label(self.card)}."

    def says_the_same_as(self, best: _Fit) -> bool:
        """Whether nothing tells the two apart although their sequences differ."""
        ours, theirs = self.rank[:4], best.rank[:4]
        lengths = [(self._contig(name).length, best.card.by_alias[name.lower()].length) for name in self.known]
        return ours == theirs and any(one != other for one, other in lengths)

    @property
    def _is_contradicted(self) -> bool:
        if self._lengths_contradict or self.beyond:
            return True
        return self.named is False and not self.agreeing

    @property
    def _lengths_contradict(self) -> bool:
        """Most lengths differ, or those of all contigs that have records: a header may list one odd contig."""
        touched = [name for name in self.known if self.facts.contigs.get(name) is not None]
        all_wrong = bool(self.facts.records and touched) and all(name in self.disagreeing for name in touched)
        return all_wrong or len(self.disagreeing) > len(self.agreeing)

    def _named(self) -> bool | None:
        """Whether the header's words mean this pack's assembly; None when they mean none that is known."""
        own = assemblies.named_in(self.card.assembly)
        given = frozenset().union(*(assemblies.named_in(hint) for hint in self.facts.hints))
        if own and given:
            return bool(own & given)
        word = self.card.assembly.split(" ")[0].lower()
        return True if len(word) > 2 and any(word in hint.lower() for hint in self.facts.hints) else None

    def _notes(self) -> list[str]:
        return [f"But {self._length_sentence(name, begin='it says')}." for name in self.disagreeing[:1]]

    def _length_sentence(self, name: str, begin: str = "The header says") -> str:
        length = self.facts.contigs[name] or 0
        what = assemblies.of_contig(name, length)
        if length == assemblies.YORUBA_LENGTH:
            what = "NC_001807, the Yoruba sequence that UCSC's hg19 calls chrM"
        return f"{begin} {_short(name)} is {length:,} long" + (f": that is {what}" if what else "")

    def _example(self, names: Sequence[str]) -> str:
        return next((name for name in names if name in self.facts.records), names[0])

    def _contig(self, name: str) -> CardContig:
        return self.card.by_alias[name.lower()]


def _with_fitting(mismatch: str, best: _Fit | None) -> str:
    return f"{mismatch} It fits {label(best.card)}, which is installed too." if best else mismatch


def _nothing_fits(facts: VcfFacts, fits: Sequence[_Fit]) -> str:
    """What is said when no installed pack is usable."""
    meant = {assemblies.of_contig(name, length) for name, length in facts.contigs.items() if length}
    meant |= {name for hint in facts.hints for name in assemblies.named_in(hint)}
    recipes = sorted(_INSTALLABLE[name] for name in meant if name in _INSTALLABLE)
    near = [fit for fit in fits if fit.known]
    if near:
        sentence = near[0].contradiction
    else:
        evidence = _listed(tuple(facts.records or facts.contigs))
        shown = fits[:_SHOWN]
        titles = " and ".join(fit.card.title for fit in shown)
        are, have = ("is", "has") if len(shown) == 1 else ("are", "have")
        where = "first records are on" if facts.records else "header speaks of"
        sentence = f"The {where} {evidence}. Installed {are} {titles}, which {have} nothing of that name."
    install = f"Whoever runs this server can add the right one: gas packs install {recipes[0]}." if recipes else ""
    return " ".join(filter(None, (sentence, install)))


def _ambiguous(fits: Sequence[_Fit]) -> str:
    names = " and ".join(label(fit.card) for fit in fits)
    return (
        f"Nothing in the file says on which assembly its positions are counted, and {names} have contigs of these names. "
        "Choose the one that the file was made with."
    )


def _listed(names: Sequence[str]) -> str:
    shown = [_short(name) for name in names[:_SHOWN]]
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(shown) + more


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
