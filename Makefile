# Realmwright. `make` alone lists what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
# One target directory for every checkout of this project on a machine.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/realmwright/target
QUICKSTART ?= examples/quickstart
PROVE ?= 100000

.PHONY: help run test check lint deny generate generated prove prepare

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

prepare: ## Install what building and testing need (Debian packages)
	@scripts/prepare

run: ## Serve the quickstart with its demo application; Ctrl-C ends both
	@scripts/prepare build
	@scripts/run $(QUICKSTART)

test: prepare ## Run every test
	cargo build --locked --quiet -p realmwright -p realmwright-idp -p realmwright-demo
	cargo test --workspace --locked --quiet

lint: ## Format and clippy, warnings are errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked --quiet -- -D warnings

deny: ## Licences, bans and sources of all dependencies
	@scripts/deny

generate: ## Write everything that is generated: CRDs, references, OpenAPI, errors
	@scripts/generate

generated: ## Fail when a generated file is not current; tests hold those of idp/web
	@scripts/generate resources
	@git diff --exit-code --stat -- crds/yaml docs/reference || { echo "Run 'make generate' and commit the result." >&2; exit 1; }

# Optimised, for the count; without link-time optimisation, which takes longer than it saves.
prove: export CARGO_PROFILE_RELEASE_LTO = off
prove: export PROPTEST_CASES = $(PROVE)
prove: ## Property tests of plans, flows and key rotation at full count (PROVE=N for another)
	cargo test --release --locked --quiet -p realmwright-compiler --test plan_soundness
	cargo test --release --locked --quiet -p realmwright-decision --test decision properties
	cargo test --release --locked --quiet -p realmwright-keys --lib life_cycle

check: lint deny generated test ## All that CI runs
