# GAS, the Genomics Annotation Service. `make` alone lists what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
CODE := annotator_hook bench cli deploy frontend shared tests util_hook

.PHONY: help run test lint format types calls bench chaos fuzz clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/run.stamp $(VENV)/assets.stamp ## run GAS on this machine: http://127.0.0.1:8000
	@exec $(BIN)/gas up

test: $(VENV)/dev.stamp $(VENV)/assets.stamp lint types ## lint, types, all tests
	@$(BIN)/pytest -q -n 2 --dist worksteal tests/unit tests/contract tests/fuzz
	@$(BIN)/pytest -q -n 4 --dist loadscope tests/functional tests/browser tests/chaos

lint: $(VENV)/dev.stamp
	@$(BIN)/ruff format --check $(CODE)
	@$(BIN)/ruff check $(CODE)

format: $(VENV)/dev.stamp ## put the code into shape
	@$(BIN)/ruff format $(CODE)
	@$(BIN)/ruff check --fix $(CODE)

types: $(VENV)/dev.stamp
	@$(BIN)/mypy

calls: $(VENV)/dev.stamp $(VENV)/assets.stamp ## record what servers call of AWS, for roles to be compared with
	@rm -rf var/calls && mkdir -p var/calls
	@GAS_TEST_CALLS=$(CURDIR)/var/calls $(BIN)/pytest -q -n 2 --dist loadscope tests/functional tests/browser
	@$(BIN)/python -m tests.calls var/calls

bench: $(VENV)/dev.stamp $(VENV)/assets.stamp ## measure, and write docs/benchmarks.md
	@$(BIN)/python -m bench

chaos: $(VENV)/dev.stamp $(VENV)/assets.stamp ## 500 jobs through kills, faults, wrong clocks and full disks
	@GAS_CHAOS=long $(BIN)/pytest -q -s -n 0 tests/chaos/test_storm.py

fuzz: $(VENV)/dev.stamp ## search for inputs that break GAS, for ten minutes
	@$(BIN)/python -m tests.fuzz

clean: ## remove everything that make made
	@rm -rf $(VENV) var frontend/node_modules frontend/static/vendor *.egg-info
	@find . -name __pycache__ -prune -exec rm -rf {} +
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/run.stamp: requirements.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "GAS needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another one: make run PYTHON=python3.12")'
	@echo "Installing what GAS runs on …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) -c constraints.txt -r requirements.txt
	@$(PIP) --no-deps --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements-dev.txt
	@echo "Installing what the tests need …"
	@$(PIP) -c constraints.txt -r requirements-dev.txt
	@touch $@

$(VENV)/assets.stamp: $(VENV)/run.stamp frontend/package.json frontend/package-lock.json frontend/install_assets.py
	@$(BIN)/python -m frontend.install_assets
	@touch $@
