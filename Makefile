# Crosspoint: make run | test | venv | check | bench | bench-amd.  Everything lives in .venv; nothing else of the machine is changed,
# except that `make test` installs the real peers (softphones, sipp) by apt where it may.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
CONFIG ?= configs/demo.toml
FAST_JOBS ?= auto
PEER_JOBS ?= 4
NICE   := $(shell command -v nice >/dev/null 2>&1 && echo "nice -n 5")

.DEFAULT_GOAL := help
# Every test starts a gateway of its own: 0.4 s less of each when modules are compiled once.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test test-fast test-peers coverage venv check format bench bench-amd peers clean

help:
	@echo "make run     set up .venv, start the gateway with $(CONFIG), say how to place a first call"
	@echo "make test    set up .venv and the real peers, then run the whole suite"
	@echo "make venv    only .venv            make check   lint, format check and types"
	@echo "make coverage  every line and branch of gateway/twiml by its own tests, nearly all of sip"
	@echo "make bench   the benchmarks        make clean   remove .venv and caches"
	@echo "make bench-amd   answering-machine detection on labelled calls made from Debian's voices (30 minutes the first time)"

# Two stamps: what running needs, and what testing needs on top. Both are remade when the dependencies change.
$(VENV)/.run-stamp: pyproject.toml constraints.txt .ci/make_venv.sh
	@PYTHON="$(PYTHON)" sh .ci/make_venv.sh "$(VENV)"
	@echo "installing crosspoint into $(VENV) (the first time takes a minute or two) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.test-stamp: $(VENV)/.run-stamp
	@echo "installing what the tests need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[test]"
	@touch $@

venv: $(VENV)/.run-stamp

run: $(VENV)/.run-stamp
	@sh .ci/first_call.sh "$(CONFIG)"
	@exec $(BIN)/crosspoint serve --config "$(CONFIG)"

peers:
	@sh .ci/install_peers.sh

# The fast part first: most mistakes show in the first minute.
test: test-fast test-peers

test-fast: $(VENV)/.test-stamp peers
	$(BIN)/python -m pytest -n $(FAST_JOBS) --ignore=tests/e2e tests

test-peers: $(VENV)/.test-stamp peers
	@sh .ci/peer_tests.sh $(BIN)/python $(PEER_JOBS)

coverage: $(VENV)/.test-stamp
	$(BIN)/python -m coverage run --source=sip,gateway/twiml -m pytest -q tests/sip tests/gateway/twiml
	$(BIN)/python -m coverage report --include="gateway/twiml/*" --skip-covered --show-missing --fail-under=100
	$(BIN)/python -m coverage report --include="sip/*" --skip-covered --fail-under=95

check: $(VENV)/.test-stamp
	$(BIN)/ruff check gateway media sip tests configs
	$(BIN)/ruff format --check gateway media sip tests configs
	$(BIN)/mypy

format: $(VENV)/.test-stamp
	$(BIN)/ruff check --fix gateway media sip tests configs
	$(BIN)/ruff format gateway media sip tests configs

bench: $(VENV)/.test-stamp
	@$(NICE) $(BIN)/python -m tests.bench.run

bench-amd: $(VENV)/.test-stamp
	@$(NICE) $(BIN)/python -m tests.amd

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
