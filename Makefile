# Two commands for a newcomer: `make run` and `make test`. Python 3.11 or later and make are all they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt
DEPENDENCIES := "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')"
RUNS := $(VENV)/.runs
TESTS := $(VENV)/.tests
SPREAD := -n auto --maxprocesses 8 --dist worksteal
CAMPAIGNS := tests/contracts tests/data/test_missing.py tests/native tests/engine tests/nets tests/torture tests/estimators/test_search_shared.py tests/test_whole_runs.py

.PHONY: run test lint check format docs pictures sanitize torture bench oldest newest wheels clean core packages

run: $(RUNS)  ## run the built-in study `two-peaks`
	$(BIN)/shoal run two-peaks

test: $(TESTS)  ## run the test suite, on eight cores at the most
	$(BIN)/python -m pytest $(SPREAD)

lint: $(TESTS)  ## linter, formatter, type checker
	$(BIN)/ruff check src tests benchmarks examples docs
	$(BIN)/ruff format --check src tests benchmarks examples docs
	$(BIN)/mypy

check: lint  ## and the architecture
	$(BIN)/python -m pytest tests/test_architecture.py

format: $(TESTS)
	$(BIN)/ruff check --fix src tests benchmarks examples docs
	$(BIN)/ruff format src tests benchmarks examples docs

docs: $(VENV)/.docs  ## the pages as a site, in build/docs/html; needs no network, warnings are errors
	$(BIN)/python docs/site/build.py

pictures: $(TESTS)  ## the pictures of the README, by a Chromium
	$(BIN)/python docs/site/pictures.py

sanitize: $(TESTS)  ## the C++ core under AddressSanitizer and UndefinedBehaviorSanitizer
	sh tests/native/sanitize.sh

torture: $(TESTS)  ## the long campaigns whose short forms run in `make test`; hours; SHOAL_FIRST_CASE=N draws other cases
	SHOAL_CAMPAIGN=long $(BIN)/python -m pytest -s $(CAMPAIGNS)
	SHOAL_CAMPAIGN=long $(BIN)/python -m pytest $(SPREAD) -m hypothesis $(addprefix --ignore=,$(CAMPAIGNS))

oldest newest: $(TESTS)  ## the suite on the oldest, or the newest, versions that pyproject.toml allows, in an environment of its own
	PYTEST_ADDOPTS="$(SPREAD)" $(PYTHON) tests/versions.py $@

bench: $(TESTS)  ## benchmarks beside their peers, in an environment of their own
	$(BIN)/python -m benchmarks

wheels: $(VENV)/.wheels  ## wheels of every platform, or of PLATFORMS, into dist/, those that run here tried out (docs/releasing.md)
	$(BIN)/python tests/wheels.py --python "$(AARCH64_PYTHON)" $(PLATFORMS)

clean:
	rm -rf $(VENV) .bench-venv .oldest-venv .newest-venv build dist runs .mypy_cache .ruff_cache .pytest_cache .hypothesis

# What a run needs. The core is compiled while packages are downloaded; modules of theirs when they are first imported, a
# quarter of those that are installed.
$(RUNS): pyproject.toml constraints.txt setup.py $(wildcard src/native/*)
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) setuptools
	@$(MAKE) --no-print-directory -j 2 core packages
	$(INSTALL) --no-build-isolation -e .
	@touch $@

core:
	$(BIN)/python setup.py -q build_ext --inplace

packages:
	$(BIN)/python -c $(DEPENDENCIES) | $(INSTALL) -r /dev/stdin

# What checks and tests need besides, and modules compiled on all cores for the many processes that tests start.
$(TESTS): $(RUNS)
	$(INSTALL) 'shoal[dev]'
	$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
	@touch $@

# What the site and the wheels need besides; wheels need no PyTorch, as tests do.
$(VENV)/.docs: $(TESTS)
$(VENV)/.wheels: $(RUNS)
$(VENV)/.docs $(VENV)/.wheels: $(VENV)/.%:
	$(INSTALL) 'shoal[$*]'
	@touch $@
