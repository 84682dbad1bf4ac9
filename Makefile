# Needs Python >= 3.11, make and a package index; everything else is brought into .venv.
PYTHON ?= python3
UV_VERSION := 0.13.8
BIN := .venv/bin
UV := $(BIN)/uv

.DEFAULT_GOAL := help
.PHONY: help run test check fix bench faults lock wheel clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: .venv/.runtime ## start the demo league on http://127.0.0.1:8000 (kept in ./arpad-data)
	@$(BIN)/arpad demo

test: .venv/.dev ## every test, on SQLite and on PostgreSQL
	@$(BIN)/python -m pytest

check: .venv/.dev ## formatting, lint, types, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

fix: .venv/.dev ## repair formatting and what lint can repair
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: .venv-bench/.ready ## the benchmark tables of README
	@.venv-bench/bin/python -m tests.benchmarks

faults: .venv/.dev ## the long fault runs and the planted defects (hours; FAULTS="--scale 0.1" for a tenth)
	@$(BIN)/python -m tests.faults $(FAULTS)
	@$(BIN)/python -m tests.faults.defects

lock: .venv/bin/uv ## resolve the requirements anew
	@for part in "requirements.lock" "requirements-dev.lock --group dev" "requirements-bench.lock --group dev --group bench"; do \
	  set -- $$part; file=$$1; shift; \
	  $(UV) pip compile pyproject.toml $$@ --universal --python-version 3.11 --generate-hashes --quiet --upgrade \
	    --no-emit-index-url --no-emit-find-links --no-annotate --no-header --output-file $$file; \
	done

wheel: .venv/.dev ## build the distribution
	@$(UV) build --wheel --build-constraints requirements-dev.lock --require-hashes

clean: ## remove the virtual environment and the caches, not the data
	@rm -rf .venv .venv-bench dist build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage*

$(UV):
	@command -v "$(PYTHON)" >/dev/null || { echo "There is no $(PYTHON) here. Arpad needs Python 3.11 or newer: make PYTHON=python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit("Arpad needs Python 3.11 or newer, this is %d.%d: make PYTHON=python3.11" % sys.version_info[:2] if sys.version_info < (3, 11) else None)'
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@"$(PYTHON)" -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.runtime: requirements.lock pyproject.toml | $(UV)
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.runtime
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@touch $@

# An environment of its own: the packages that Arpad is measured against pin older versions of what Arpad runs on.
.venv-bench/.ready: requirements-bench.lock pyproject.toml | $(UV)
	@$(UV) venv --quiet --clear --python $(BIN)/python .venv-bench
	@$(UV) pip install --quiet --python .venv-bench/bin/python --require-hashes -r requirements-bench.lock
	@$(UV) pip install --quiet --python .venv-bench/bin/python --no-deps --editable .
	@touch $@
