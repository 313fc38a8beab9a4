# Two commands on a fresh machine with Python 3.11 and make: `make run` and `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN    := .venv/bin
LOCK   := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --quiet \
          --no-emit-index-url --no-emit-find-links --no-header --custom-compile-command "make lock"

.PHONY: help env run test check format texts bench soak lock clean
help:            ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

.venv/base: requirements/base.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/base.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: .venv/base requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

.venv/bench: .venv/dev requirements/bench.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	@touch $@

.venv/clients: requirements/clients.txt
	$(PYTHON) -m venv $@
	$@/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/clients.txt
	@touch $@

# Two readers of calendars; without npm, or out of its registry's reach, the tests that use them are skipped.
.venv/node: tests/feeds/node/package-lock.json tests/feeds/node/read.mjs | .venv/base
	-mkdir -p $@ && cp tests/feeds/node/*.* tests/feeds/node/.npmrc $@
	-(cd $@ && npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=1 && touch .) || rm -rf $@

env: .venv/dev   ## the environment alone, in .venv
run: .venv/base  ## migrate, load the demo docket, serve on 127.0.0.1:8000
	ADQUEM_HOME=$${ADQUEM_HOME:-.adquem} $(BIN)/adquem demo

test: .venv/dev .venv/clients .venv/node ## the whole suite
	$(BIN)/python -m pytest -n auto --dist loadgroup

check: .venv/dev ## format, lint, types, import contract, dead code, unused dependencies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture
	$(BIN)/deptry .

format: .venv/dev ## let ruff lay out and mend what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

texts: .venv/dev ## gather what people read into templates/locale; new texts come in untranslated
	$(BIN)/python .ci/write_texts.py

bench: .venv/bench ## measure, and write benchmarks/results.json
	$(BIN)/python -m benchmarks

soak: .venv/dev  ## break everything for an hour, and write the table in docs/reliability.md
	$(BIN)/python -m tests.soak

lock: .venv/dev  ## resolve pyproject.toml's ranges anew into requirements/*.txt
	$(LOCK) pyproject.toml --group build --output-file requirements/base.txt
	$(LOCK) pyproject.toml --group build --group dev --constraint requirements/base.txt --output-file requirements/dev.txt
	$(LOCK) --group bench --constraint requirements/dev.txt --output-file requirements/bench.txt
	$(LOCK) --group clients --output-file requirements/clients.txt

clean:           ## remove the environment and the demo's folder
	rm -rf .venv .adquem
