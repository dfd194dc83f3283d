# Everything a person does with this checkout. `make` alone lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

# The environment's true place: roles run as other users, who cannot go through the checkout.
VENV := $(shell bash setup/paths.sh environment)
PY := $(VENV)/bin/python
# Tests that start roles under Unix users of their own are chosen by marker, not skipped.
SELECT := $(if $(filter 0,$(shell id -u)),,-m 'not root')
PYTEST := $(PY) -m pytest --forbid-skips --timeout 600 $(SELECT)
ARGS ?=
CARGO := cd rust && PYO3_PYTHON=/usr/bin/python3 PYO3_BUILD_EXTENSION_MODULE=1 bash ../setup/cargo.sh cargo

.PHONY: help setup setup-dev demo test hostile model crash simulate fuzz mutants bench lab-up lab-down lint types imports rust-test closure fmt ci locks clean

help:  ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## Build and install everything that running needs
	@bash setup/install.sh

setup-dev:  ## The same, with what tests and checks need
	@bash setup/install.sh --dev

demo: setup  ## A whole installation on this machine and its first transfers
	@$(VENV)/bin/strongroom lab demo

test: setup-dev  ## All tests, on real components (ARGS="-k name" chooses)
	@$(PYTEST) tests $(ARGS)

hostile: setup-dev  ## Only the attacks, as a table: who refused each, and why (ARGS="--json", "-- -k name")
	@$(PY) -m tests.hostile $(ARGS)

crash: setup-dev  ## Kill the roles of a lab (KILLS=1000) under a stream of transfers, and prove that nothing was lost
	@$(PY) -m tests.crash --kills $(or $(KILLS),1000) $(ARGS)

simulate: setup-dev  ## Coordinator, nodes and an enemy in virtual time (SEEDS=10000); a broken invariant is replayed exactly
	@$(PY) -m tests.simulation --seeds $(or $(SEEDS),300) $(ARGS)

fuzz: setup-dev  ## Decoders, fold, both evaluators (CASES=1000000) and the Rust core on far more generated input than a run of all tests takes
	@STRONGROOM_EXAMPLES=fuzz $(PY) -m pytest -p no:cacheprovider tests/fuzz tests/unit/custody $(ARGS)
	@$(PY) -m tests.evaluators --cases $(or $(CASES),1000000)
	@export ROUNDS=20; $(CARGO) test --locked -p strongroom-fuzz

model: setup-dev  ## Explore the model of the witness rules to its end, and show what each rule is for
	@$(PY) -m docs.protocols.model $(ARGS)

mutants: setup-dev  ## Take out each check of the fold and the signer: the test that guards it must fail
	@$(PY) -m tests.mutants $(ARGS)

bench: setup-dev  ## Measure, with ratios against peers and floors in the same run
	@$(PY) -m bench $(ARGS)

lab-up: setup  ## Start the lab, or go on where it was stopped
	@$(VENV)/bin/strongroom lab up

lab-down: setup  ## Stop the lab; its state stays in .lab
	@$(VENV)/bin/strongroom lab down

lint: setup-dev  ## ruff and clippy
	@$(VENV)/bin/ruff check .
	@$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

types: setup-dev  ## mypy --strict
	@$(VENV)/bin/mypy --strict src
	@$(VENV)/bin/mypy --strict --explicit-package-bases docs/protocols/model

imports: setup-dev  ## Who may import whom
	@PYTHONPATH=src $(VENV)/bin/lint-imports

closure: setup-dev  ## The signer's own code, counted
	@PYTHONPATH=src $(PY) setup/closure.py strongroom.signer.run --limit 6500

rust-test: setup-dev  ## Tests of the Rust core
	@$(CARGO) test --locked --workspace

fmt: setup-dev  ## Sort imports and mend what ruff and rustfmt can
	@$(VENV)/bin/ruff check --fix --quiet . || true
	@$(CARGO) fmt

ci:  ## What is run on each submission
	@bash .ci/run

locks:  ## Pin the libraries anew (needs uv; DATE=YYYY-MM-DD is the newest day allowed)
	@test -n "$(DATE)" || { echo 'usage: make locks DATE=YYYY-MM-DD' >&2; exit 2; }
	@cd requirements && for name in run dev build; do \
	  uv pip compile --quiet --upgrade --no-header --generate-hashes --universal --python-version 3.11 \
	    --exclude-newer $(DATE)T00:00:00Z --no-emit-index-url --no-emit-find-links $$name.in -o $$name.lock; done

clean:  ## Remove what was built here; the lab's state and the user's cache stay
	@rm -rf "$(VENV)" .venv node_modules contracts/build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -not -path './.lab/*' -prune -exec rm -rf {} +
