"""The pages about jobs: new job, list, one job, its files and its log."""

from __future__ import annotations

from frontend.jobs.blueprint import blueprint

__all__ = ["blueprint"]
