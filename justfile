# What developers run. The same as .ci/run, step by step.

default: lint test

lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings

test:
    cargo test --workspace --locked

demo:
    cargo run --release --locked -- demo

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
