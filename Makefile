# make run    the main job on the sample site, with everything it needs
# make test   every test, with everything they need
# make chaos  kills the sender at random over 100,000 readers and counts the mails
# make explore  new examples for every property, 2,000 each; `make test` has the same few everywhere
# make bench  the benchmarks; writes docs/benchmarks.md

PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test lint chaos explore bench pictures golden clean

run: .venv/ready
	@$(BIN)/publisher publish --now weekly

test: .venv/ready-for-tests
	@.ci/system chromium nginx caddy java spamassassin postgresql dovecot
	@.ci/check

lint: .venv/ready-for-tests
	@.ci/check --no-tests

chaos: .venv/ready-for-tests
	@$(BIN)/python -m tests.system.chaos_run

explore: .venv/ready-for-tests
	@.ci/system postgresql
	@HYPOTHESIS_PROFILE=explore $(BIN)/python -m pytest -n 2 -m hypothesis

bench: .venv/ready-for-tests
	@.ci/system hugo nginx wrk node npm postgresql
	@$(BIN)/python -m tests.benchmarks

pictures: .venv/ready-for-tests
	@.ci/system chromium
	@$(BIN)/python -m tests.pictures

clean:
	rm -rf .venv var public outbox preview dist build .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache

.venv/ready: constraints.txt pyproject.toml .ci/environment
	@.ci/environment $(PYTHON) run
	@touch $@

.venv/ready-for-tests: .venv/ready tests/constraints.txt
	@.ci/environment $(PYTHON) test
	@touch $@
