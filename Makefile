# Everything runs in .venv; nothing is installed system-wide.
PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
# The fast tests run side by side, a file at a time each; 0 runs them one after the other.
JOBS ?= 2
# Kept bytecode saves each process of the tests some twenty seconds, most of it for rewritten assertions.
export PYTHONDONTWRITEBYTECODE =

.DEFAULT_GOAL := help
.PHONY: help install demo test test-slow test-all lint format schemas bench kafka asyncapi eyes eyes-quick clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

install: .venv/.installed ## set up .venv with the pinned dependencies

.venv/.installed: setup.cfg constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Goldentime needs Python 3.11 or newer, this is %d.%d" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: install ## the main job: a city, alarms in, camera assignments out (ends by itself)
	$(BIN)/goldentime demo

test: install ## the fast tests (under 3 minutes on two cores, no server but the embedded broker)
	$(PYTEST) -m 'not slow' -n $(JOBS) --dist loadfile

test-slow: install kafka ## the tests with real Kafka and mosquitto, and whatever takes long
	-@$(MAKE) --no-print-directory asyncapi
	$(PYTEST) -m slow

test-all: test test-slow ## every test

lint: install ## style, types and the arrows between the folders
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m schemas.publish --check

format: install ## format the code and mend what can be mended
	$(BIN)/ruff check --fix-only --exit-zero .
	$(BIN)/ruff format .

schemas: install ## publish the schemas of records that have grown
	$(BIN)/python -m schemas.publish

kafka: .cache/kafka/.ready ## fetch Apache Kafka for the slow tests and the benchmark (needs Java 17 and Maven)

.cache/kafka/.ready: tests/support/kafka.pom.xml
	mvn -q -B -f tests/support/kafka.pom.xml dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/.cache/kafka/libs
	@touch $@

# Without npm or its registry the one test that needs it is skipped and says so.
asyncapi: $(if $(shell command -v npm),.cache/asyncapi/.ready) ## fetch the official parser of AsyncAPI for a slow test (where npm is)

.cache/asyncapi/.ready: tests/support/asyncapi/package.json tests/support/asyncapi/package-lock.json
	@mkdir -p $(@D)
	cp $^ $(@D)
	cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --fetch-timeout=60000 --fetch-retries=2 --loglevel=error
	@touch $@

bench: install kafka ## measure on this machine and print the table
	$(BIN)/python -m benchmarks.speed

eyes: install ## how long cameras keep eyes on a lost person: all tables, most of an hour
	$(BIN)/python -m benchmarks.eyes_on --write

eyes-quick: install ## a few cells of the same, held against their bounds (under 2 minutes)
	$(BIN)/python -m benchmarks.eyes_on --quick

clean: ## remove .venv and caches
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
