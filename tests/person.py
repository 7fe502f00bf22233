"""Somebody who uses the pages of a running GAS over HTTP, as a browser would, with retries while a server restarts."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from html import unescape
from typing import Any
from urllib.parse import urljoin

import requests

from tests.whole import DEMO, Gas, wait_for

AWAY_SECONDS = 30.0
"""How long a person goes on trying while the frontend is away."""
TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
JOB_PAGE = re.compile(r"/jobs/([0-9a-f]{32})$")


class Person:
    """One browser with its cookies."""

    def __init__(self, gas: Gas) -> None:
        self.gas = gas
        self.session = requests.Session()

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """One request; tried again while nobody listens, as a person who reloads."""
        deadline = time.monotonic() + AWAY_SECONDS
        while True:
            try:
                return self.session.request(method, urljoin(self.gas.base_url, path), timeout=30, **more)
            except requests.ConnectionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def page(self, path: str, expected: int = 200) -> str:
        """A page's HTML."""
        answer = self.ask("GET", path)
        assert answer.status_code == expected, f"GET {path}: {answer.status_code}\n{answer.text[:2000]}"
        return answer.text

    def fill(self, form_page: str, action: str, fields: Mapping[str, str] | None = None) -> requests.Response:
        """Posts a form that stands on ``form_page``; follows where it leads."""
        token = TOKEN.search(self.page(form_page))
        assert token, f"no form on {form_page}"
        return self.ask("POST", action, data={**(fields or {}), "csrf_token": unescape(token.group(1))})

    def sign_in(self, email: str = DEMO[0], password: str = DEMO[1]) -> Person:
        """Fails unless it works."""
        answer = self.fill("/sign-in", "/sign-in", {"email": email, "password": password})
        assert answer.ok, answer.text[:2000]
        assert "Sign out" in answer.text
        return self

    def join(self, email: str, password: str = "correct horse battery", name: str = "Alice") -> Person:
        """Signs up, confirms the address by the link in the e-mail, and is signed in."""
        answer = self.fill("/sign-up", "/sign-up", {"name": name, "email": email, "password": password})
        assert answer.ok, answer.text[:2000]
        link = self.link_mailed_to(email, "/confirm-address/")
        answer = self.fill(link, link, {"password": password})
        assert "Sign out" in answer.text, answer.text[:2000]
        return self

    def link_mailed_to(self, email: str, path: str) -> str:
        """The newest link of that kind in the mailbox."""

        def find() -> str | None:
            for mail in self.gas.mails(email):
                if found := re.search(re.escape(self.gas.base_url) + f"({re.escape(path)}\\S+)", mail["text"]):
                    return found.group(1)
            return None

        return wait_for(f"an e-mail to {email} with a link {path}", find)

    def start_example(self) -> str:
        """«Try with example data»; answers the job's id."""
        return self._job_of(self.fill("/jobs/new", "/jobs/example"))

    def paste(self, text: str) -> str:
        """Variants in the box; answers the job's id."""
        return self._job_of(self.fill("/jobs/new", "/jobs/paste", {"variants": text}))

    def begin(self, name: str, size: int) -> dict[str, Any]:
        """A job that waits for its file: what the server tells the page's script."""
        begun = self.ask("POST", "/jobs", json={"name": name, "size": size}, headers=self._headers())
        assert begun.status_code == 201, begun.text
        form: dict[str, Any] = begun.json()
        return form

    def upload(self, name: str, content: bytes) -> str:
        """What the page's script does: begin, send to S3, submit. Answers the job's id."""
        form = self.begin(name, len(content))
        upload = form["upload"]
        stored = requests.post(upload["url"], data=upload["fields"], files={"file": (name, content)}, timeout=120)
        assert stored.ok, stored.text
        submitted = self.ask("POST", form["submit"], json={}, headers=self._headers())
        assert submitted.ok, submitted.text
        job_id: str = form["job_id"]
        return job_id

    def job(self, job_id: str) -> dict[str, Any]:
        """The job as the table has it: values of DynamoDB's types are unpacked where they are simple."""
        item = self.gas.aws("dynamodb").get_item(
            TableName=self.gas.stack_outputs()["JobsTable"], Key={"job_id": {"S": job_id}}, ConsistentRead=True
        )["Item"]
        return {name: next(iter(value.values())) for name, value in item.items()}

    def wait_until_final(self, job_id: str, seconds: float = 60.0) -> str:
        """The final state that the job reached."""

        def final() -> str | None:
            state: str = self.job(job_id)["state"]
            return state if state in {"COMPLETED", "FAILED", "CANCELLED"} else None

        return wait_for(f"the end of job {job_id}", final, seconds=seconds)

    def download(self, job_id: str, kind: str) -> bytes:
        """A result's bytes."""
        answer = self.ask("GET", f"/jobs/{job_id}/files/{kind}")
        assert answer.ok, answer.text[:2000]
        return answer.content

    def _headers(self) -> dict[str, str]:
        token = TOKEN.search(self.page("/jobs/new"))
        assert token
        return {"X-CSRFToken": unescape(token.group(1)), "Accept": "application/json"}

    @staticmethod
    def _job_of(answer: requests.Response) -> str:
        found = JOB_PAGE.search(answer.url)
        assert found, f"{answer.status_code} at {answer.url}\n{answer.text[:2000]}"
        return found.group(1)
