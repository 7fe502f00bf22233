"""What `gas deploy` shows: plans as tables, events as they happen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.deploy_steps import Planned
from cli.operator import clock, plain
from shared.aws.leftovers import HOLDING_DATA
from shared.aws.mail_identity import MailIdentity
from shared.aws.stacks import ROLLED_BACK, Change, Event, Stack

_STYLES = {"Add": "green", "Import": "green", "Modify": "yellow", "Dynamic": "yellow", "Remove": "red"}
_WORDS = {"Add": "add", "Import": "import", "Modify": "change", "Dynamic": "change?", "Remove": "remove"}


def show_plan(console: Console, planned: Iterable[Planned]) -> None:
    """One table a stack."""
    for each in planned:
        if each.action == "keep":
            console.print(f"[bold]{each.stack}[/bold]: nothing to change.")
        elif each.action == "later":
            console.print(
                f"[bold]{each.stack}[/bold]: changes when a stack before it is there, on whose outputs it depends."
            )
        else:
            count = f"{len(each.changes)} resources"
            console.print(
                f"[bold]{each.stack}[/bold]: {'is created' if each.action == 'create' else 'is changed'}, {count}."
            )
            console.print(_changes(each.changes))


def _changes(changes: Iterable[Change]) -> Table:
    table = Table("", "Resource", "Type", "What", box=None, pad_edge=False)
    for change in changes:
        word = "replace" if change.replacement == "True" else _WORDS.get(change.action, change.action)
        word = "replace?" if change.replacement == "Conditional" else word
        loses = change.takes_away and change.kind in HOLDING_DATA
        style = "bold red" if loses else "red" if word == "replace" else _STYLES.get(change.action, "")
        what = ", ".join(change.because) + (" – holds data" if loses else "")
        table.add_row(Text(word, style=style), change.logical_id, change.kind, plain(what, style if loses else ""))
    return table


def show_event(console: Console, stack: str, event: Event) -> None:
    """A line, once a resource is done with or failed."""
    is_bad = event.status.endswith("_FAILED") or "ROLLBACK" in event.status
    if not is_bad and not event.status.endswith("_COMPLETE"):
        return
    line = Text(f"{clock(event.at)}  {stack}  {event.logical_id}  ", style="red" if is_bad else "")
    line.append(event.status.replace("_", " ").lower(), style="red" if is_bad else "green")
    if is_bad and event.reason:
        line.append_text(plain(f"  {event.reason}", "red"))
    console.print(line, soft_wrap=True)


def show_stacks(console: Console, found: Sequence[tuple[str, Stack | None]]) -> None:
    """One row a stack."""
    table = Table("Stack", "Status", "Changed", "Why", box=None, pad_edge=False)
    for name, stack in found:
        if stack is None:
            table.add_row(name, Text("not there", style="yellow"), "", "")
        else:
            style = "yellow" if stack.status == ROLLED_BACK else "green" if stack.stands else "red"
            status = Text(stack.status.replace("_", " ").lower(), style=style)
            table.add_row(name, status, clock(stack.changed_at), plain(stack.reason))
    console.print(table)
    for name, stack in found:
        if stack is not None and stack.status == ROLLED_BACK:
            console.print(f"{name}: the last change was rolled back; it is as it was before.", soft_wrap=True)


def mail_words(identity: str, found: MailIdentity | None) -> list[str]:
    """What there is to do about e-mail, if anything."""
    if found is None:
        return [f"SES does not know {identity} yet."]
    words = []
    if not found.is_verified and "@" in identity:
        words.append(f"E-mail is not sent yet: SES wrote to {identity}; open the link in that e-mail.")
    elif not found.is_verified:
        words.append(
            f"E-mail is not sent yet: enter these records in the DNS of {identity}, and wait for SES to see them."
        )
        words += [f"  {token}._domainkey.{identity}  CNAME  {token}.dkim.amazonses.com" for token in found.dkim_tokens]
    if not found.may_write_to_all:
        words.append("SES sends to verified addresses only: ask for production access in the SES console.")
    return words
