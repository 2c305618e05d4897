# Every target has an equivalent without make (Windows, conda): see "make help".
PYTHON ?= python3
PY := $(if $(filter Windows_NT,$(OS)),.venv/Scripts/python.exe,.venv/bin/python)
# PYTHON given on the command line or in the environment moves an existing .venv to it
SETUP := tools/setup.py $(if $(filter file default,$(origin PYTHON)),,--switch)

.DEFAULT_GOAL := help
.PHONY: help setup ready report notebooks words test test-all bench lab lint lock

help: ## this list | csat --help
	@printf '%-10s %-59s %s\n' target 'what it does' 'without make'
	@awk -F ' ?## | [|] ' '/^[a-z-]+:.* ## /{split($$1, t, ":"); printf "%-10s %-59s %s\n", t[1], $$2, $$3}' $(firstword $(MAKEFILE_LIST))

setup: ## make or refresh .venv from requirements.lock | python -m tools.setup
	@$(PYTHON) $(SETUP)

ready:
	@$(PYTHON) $(SETUP) --quiet

report: ready ## publish last month's reports; the last line is the index | csat run
	@$(PY) -m csatlib run

notebooks: ready ## execute all notebooks: the only way outputs change | python -m tools.notebooks
	@$(PY) -m tools.notebooks

words: ready ## bring new sentences into the translations | python -m tools.catalogue
	@$(PY) -m tools.catalogue

test: ready ## lint, quick tests, doctests, notebooks replayed | python -m tools.test
	@$(PY) -m tools.test

test-all: ready ## the same, coverage studies and pictures too | python -m tools.test --all
	@$(PY) -m tools.test --all

bench: ready ## our times beside a peer's | python -m benchmarks
	@$(PY) -m benchmarks

lab: ready ## JupyterLab in notebooks/ | python -m jupyterlab --notebook-dir=notebooks
	@$(PY) -m jupyterlab --notebook-dir=notebooks

lint: ready ## style of code and notebooks | python -m ruff check . && python -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

lock: ## write requirements.lock and -spark.lock anew (needs uv) | python -m tools.lock
	@$(PYTHON) -m tools.lock
