"""The pages about jobs: new job, list, one job, its files and its log."""

from __future__ import annotations

from frontend.jobs import actions, away, files, listing, new, page, parts, presentation
from frontend.jobs.blueprint import blueprint

__all__ = ["actions", "away", "blueprint", "files", "listing", "new", "page", "parts"]

# Macros do not see a template's context, hence a global of all templates.
blueprint.record_once(lambda setup: setup.app.jinja_env.globals.update(jobs_view=presentation))
