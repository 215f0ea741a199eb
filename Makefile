# Needs Python 3.11 and make; the rest (packages, Java, Spark's jars) is set up on the first call.
.DEFAULT_GOAL := help
SHELL := /bin/bash
BIN := .venv/bin
PYTEST_ARGS ?=
export PYSPARK_PYTHON := $(CURDIR)/$(BIN)/python
# Another Spark or Python in the caller's environment must not mix with the one in .venv.
unexport SPARK_HOME PYTHONHOME PYTHONPATH PYSPARK_DRIVER_PYTHON PYSPARK_SUBMIT_ARGS

.PHONY: help setup demo test lint clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Create .venv, find or install Java, fetch Spark's jars (quick when done before)
	@scripts/setup.sh

demo: setup ## Simulate a city, run the pipeline on it, show the products
	@$(BIN)/threestep demo

test: lint ## Lint, check types, run the tests (PYTEST_ARGS='-k name' passes options on)
	@$(BIN)/pytest $(PYTEST_ARGS)

lint: setup ## Check style, formatting and types
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

clean: ## Remove .venv, caches and the demo's output
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist demo spark-warehouse metastore_db *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
