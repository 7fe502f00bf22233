"""People who use GAS in the storm. Like real ones they try again, and like real ones they may click twice."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from html import unescape
from typing import TypeVar

import requests

from frontend.demo import ensure_account
from shared.aws.users import DynamoUsers
from tests.person import TOKEN, Person
from tests.whole import Gas

T = TypeVar("T")
PASSWORD = "correct horse battery"
PATIENCE = 120.0
"""Seconds after which somebody who tries again and again gives up, and the test fails."""


def sign_up(gas: Gas, count: int) -> list[Customer]:
    """So many people with accounts, signed in."""
    users = DynamoUsers(gas.aws("dynamodb"), gas.stack_outputs()["UsersTable"])
    people = []
    for number in range(count):
        email = f"person{number}@example.org"
        ensure_account(users, email=email, password=PASSWORD, name=f"Person {number}", role="user")
        person = Customer(gas)
        person.sign_in(email, PASSWORD)
        people.append(person)
    return people


class Customer(Person):
    """One person."""

    def bring(self, name: str, content: bytes) -> str:
        """Uploads the file and has it annotated; answers the job's id."""
        token = self._insist(lambda: TOKEN.search(self.page("/jobs/new")))
        headers = {"X-CSRFToken": unescape(token.group(1)), "Accept": "application/json"}
        begun = self._insist(
            lambda: self._good(
                self.ask("POST", "/jobs", json={"name": name, "size": len(content)}, headers=headers)
            ).json()
        )
        form = begun["upload"]
        self._insist(
            lambda: self._good(
                requests.post(form["url"], data=form["fields"], files={"file": (name, content)}, timeout=60)
            )
        )
        self._insist(lambda: self._good(self.ask("POST", begun["submit"], json={}, headers=headers)))
        job_id: str = begun["job_id"]
        return job_id

    def _insist(self, act: Callable[[], T | None]) -> T:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if (answer := act()) is not None:
                    return answer
            except (requests.RequestException, AssertionError):
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.3)

    @staticmethod
    def _good(answer: requests.Response) -> requests.Response:
        assert answer.ok, f"{answer.url}: {answer.status_code}\n{answer.text[:500]}"
        return answer


class Visit(threading.Thread):
    """One person who brings files, one after the other."""

    def __init__(self, person: Customer, files: Sequence[tuple[str, bytes]], seed: str, pause: float) -> None:
        super().__init__(name=f"visit {seed}", daemon=True)
        self.job_ids: list[str] = []
        self.failure: BaseException | None = None
        self._person = person
        self._files = files
        self._dice = random.Random(seed)
        self._pause = pause

    def run(self) -> None:
        try:
            for name, content in self._files:
                self.job_ids.append(self._person.bring(name, content))
                time.sleep(self._dice.uniform(0, 2 * self._pause))
        except Exception as error:  # noqa: BLE001 - the test shows it
            self.failure = error
