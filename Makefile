# Each target does all of its own set-up; `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
PY := .venv/bin/python

.PHONY: help setup run demo test test-fast lint types proof bench screenshots clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install what running and testing need: Debian packages, .venv, Pebble
	@config/setup.sh test

run: ## The portal for real use: web, workers and beat; Ctrl-C stops all of it
	@config/setup.sh run
	@exec $(PY) manage.py run

demo: ## The main job on real servers, then stays up; DEMO_EXIT=1 stops by itself
	@config/setup.sh demo
	@exec $(PY) -m tests.demo

test: ## Lint, types, import rules and the whole suite on SQLite and PostgreSQL
	@config/setup.sh test
	@$(MAKE) --no-print-directory lint types
	@exec $(PY) -m tests.suite

test-fast: ## Unit and architecture tests only, on SQLite
	@config/setup.sh test
	@exec $(PY) -m pytest -q tests/unit tests/architecture

lint: ## Style, formatting and import rules
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/lint-imports

types: ## Static types
	@.venv/bin/mypy .

proof: ## The long tier: kill points, rude servers, full N; writes var/scorecard.json
	@config/setup.sh proof
	@exec $(PY) -m tests.suite --proof

bench: ## Speed beside peers; prints a table and writes var/bench.json
	@config/setup.sh bench
	@exec $(PY) -m tests.bench

screenshots: ## Every page and state as PNG under var/screenshots/
	@config/setup.sh test
	@exec $(PY) -m tests.shots

clean: ## Remove caches and build products; var/, .env and .venv stay
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -not -path './.venv/*' -not -path './.tools/*' -prune -exec rm -rf {} +
