//! The real node in a simulated world.
//!
//! A seed gives a [`plan::Plan`]; the [`world::World`] runs `selfsame::node::start` for every node of it with a
//! simulated network, disk, clock and entropy; [`workload`] acts as the clients and [`oracle`] remembers what they were
//! told; [`faults`] break the world; [`invariants`] look at all nodes at every tick; [`liveness`] heals the world and
//! demands service. Everything that was decided stands in the [`trace`], and one seed gives one trace, byte for byte.

#[cfg(not(tokio_unstable))]
compile_error!(
    "the simulator needs --cfg tokio_unstable: without it tokio's select! is not seeded and two runs of one seed differ. \
     .cargo/config.toml sets it; a RUSTFLAGS variable in the environment replaces that file, so add the flag there \
     (RUSTFLAGS=\"--cfg tokio_unstable ...\") or unset the variable"
);

pub mod audit;
pub mod child;
pub mod cluster;
pub mod corpus;
pub mod env;
pub mod faults;
pub mod fleet;
mod guard;
pub mod history;
pub mod invariants;
pub mod liveness;
pub mod mutants;
pub mod oracle;
pub mod plan;
pub mod random;
pub mod run;
pub mod scenarios;
pub mod setup;
pub mod tap;
pub mod time;
pub mod timeline;
pub mod trace;
pub mod workload;
pub mod world;
