# A fresh machine needs Python 3.11, git and make; everything else is installed into .venv.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
READY := .venv/installed
BROWSER_READY := .venv/installed-for-browser
ZOO := .venv-zoo/bin
ZOO_INSTALL := $(subst $(BIN),$(ZOO),$(INSTALL))
ZOO_READY := .venv-zoo/installed
COMPARE := .venv-compare/bin
COMPARE_INSTALL := $(subst $(BIN),$(COMPARE),$(INSTALL))
COMPARE_READY := .venv-compare/installed
COMPARISON := PYTHONPATH=examples/imagenet $(COMPARE)/python -W ignore examples/benchmark/compare.py

.DEFAULT_GOAL := help
.PHONY: help demo pages test test-browser test-zoo lint page-library benchmark compare compare-zoo clean

help:
	@echo "make demo       measure 18 ImageNet networks, beside their published figures"
	@echo "make pages      write a page about each of them, at six input sizes, with a picture"
	@echo "make test       run the tests"
	@echo "make test-browser  the HTML page in the browser that is there (two minutes)"
	@echo "make test-zoo   measure networks of torchvision, timm, transformers, diffusers, beside the truth"
	@echo "make lint       everything else that CI runs: style, types, layers, workflow, package"
	@echo "make page-library  make again what the page has of d3, with npm"
	@echo "make benchmark  measuring against one real forward, and a decoder of 70 billion parameters"
	@echo "make compare    other meters beside this one, on the same networks (some minutes)"
	@echo "make compare-zoo  torchvision's classifiers from factory to number (some minutes)"
	@echo "make clean      remove what the others made"

demo: $(READY)
	@$(BIN)/python examples/imagenet/demo.py

pages: $(READY)
	@$(BIN)/python examples/imagenet/pages.py

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-browser: $(BROWSER_READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/browser

test-zoo: $(ZOO_READY)
	$(ZOO)/python -m pytest -n 2 --dist worksteal tests/zoo

lint: $(READY)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/zizmor --offline --pedantic --strict-collection --no-progress .github
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml examples/ci/github.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions .github/actions/*/action.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.gitlab-ci examples/ci/gitlab.yml
	$(BIN)/python -m hatchling build --target wheel --directory build/wheel

# The lock file has the hash of each package; the same packages make the same file, to the byte.
page-library:
	cd pytest_burden/report/page/d3 && npm ci --ignore-scripts --no-audit --no-fund && node build.mjs ../assets

benchmark: $(BROWSER_READY)
	@PYTHONPATH=examples/imagenet $(BIN)/python examples/benchmark/speed.py
	@PYTHONPATH=examples/imagenet $(BIN)/python -W ignore examples/benchmark/memory.py
	@$(BIN)/python examples/benchmark/scale.py
	@$(BIN)/python examples/benchmark/startup.py
	@PYTHONPATH=examples/imagenet $(BIN)/python -W ignore examples/benchmark/sizes.py
	@PYTHONPATH=examples/imagenet:. $(BIN)/python -W ignore examples/benchmark/page.py

compare: $(COMPARE_READY)
	@$(COMPARISON)

compare-zoo: $(COMPARE_READY)
	@$(COMPARISON) zoo

clean:
	rm -rf .venv .venv-zoo .venv-compare build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The build backend comes first, so that no build environment of its own is resolved unpinned.
# torch is pinned among the constraints: an open range would bring another build of it.
$(READY): constraints.txt pyproject.toml
	@echo "Installing the pinned torch and tools into .venv (some minutes, once)"
	@$(PYTHON) -m venv .venv
	@$(INSTALL) hatchling editables
	@$(INSTALL) --no-build-isolation --editable ".[test,lint]"
	@touch $(READY)

# Without a browser of its own: the one that is there is used.
$(BROWSER_READY): $(READY)
	@$(INSTALL) playwright
	@touch $(BROWSER_READY)

# The packages whose networks are measured have an environment of their own: the project needs none.
$(ZOO_READY): constraints.txt pyproject.toml tests/zoo/requirements.txt
	@echo "Installing the pinned torch and the networks' packages into .venv-zoo (some minutes, once)"
	@$(PYTHON) -m venv .venv-zoo
	@$(ZOO_INSTALL) hatchling editables
	@$(ZOO_INSTALL) --requirement tests/zoo/requirements.txt
	@$(ZOO_INSTALL) --no-build-isolation --editable ".[test]"
	@touch $(ZOO_READY)

# The other meters as well. DeepSpeed is told to compile none of its kernels.
$(COMPARE_READY): constraints.txt pyproject.toml examples/benchmark/requirements.txt
	@echo "Installing the pinned torch and the meters into .venv-compare (some minutes, once)"
	@$(PYTHON) -m venv .venv-compare
	@$(COMPARE_INSTALL) hatchling editables setuptools torch
	@DS_BUILD_OPS=0 $(COMPARE_INSTALL) --no-build-isolation --requirement examples/benchmark/requirements.txt
	@$(COMPARE_INSTALL) --no-build-isolation --editable .
	@touch $(COMPARE_READY)
