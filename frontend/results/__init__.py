"""The pages on which a job's variants are explored: the table with its filter, one variant, the genome."""

from __future__ import annotations

from flask import Flask

from frontend.results import genome, plots, presentation, store, variant, variants
from frontend.settings import FrontendSettings

__all__ = ["attach", "genome", "variant", "variants"]

MIB = 1024 * 1024


def attach(app: Flask, settings: FrontendSettings) -> None:
    """The store of results, and what templates show of them. The routes are in the blueprint of jobs."""
    store.attach(app, settings.results_cache_dir, settings.results_cache_mib * MIB)
    app.jinja_env.globals.update(results_view=presentation, results_plots=plots, has_variants=store.has_variants)
    app.jinja_env.tests.update(rs=presentation.is_rs, ensembl=presentation.is_ensembl)
