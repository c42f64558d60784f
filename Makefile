# make demo      two simulated streets, an agent and a command centre on this machine (DEMO_SECONDS=60: ends by itself)
# make test      everything that CI runs, browser included
# make faults    the fault suite at full length, about twenty minutes: see docs/reliability.md
# make lint      format, clippy with warnings denied, tidy, licences and sources of dependencies
# make score     alarms of the bundled model on the ten scenes that ship: precision, recall, F1
# make bench     prints the table of benches/README.md anew
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
export PATH := $(CURDIR)/.cache/node/bin:$(CURDIR)/.cache/tools/bin:$(PATH)

CONSOLE := command-center/console
BROWSER_TESTS := command-center/browser-tests
ASYNCAPI := protocol/asyncapi-check
NODE_MODULES := $(patsubst %,%/node_modules/.package-lock.json,$(BROWSER_TESTS) $(ASYNCAPI))
CONSOLE_SOURCES := $(shell find $(CONSOLE) -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

.PHONY: demo test faults lint score bench setup console build clean

setup:
	@deploy/setup.sh

console: $(CONSOLE)/dist/index.html

$(CONSOLE)/dist/index.html: $(CONSOLE_SOURCES) | setup
	@echo "console: building" >&2
	@cd $(CONSOLE) && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build

%/node_modules/.package-lock.json: %/package-lock.json | setup
	@cd $* && npm ci --no-audit --no-fund --loglevel=error

build: setup console
	cargo build --release --bins

demo: build
	@exec target/release/demo

test: setup console $(NODE_MODULES)
	cargo build --bins
	@if cargo nextest --version >/dev/null 2>&1; then cargo nextest run --no-fail-fast; else cargo test --no-fail-fast; fi

faults: setup console
	cargo build --bins
	SAFECITY_FAULTS=full cargo test -p tests --test faults -- --test-threads=2 --nocapture

lint: setup console
	@deploy/setup.sh --lint
	cargo fmt --check
	cd $(CONSOLE) && npm run --silent check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test -q -p tests --test tidy
	cargo deny check bans licenses sources

score: setup console
	@tests/scenes/score.sh

bench: setup console
	@benches/run.sh

clean:
	rm -rf target $(CONSOLE)/dist $(CONSOLE)/node_modules .cache demo-run
