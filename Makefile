.DEFAULT_GOAL := help
.PHONY: help ingest serve test test-browser check bench up down lock eval baseline
IMAGES ?= examples/photos
COLLECTION = $(if $(filter examples/photos,$(IMAGES)),examples --captions examples/photos/captions.csv,photos)
COMPOSE = docker compose --file docker/compose.yaml

help: ## Show what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 10

ingest: .venv/ready ## Index the example pictures, or yours: make ingest IMAGES=~/Pictures
	.venv/bin/ingest "$(subst ~/,$(HOME)/,$(IMAGES))" --collection $(COLLECTION)

serve: .venv/ready ## Serve the page at http://127.0.0.1:8000, of the example pictures or yours: make serve IMAGES=~/Pictures
	.venv/bin/search --serve --collection $(firstword $(COLLECTION))

test: .venv/ready ## Run the tests: offline, without a browser or a server
	.venv/bin/pytest --numprocesses auto --dist loadfile

test-browser: .venv/ready ## Drive the page in Chromium (/usr/bin/chromium, from the system's packages)
	.venv/bin/pytest tests/browser

check: .venv/ready ## Check style, types and the compose files
	.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy && .venv/bin/check-jsonschema --builtin-schema vendor.compose-spec docker/compose.yaml docker/compose.cluster.yaml

bench: .venv/ready ## Measure speed and memory; writes results/bench.md and results/bench.json
	.venv/bin/python -m benchmarks.bench

eval: .venv/ready ## Compare systems on judged data: make eval DATA=FOLDER [ENCODER=NAME]; writes results/report.*
	.venv/bin/evaluate compare $(or $(DATA),$(error give DATA=FOLDER, in the form of Flickr8k or of the Practicum task))

baseline: .venv/ready ## Train and judge the baseline and two towers: make baseline DATA=FOLDER; writes results/baseline.*
	.venv/bin/baseline compare $(or $(DATA),$(error give DATA=FOLDER, in the form of the Practicum task))

up: ## Start a Qdrant server on this machine, with its dashboard
	$(COMPOSE) up --detach --wait qdrant

down: ## Stop the server; its volume stays
	$(COMPOSE) down

lock: .venv/ready ## Write requirements.lock from what .venv holds; torch brings its platform's own packages
	.venv/bin/pip freeze --exclude-editable | grep -vE '^(cuda-|nvidia-|triton==)' > .venv/lock && mv .venv/lock requirements.lock

.venv/ready: requirements.lock pyproject.toml
	python3 -m venv .venv
	.venv/bin/pip install --quiet --requirement requirements.lock
	.venv/bin/pip install --quiet --no-deps --no-build-isolation --editable .
	touch .venv/ready
