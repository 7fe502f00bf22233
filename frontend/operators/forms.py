"""What operators fill in. CSRF tokens are checked before, for every POST."""

from __future__ import annotations

from wtforms import Form, StringField
from wtforms.validators import DataRequired, Length

from frontend.accounts.forms import Printable

LONGEST_REASON = 500
"""Characters."""
LONGEST_FIELD = 320
"""Characters of what is asked for; an e-mail address may have so many."""


class ReasonForm(Form):
    """Why the operator does it; it goes into the audit log."""

    why = StringField(
        "Reason",
        filters=[lambda text: (text or "").strip()],
        validators=[
            DataRequired("Say why: whoever reads the audit log later wants to know."),
            Length(-1, LONGEST_REASON, f"At most {LONGEST_REASON} characters, please."),
            Printable(),
        ],
    )
