.DEFAULT_GOAL := help
.PHONY: help ingest serve test test-light test-browser check bench up down lock eval baseline
IMAGES ?= examples/photos
export IMAGES
# Names of folders may hold anything, and some shells leave a ~ in the middle of a word to us.
FOLDER = case "$$IMAGES" in "~/"*) IMAGES="$$HOME/$${IMAGES\#"~/"}";; esac; \
	if [ "$$IMAGES" -ef examples/photos ]; then collection=examples; else collection=photos; fi
VENV ?= .venv
# Before anything is installed.
CHECK_DATA = @test -e $(or $(DATA),$(error give DATA=FOLDER, in the form of Flickr8k or of the Practicum task)) || { \
	echo "there is no folder $(DATA); give DATA=FOLDER, in the form of Flickr8k or of the Practicum task" >&2; exit 1; }
COMPOSE = docker compose --file docker/compose.yaml

help: ## Show what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 10

ingest: .venv/light ## Index the example pictures, or yours: make ingest IMAGES=~/Pictures
	@$(FOLDER); set -- "$$IMAGES" --collection $$collection; \
	if [ $$collection = examples ]; then set -- "$$@" --captions examples/photos/captions.csv; fi; \
	echo ".venv/bin/ingest $$*"; .venv/bin/ingest "$$@"

serve: .venv/light ## Serve the page at http://127.0.0.1:8000, of the example pictures or yours: make serve IMAGES=~/Pictures [PORT=8001]
	@$(FOLDER); set -- --serve --collection $$collection $(if $(PORT),--port $(PORT)); \
	echo ".venv/bin/search $$*"; .venv/bin/search "$$@"

test: .venv/ready ## Run the tests: offline, without a browser or a server
	OMP_NUM_THREADS=1 .venv/bin/pytest --numprocesses auto --dist loadfile # a process for each processor, each with one thread

test-light: ## Index and search in an environment of the light lock alone, without torch
	rm -rf .venv-light && $(MAKE) VENV=.venv-light .venv-light/light
	.venv-light/bin/python tests/light.py

test-browser: .venv/ready ## Drive the page in Chromium (/usr/bin/chromium, from the system's packages)
	.venv/bin/pytest tests/browser

check: .venv/ready ## Check style, types and the compose files
	.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy && .venv/bin/check-jsonschema --builtin-schema vendor.compose-spec docker/compose.yaml docker/compose.cluster.yaml

bench: .venv/ready ## Measure speed and memory on your photos: make bench IMAGES=~/Pictures; writes results/encoders.*
	.venv/bin/python -m benchmarks.encoders "$$IMAGES"

eval: ## Compare systems on judged data: make eval DATA=FOLDER [ENCODER=NAME] [OUT=FOLDER]; writes results/report.*
	$(CHECK_DATA)
	@$(MAKE) --no-print-directory .venv/ready
	.venv/bin/evaluate compare $(if $(OUT),--out $(OUT)) $(DATA)

baseline: ## The same with the trained systems alone, by word2vec, TF-IDF and BERT: make baseline DATA=FOLDER [OUT=FOLDER]; writes results/baseline.*
	$(CHECK_DATA)
	@$(MAKE) --no-print-directory .venv/ready
	.venv/bin/evaluate compare --systems baseline $(if $(OUT),--out $(OUT)) $(DATA)

up: ## Start a Qdrant server on this machine, with its dashboard
	$(COMPOSE) up --detach --wait qdrant

down: ## Stop the server; its volume stays
	$(COMPOSE) down

lock: .venv/ready ## Write requirements.lock from what .venv holds; torch brings its platform's own packages
	.venv/bin/pip freeze --exclude-editable | grep -vE '^(cuda-|nvidia-|triton==|fastembed|loguru|mmh3|py_rust)' > .venv/lock && mv .venv/lock requirements.lock

# Everything that indexing and searching need. ConSE's packages name torch as a dependency: without dependencies none is
# installed, as the lock names all that are needed.
$(VENV)/light: requirements-light.lock pyproject.toml
	test -x $(VENV)/bin/pip || python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --no-deps --requirement requirements-light.lock
	$(VENV)/bin/pip install --quiet --no-deps --no-build-isolation --editable .
	$(VENV)/bin/python -m compileall -q gallery ingest search  # where Python writes no bytecode, each search takes 0.1 s more
	touch $@

# fastembed, with which tests compare, asks for an older model hub client, which it does not use there.
$(VENV)/ready: $(VENV)/light requirements.lock requirements-fastembed.lock
	@echo "Installing the development packages, with torch: 4 to 7 GB" >&2
	$(VENV)/bin/pip install --quiet --requirement requirements.lock
	$(VENV)/bin/pip install --quiet --no-deps --requirement requirements-fastembed.lock
	touch $@
