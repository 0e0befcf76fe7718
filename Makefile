# One command per wish; every target works on a fresh clone.
#   make serve   a server on port 2379            (needs Python only)     ARGS="--name one" adds flags
#   make test    every test this machine can run  (Go brings the official tools)   PYTEST="tests/mvcc -k compact"
#   make check   style, types of the built wheel, generated code, import arrows
#   make peers   official etcd tools into .peers/bin
#   make bench   ours beside official etcd        (BENCH="--only put --quick")
#   make micro   the hot paths one by one (codec, store, hub, wire), CPU time
#   make duel    200,000 random calls to official etcd and ours, compared byte by byte
#   make soak    one server under mixed load for a while  (SOAK="--seconds 600")

PYTHON ?= python3
ARGS ?=
PYTEST ?=
BENCH ?=
SOAK ?=

VENV := .venv
BIN := $(VENV)/bin
PEERS := .peers/bin
GO := $(shell command -v go 2>/dev/null)
# Packaging facts: when one of these changes the package is installed again. An editable
# install follows the code itself, so code is not among them.
PACKAGING := pyproject.toml setup.py $(wildcard migrate/__init__.py conformance/__init__.py compat/__init__.py)

.PHONY: serve test check peers bench bench-tools micro soak duel clean
.DELETE_ON_ERROR:

serve: $(VENV)/.installed
	$(BIN)/pyetcd $(ARGS)

test: $(VENV)/.installed-test peers-if-go
	$(BIN)/python -m pytest -n auto --dist loadfile -p no:cacheprovider --benchmark-disable $(PYTEST)

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/python -m tools.typecheck
	$(BIN)/python protos/generate.py --check
	$(BIN)/python -m pytest -p no:cacheprovider tests/house/test_architecture.py tests/house/test_tracked_files.py
	$(BIN)/python -m tools.long_files

peers: $(PEERS)/.built

bench: $(VENV)/.installed-test $(PEERS)/.built bench-tools
	$(BIN)/python -m tests.bench.side_by_side $(BENCH)

micro: $(VENV)/.installed-test
	$(BIN)/python -m pytest -p no:cacheprovider tests/bench --benchmark-only \
	  --benchmark-timer=time.process_time --benchmark-columns=min,median,iqr,rounds

soak: $(VENV)/.installed-test $(PEERS)/.built bench-tools
	$(BIN)/python -m tests.bench.soak $(SOAK)

duel: $(VENV)/.installed-test $(PEERS)/.built
	$(BIN)/pyetcd conformance duel --reference $(PEERS)/etcd --endpoint $(BIN)/pyetcd --seeds 20 --steps 10000

clean:
	rm -rf $(VENV) .peers build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache

# --- Python: three depths of one environment, each a stamp ---------------------------------------

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip

$(VENV)/.installed: $(PACKAGING) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,dev]'
	@touch $@

# --- Go: the official tools, pinned by peers/go.mod ------------------------------------------------

.PHONY: peers-if-go
ifdef GO
peers-if-go: $(PEERS)/.built
else
peers-if-go:
	@echo "Go is not installed: tests against the official etcd tools skip (with CI=true they fail)."
endif

$(PEERS)/.built: peers/go.mod peers/go.sum peers/build.sh
	bash peers/build.sh $(PEERS)
	@touch $@

bench-tools: $(PEERS)/load

$(PEERS)/load: $(wildcard tests/bench/load/*.go) tests/bench/load/go.mod
	@mkdir -p $(PEERS)
	cd tests/bench/load && CGO_ENABLED=0 go build -trimpath -o ../../../$(PEERS)/load .
	@touch $@

include conformance/peers.mk
