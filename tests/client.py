"""A browser without JavaScript, which complains about every page that is not as pages must be.

Each page it fetches is parsed as HTML by the strict parser and checked: a title, one h1, a label for every field, forms
that lead somewhere and carry a CSRF token, links that lead somewhere, nothing inline that the pages' policy refuses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import html5lib
from flask import Flask
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import RequestRedirect
from werkzeug.test import TestResponse

_NOT_TYPED = {"hidden", "submit", "button", "image", "reset"}
_LINKING = ("aria-describedby", "aria-labelledby", "aria-controls", "for")


class Page:
    """What was answered."""

    def __init__(self, response: TestResponse) -> None:
        self.response = response
        self.status = response.status_code
        self.headers = response.headers
        text = response.get_data().decode(errors="replace")
        response.close()
        self.text = text if (response.mimetype or "").startswith("text/") else ""
        self.is_html = response.mimetype == "text/html" and bool(self.text)
        self.is_whole = self.text.lstrip()[:9].lower() == "<!doctype"
        self.root: Element = self._parsed() if self.is_html else Element("nothing")

    def _parsed(self) -> Element:
        make: Any = html5lib.HTMLParser  # has no types
        parser = make(strict=True, namespaceHTMLElements=False)
        tree: Element = parser.parse(self.text) if self.is_whole else parser.parseFragment(self.text)
        return tree

    @property
    def location(self) -> str | None:
        """Where a redirect leads."""
        return self.headers.get("Location")

    @property
    def words(self) -> str:
        """What a reader sees in the body, with single spaces."""
        body = self.root.find("body")
        return text_of(self.root if body is None else body)

    @property
    def title(self) -> str:
        """The title in the tab."""
        return text_of(self.all("title")[0])

    @property
    def h1(self) -> str:
        """The heading."""
        return text_of(self.all("h1")[0])

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Every element with this tag and these attributes."""
        return [
            item for item in self.root.iter(tag) if all(item.get(key) == value for key, value in attributes.items())
        ]

    def form(self, button: str) -> Element:
        """The one form that has a button with this text."""
        found = [form for form in self.all("form") if any(text_of(item) == button for item in form.iter("button"))]
        assert len(found) == 1, f"{len(found)} forms have a button {button!r} on the page {self.words[:300]!r}"
        return found[0]


def text_of(element: Element) -> str:
    """The element's text with single spaces."""
    return " ".join("".join(element.itertext()).split())


class Browser:
    """One person's browser: keeps cookies, checks every page."""

    def __init__(self, app: Flask, *, address: str = "192.0.2.1") -> None:
        self.app = app
        self.client = app.test_client()
        self.address = address

    def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> Page:
        """Fetches a page; redirects are not followed."""
        return self._checked(self.client.get(path, headers=headers, environ_base=self._from()))

    def follow(self, page: Page) -> Page:
        """Goes where redirects lead."""
        while page.location is not None:
            page = self.get(page.location)
        return page

    def post(self, path: str, data: Any = None, *, headers: Mapping[str, str] | None = None, **more: Any) -> Page:
        """Posts as is: without a CSRF token, unless ``data`` has one."""
        return self._checked(self.client.post(path, data=data, headers=headers, environ_base=self._from(), **more))

    def submit(self, page: Page, button: str, **fields: str) -> Page:
        """Fills in the form that has this button and sends it, with what the form holds already."""
        form = page.form(button)
        fields_of = [*form.iter(), *_elsewhere(page, form)]
        names = {item.get("name") for item in fields_of if item.tag in {"input", "textarea", "select"}}
        assert fields.keys() <= names, f"the form {button!r} has no fields {fields.keys() - names}"
        data = MultiDict(_values(fields_of))
        for name, value in fields.items():
            data.setlist(name, [value])
        action = form.get("action") or page.response.request.path
        if form.get("method", "get").lower() == "post":
            return self.post(action, data)
        return self._checked(self.client.get(action, query_string=data, environ_base=self._from()))

    def sign_in(self, email: str, password: str) -> Page:
        """By the sign-in page."""
        return self.submit(self.get("/sign-in"), "Sign in", email=email, password=password)

    def _from(self) -> dict[str, Any]:
        return {"REMOTE_ADDR": self.address}

    def _checked(self, response: TestResponse) -> Page:
        page = Page(response)
        if page.is_html and page.location is None:
            if page.is_whole:
                _check_frame(page)
            _check_identity(page)
            _check_fields(page)
            _check_inline(page)
            self._check_forms(page)
            self._check_links(page)
        return page

    def _check_forms(self, page: Page) -> None:
        for form in page.all("form"):
            method, action = form.get("method", "get").upper(), form.get("action")
            assert action, f"a form has no action: {text_of(form)}"
            if "data-to-storage" in form.attrib:
                continue  # posted to S3 by a script
            self._require_route(action, method)
            tokens = [item for item in form.iter("input") if item.get("name") == "csrf_token" and item.get("value")]
            assert len(tokens) == (method == "POST"), f"{len(tokens)} CSRF tokens in the form to {action}"

    def _check_links(self, page: Page) -> None:
        for link in page.all("a"):
            href = link.get("href", "")
            label = link.get("aria-label") or text_of(link)
            assert href, f"a link leads nowhere: {text_of(link)}"
            assert label, f"a link has no words: {href}"
            if href.startswith("#"):
                assert any(item.get("id") == href[1:] for item in page.root.iter()), f"no {href} on the page"
            elif not urlsplit(href).netloc:
                self._require_route(href, "GET")
        for tag, name in (("script", "src"), ("link", "href"), ("img", "src")):
            for item in page.all(tag):
                self._require_route(item.get(name, ""), "GET")

    def _require_route(self, target: str, method: str) -> None:
        path = urlsplit(target).path
        try:
            self.app.url_map.bind("localhost").match(path, method=method)
        except RequestRedirect:
            return
        except MethodNotAllowed:
            raise AssertionError(f"{path} does not take {method}") from None
        except HTTPException:
            raise AssertionError(f"nothing answers at {path}") from None


