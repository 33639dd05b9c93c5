# The only door: every target installs what it needs and says what it does. `make` alone explains.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# One bound for the whole suite, so that a hung test is an answer and not a wait.
TEST_LIMIT ?= 30m
# How many seeds `make simulate` takes of each size, and the one it replays: 177, or 5:177 for five voters.
SEEDS ?= 5000
SEED ?=
# How long `make chaos` goes on, and from which seed.
CHAOS_SECONDS ?= 300
CHAOS_SEED ?= 1
# Where `make install` puts things, and before which root (for packages).
PREFIX ?= /usr/local
DESTDIR ?=
SHARED = $(DESTDIR)$(PREFIX)/share
# Part of a test's name; empty runs all.
TESTS ?=

.PHONY: help
help: ## say what there is (this)
	@printf 'Quorate elects one leader by a majority of independent Redis servers.\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nNew here? "make demo" shows it working in a minute; then read README.md.\n'
	@printf 'One test: make test TESTS=part_of_its_name\n'

.PHONY: demo
demo: ## five real Redis servers, three candidates, and what happens when things break
	@scripts/tools.sh rust server
	cargo build --release --locked
	PATH="$$PATH:$(CURDIR)/.tools/valkey-8.1" ./target/release/quorate demo --script

.PHONY: demo-live
demo-live: ## the same servers and candidates, and you break them: keys kill, stop, restart
	@scripts/tools.sh rust server
	cargo build --release --locked
	PATH="$$PATH:$(CURDIR)/.tools/valkey-8.1" ./target/release/quorate demo

.PHONY: test
test: ## every test, against Redis 6.2, Redis 7.0 and Valkey 8.1
	@scripts/tools.sh rust servers neighbours resources chart network
	cargo test --locked --features planted-bugs --no-run
	cargo test --locked --profile proof --package quorate-proof --no-run
	scripts/bounded.sh $(TEST_LIMIT) cargo test --locked --features planted-bugs -- $(TESTS)
	scripts/bounded.sh $(TEST_LIMIT) cargo test --locked --profile proof --package quorate-proof -- $(TESTS)

.PHONY: test-gates
test-gates: ## gates on a real API server, which is made for it and ended after it (TESTS=part_of_a_name)
	@scripts/tools.sh rust servers cluster
	cargo test --locked --features planted-bugs --test kubernetes --no-run
	export CLUSTER=gates; trap 'scripts/cluster.sh down' EXIT; scripts/cluster.sh up --control-plane; \
	    KUBECONFIG=$$(scripts/cluster.sh kubeconfig) scripts/bounded.sh $(TEST_LIMIT) \
	    cargo test --locked --features planted-bugs --test kubernetes -- --nocapture --test-threads=1 $(TESTS)

PROOF := cargo run --locked --profile proof --quiet --package quorate-proof --

.PHONY: simulate
simulate: ## simulated storms (SEEDS=5000 of each size), or one again with a trace (SEED=5:177)
	@scripts/tools.sh rust
	$(PROOF) $(if $(SEED),replay '$(SEED)',simulate --seeds '$(SEEDS)')

.PHONY: simulate-long
simulate-long: ## … from a fresh seed until told to stop (Ctrl-C), with progress and sums
	@scripts/tools.sh rust
	$(PROOF) simulate --forever

.PHONY: limits
limits: ## simulated worlds beyond the protocol's limits: what breaks there, and what holds
	@scripts/tools.sh rust
	$(PROOF) limits

.PHONY: matrix
matrix: ## each simulated fault alone, on plain Redlock and on Quorate
	@scripts/tools.sh rust
	$(PROOF) matrix

.PHONY: exhaustive
exhaustive: ## every order of events on three voters, and the rules without which a promise breaks
	@scripts/tools.sh rust
	$(PROOF) exhaustive

.PHONY: mutants
mutants: ## plant each bug and say which tests catch it
	@scripts/tools.sh rust
	QUORATE_MUTANTS_SEEDS=200 cargo test --locked --profile proof --package quorate-proof --lib -- --nocapture \
	    each_planted_bug_is_caught

.PHONY: chaos
chaos: ## real candidates and servers in a network of their own, and everything befalls them (CHAOS_SECONDS=300, CHAOS_SEED=1)
	@scripts/tools.sh rust servers network
	cargo test --locked --features planted-bugs --test chaos --no-run
	CHAOS_SECONDS='$(CHAOS_SECONDS)' CHAOS_SEED='$(CHAOS_SEED)' cargo test --locked --features planted-bugs --test chaos \
	    -- --nocapture

# A cluster has a name; two of different names run side by side.
CLUSTER ?= quorate
# Never a cluster that the environment happens to name: nodes are drained. Serially: what strikes a node strikes every test's pods.
TEST_CLUSTER = scripts/bounded.sh $(TEST_LIMIT) cargo test --locked --features planted-bugs --test cluster -- \
    --nocapture --test-threads=1 $(TESTS)
CLUSTER_SH = CLUSTER='$(CLUSTER)' scripts/cluster.sh

.PHONY: cluster-up
cluster-up: static ## a real Kubernetes with two nodes on this machine, for `make test-cluster` (CLUSTER=name)
	@scripts/tools.sh cluster
	scripts/cluster/images.sh
	@$(CLUSTER_SH) up

