# The project's only task file. Each target works from a fresh clone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup demo test test-all check dev pictures bench soak fuzz mutants emulator lock

# What runs without an installed console script, so that the tree in front of you is what runs.
RUN := $(BIN)/python -m amocrm_assets.cli

setup: $(VENV)/.ready

# Dagster's history of `demo` and `dev`: what the one has done, the UI of the other shows.
HISTORY := DAGSTER_HOME="$(CURDIR)/dagster_home"

# ALL=1 for `demo` and `dev`: everything that a source can import, instead of leads and reference tables.
ALL ?=

demo: setup
	$(HISTORY) $(RUN) demo $(if $(ALL),--all)

# The sandbox, and the Dagster UI on http://127.0.0.1:3000. Ctrl-C ends both.
PORT ?= 3000
dev: setup
	@export $(HISTORY) $(if $(ALL),AMOCRM_SOURCES="$(CURDIR)/examples/everything") AMOCRM_SANDBOX_TOKEN="$$($(RUN) sandbox --token)"; \
	exec $(RUN) sandbox -- $(BIN)/dg dev --workspace workspace.yaml --host 127.0.0.1 --port $(PORT)

# All tests but those marked `slow`, in a few minutes. The processes that tests start would compile the package each
# for itself where bytecode is not kept.
test test-all: export PYTHONDONTWRITEBYTECODE :=
test: check emulator
	$(BIN)/python -m pytest -n 4 --dist loadgroup -m "not slow"

# All of them: also those with Dagster's daemon, killed processes, a browser, PostgreSQL and the guarantees' seeds.
test-all: check emulator
	$(BIN)/python -m pytest -n 4 --dist loadgroup

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports

# The pictures of README and docs, taken from a real Dagster in a real browser: needs Debian's package chromium.
# It also stores a picture of every page of the UI in .cache/tour, for review.
pictures: setup
	$(BIN)/python -m amocrm_assets_tests.end_to_end.pictures docs/pictures --tour .cache/tour

bench: setup
	$(BIN)/python -m benchmarks

# The proofs of docs/guarantees.md with hundreds of seeds each, for hours; SOAK=0.1 tries a tenth of them.
SOAK ?= 1
SOAK_FROM ?= 1
soak: setup
	$(BIN)/python -m pytest amocrm_assets_tests/guarantees --soak $(SOAK) --soak-from $(SOAK_FROM)

# Readings of lists with random oddities, seed after seed, for FUZZ seconds; what fails is printed with its seed.
FUZZ ?= 600
SEED ?= 1
fuzz: setup
	nice -n 10 $(BIN)/python -m amocrm_assets_tests.crm.pagination.fuzz $(FUZZ) $(SEED)

# Changes code spot by spot and runs the tests nearest to it: MODULE=crm/http/retries, MODULE=rows, or nothing for all.
# What was tried is kept in .cache/mutants, so Ctrl-C loses nothing.
MODULE ?=
mutants: setup
	nice -n 19 $(BIN)/python -m amocrm_assets_tests.mutants $(MODULE)

# The lock holds names, versions and hashes; uv installs it in seconds and makes the environment equal to it.
# Bytecode is compiled along, so that the first command is as fast as the second.
$(VENV)/.ready: requirements/project.lock pyproject.toml setup.cfg
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements/uv.lock
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements/project.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@

# BigQuery's emulator has an environment of its own. Without a Python 3.13 its tests are skipped, and say so.
EMULATOR := .venv-emulator
PYTHON313 ?= $(firstword $(wildcard $(HOME)/.pyenv/versions/3.13.*/bin/python3.13) \
    $(shell python3.13 -c 'import sys; print(sys.executable)' 2>/dev/null))

emulator: $(if $(PYTHON313),$(EMULATOR)/.ready)

$(EMULATOR)/.ready: requirements/emulator.lock $(VENV)/.ready
	$(BIN)/uv venv --quiet --clear --python $(PYTHON313) $(EMULATOR)
	$(BIN)/uv pip sync --quiet --python $(EMULATOR)/bin/python --require-hashes requirements/emulator.lock
	mkdir -p $(EMULATOR)/home
	for file in $(EMULATOR)/lib/python3.13/site-packages/duckdb_extension_*/extensions/*/*.duckdb_extension; do \
	    HOME=$(CURDIR)/$(EMULATOR)/home $(EMULATOR)/bin/python -c \
	        'import duckdb, sys; duckdb.install_extension(sys.argv[1])' "$$file" || exit 1; \
	done
	touch $@

lock:
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra deploy --group dev pyproject.toml -o requirements/project.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.13 --generate-hashes --no-emit-index-url --no-header requirements/emulator.in -o requirements/emulator.lock
