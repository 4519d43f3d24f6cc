# Thin on purpose: what a target needs is in .ci/deps, what it does is one or two commands.
.PHONY: run test bench micro instructions profile count fuzz plugins screens deps

PLUGINS = cargo build --locked --release --target wasm32-wasip2

run: plugins
	cargo run --locked -p authly -- serve --dev

plugins:
	@.ci/deps build
	$(PLUGINS) --manifest-path plugins/Cargo.toml --target-dir target/plugins

test: deps plugins
	cargo build --locked -p authly
	cargo build --locked --manifest-path tests/foreign/rust/Cargo.toml --target-dir target/foreign
	cargo test --locked --workspace
	cargo test --locked --manifest-path plugins/Cargo.toml --target-dir target/plugins

# Release build, load from a second process, each row beside the limit server of the same run; the table and
# target/bench.json. ROWS=refresh,jwks.sqlite takes what begins so, ROWS=*plugin what contains it. SECONDS (3) are for
# each row, CALLERS (16) ask at the same time, DISTINCT (100000) tokens are gone through where none may be seen twice.
BENCH = $(if $(ROWS),--rows '$(ROWS)') $(if $(SECONDS),--seconds $(SECONDS)) $(if $(CALLERS),--callers $(CALLERS)) \
	$(if $(DISTINCT),--distinct $(DISTINCT))
bench: plugins
	@.ci/deps bench
	cargo build --locked --release -p authly -p authly-bench
	target/release/authly-bench $(BENCH)

# How long the parts of a request take, by criterion; PART is a file of tests/micro/benches, as `make micro PART=storage`.
micro: plugins
	@.ci/deps bench
	cargo bench --locked --profile count -p authly-micro $(if $(PART),--bench $(PART),--benches)

# Instructions that each row of tests/micro costs, beside the committed figures; UPDATE=1 writes those anew.
instructions: count
	$(COUNT) $(if $(UPDATE),update,check)

# Where the instructions of a row go, as `make profile NAME=refresh`.
NAME = token
profile: count
	$(COUNT) profile $(NAME)

COUNT = target/count/authly-micro
count:
	@.ci/deps count
	cargo build --locked --profile count -p authly-micro

# Each parser's fuzz target for so long, in seconds; what CI runs is `tests/fuzz/run runs`.
FUZZ_SECONDS = 3600
fuzz:
	@.ci/deps fuzz
	tests/fuzz/run seconds $(FUZZ_SECONDS)

# Every page in every state as a PNG in target/screens, each checked with axe.
screens: deps
	node tests/browser/screens.mjs

deps:
	@.ci/deps test
