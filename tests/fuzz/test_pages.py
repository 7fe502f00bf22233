"""The pages: whatever is typed into forms, put into addresses or sent instead of them, nothing breaks on our side."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode
from xml.etree.ElementTree import Element

import duckdb
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict
from werkzeug.routing import Rule

from frontend.jobs.paste import NotVariants, parse
from frontend.results.filters import Filter
from shared.core.jobs import JobState
from shared.core.vcf_facts import read_facts
from tests.client import Browser
from tests.frontend_world import FrontendWorld
from tests.fuzz.shapes import a_few, headers, json_values, texts
from tests.results_world import SAMPLES
from tests.unit.frontend_jobs.world import JobsWorld, token_of
from tests.unit.frontend_results.world import ResultsWorld, index_of

OURS = set(range(500, 600)) - {503}
"""Statuses that say that it is our fault."""
LEFT_OUT = {"static", "accounts.sign_out"}


@functools.cache
def rules() -> tuple[Rule, ...]:
    found = [rule for rule in FrontendWorld().app.url_map.iter_rules() if rule.endpoint not in LEFT_OUT]
    return tuple(sorted(found, key=lambda rule: (rule.rule, sorted(rule.methods or ()))))


def someone(data: st.DataObject, world: JobsWorld) -> Browser:
    """Alice, an operator, or a stranger."""
    who = data.draw(st.sampled_from(["alice", "alice", "olga", "nobody"]))
    if who == "olga":
        return world.browser(world.account("olga", role="operator"))
    return world.browser(world.alice if who == "alice" else None)


def path_of(data: st.DataObject, rule: Rule, known: str) -> str:
    """The rule's address, with values that may mean something."""
    path = rule.rule
    for name in sorted(rule.arguments):
        given_kinds = st.sampled_from([known, "vcf", "0", "1"])
        value = data.draw(given_kinds | texts, label=name)
        before, _, rest = path.partition("<")
        path = before + quote(value, safe="") + rest.partition(">")[2]
    return path


def query(data: st.DataObject) -> str:
    pairs = data.draw(st.lists(st.tuples(st.sampled_from(NAMES) | texts, texts), max_size=4), label="query")
    return urlencode(pairs)


NAMES = (
    "gene", "region", "consequence", "impact", "match", "class", "clinvar", "af", "qual", "size", "filter", "genotype",
    "sample", "haplotype", "q", "page", "sort", "columns", "after", "start", "next", "state", "topic", "since", "until",
    "run", "name", "variants", "email", "password", "token", "transcripts", "locus", "error", "user", "job", "queue",
)  # fmt: skip
"""What fields and addresses of ours are called."""


_opened = contextlib.ExitStack()
atexit.register(_opened.close)

words = st.sampled_from(
    [
        "20:3,000-3500",
        "MT",
        "0..0.5",
        "1%",
        "-3",
        "mother:het",
        "HIGH",
        "missense_variant",
        "any",
        "PASS",
        "JAG1;NEXT",
        "on",
    ]
)


@a_few
@given(st.data())
def test_no_form_breaks_whatever_is_typed_into_it(data: st.DataObject) -> None:
    world = JobsWorld()
    job = world.job(data.draw(st.sampled_from(JobState)))
    browser = someone(data, world)
    shown = [rule for rule in rules() if "GET" in (rule.methods or ())]
    rule = data.draw(st.sampled_from(shown))
    page = browser.get(path_of(data, rule, job.job_id))
    forms = page.all("form")
    if not forms:
        return
    form = data.draw(st.sampled_from(range(len(forms))).map(forms.__getitem__), label="form")
    filled = MultiDict(typed(data, form))
    action = form.get("action") or page.response.request.path
    if form.get("method", "get").lower() == "post":
        answer = browser.client.post(action, data=filled)
    else:
        answer = browser.client.get(action, query_string=filled)
    assert answer.status_code not in OURS, answer.get_data(as_text=True)[:2000]
    answer.close()


def typed(data: st.DataObject, form: Element) -> Iterator[tuple[str, str]]:
    """What is sent: the token as it is, everything else perhaps not."""
    for tag in ("input", "textarea", "select", "button"):
        for field in form.iter(tag):
            name = field.get("name", "")
            if name == "csrf_token":
                yield name, field.get("value", "")
            elif name and data.draw(st.booleans(), label=f"{name}?"):
                for value in data.draw(st.lists(texts | st.just(field.get("value", "")), min_size=1, max_size=2)):
                    yield name, value
    for name in data.draw(st.lists(texts, max_size=1)):
        yield name, "unasked"


