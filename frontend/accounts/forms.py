"""The forms about accounts, and what their fields must be. CSRF tokens are checked before, for every POST."""

from __future__ import annotations

import re

from wtforms import EmailField, Field, Form, PasswordField, StringField, ValidationError
from wtforms.validators import InputRequired, Length

from frontend.accounts.passwords import LONGEST, SHORTEST
from shared.core.users import normalise_email

_ADDRESS = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
"""What SES can write to: an ASCII local part without quotes, and a domain name with a dot."""


class Address:
    """The field is an e-mail address, as `normalise_email` gives it."""

    def __call__(self, form: Form, field: Field) -> None:  # noqa: ARG002 - WTForms' signature
        """Raises `ValidationError`."""
        if len(field.data) > 254 or not _ADDRESS.fullmatch(field.data):
            raise ValidationError("This is not an e-mail address that we can write to.")


class Printable:
    """The field is one line of printable text."""

    def __call__(self, form: Form, field: Field) -> None:  # noqa: ARG002 - WTForms' signature
        """Raises `ValidationError`."""
        if not field.data.isprintable():
            raise ValidationError("Only letters, digits, spaces and the like, please.")


def _email() -> EmailField:
    return EmailField(
        "E-mail",
        filters=[lambda text: normalise_email(text or "")],
        validators=[InputRequired("Your e-mail address is missing."), Address()],
    )


def _new_password(label: str) -> PasswordField:
    return PasswordField(
        label,
        description=f"At least {SHORTEST} characters. A few words that only you would put together are good.",
        validators=[
            InputRequired("A password is missing."),
            Length(SHORTEST, -1, f"Too short: at least {SHORTEST} characters, please."),
            Length(-1, LONGEST, f"Too long: at most {LONGEST} characters, please."),
        ],
    )


def _password(label: str = "Password") -> PasswordField:
    return PasswordField(
        label, validators=[InputRequired("Your password is missing."), Length(-1, LONGEST, "That is too long.")]
    )


class SignUpForm(Form):
    """A new account."""

    name = StringField(
        "Name",
        filters=[lambda text: " ".join((text or "").split(" ")).strip()],
        validators=[
            InputRequired("Your name is missing."),
            Length(-1, 80, "At most 80 characters, please."),
            Printable(),
        ],
    )
    email = _email()
    password = _new_password("Password")


class SignInForm(Form):
    """Who somebody says they are."""

    email = _email()
    password = _password()


class ConfirmForm(Form):
    """The password, to go with a link that confirms an address."""

    password = _password()


class EmailForm(Form):
    """Where to write to."""

    email = _email()


class NewPasswordForm(Form):
    """A new password."""

    password = _new_password("New password")


class ChangePasswordForm(Form):
    """A new password, from whoever knows the present one."""

    current = _password("Present password")
    password = _new_password("New password")
