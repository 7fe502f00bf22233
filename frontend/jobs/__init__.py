"""The pages about jobs: new job, list, one job, its files and its log."""

from __future__ import annotations

from frontend.jobs import actions, files, listing, new, page, presentation
from frontend.jobs.blueprint import blueprint

__all__ = ["actions", "blueprint", "files", "listing", "new", "page"]

blueprint.app_context_processor(lambda: {"jobs_view": presentation})
