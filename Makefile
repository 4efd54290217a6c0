# Ninefold's work, one word each. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# Most tests wait for a cluster more than they compute; each worker has a cluster of its own.
WORKERS ?= 4
PEERS := prometheus-operator kustomize-controller argo-rollouts flagger argocd sloth
export PYTHONPATH := operator
# Each worker of pytest reads all tests: where compiled files may not be kept, that is half of what reading costs.
export PYTHONDONTWRITEBYTECODE :=
# The image: what `make image` tags, `make load` loads, and the chart of `make dist` installs (there without a tag).
IMAGE ?= ninefold:0.1.0
DIGEST ?=
# The kind cluster that `make load` loads into.
KIND ?= kind

.PHONY: help setup lock demo test test-peers test-slow test-all lint fmt crds bench image load dist clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 14

# The stamp makes a second `make test` skip the install, and a changed lock run it anew.
$(VENV)/.stamp: requirements/dev.txt pyproject.toml
	@echo "==> Python environment in $(VENV) ($$($(PYTHON) --version))"
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' \
	  || { echo "Ninefold needs Python 3.11 to 3.14: set PYTHON=/path/to/python3.12 (make PYTHON=... test)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(VENV)/.stamp ## Make the Python environment

lock: setup ## Write requirements/*.txt anew from pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	for set in run dev; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    --no-emit-index-url --no-emit-find-links pyproject.toml $$( [ $$set = dev ] && echo --group dev ) \
	    --output-file requirements/$$set.txt; \
	done

demo: setup ## Run the main job on an embedded control plane (ARGS="--keep", "--json FILE")
	$(BIN)/python -m demo $(ARGS)

test: setup ## Run the tests (ARGS goes to pytest)
	@# Beforehand, since pytest hides the progress of a build and counts it against a test's time.
	@$(BIN)/python -m devcluster build >/dev/null
	$(BIN)/python -m pytest -m "not peers and not slow" -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-peers: setup ## Run the tests that need a peer's binary, built on first use
	@$(BIN)/python -m devcluster build $(PEERS) >/dev/null
	@# A file has a cluster of its own, and waits for its peer's intervals most of the time.
	$(BIN)/python -m pytest -m peers -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

test-slow: setup ## Run the tests that take minutes: proofs of all samples, faults in rules, long histories
	@$(BIN)/python -m devcluster build >/dev/null
	$(BIN)/python -m pytest -m slow -n $(WORKERS) --dist load $(ARGS)

test-all: test test-peers test-slow ## Run all tests, one part after the other

lint: setup ## ruff, mypy --strict, import-linter, codespell, actionlint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@# tests/words.txt: words that have a plainer one.
	$(BIN)/codespell operator docs demo helm manifests *.md
	$(BIN)/mypy
	$(BIN)/lint-imports
	@# Without the helpers that it would use where they happen to be installed: the same everywhere.
	$$($(BIN)/python -m devcluster which actionlint) -shellcheck= -pyflakes=

fmt: setup ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

crds: setup ## Write crds/, the RBAC and the policies, also those of the chart
	$(BIN)/ninefold crds --write

bench: setup ## Measure against peers and floors (ARGS="--json FILE")
	$(BIN)/python -m bench $(ARGS)

image: ## Build the image (IMAGE=repository:tag; ARGS goes to docker: ARGS=--push)
	docker build --tag $(IMAGE) $(ARGS) .

load: image ## Build the image and load it into a kind cluster (KIND=name)
	kind load docker-image $(IMAGE) --name $(KIND)

dist: setup ## Build the wheel, the source distribution and the chart into dist/ (IMAGE=repository, DIGEST=sha256:...)
	rm -rf dist
	$(BIN)/python -m hatchling build --directory dist
	$(BIN)/python .ci/release chart "$$($(BIN)/python -m devcluster which helm)" "$(IMAGE)" "$(DIGEST)" dist

clean: ## Remove what the build made here (the shared cache of binaries stays)
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
