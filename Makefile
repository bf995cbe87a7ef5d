# Realmwright. `make` alone lists what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
# One target directory for every checkout of this project on a machine.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/realmwright/target
QUICKSTART ?= examples/quickstart
PROVE ?= 100000
# Seconds for each target.
FUZZ ?= 5

.PHONY: help run test check lint deny generate generated prove bench fuzz prepare

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

prepare: ## Install what building and testing need (Debian packages)
	@scripts/prepare

run: ## Serve the quickstart with its demo application; Ctrl-C ends both
	@scripts/prepare build
	@scripts/run $(QUICKSTART)

test: prepare ## Run every test
	cargo build --locked --quiet -p realmwright -p realmwright-idp -p realmwright-demo -p realmwright-operator
	cargo test --workspace --locked --quiet

lint: ## Format and clippy, warnings are errors
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets --locked --quiet -- -D warnings

deny: ## Licences, bans and sources of all dependencies
	@scripts/deny

generate: ## Write everything that is generated: CRDs, references, OpenAPI, errors
	@scripts/generate

generated: ## Fail when a generated file is not current; tests hold those of idp/web
	@scripts/generate resources
	@git diff --exit-code --stat -- crds/yaml crds/json docs/reference || { echo "Run 'make generate' and commit the result." >&2; exit 1; }

# Optimised, for the count; without link-time optimisation, which takes longer than it saves.
prove: export CARGO_PROFILE_RELEASE_LTO = off
prove: export PROPTEST_CASES = $(PROVE)
prove: prepare ## Property tests at full count (PROVE=N for another), and ten minutes of each fuzz target
	cargo test --release --locked --quiet -p realmwright-compiler --test plan_soundness
	cargo test --release --locked --quiet -p realmwright-decision --test decision properties
	cargo test --release --locked --quiet -p realmwright-keys --lib life_cycle
	scripts/fuzz 600

# From the committed seeds alone, so that what is found does not depend on former runs.
fuzz: export FUZZ_FRESH = 1
fuzz: prepare ## Every parser of foreign bytes for five seconds each (FUZZ=N for another number)
	scripts/fuzz $(FUZZ)

# Without link-time optimisation, which takes longer than it gains.
bench: export CARGO_PROFILE_RELEASE_LTO = off
bench: prepare ## Requests a second, latency, compile times and raw costs, optimised (docs/benchmarks.md)
	cargo test --release --locked --quiet --workspace --lib --test scenarios --test scale --bin realmwright -- --ignored --nocapture --test-threads=1 bench scale measure thousand_clients

check: lint deny generated test fuzz ## All that CI runs
