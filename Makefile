# Everything a person types here. `make` alone prints this list.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.synced
NODE_STAMP := tests/node/node_modules/.synced
# Plugins are loaded by name for the pure tests: loading all of them makes a small run ten times slower.
UNIT := PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(BIN)/python -m pytest -p pytest_asyncio.plugin -p pytest_timeout -p _hypothesis_pytestplugin tests/unit
REAL := tests/contract tests/integration tests/e2e tests/fault tests/tidy

.PHONY: help
help: ## print this list
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: $(STAMP) ## start the whole house here (REGIE_HOME, REGIE_PORT); Ctrl-C stops it
	@exec $(BIN)/python -m regie up

.PHONY: demo
demo: $(STAMP) ## play one show from purchase to video on demand (SCHEDULE=path of a conference schedule)
	@exec $(BIN)/python -m regie demo $(if $(SCHEDULE),--schedule "$(SCHEDULE)")

.PHONY: test
test: quick real ## everything a change must pass

# What needs no server, on both cores at once; the rest waits, since it needs them itself.
.PHONY: quick
quick: $(STAMP)
	@$(MAKE) -j2 --output-sync=target lint contracts-check unit

.PHONY: test-all
test-all: quick $(NODE_STAMP) ## the same, and the long tests
	$(BIN)/python -m pytest $(REAL)

.PHONY: unit
unit: $(STAMP) ## pure tests alone
	$(UNIT) -m "not long"

.PHONY: real
real: $(STAMP) $(NODE_STAMP)
	$(BIN)/python -m pytest $(REAL) -m "not long"

.PHONY: lint
lint: $(STAMP) ## style, types and the dependency rule
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: $(STAMP) ## write the style instead of checking it
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: contracts
contracts: $(STAMP) ## write OpenAPI, AsyncAPI and JSON Schemas to contracts/generated
	$(BIN)/python -m regie contracts

.PHONY: contracts-check
contracts-check: $(STAMP)
	$(BIN)/python -m regie contracts --check
	$(BIN)/python -m regie contracts --diff

.PHONY: contracts-diff
contracts-diff: $(STAMP) ## what differs from the released contracts: breaking, intended, compatible
	$(BIN)/python -m regie contracts --diff

.PHONY: contracts-release
contracts-release: $(STAMP) ## keep the contracts of this code as those of a release (VERSION=1.2.3)
	$(BIN)/python -m regie contracts --release "$(VERSION)"

# BENCH="--quick" shows in a minute that a benchmark runs at all; its figures mean nothing.
bench-%: $(STAMP) ## measure a part against its references into docs/benchmarks: bench-store
	@$(BIN)/python -m bench.$* $(BENCH)

.PHONY: audit
audit: $(STAMP) ## ask for known vulnerabilities in what the lock names; fails, too, where nobody can be asked
	deploy/audit.sh

.PHONY: sbom
sbom: $(STAMP) ## write what the environment consists of to build/sbom.json (CycloneDX)
	@mkdir -p build
	$(BIN)/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml --output-reproducible -o build/sbom.json

.PHONY: lock
lock: $(STAMP) ## resolve the dependencies of pyproject.toml into requirements.lock
	deploy/bootstrap.sh lock

.PHONY: node
node: $(NODE_STAMP) ## Node packages for the contract tests (Node itself comes with the environment)

.PHONY: clean
clean: ## remove the environment and caches; the data in REGIE_HOME stays
	rm -rf .venv .tools tests/node/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): requirements.lock
	@deploy/bootstrap.sh sync
	@touch $@

$(NODE_STAMP): tests/node/package-lock.json | $(STAMP)
	@echo "Installing what tests/node/package-lock.json names, checked by hash ..." >&2
	@$(BIN)/python -m tests.support.node
	@touch $@
