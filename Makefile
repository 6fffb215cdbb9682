# Two commands do everything: make demo, make test.
PYTHON ?= python3
TORCH ?= torch==2.13.0
# make test CONSTRAINTS=constraints/oldest.txt VENV=.venv-oldest tests other versions
CONSTRAINTS ?=
PIP = $(RUN) -m pip install --quiet $(if $(CONSTRAINTS),-c $(CONSTRAINTS))
VENV ?= .venv
RUN = $(VENV)/bin/python

.PHONY: demo test lint pictures clean

demo: $(VENV)/core  ## harmonize the composites that ship with the project
	$(RUN) scripts/demo.py

pictures: $(VENV)/core  ## after new weights: the README's, the help pages' and (with COMFYUI_PATH) the examples' pictures
	$(RUN) -m tests.host.pictures

test: lint  ## lint, type check, every test
	$(RUN) -m pytest -n 2

lint: $(VENV)/dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m pyright

$(VENV)/core: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) $(TORCH)
	$(PIP) -e '.[core]'
	touch $@

$(VENV)/dev: $(VENV)/core
	$(PIP) -e '.[core,cli,train,dev]'
	touch $@

clean:
	rm -rf $(VENV) demo
