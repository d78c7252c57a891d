# SPDX-License-Identifier: GPL-3.0-or-later
# Every target works in a fresh clone, wherever it lies, and arranges what it needs: see CONTRIBUTING.md.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
PYTHON ?= python3
export PYTHON

BIN := .venv/bin
TOOLS := tests/tools
# The daemon, and a guest image in it; runs what follows with the right to talk to the daemon.
WITH_DOCKER := $(TOOLS)/with-docker.sh
WITH_IMAGE := $(TOOLS)/with-docker.sh $(TOOLS)/with-image.sh
PYTEST := $(BIN)/python -m pytest

.PHONY: help demo demo-clean test test-long test-matrix test-matrix-ci lint unit sanity integration molecule bench build \
        pictures docs release-check \
        venv venv-test engine image clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | sort | awk -F'\t' '{printf "  make %-16s %s\n", $$1, $$2}'

venv:
	@$(TOOLS)/venv.sh .venv requirements.txt

venv-test: venv
	@$(TOOLS)/venv.sh .venv requirements-test.txt

engine: venv ## Docker, installed and started where no daemon answers
	@$(WITH_DOCKER) true

image: venv ## the guest image that demo and tests use
	@$(WITH_IMAGE) true

demo: venv ## three booted nodes, from nothing
	@$(WITH_IMAGE) $(TOOLS)/demo.sh

demo-clean: venv ## removes what demo made (IMAGE=1: the guest image too)
	@IMAGE=$(IMAGE) $(WITH_DOCKER) $(TOOLS)/demo-clean.sh

test: lint docs unit sanity integration molecule ## every test that fits into 20 minutes
	@echo "-- make test: all passed"

lint: venv-test ## ruff, mypy, yamllint, ansible-lint
	@$(TOOLS)/lint.sh

docs: venv-test ## the documentation's site, in build/docs
	@$(TOOLS)/docs.sh

unit: venv-test ## tests without a daemon
	@$(PYTEST) tests/unit

sanity: venv-test ## ansible-test sanity
	@$(TOOLS)/sanity.sh

integration: venv-test ## tests against the real daemon
	@$(WITH_IMAGE) $(PYTEST) tests/integration

molecule: venv-test ## molecule test: PostgreSQL with a replica
	@$(WITH_IMAGE) env "PATH=$(CURDIR)/.venv/bin:$$PATH" \
	  "MOLECULE_EPHEMERAL_DIRECTORY=$(CURDIR)/.cache/molecule" molecule test

test-long: venv-test ## what takes longer than test may: kills, boot rounds, 64 nodes, virtual machines
	@$(TOOLS)/with-browser.sh $(TOOLS)/with-machine.sh $(WITH_IMAGE) $(PYTEST) -m long tests/unit tests/integration

bench: venv-test ## how fast, beside the plain SDK
	@$(WITH_IMAGE) $(BIN)/python tests/bench $(BENCH_ARGS)
	@$(WITH_IMAGE) $(BIN)/python tests/bench/guests.py
	@$(WITH_IMAGE) $(BIN)/python tests/bench/beside_molecule.py

test-matrix: venv-test ## other ansible-cores, Pythons, Docker Engines and versions of community.docker
	@$(WITH_IMAGE) $(TOOLS)/matrix.sh 2.16 2.18 2.19 newest 2.16+trixie newest+trixie 2.16+forky newest+forky

test-matrix-ci: venv-test ## the short part of it: the oldest and the newest, and the oldest on the newest engine
	@$(WITH_IMAGE) $(TOOLS)/matrix.sh 2.16 newest 2.16+forky

pictures: venv ## the pictures in docs/images (needs Graphviz)
	@$(TOOLS)/pictures.sh

build: venv ## the collection's tarball, in build/
	@$(BIN)/ansible-galaxy collection build --force --output-path build .

release-check: venv-test ## the checklist before a release: build, install into an empty place, the demo from there
	@$(WITH_IMAGE) $(TOOLS)/release-check.sh

clean: ## removes virtual environments and caches; not the demo, not Docker
	@rm -rf .venv .cache build .mypy_cache .ruff_cache .pytest_cache .hypothesis tests/output