def _elsewhere(page: Page, form: Element) -> list[Element]:
    """What belongs to the form and stands outside of it."""
    return [item for item in page.root.iter() if (name := item.get("form")) and name == form.get("id")]


def _values(fields: list[Element]) -> Iterator[tuple[str, str]]:
    """What the form would send if nobody touched it."""
    for item in (field for field in fields if field.tag == "input"):
        untouched = item.get("type") not in {"checkbox", "radio"} or "checked" in item.attrib
        if (name := item.get("name")) and untouched and item.get("type") != "submit":
            yield name, item.get("value", "")
    for item in (field for field in fields if field.tag == "textarea"):
        if name := item.get("name"):
            yield name, (item.text or "").removeprefix("\n")
    for item in (field for field in fields if field.tag == "select"):
        options = list(item.iter("option"))
        chosen = [option for option in options if "selected" in option.attrib] or options[:1]
        for option in chosen:
            yield item.get("name", ""), option.get("value", text_of(option))


def _check_frame(page: Page) -> None:
    assert [item.get("lang") for item in page.all("html")] == ["en"]
    titles = [text_of(item) for item in page.all("title") if item.text]
    assert len(titles) == 1, f"the page has the titles {titles}"
    assert titles[0].endswith(" · GAS"), titles[0]
    headings = [text_of(item) for item in page.all("h1")]
    assert len(headings) == 1, f"the page has the headings {headings}"
    assert headings[0], "the heading is empty"
    assert len(page.all("main")) == 1


def _check_identity(page: Page) -> None:
    ids = Counter(item.get("id") for item in page.root.iter() if item.get("id"))
    assert not [name for name, count in ids.items() if count > 1], f"ids stand twice: {ids}"
    if page.is_whole:
        for item in page.root.iter():
            for attribute in _LINKING:
                for name in item.get(attribute, "").split():
                    assert name in ids, f"{attribute} of a <{item.tag}> means {name!r}, which is not there"


def _check_fields(page: Page) -> None:
    labelled = {item.get("for") for item in page.all("label") if text_of(item)}
    wrapped = {id(field) for label in page.all("label") if text_of(label) for field in label.iter()}
    for tag in ("input", "select", "textarea"):
        for item in page.all(tag):
            if item.get("type") not in _NOT_TYPED:
                has_label = item.get("id") in labelled or id(item) in wrapped or item.get("aria-label")
                assert has_label, f"the field {item.attrib} has no label"
    for item in page.all("button"):
        assert text_of(item) or item.get("aria-label"), "a button has no words"
    for item in page.all("img"):
        assert "alt" in item.attrib, f"an image has no words: {item.attrib}"


def _check_inline(page: Page) -> None:
    for item in page.root.iter():
        if not isinstance(item.tag, str):
            continue  # a comment
        assert "style" not in item.attrib, f"inline style on <{item.tag}>: the policy refuses it"
        assert not [name for name in item.attrib if str(name).startswith("on")], f"inline script on <{item.tag}>"
        assert item.tag != "style", "inline style sheet: the policy refuses it"
        is_data = item.get("type", "") in {"application/json", "application/ld+json"}
        assert item.tag != "script" or item.get("src") or is_data, "inline script: the policy refuses it"
