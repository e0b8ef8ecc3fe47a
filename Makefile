# Two commands for a newcomer: `make run` and `make test`. Python 3.11 or later and make are all they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SPREAD := -n auto --maxprocesses 8 --dist worksteal
CAMPAIGNS := tests/contracts tests/data/test_missing.py tests/native tests/engine tests/nets tests/torture tests/estimators/test_search_shared.py tests/test_whole_runs.py

.PHONY: run test lint check format docs pictures sanitize torture bench oldest newest clean

run: $(STAMP)  ## run the built-in study `two-peaks`
	$(BIN)/shoal run two-peaks

test: $(STAMP)  ## run the test suite, on eight cores at the most
	$(BIN)/python -m pytest $(SPREAD)

lint: $(STAMP)  ## linter, formatter, type checker
	$(BIN)/ruff check src tests benchmarks examples docs
	$(BIN)/ruff format --check src tests benchmarks examples docs
	$(BIN)/mypy

check: lint  ## and the architecture
	$(BIN)/python -m pytest tests/test_architecture.py

format: $(STAMP)
	$(BIN)/ruff check --fix src tests benchmarks examples docs
	$(BIN)/ruff format src tests benchmarks examples docs

docs: $(VENV)/.docs  ## the pages as a site, in build/docs/html; needs no network, warnings are errors
	$(BIN)/python docs/site/build.py

pictures: $(STAMP)  ## the pictures of the README, by a Chromium
	$(BIN)/python docs/site/pictures.py

sanitize: $(STAMP)  ## the C++ core under AddressSanitizer and UndefinedBehaviorSanitizer
	sh tests/native/sanitize.sh

torture: $(STAMP)  ## the long campaigns whose short forms run in `make test`; hours; SHOAL_FIRST_CASE=N draws other cases
	SHOAL_CAMPAIGN=long $(BIN)/python -m pytest -s $(CAMPAIGNS)
	SHOAL_CAMPAIGN=long $(BIN)/python -m pytest $(SPREAD) -m hypothesis $(addprefix --ignore=,$(CAMPAIGNS))

oldest newest: $(STAMP)  ## the suite on the oldest, or the newest, versions that pyproject.toml allows, in an environment of its own
	PYTEST_ADDOPTS="$(SPREAD)" $(PYTHON) tests/versions.py $@

bench: $(STAMP)  ## benchmarks beside their peers, in an environment of their own
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .bench-venv .oldest-venv .newest-venv build runs .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(STAMP): pyproject.toml constraints.txt setup.py $(wildcard src/native/*)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt setuptools
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-build-isolation -e '.[dev]'
	@touch $(STAMP)

# Beside what everybody needs, so that `make run` and `make test` do not wait for it. Shoal itself is there already.
$(VENV)/.docs: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt 'shoal[docs]'
	@touch $@
