"""A filter is read from an address and written back in one way only; nonsense is told beside its field."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from frontend.results.filters import LONGEST, Filter, Genotype, Region, Span
from frontend.results.vocabulary import CLASSES, IMPACTS, TERMS, ZYGOSITIES

SAMPLES = ("child", "mother", "a:b")


def parse(query: str) -> tuple[Filter, dict[str, str]]:
    return Filter.parse(MultiDict(parse_qsl(query, keep_blank_values=True)), SAMPLES)


def read(query: str) -> Filter:
    chosen, problems = parse(query)
    assert problems == {}
    return chosen


def several(values: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    """Some of them, in their order."""
    return st.sets(st.sampled_from(values)).map(lambda some: tuple(value for value in values if value in some))


positions = st.integers(1, 2**31 - 1)
regions = st.builds(
    lambda contig, ends: Region(contig, min(ends), max(ends)),
    st.sampled_from(["20", "MT", "GL000192.1"]),
    st.tuples(positions, positions),
)
numbers = st.integers(0, 1000).map(lambda number: number / 1000)
spans = st.one_of(
    st.builds(lambda low: Span(low=low), numbers),
    st.builds(lambda high: Span(high=high), numbers),
    st.tuples(numbers, numbers).map(lambda ends: Span(min(ends), max(ends))),
)
filters = st.builds(
    Filter,
    gene=st.lists(st.sampled_from(["JAG1", "mt-nd4", "ENSG00000101384", "HLA-A"]), unique=True).map(tuple),
    region=st.lists(regions, unique=True, max_size=3).map(tuple),
    consequence=several(TERMS),
    impact=several(IMPACTS),
    match=st.sampled_from(["any", "worst", "picked"]),
    kind=several(CLASSES),
    clinvar=st.lists(st.sampled_from(["any", "Pathogenic", "Benign/Likely benign", "risk factor, x"]), unique=True).map(tuple),
    qual=st.none() | spans.filter(lambda span: span.low != span.high),
    size=st.none() | st.builds(lambda low, more: Span(low, low + more), st.integers(-60, 60), st.integers(0, 9)),
    passed=st.booleans(),
    genotype=st.sampled_from(["", "het", "hom"]),
    sample=st.lists(
        st.builds(Genotype, st.sampled_from(SAMPLES), st.sampled_from(list(ZYGOSITIES))), unique=True, max_size=3
    ).map(tuple),
    haplotype=st.booleans(),
    text=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=20),
)  # fmt: skip


@given(filters)
def test_what_is_written_is_read_again(chosen: Filter) -> None:
    assert parse(chosen.to_query()) == (chosen, {})


@given(filters)
def test_there_is_one_way_to_write_it(chosen: Filter) -> None:
    assert read(chosen.to_query()).to_query() == chosen.to_query()


@given(st.lists(st.tuples(st.sampled_from([name for name, _ in Filter(gene=("x",)).pairs()] + ["region", "consequence", "impact", "match", "class", "clinvar", "af", "qual", "size", "filter", "genotype", "sample", "haplotype", "q", "other"]), st.text(max_size=30))))  # fmt: skip
def test_whatever_stands_in_an_address_is_a_filter_or_a_sentence(pairs: list[tuple[str, str]]) -> None:
    chosen, problems = Filter.parse(MultiDict(pairs), SAMPLES)
    assert all(sentence.endswith((".", "?")) for sentence in problems.values())
    assert Filter.parse(MultiDict(parse_qsl(chosen.to_query())), SAMPLES) == (chosen, {})


@pytest.mark.parametrize(
    ("text", "regions"),
    [
        ("20", [Region("20")]),
        ("20:1,234,567", [Region("20", 1234567, 1234567)]),
        ("20:1,000,000-2,000,000", [Region("20", 1_000_000, 2_000_000)]),
        ("chr20:1000 - 2000", [Region("chr20", 1000, 2000)]),
        ("20:1-2;MT:5", [Region("20", 1, 2), Region("MT", 5, 5)]),
        ("20:1-2 X", [Region("20", 1, 2), Region("X")]),
        ("20:10..20", [Region("20", 10, 20)]),
    ],
)
def test_regions_are_read_as_people_write_them(text: str, regions: list[Region]) -> None:
    chosen, problems = Filter.parse(MultiDict({"region": text}))
    assert (list(chosen.region), problems) == (regions, {})


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("region", "20:2000-1000", "ends before it begins"),
        ("region", "20:abc", "no region"),
        ("region", "20:0-5", "no position"),
        ("region", "20:1-99999999999", "no position"),
        ("gene", "JAG1'; DROP", "no gene"),
        ("consequence", "misense", "no consequence"),
        ("impact", "SEVERE", "no impact"),
        ("class", "SNP", "no kind"),
        ("match", "best", "none of worst"),
        ("af", "2", "0.01"),
        ("af", "nan", "0.01"),
        ("af", "rare", "0.01"),
        ("qual", "inf", "30"),
        ("qual", "..", "30"),
        ("size", "9..3", "-3"),
        ("filter", "LowQual", "left out"),
        ("genotype", "hemi", "neither"),
        ("sample", "child:both", "none of"),
        ("sample", "eve:het", "no genotypes"),
        ("q", "x" * (LONGEST + 1), "At most"),
    ],
)
def test_nonsense_is_told_beside_its_field_and_the_rest_applies(name: str, text: str, said: str) -> None:
    chosen, problems = Filter.parse(MultiDict({name: text, "haplotype": "1"}), SAMPLES)
    assert set(problems) == {name}
    assert said in problems[name]
    assert chosen == Filter(haplotype=True)


def test_numbers_alone_mean_what_one_looks_for() -> None:
    assert read("af=0.01&qual=30&size=-3") == Filter(af=Span(high=0.01), qual=Span(low=30), size=Span(-3, -3))
    assert read("af=1%25") == Filter(af=Span(high=0.01))


def test_too_many_values_are_told() -> None:
    assert parse("&".join(f"clinvar=x{i}" for i in range(100)))[1]["clinvar"] == "At most 60 values, please."


def test_one_value_of_a_field_can_be_taken_out() -> None:
    chosen = read("impact=HIGH&impact=LOW&gene=A B&af=0.1&q=x")
    assert chosen.without("impact", "HIGH") == read("impact=LOW&gene=A B&af=0.1&q=x")
    assert chosen.without("af", "..0.1") == read("impact=HIGH&impact=LOW&gene=A B&q=x")
    assert chosen.without("impact") == read("gene=A B&af=0.1&q=x")


def test_the_words_are_those_of_the_annotator() -> None:
    from annotator_hook.consequence import terms
    from frontend.results.vocabulary import impact_of

    known = [term for term in TERMS if term in terms.TERMS]
    assert known == list(terms.TERMS)
    assert [impact_of(term) for term in known] == [str(impact) for impact in terms.IMPACTS]
