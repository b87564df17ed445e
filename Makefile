# The one list of tasks. `make demo` and `make test` are all a newcomer needs; both install what is missing.
# Everything is built with `--workspace`, so with one set of features: another would be another tree of dependencies.

CARGO ?= cargo
NPM ?= npm
DEMO_DIR ?= km-demo
BENCH_SYSTEMS ?= km,etcd,zookeeper
BENCH_MEASURES ?= resting,writes,reads,killed,paused,handover,restarts,watchers
BENCH_SECONDS ?= 3
BENCH_ROUNDS ?= 5
BENCH_TRIALS ?= 20
BENCH_JSON ?= target/bench.jsonl
HOURS ?= 10
JOBS ?= $(shell nproc)
SECONDS ?= 60
EACH_ONCE ?=
SEED ?=
MANAGERS ?= 3
FAULTS ?=
OVERLAP ?= 3
WORKLOAD ?=
ZOOKEEPER_AWAY ?=
LOOPBACK ?=
AFTER ?=
CHAOS_OUT ?= target/chaos
BUGS ?=
SCOREBOARD_OUT ?= target/scoreboard
FLUSHES ?= 400
RUNS ?= 3000
EXT4 ?= 200

# A build from nothing gains nothing by keeping what only the next one would use.
ifdef CI
export CARGO_INCREMENTAL = 0
endif

# A test of processes waits far more than it computes: for a lease to end, a host to be called gone, a Manager to be back.
RUST_TEST_THREADS ?= $(shell echo $$((3 * $$(nproc))))
export RUST_TEST_THREADS

# Written by a finished `npm ci`; older than the lock file means: install again.
NODE_MODULES := web/node_modules/.installed
DASHBOARD := web/dist/index.html
DASHBOARD_SOURCES := $(shell find web/src web/public web/index.html web/vite.config.ts web/tsconfig.json -type f 2>/dev/null)

.PHONY: help demo test test-rust test-web test-e2e screenshots verify fix bench bench-quick chaos chaos-scoreboard test-chaos sim durability endurance clean

help: ## Lists the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(DASHBOARD) ## Builds everything and runs a real group of three Managers; Ctrl-C stops it
	$(CARGO) build --release --locked --workspace --bin km
	./target/release/km demo --dir $(DEMO_DIR)

test: test-rust test-web test-e2e test-chaos ## Runs all tests: Rust, dashboard units, end to end in a real browser, faults of processes, hosts, networks and disks

# What comes over the network is fetched while the compiler works.
test-rust: $(DASHBOARD)
	@for part in sshd balancers surroundings clouds mail; do scripts/install-$$part || exit 1; done & fetching=$$!; \
	$(CARGO) test --workspace --locked --quiet --no-run; built=$$?; \
	wait $$fetching && exit $$built
	$(CARGO) test --workspace --locked --quiet

test-web: $(NODE_MODULES)
	cd web && $(NPM) test

test-e2e: $(DASHBOARD)
	scripts/install-chromium
	$(CARGO) test --workspace --locked --quiet --no-run
	scripts/e2e target/debug/km

test-chaos: $(DASHBOARD) ## Every class of faults once, with the debug build; FAULTS= only some
	scripts/install-lab
	$(CARGO) test --workspace --locked --quiet --no-run
	scripts/chaos-smoke target/debug

screenshots: $(DASHBOARD) ## Takes the pictures in docs/pictures, of a real group in a real browser
	scripts/install-chromium
	$(CARGO) test --workspace --locked --quiet --no-run
	scripts/e2e target/debug/km screenshots

verify: $(NODE_MODULES) ## Checks form, lints, documentation, dependencies; changes nothing
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked
	scripts/deny
	cd web && $(NPM) run lint && $(NPM) run typecheck

fix: $(NODE_MODULES) ## Corrects what can be corrected by itself
	$(CARGO) fmt --all
	$(CARGO) clippy --workspace --all-targets --locked --fix --allow-dirty --allow-staged
	cd web && $(NPM) run fix

