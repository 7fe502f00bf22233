"""Who may import whom (docs/architecture.md), read from the imports themselves."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVERS = ("frontend", "annotator_hook", "util_hook")

# A package → the packages of GAS that it may import besides itself. The longest matching prefix counts.
ALLOWED: dict[str, tuple[str, ...]] = {
    "shared.sns_verify": (),
    "shared.core": (),
    "shared.aws": ("shared.core",),
    "shared.billing": ("shared.core",),
    "shared.metrics": ("shared.core",),
    "shared.inbox": ("shared.core", "shared.aws", "shared.metrics", "shared.sns_verify"),
    "frontend": ("shared",),
    "annotator_hook": ("shared",),
    "util_hook": ("shared",),
    "deploy": ("shared",),
    "deploy.lambda": (),
    "cli": ("shared", "deploy", *SERVERS),
}
FIRST_PARTY = ("annotator_hook", "bench", "cli", "deploy", "frontend", "shared", "tests", "util_hook")


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of production code: its dotted name and its file."""
    for top in ("annotator_hook", "cli", "deploy", "frontend", "shared", "util_hook"):
        for path in sorted((ROOT / top).rglob("*.py")):
            if "node_modules" not in path.parts:
                parts = path.relative_to(ROOT).with_suffix("").parts
                yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports_of(module: str, source: str, *, is_package: bool) -> Iterator[str]:
    """Dotted names of what the module imports, wherever in the file; relative ones resolved."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            parts = module.split(".") if is_package else module.split(".")[:-1]
            base = parts[: len(parts) - node.level + 1]
            yield ".".join([*base, node.module or ""]).rstrip(".")
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def forbidden(module: str, imported: str) -> bool:
    """Whether ``module`` may not import ``imported``."""
    if within(imported, "moto") or within(imported, "deploy.local"):
        return not (within(module, "deploy.local") or module == "cli.up")
    if within(imported, "boto3") or within(imported, "botocore"):
        return not any(within(module, package) for package in ("shared.aws", "deploy.local", "deploy.lambda"))
    if within(imported, "prometheus_client"):
        return module not in {"shared.metrics", "deploy.servers.metrics", "deploy.servers.number_files"}
    if within(imported, "stripe"):
        return not (within(module, "shared.billing") or within(module, "deploy.local"))
    if not any(within(imported, package) for package in FIRST_PARTY):
        return False
    homes = [package for package in ALLOWED if within(module, package)]
    if not homes:
        return imported != module
    home = max(homes, key=len)
    return not any(within(imported, package) for package in (home, *ALLOWED[home])) and imported != "shared"


MODULES = dict(modules())


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_its_place_allows(module: str) -> None:
    path = MODULES[module]
    imported = imports_of(module, path.read_text(), is_package=path.name == "__init__.py")
    assert [name for name in imported if forbidden(module, name)] == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("shared.aws.jobs", "from shared import metrics"),
        ("frontend.jobs", "from annotator_hook.pipeline import job"),
        ("util_hook.app", "import frontend"),
        ("shared.sns_verify.message", "from shared.core.errors import GasError"),
        ("shared.core.jobs", "from shared import aws"),
        ("shared.aws.jobs", "import shared.inbox.route"),
        ("shared.inbox.route", "import boto3"),
        ("annotator_hook.app", "from deploy.local import stack"),
        ("frontend.app", "import moto"),
        ("frontend.app", "def late():\n    from cli.main import main"),
        ("deploy.stack_settings", "from deploy.local import stack"),
        ("deploy.lambda.restore.handler", "from shared.core.messages import RestoreRequested"),
    ],
)
def test_a_forbidden_import_is_seen(module: str, source: str) -> None:
    assert any(forbidden(module, name) for name in imports_of(module, source, is_package=False))


def test_flask_is_known_to_one_module_of_the_verifier() -> None:
    knowing = {
        path.name
        for path in (ROOT / "shared" / "sns_verify").glob("*.py")
        if any(within(name, "flask") for name in imports_of("shared.sns_verify.x", path.read_text(), is_package=False))
    }
    assert knowing <= {"flask.py"}


def test_clients_of_aws_are_made_in_one_place() -> None:
    makers = {
        module
        for module, path in MODULES.items()
        if not module.startswith(("deploy.", "cli."))
        and any(
            name == "boto3" or within(name, "boto3.session")
            for name in imports_of(module, path.read_text(), is_package=False)
        )
    }
    assert makers <= {"shared.aws.session"}
