# A fresh machine needs Python 3.11, git and make; everything else is installed into .venv.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
READY := .venv/installed

.DEFAULT_GOAL := help
.PHONY: help demo test lint benchmark clean

help:
	@echo "make demo       measure 18 ImageNet networks, beside their published figures"
	@echo "make test       run the tests"
	@echo "make lint       everything else that CI runs: style, types, layers, workflow, package"
	@echo "make benchmark  measuring against one real forward, and a decoder of 70 billion parameters"
	@echo "make clean      remove what the others made"

demo: $(READY)
	@$(BIN)/python examples/imagenet/demo.py

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(READY)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/zizmor --offline --pedantic --no-progress .github
	$(BIN)/python -m hatchling build --target wheel --directory build/wheel

benchmark: $(READY)
	@PYTHONPATH=examples/imagenet $(BIN)/python examples/benchmark/speed.py
	@PYTHONPATH=examples/imagenet $(BIN)/python -W ignore examples/benchmark/memory.py

clean:
	rm -rf .venv build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The build backend comes first, so that no build environment of its own is resolved unpinned.
# torch is pinned among the constraints: an open range would bring another build of it.
$(READY): constraints.txt pyproject.toml
	@echo "Installing the pinned torch and tools into .venv (some minutes, once)"
	@$(PYTHON) -m venv .venv
	@$(INSTALL) hatchling editables
	@$(INSTALL) --no-build-isolation --editable ".[test,lint]"
	@touch $(READY)
