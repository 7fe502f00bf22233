"""What `gas packs` is told by the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from cli.local_settings import LocalSettings
from shared.core.settings import FromEnvironment


class PacksSettings(FromEnvironment):
    """Settings of `gas packs`."""

    model_config = SettingsConfigDict(env_prefix="GAS_")

    packs_dir: Path | None = Field(
        default=None, description="Folder of installed reference packs; the built-in `rcrs` is always there."
    )
    packs_mirror: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        description="Address that takes the place of scheme and host of everything that `gas packs install` downloads.",
    )

    @property
    def folder(self) -> Path:
        """Where packs are installed: as the annotator was told, or where that of `gas up` looks."""
        return self.packs_dir or local_packs_dir(LocalSettings.from_environment())


def local_packs_dir(settings: LocalSettings) -> Path:
    """The packs of GAS on one machine."""
    return settings.data_dir.resolve() / "packs"
