"""What operators see and do: deliveries, messages, dead letters, subscriptions, people and jobs, packs, the audit log."""

from __future__ import annotations

from flask import Flask

from frontend.operators import (  # noqa: F401 - each hangs its routes on the blueprint
    audit,
    letters,
    lookup,
    messages,
    moments,
    overview,
    packs,
    presentation,
    subscriptions,
)
from frontend.operators.blueprint import blueprint, close_door
from frontend.operators.memory import Memory
from frontend.services import Services

__all__ = ["attach", "blueprint"]


def attach(app: Flask, services: Services) -> None:
    """Closes the door to everybody else; before what else looks at requests and may refuse them."""
    close_door(app)
    app.extensions["gas_operators"] = Memory(services.now)
    # Macros do not see a template's context, hence globals of all templates.
    app.jinja_env.globals.update(
        operators_view=presentation,
        operators_span=moments.span,
        operators_rough=moments.rough,
        operators_ago=moments.ago,
        subject_page=audit.subject_page,
    )