.PHONY: test-cluster
test-cluster: ## the chart and real pods on that cluster, or on one of yours (KUBECONFIG=file, TESTS=part_of_a_name)
	@scripts/tools.sh rust chart
	cargo test --locked --features planted-bugs --test cluster --no-run
ifeq ($(origin KUBECONFIG),command line)
	env --unset=CLUSTER KUBECONFIG='$(KUBECONFIG)' $(TEST_CLUSTER)
else
	@$(MAKE) --no-print-directory cluster-up
	KUBECONFIG=$$($(CLUSTER_SH) kubeconfig) CLUSTER='$(CLUSTER)' $(TEST_CLUSTER)
endif

.PHONY: cluster-down
cluster-down: ## … and its end, which leaves nothing behind
	@$(CLUSTER_SH) down

.PHONY: lint
lint: ## formatting, clippy, both feature sets, documentation, scripts, and what may not be committed
	@scripts/tools.sh rust lint
	cargo fmt --all --check
	cargo clippy --locked --all-targets --all-features -- -D warnings
	cargo clippy --locked --all-features --test cluster --test kubernetes -- -D warnings
	cargo clippy --locked --lib --no-default-features -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --all-features --quiet
	cargo clippy --locked --package bench-quorate -- -D warnings
	cargo clippy --locked --package quorate-proof --all-targets -- -D warnings
	shellcheck scripts/*.sh scripts/cluster/*.sh bench/*.sh charts/quorate/files/*.sh .ci/run
	scripts/check-tree.sh

.PHONY: bench
bench: ## measure Quorate and its alternatives side by side, on this machine
	@scripts/tools.sh rust server etcd
	bench/run.sh

# Unasked, random numbers would come from a file there, which an empty root does not have.
.PHONY: static
static: ## a binary that needs no C library, for any image: target/static/quorate
	@scripts/tools.sh rust
	host=$$(rustc -vV | sed -n 's/^host: //p'); \
	RUSTFLAGS='-C target-feature=+crt-static --cfg getrandom_backend="linux_getrandom"' cargo build --release --locked --target "$$host"; \
	install -D "target/$$host/release/quorate" target/static/quorate
	scripts/alone.sh target/static/quorate
	@printf 'target/static/quorate\n'

.PHONY: recording
recording: ## play the live demo and record it: docs/demo.svg
	@scripts/tools.sh rust server recording
	cargo build --release --locked
	PATH="$$PATH:$(CURDIR)/.tools/valkey-8.1" PYTHONPATH=.tools/recording \
	    .tools/recording/python scripts/record-demo.py target/release/quorate docs/demo.svg

.PHONY: picture
picture: ## draw the dashboard from a real Prometheus that watched real candidates: docs/dashboard.png
	@scripts/tools.sh rust servers chart picture
	QUORATE_DASHBOARD_PICTURE=$(CURDIR)/docs/dashboard.png \
	    cargo test --locked --features planted-bugs --test chart monitored

.PHONY: deny
deny: ## licences, duplicates and sources of everything that is built in
	@scripts/tools.sh rust deny
	.tools/deny/bin/cargo-deny --locked check bans licenses sources

.PHONY: sbom
sbom: ## the bill of materials of the program, as CycloneDX: target/quorate.cdx.json
	@scripts/tools.sh rust sbom
	scripts/sbom.sh target/quorate.cdx.json

.PHONY: chart
chart: ## write anew what is generated from the chart: tables of values, the library's share, deploy/manifests
	@scripts/tools.sh chart
	for chart in charts/*; do \
	    node .tools/chart/node_modules/@bitnami/readme-generator-for-helm/bin/index.js \
	        --values "$$chart/values.yaml" --readme "$$chart/README.md"; \
	done
	scripts/share-templates.sh
	scripts/render-manifests.sh

.PHONY: doc
doc: ## the library's documentation, in target/doc
	@scripts/tools.sh rust
	cargo doc --locked --no-deps
	@printf 'target/doc/quorate/index.html\n'

.PHONY: install
install: ## the program, its manual and completions, below PREFIX (/usr/local) in DESTDIR (none)
	@scripts/tools.sh rust
	cargo build --release --locked
	install -D -m 755 target/release/quorate '$(SHARED)/../bin/quorate'
	./target/release/quorate man '$(SHARED)/man/man1'
	install -d '$(SHARED)'/{bash-completion/completions,zsh/site-functions,fish/vendor_completions.d}
	./target/release/quorate completion bash >'$(SHARED)/bash-completion/completions/quorate'
	./target/release/quorate completion zsh >'$(SHARED)/zsh/site-functions/_quorate'
	./target/release/quorate completion fish >'$(SHARED)/fish/vendor_completions.d/quorate.fish'

.PHONY: fmt
fmt: ## format the code
	@scripts/tools.sh rust
	cargo fmt

.PHONY: tools
tools: ## install what building and testing need, and only what is missing
	@scripts/tools.sh rust servers neighbours resources chart
	@printf 'all there\n'

.PHONY: clean
clean: ## remove what was built (not the servers in .tools)
	@for one in target/cluster/*/; do \
	    [ ! -d "$$one" ] || CLUSTER=$$(basename "$$one") scripts/cluster.sh down; \
	done
	rm -rf target bench/rivals/target
