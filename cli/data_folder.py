"""The folder that `gas up` works in: one `gas up` at a time, and the key that has to be the same at the next start."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from shared.core.errors import ConfigurationError
from shared.core.file_lock import FileLock

_SHORTEST_KEY = 32


def hold(folder: Path) -> FileLock:
    """Nobody else may work in it until this process ends. Makes it. Raises `GasError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(
            folder / "lock",
            f"Another gas up works in {folder}: end that one first, or set GAS_LOCAL_DATA_DIR to another folder.",
        )
    except OSError as error:
        raise ConfigurationError(f"GAS_LOCAL_DATA_DIR: {folder} cannot be used: {error.strerror}.") from None


def secret_key(folder: Path) -> str:
    """The one that was made in this folder before, else a new one: sessions and links are good after a restart, too.

    For nobody but whoever started GAS. Raises `ConfigurationError` for one that is damaged.
    """
    path = folder / "secret-key"
    try:
        known = path.read_text()
    except FileNotFoundError:
        made = secrets.token_urlsafe(48)
        new = path.with_suffix(".new")
        new.unlink(missing_ok=True)  # of a start that was killed
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(made)
            os.fsync(file.fileno())
        new.replace(path)
        return made
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read ({error}): {_REMEDY}") from None
    if len(known) < _SHORTEST_KEY:
        raise ConfigurationError(f"{path} is damaged: {_REMEDY}")
    return known


_REMEDY = "remove it, and a new one is made. Who is signed in has to sign in again, and links in e-mails end."
