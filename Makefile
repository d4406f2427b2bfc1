.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
PORT ?= 8080
RTMP_PORT ?= 1935

help: ## Show this text
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup ## A sample conference of real clips, streamed to a local RTMP server, to watch in a browser
	@$(BIN)/rostrum demo --port $(PORT) --rtmp-port $(RTMP_PORT)

test: setup testers ## Everything: unit, contract, replay, integration, end to end (starts its own servers)
	$(PYTEST) -n 4 --no-loadscope-reorder

unit: $(VENV)/.ready ## The tests that need no other program, in seconds
	$(PYTEST) -q tests/unit tests/replay

e2e: setup ## The whole system against a real RTMP server
	$(PYTEST) tests/e2e

e2e-compose: $(VENV)/.ready ## The images and the compose stack on a Docker engine that is started for it (root)
	@sh tests/containers/install.sh
	@$(BIN)/python -m tests.containers.able
	$(PYTEST) -s tests/containers

wheels: $(VENV)/.ready ## All Python packages of the images into deploy/wheels, for a build without a network
	$(BIN)/python deploy/docker/lock.py all > deploy/wheels/all.lock
	$(BIN)/pip download -qq --no-deps --only-binary :all: --require-hashes -r deploy/wheels/all.lock -d deploy/wheels
	rm deploy/wheels/all.lock

nats-users: $(VENV)/.ready ## Write deploy/nats/nats.conf anew from proto/access.py
	$(BIN)/python -m kit.natsconf > deploy/nats/nats.conf

metrics: $(VENV)/.ready ## What is made of the declared metrics: docs/metrics.md, the dashboards
	$(BIN)/python -m kit.metrics.page > docs/metrics.md
	$(BIN)/python -m deploy.monitoring.dashboards

check: $(VENV)/.ready ## What CI runs first: format, lint, layers, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

fmt: $(VENV)/.ready ## Format and apply safe fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

soak: setup ## Ten minutes of a mix in which something changes all the time; tells what was late or missing
	$(BIN)/python -m tests.support.long_mix 600

soak-stream: setup ## Ten minutes of a dual stream while others are lost and got back; tells what a server got
	$(BIN)/python -m tests.support.long_stream 600

bench-pipeline: setup ## CPU of the whole system against its floor and against ffmpeg
	$(BIN)/python -m bench.pipeline

bench-fanout: setup ## CPU of one egress session with 1 to 50 destinations, rtmp and rtmps
	$(BIN)/python -m bench.fanout

bench-egress: setup ## Cost and quality of each encoder setting; a whole egress process against x264 alone; its memory
	$(BIN)/python -m bench.egress

bench-routing: setup ## Decisions per second with 10,000 rules; commands against the length of a history
	$(BIN)/python -m bench.routing

bench-webrtc: setup ## CPU of people who take part by browser, and of those who look on only
	$(BIN)/python -m bench.webrtc

bench-link: setup ## CPU of a feed on its way from mixer to egress, on one host and between two
	$(BIN)/python -m bench.link

bench-history: setup ## Memory and times of a history of 100,000 participants
	$(BIN)/python -m bench.history

bench-sound: setup ## CPU of the sound of 25 participants against libav's amix
	$(BIN)/python -m bench.sound

bench-start: setup ## How soon a stream is there, is back, is refused; memory of a session
	$(BIN)/python -m bench.start

bench-faults: setup ## What a fault of one destination does to the pictures of another
	$(BIN)/python -m bench.faults

bench-lateness: setup ## How late 10 to 200 rtmps destinations of one stream get it
	$(BIN)/python -m bench.lateness

setup: $(VENV)/.ready system ## Install all that is needed: Python packages, nats-server, nginx with RTMP

system:
	@sh deploy/install-system.sh

testers:
	@sh deploy/install-system.sh tests

$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Rostrum needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "install Python's venv module (Debian: apt install python3-venv)"; exit 1; }
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

lock: ## Resolve the dependencies anew into requirements.lock
	$(BIN)/pip install -q pip-tools
	$(BIN)/pip-compile -q --upgrade --extra dev --generate-hashes --strip-extras --unsafe-package rostrum \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o requirements.lock pyproject.toml
	sed -i -e 's/^#    pip-compile .*/#    make lock/' -e '/^# WARNING: The following/,$$d' requirements.lock

schema: $(VENV)/.ready ## Accept the wire schema as it is now (read the diff!)
	$(BIN)/python -m tests.replay.schema

chart: $(VENV)/.ready ## What of the Helm chart is made from elsewhere: its README, and the users of NATS
	$(BIN)/python -m tests.deploy.generate

clean: ## Remove what the targets made, but not the data of `rostrum up`
	rm -rf $(VENV) *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

.PHONY: metrics help run test unit e2e e2e-compose soak soak-stream wheels nats-users check fmt bench-pipeline bench-routing bench-compose bench-mixer bench-sound \
	bench-fanout bench-egress bench-start bench-faults bench-lateness bench-link bench-webrtc bench-history setup system testers lock schema chart clean