@a_few
@given(st.data())
def test_no_request_breaks_whatever_it_says(data: st.DataObject) -> None:
    world = JobsWorld()
    job = world.job(data.draw(st.sampled_from(JobState)))
    browser = someone(data, world)
    rule = data.draw(st.sampled_from(rules()))
    said = data.draw(
        st.dictionaries(
            st.sampled_from(
                ["Accept", "HX-Request", "If-None-Match", "Range", "Cookie", "X-Request-ID", "Host", "Referer"]
            ),
            headers,
            max_size=3,
        )
    )
    kind = data.draw(
        st.sampled_from(["application/json", "application/x-www-form-urlencoded", "multipart/form-data", "x"])
    )
    content: Any = data.draw(json_values.map(json.dumps) | st.binary(max_size=200))
    if data.draw(st.booleans()):
        said["X-CSRFToken"] = token_of(browser, "/jobs/new" if "user_id" in session_of(browser) else "/sign-in")
    answer = browser.client.open(
        f"{path_of(data, rule, job.job_id)}?{query(data)}",
        method=data.draw(st.sampled_from(["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS"])),
        headers=said,
        content_type=kind,
        data=content,
    )
    assert answer.status_code not in OURS, answer.get_data(as_text=True)[:2000]
    answer.close()


@functools.cache
def explored() -> tuple[Browser, str]:
    """Alice, and her job whose variants can be looked at: for requests that change nothing."""
    world = ResultsWorld(Path(_opened.enter_context(tempfile.TemporaryDirectory())))
    return world.browser(world.alice), world.explored().job_id


@a_few
@given(st.data())
def test_no_question_breaks_the_pages_of_results(data: st.DataObject) -> None:
    browser, job_id = explored()
    parts = ["", "/variants", "/variants/3", "/genome", "/export.tsv", "/export.json", "/export.html", "/export.xlsx"]
    path = f"/jobs/{job_id}{data.draw(st.sampled_from(parts))}"
    pairs = data.draw(st.lists(st.tuples(st.sampled_from(NAMES), words | texts), max_size=5))
    answer = browser.client.get(f"{path}?{urlencode(pairs)}", headers={"HX-Request": data.draw(headers)})
    assert answer.status_code not in OURS, answer.get_data(as_text=True)[:2000]
    answer.close()


def session_of(browser: Browser) -> dict[str, Any]:
    with browser.client.session_transaction() as kept:
        return dict(kept)


@functools.cache
def family() -> duckdb.DuckDBPyConnection:
    """The index over `tests.results_world.family`; open until the process ends."""
    return _opened.enter_context(index_of(Path(_opened.enter_context(tempfile.TemporaryDirectory()))))


@a_few
@given(st.lists(st.tuples(st.sampled_from(NAMES), words | texts), max_size=6))
def test_a_filter_means_something_or_says_what_is_wrong(pairs: list[tuple[str, str]]) -> None:
    chosen, problems = Filter.parse(MultiDict(pairs), SAMPLES)
    assert all(problems.values())
    assert set(problems) <= {name for name, _ in pairs}
    where = chosen.where()
    family().execute(f"SELECT count(*) FROM variants WHERE {where.sql}", where.parameters).fetchone()
    again = Filter.parse(MultiDict(parse_qsl(chosen.to_query(), keep_blank_values=True)), SAMPLES)
    assert again == (chosen, {})


@a_few
@given(
    st.text(max_size=200)
    | st.lists(texts | st.sampled_from(["m.3243A>G", "MT 1 A G", "20-1-A-G", "#CHROM"])).map("\n".join)
)
def test_a_pasted_text_becomes_a_vcf_or_is_refused_by_line(text: str) -> None:
    try:
        pasted = parse(text)
    except NotVariants as error:
        lines = [complaint.line for complaint in error.complaints]
        assert lines == sorted(set(lines))
        return
    read_facts(pasted.vcf)
    assert pasted.vcf.startswith(b"##fileformat")
    assert pasted.name
