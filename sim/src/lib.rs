//! The real node in a simulated world.
//!
//! A seed gives a [`plan::Plan`]. The [`world::World`] runs `selfsame_node::node::start` for every node of it with a simulated
//! network, disk, clock and entropy. [`workload`] acts as the clients, and [`oracle`] remembers what they were told.
//! [`faults`] break the world, [`invariants`] look at all nodes at every tick, and [`liveness`] demands service after the
//! world is healed. The [`trace`] holds everything that was decided: one seed gives one trace, byte for byte.
//!
//! No file uses one that uses it. Each of these uses only what is above it:
//!
//! | modules | |
//! |---|---|
//! | [`random`], [`time`], [`setup`], `guard` | Streams of random numbers, simulated time, what a seed decides about the cluster, panics of nodes. |
//! | [`cluster`], [`trace`] | Names, addresses and keys; what happened, line by line. |
//! | [`mod@env`], [`tap`] | Network, disk, clock and entropy of a node; the signatures that leave it. |
//! | [`history`], [`invariants`] | What clients did and saw; what must hold. |
//! | [`oracle`], [`audit`] | What was promised to clients; what the nodes hold at the end. |
//! | [`world`] | The nodes, the links between them, and their supervisor. |
//! | [`workload`], [`liveness`] | The clients; service after the world is healed. |
//! | [`faults`], [`scenarios`], [`plan`] | What goes wrong, and when. |
//! | [`run`], [`corpus`] | One seed from the plan to the verdict; what it proves to others. |
//! | [`child`], [`fleet`], [`mutants`], [`timeline`] | Many seeds in processes of their own, planted bugs, a trace for people. |

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
