# Everything a developer types. `make demo` and `make test` set up what they need first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test style quality docs bench clean-bench atlas clean

help:  ## Show these targets.
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(READY)  ## The whole tour: init, edit, commit, ask, diff, blame, rollback, ask again.
	$(BIN)/wisedb demo

test: $(READY)  ## All tests.
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

style: $(READY)  ## Format, and mend what the linter can mend.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

quality: $(READY)  ## Formatting, lint, types, layers.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(READY)  ## Write the generated pages anew.
	$(BIN)/python -m wisedb.cli.reference docs/cli.md

# A run that was stopped goes on where it was; `make clean-bench` begins anew.
bench: $(READY)  ## Measure the editors and the micro costs into docs/benchmarks/ (hours on two cores).
	OMP_NUM_THREADS=1 $(BIN)/wisedb bench --protocol batch --edits 1,10,100,1000 --out build/bench/atlas
	OMP_NUM_THREADS=1 $(BIN)/wisedb bench --editors keyed,wise --edits 10,100 --out build/bench/editors
	mkdir -p docs/benchmarks/atlas docs/benchmarks/editors
	for name in atlas editors; do for file in table.md figures.svg results.jsonl; do \
		cp build/bench/$$name/$$file docs/benchmarks/$$name/; done; done
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/benchmarks/micro/*.py -p no:xdist --benchmark-only \
		--benchmark-columns=min,median,iqr,rounds --benchmark-json=docs/benchmarks/micro.json

clean-bench:  ## Forget the stores and rows of `make bench`.
	rm -rf build/bench

atlas: $(READY)  ## Train the model that ships inside anew (half an hour on two cores).
	$(BIN)/wisedb atlas train --out wisedb/atlas/model

clean:  ## Remove what the targets above made.
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
