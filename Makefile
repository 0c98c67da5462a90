# The two commands of the README, `make demo` and `make test`, do all their own set-up. `make help` lists the rest.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Two workers: most tests wait for real servers, and one such wait can fill another.
PYTEST_ARGS ?= -n 2

.DEFAULT_GOAL := help
.PHONY: help setup servers demo test test-fast lint types fix bench fuzz clean

help: ## List the targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'

setup: $(VENV)/.installed ## Make the virtual environment and install the package with all its test tools.

$(VENV)/.installed: pyproject.toml constraints.txt
	@echo "==> setting up $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade --constraint constraints.txt pip
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev --editable '.[all]'
	@touch $@

servers: setup ## Find, install or build the real servers that demo and tests start.
	@tests/servers/ensure $(BIN)/python

demo: servers ## Show the main job: a Redis password from Vault, rotated while requests flow.
	@$(BIN)/python -m examples.demo

test: servers ## Run all tests, on real servers, and check the coverage.
	@$(BIN)/python -m coverage erase
	@$(BIN)/python -m coverage run -m pytest $(PYTEST_ARGS)
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python -m coverage report

test-fast: setup ## Run the tests that need no server.
	@$(BIN)/python -m pytest -q tests/unit

lint: setup ## Check style, layers of imports and formatting.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@if command -v luacheck >/dev/null; then luacheck --quiet .; \
	else echo "WARNING: no luacheck: Lua is not checked (Debian: apt install lua-check)"; test -z "$$CI"; fi

types: setup ## Check types.
	@$(BIN)/mypy

fix: setup ## Format, and mend what can be mended by itself.
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: servers ## Measure against peers, side by side.
	@$(BIN)/python -m benchmarks

FUZZ_SECONDS ?= 600

fuzz: setup ## Fuzz the plugin server's protocol, for FUZZ_SECONDS (600) and then 40 times as many sequences as the tests do.
	@$(BIN)/python -m tests.fuzz.pluginserver_frames $(FUZZ_SECONDS)
	@KONG_VAULT_FUZZ=40 $(BIN)/python -m pytest -q --timeout=0 tests/pluginserver/test_protocol_model.py

clean: ## Remove what the other targets made here.
	@rm -rf $(VENV) .build .coverage* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist
