"""How an installation is shown: bars on a terminal, lines elsewhere, nothing when it answers as JSON."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)


class Shown:
    """An `annotator_hook.packs.install.Reporter` on standard error."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = Console(stderr=True, quiet=quiet)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def tell(self, sentence: str) -> None:
        """One line that stays."""
        self._console.print(sentence, soft_wrap=True, highlight=False, markup=False)

    def begin(self, file: str, size: int | None) -> None:
        """A bar of its own."""
        if not self._console.is_terminal:
            self.tell(f"{file}, {size:,} bytes" if size else file)
        self._task = self._progress.add_task(file, total=size)

    def advance(self, more: int) -> None:
        """The bar grows."""
        if self._task is not None:
            self._progress.advance(self._task, more)

    def end(self) -> None:
        """The bar is full."""
        if self._task is not None:
            self._progress.update(self._task, total=self._progress.tasks[self._task].completed)
        self._task = None
