# What developers run, one by one. `just ci` is everything that a change must pass.

default: lint test

# Format, lints, determinism, demo, tests, simulated faults, mistakes on purpose, README, the two verifiers, code of others: up to an hour.
ci:
    .ci/run

lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings

test:
    cargo test --workspace --locked

demo:
    cargo run --release --locked -- demo

# One seed is one history. Then some seconds of simulated faults; docs/simulation.md says how to look for more.
simulate:
    cargo run --locked -p selfsame-sim -- check-determinism --seeds 6
    cargo run --locked -p selfsame-sim -- run --start-seed 51 --seeds 20

# Does the simulator notice mistakes on purpose?
mistakes:
    cargo run --locked -p selfsame-sim -- mutants --smoke

# The README's commands, as a new user runs them.
readme:
    tests/readme/run

# Our verifier and the one in Python over altered and forged files; needs a release build.
mutator:
    tests/mutator/run --minutes 3 target/release/selfsame

# What code of others makes of what we write.
interop:
    tests/interop/run

# Throughput and latency of three durable nodes in one process, as JSON.
bench:
    cargo run --release --locked -- bench --local -o json

# The same load on selfsame and on etcd, in turn. Needs etcd.
compare:
    benches/compare

# Costs of single steps: hashing, signatures, trees, apply.
microbench:
    cargo bench --locked

# Do the tests notice mistakes? Four hundred mutants of the core, drawn by the commit. Hours; `--help` for less.
mutation *arguments:
    tests/mutation/run {{arguments}}

# Needs cargo-deny; `cargo test` checks licences and sources without it.
deny:
    cargo deny check
