"""`gas users`: who somebody is, and who may use the operators' pages.

Exit codes: 0 done as asked, 1 it was not and says why, 2 the command was wrong.
"""

from __future__ import annotations

from typing import Any, get_args

import click
from rich.console import Console
from rich.table import Table

from cli.operator import Answer, clock, command, iso, plain, why_option
from cli.people import id_of
from shared.core.errors import Permanent
from shared.core.users import Role, User
from shared.inbox.deeds import on_record
from shared.inbox.operations import Operations

_WHAT = {"operator": "Made {} an operator.", "user": "Made {} no operator any more."}


@click.group("users")
def users_group() -> None:
    """Accounts, and who is an operator. PERSON is an e-mail address or an id."""


@users_group.command("show")
@click.argument("person", metavar="PERSON")
@command
def show_user(operations: Operations, *, person: str) -> Answer:
    """Show an account: its role, its plan, and whether its address was confirmed."""
    account = operations.users.get(id_of(operations.users, person))
    return Answer(_document(account), lambda console: _show(console, account))


@users_group.command("role")
@click.argument("person", metavar="PERSON")
@click.argument("role", type=click.Choice(get_args(Role)))
@why_option(required=True)
@command
def set_role(operations: Operations, *, person: str, role: Role, who: str, why: str) -> Answer:
    """Make somebody an operator, who sees everybody's jobs and messages; or a user like all others. At once, also where
    they are signed in."""
    account = operations.users.get(id_of(operations.users, person))
    if role == "operator" and account.verified_at is None:
        raise Permanent(f"{account.email} has not followed the link in the e-mail: nobody knows whose address it is.")
    if account.role != role:
        what = _WHAT[role].format(account.email)
        with on_record(operations.audit, operations.now, f"user#{account.user_id}", what, who=who, why=why):
            account = operations.users.set_role(account.user_id, role)
    said = f"{account.email} is {'an operator' if account.role == 'operator' else 'no operator'}."
    return Answer(_document(account), lambda console: console.print(said, markup=False))


def _document(account: User) -> dict[str, Any]:
    return {
        "user_id": account.user_id,
        "email": account.email,
        "name": account.name,
        "role": account.role,
        "plan": account.plan,
        "created_at": iso(account.created_at),
        "verified_at": iso(account.verified_at),
        "closed_at": iso(account.closed_at),
        "mail_blocked": account.mail_blocked,
    }


def _show(console: Console, account: User) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in (
        ("Address", account.email),
        ("Name", account.name),
        ("Id", account.user_id),
        ("Role", account.role),
        ("Plan", account.plan),
        ("Since (UTC)", clock(account.created_at)),
        ("Confirmed", clock(account.verified_at) or "no"),
        ("Closed", clock(account.closed_at)),
        ("No e-mail", account.mail_blocked),
    ):
        if value:
            table.add_row(name, plain(value))
    console.print(table)
