# Every target sets up what it needs. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
OLD_READER := .readers/duckdb-1.1
RECTOOLS := .peers/rectools-0.19
PEERS := .peers/venv
MOVIELENS := .datasets/recbole
PEER_PINS := ml/benchmark/peers/constraints.txt

.PHONY: help setup train refresh tune benchmark datasets peers dagster test test-all audit lint format docs report recommend clean

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  \033[1m%-14s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(INSTALLED): pyproject.toml constraints.txt setup.py ml/_rows.c ml/_pairs.c ml/_pairs_kernel.h
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@echo "Setting up $(VENV) (once; a few minutes) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e '.[dev]'
	@touch $@

setup: $(INSTALLED) ## Create .venv from the pinned constraints

train: $(INSTALLED) ## The main job on real data: load, dbt build, train, score, publish (DATA=simulated, wholesaler, insurer or a landing folder: on that)
	@$(BIN)/cross-sell run $(if $(DATA),--data '$(DATA)')

refresh: $(INSTALLED) ## Load what is new, measure drift, train and publish where called for (DATA as for train)
	@$(BIN)/cross-sell refresh $(if $(DATA),--data '$(DATA)')

report: $(INSTALLED) ## What the latest run found, as one HTML page
	@$(BIN)/cross-sell report

tune: $(INSTALLED) ## Search for better settings (Optuna); `make train` then uses them
	@$(BIN)/cross-sell tune

benchmark: $(INSTALLED) ## The study's tables and other libraries beside ours, measured (three quarters of an hour)
	@$(MAKE) --no-print-directory datasets || echo "Going on without MovieLens 100K."
	@$(MAKE) --no-print-directory peers || echo "Going on without the other libraries' environment."
	@$(BIN)/cross-sell benchmark all

# MovieLens 100K lies inside RecBole's wheel; nothing else of it is used here.
$(MOVIELENS)/.installed: $(INSTALLED)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target $(MOVIELENS) recbole==1.2.1
	@touch $@

datasets: $(MOVIELENS)/.installed ## Bring MovieLens 100K for the benchmarks

# Other libraries need older versions than ours: an environment of their own.
$(PEERS)/.installed: $(INSTALLED) $(PEER_PINS)
	@echo "Setting up $(PEERS) (once; a few minutes) ..."
	@test -x $(PEERS)/bin/python || $(BIN)/python -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -c $(PEER_PINS) setuptools numpy pandas scipy torch recbole implicit
	@touch $@

peers: $(PEERS)/.installed ## Set up the environment of the libraries that the benchmark compares with

# The example's orchestrator, heavy and of other pins: an environment of its own.
DAGSTER := examples/dagster/.venv
$(DAGSTER)/.installed: $(INSTALLED)
	@test -x $(DAGSTER)/bin/python || $(BIN)/python -m venv $(DAGSTER)
	@$(DAGSTER)/bin/python -m pip install --quiet --disable-pip-version-check dagster dagster-webserver dagster-dbt
	@touch $@

dagster: $(DAGSTER)/.installed ## Set up the example with Dagster (examples/dagster)

recommend: $(INSTALLED) ## A client's offers: make recommend CLIENT=1
	@$(BIN)/cross-sell recommend $(or $(CLIENT),1)

# The oldest DuckDB that readers may have; a test opens the release with it.
$(OLD_READER)/.installed: $(INSTALLED)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target $(OLD_READER) duckdb==1.1.3
	@touch $@

# The metrics of another library, which a test compares with ours. Its pins are older than ours,
# its metrics are not: without its dependencies, beside the environment.
$(RECTOOLS)/.installed: $(INSTALLED)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target $(RECTOOLS) rectools==0.19.0 typeguard==4.6.0
	@touch $@

TEST_SETUP := $(INSTALLED) $(OLD_READER)/.installed $(RECTOOLS)/.installed $(MOVIELENS)/.installed
PYTEST := $(BIN)/python -m pytest -n logical --dist worksteal

test: $(TEST_SETUP) ## Every guarantee tested, in minutes (CONTRIBUTING.md lists them)
	@$(PYTEST) $(PYTEST_ARGS)

test-all: $(TEST_SETUP) ## The same and the long forms: every kill, every change, every benchmark command
	@$(PYTEST) -m 'long or not long' $(PYTEST_ARGS)

lint: $(INSTALLED) ## ruff, mypy, sqlfluff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@CROSS_SELL_WAREHOUSE=$$(mktemp -d)/lint.duckdb $(BIN)/sqlfluff lint --processes 0 dbt_project

# The auditor has dependencies of its own; it asks a service on the network what is known.
AUDITOR := .peers/audit
$(AUDITOR)/.installed: $(INSTALLED)
	@test -x $(AUDITOR)/bin/python || $(BIN)/python -m venv $(AUDITOR)
	@$(AUDITOR)/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	@touch $@

audit: $(AUDITOR)/.installed ## Known vulnerabilities of the pinned packages (needs the network), and their licences
	@$(BIN)/python -m ml.licences > docs/licences.md && echo "docs/licences.md is written"
	@$(AUDITOR)/bin/pip-audit --strict --no-deps --disable-pip --progress-spinner off -r constraints.txt; code=$$?; \
		[ $$code -eq 0 ] || echo "pip-audit ended with $$code: vulnerabilities above, or a package or the service could not be reached"; exit $$code

format: $(INSTALLED) ## Let ruff and sqlfluff mend what they can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/sqlfluff fix dbt_project

docs: $(INSTALLED) ## dbt docs with lineage as one static file
	@$(BIN)/cross-sell docs

clean: ## Remove everything that the jobs wrote (the warehouse too), not .venv
	rm -rf warehouse/* dbt_project/target dbt_project/logs logs
	@touch warehouse/.gitkeep