bench: $(if $(findstring scale,$(BENCH_MEASURES)),$(DASHBOARD)) ## Measures ours beside etcd and ZooKeeper: BENCH_SYSTEMS, BENCH_MEASURES, BENCH_SECONDS, BENCH_ROUNDS, BENCH_TRIALS
	$(if $(filter km,$(BENCH_SYSTEMS)),,scripts/install-benchmarked)
	$(if $(findstring scale,$(BENCH_MEASURES)),scripts/install-chromium)
	$(CARGO) build --release --locked --workspace --bin km --bin bench
	./target/release/bench --km target/release/km --systems $(BENCH_SYSTEMS) --measures $(BENCH_MEASURES) \
	  --seconds $(BENCH_SECONDS) --rounds $(BENCH_ROUNDS) --trials $(BENCH_TRIALS) --json $(BENCH_JSON)

bench-quick: ## The same in about three minutes: one round of writes and reads, three failovers
	$(MAKE) bench BENCH_MEASURES=writes,reads,killed BENCH_SECONDS=1 BENCH_ROUNDS=1 BENCH_TRIALS=3 BENCH_JSON=target/bench-quick.jsonl

chaos: ## Breaks a real group under load and judges what clients saw: SECONDS, SEED, MANAGERS, FAULTS, OVERLAP, WORKLOAD, ZOOKEEPER_AWAY, LOOPBACK, AFTER, CHAOS_OUT
	$(if $(LOOPBACK),,scripts/install-lab)
	$(CARGO) build --release --locked --workspace --bin km --bin chaos
	./target/release/chaos --km target/release/km $(if $(EACH_ONCE),--each-once,--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED)) --managers $(MANAGERS) \
	  --overlap $(OVERLAP) $(if $(FAULTS),--faults $(FAULTS)) $(if $(WORKLOAD),--workload $(WORKLOAD)) $(if $(ZOOKEEPER_AWAY),--zookeeper-away) $(if $(LOOPBACK),--loopback) $(if $(AFTER),--after $(AFTER)) --out $(CHAOS_OUT)

chaos-scoreboard: ## Plants mistakes in a Manager one at a time and tells which the chaos runs notice: BUGS, SCOREBOARD_OUT
	scripts/install-lab
	$(CARGO) build --locked --features planted-bugs --bin km-planted
	$(CARGO) build --locked --package chaos-tests
	./target/debug/scoreboard --km target/debug/km-planted $(if $(BUGS),--only $(BUGS)) --out $(SCOREBOARD_OUT)

sim: ## Runs the group in a simulated world, a seed after the other: HOURS of simulated time, SEED to begin with, JOBS
	$(CARGO) build --locked --profile long --package simulation
	./target/long/sim many --hours $(HOURS) --from $(or $(SEED),$(shell date +%s)) --jobs $(JOBS) --keep chaos-tests/seeds/simulation.txt

durability: ## Cuts the power of a store thousands of times and judges what it kept: FLUSHES, RUNS, EXT4, SEED
	DURABILITY_FLUSHES=$(FLUSHES) DURABILITY_RUNS=$(RUNS) DURABILITY_EXT4=$(EXT4) DURABILITY_SEED=$(or $(SEED),1) \
		$(CARGO) test --locked --package disk-tests -- --nocapture

endurance: ## Writes a million entries to a store and prints disk, memory and stalls as it goes
	$(CARGO) test --release --locked --package disk-tests -- --ignored --nocapture million

clean: ## Removes what was built, not the demo's data
	$(CARGO) clean
	rm -rf web/dist web/node_modules

$(NODE_MODULES): web/package-lock.json
	scripts/need node npm
	cd web && $(NPM) ci --no-audit --no-fund
	@touch $@

$(DASHBOARD): $(NODE_MODULES) $(DASHBOARD_SOURCES)
	cd web && $(NPM) run build
	@touch $@
