"""The blueprint of this family, and the one door to everything under ``/operators``.

Whoever is no operator, signed in or not, finds nothing there: no page, no redirect, no complaint about a form or a
method, and so no hint of what is there. The door looks at the path and comes before every other check; a new route
cannot forget it.
"""

from __future__ import annotations

from flask import Blueprint, Flask, abort, request

from frontend.access import current_user, services, signed_in_user
from shared.inbox.operations import Operations

PREFIX = "/operators"

blueprint = Blueprint("operators", __name__, url_prefix=PREFIX)


def close_door(app: Flask) -> None:
    """Closes the door; to be called before anything else that looks at requests and may refuse them."""

    @app.before_request
    def only_operators() -> None:
        if request.path == PREFIX or request.path.startswith(f"{PREFIX}/"):
            user = current_user()
            if user is None or user.role != "operator":
                abort(404)


def operations() -> Operations:
    """What operators do it with."""
    return services().operations


def who() -> str:
    """The operator's address, as the audit log names them."""
    return signed_in_user().email


@blueprint.context_processor
def _now() -> dict[str, object]:
    """All pages here say how long ago something was, so all have to mean the same moment."""
    return {"now": services().now()}
