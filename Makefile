# Packwarden: what a developer runs. Every target sets up what it needs in .venv, once.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
# Drivers of chips by others, without what they need besides: see pyproject.toml.
PEERS := $(addprefix adafruit-circuitpython-,ads1x15 busdevice ina228 register)
# Written last: a set-up that was cut short has none and begins anew.
STAMP := $(VENV)/ready

# The first Python that is new enough; PYTHON=/path/to/python chooses another.
FIND_PYTHON = for p in $(PYTHON) python3 python3.11 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && exit; \
	done; echo 'Packwarden needs Python 3.11 or newer' >&2; exit 1

.DEFAULT_GOAL := help
.PHONY: help setup run test campaign faults latency week soak cuts pulls fuzz month study mutants picture fmt lint type bench docs lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

setup: $(STAMP) ## install everything into .venv (again only after the lock or pyproject.toml changed)

run: $(STAMP) ## watch a cabinet of four: a terminal works loose, and its breaker opens
	@$(BIN)/packwarden sim loose-terminal

test: lint type ## lint, type, then every test, with the coverage of lib/
	$(BIN)/pytest -n 3 --dist worksteal --cov --cov-report=term

campaign: $(STAMP) ## run every scenario, the long ones too, and write the table of host_tests/README.md
	@$(BIN)/python -m packwarden_host.docs host_tests/README.md "campaign --format markdown"

faults: $(STAMP) ## every single fault, alone and beside a hot terminal, and write the table: ten minutes
	@$(BIN)/python -m packwarden_host.docs host_tests/README.md \
		"campaign --faults --format markdown"

latency: $(STAMP) ## measure from register to output at 1,000 phases under every load, and write the table
	@$(BIN)/python -m packwarden_host.docs host_tests/README.md \
		"latency --phases 1000 --format markdown"

week: $(STAMP) ## days of a solar home, sound and with each fault, and weeks of other weather: two hours
	$(BIN)/pytest -n 2 -m week host_tests/system

soak: $(STAMP) ## a million ticks of a full bank with the heap locked: about half an hour
	$(BIN)/pytest -q -s -m soak host_tests/proofs/test_tick.py

cuts: $(STAMP) ## cut the power at 12000 writes to the flash, and at 12000 more: about ten minutes
	@cd host_tests && ../$(BIN)/python -m proofs.power_cuts

month: $(STAMP) ## thirty simulated days with weather, faults, power cuts and console: about an hour
	@cd host_tests && ../$(BIN)/python -m system.month

study: $(STAMP) ## 500 joints that work loose, ten years of sound banks, and write the tables: some minutes
	@cd host_tests && ../$(BIN)/python -m study

fuzz: $(STAMP) ## type a million lines of every kind at the console: about an hour
	@cd host_tests && ../$(BIN)/python -m proofs.console_fuzz

pulls: $(STAMP) ## kill the VM 1000 times while it is given a configuration and trips: a quarter of an hour
	@cd host_tests && ../$(BIN)/python -m proofs.plug_pulls

mutants: $(STAMP) ## change the elements and breakers in a thousand ways: the tests have to notice
	$(BIN)/python host_tests/mutants.py

picture: $(STAMP) ## three monthly checks of a simulated cabinet, and the README's picture of the last: ten minutes
	@$(BIN)/python -m packwarden_host.report_picture

fmt: $(STAMP) ## format, and repair what ruff can repair
	$(BIN)/ruff check --fix --quiet || true
	$(BIN)/ruff format

lint: $(STAMP) ## check style and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

type: $(STAMP) ## check types: the board's code against the ESP32 stubs, then the host's
	$(BIN)/basedpyright
	$(BIN)/basedpyright -p tools

bench: $(STAMP) ## measure the control step, the simulation's speed and the heap
	@$(BIN)/packwarden bench

docs: $(STAMP) ## run the commands that the documentation shows, and paste what they print
	@$(BIN)/python -m packwarden_host.docs
	@$(BIN)/python -m packwarden_host.package
	@$(BIN)/pytest --collect-only -qq --write-matrix > /dev/null
	@$(BIN)/pytest -q --write-picture host_tests/system/test_monitor_pty.py

lock: $(STAMP) ## take the newest version of everything into requirements.lock
	$(BIN)/python -m venv --clear $(VENV)/newest
	$(VENV)/newest/bin/python -m pip install -qq -e '.[dev,stubs]'
	$(VENV)/newest/bin/python -m pip install -qq --no-deps $(PEERS)
	grep '^#' requirements.lock > $(VENV)/lock
	$(VENV)/newest/bin/python -m pip freeze --exclude packwarden >> $(VENV)/lock
	rm -rf $(VENV)/newest
	mv $(VENV)/lock requirements.lock

clean: ## remove .venv and everything else that was made here
	rm -rf $(VENV) .hypothesis .pytest_cache .ruff_cache tools/cpython/*.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +

$(STAMP): requirements.lock pyproject.toml
	@echo 'set-up 1 of 4: virtual environment in $(VENV)'
	@python=$$($(FIND_PYTHON)) && if [ -f $@ ]; then rm $@; else $$python -m venv --clear $(VENV); fi
	@echo 'set-up 2 of 4: Python packages (about 120 MB to fetch, a minute or two)'
	@$(PIP) install --no-compile -c requirements.lock -e '.[dev]'
	@$(PIP) install --no-compile -c requirements.lock --no-deps $(PEERS)
	@echo 'set-up 3 of 4: ESP32 stubs for the type checker'
	@rm -rf $(VENV)/stubs
	@$(PIP) install --no-compile -c requirements.lock --no-deps --target $(VENV)/stubs \
		micropython-esp32-stubs micropython-stdlib-stubs
	@echo 'set-up 4 of 4: 32-bit MicroPython VM'
	@mkdir -p $(VENV)/wasm
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm install --prefix $(VENV)/wasm --loglevel=error \
		--no-save --no-package-lock --no-audit --no-fund --ignore-scripts \
		"$$(sed -n 's/^# npm: //p' requirements.lock)" > /dev/null
	@touch $@
	@echo 'set-up done'
