//! Histories for tests: genuine ones, made by the real state machine, and altered ones.
//!
//! [`stage::Stage`] is the machine in memory, with everybody's keys. A [`World`] is what came of it: the genesis, the
//! submissions and the entries of both ledgers. A world can be altered, and [`World::relink`] then computes anew
//! whatever follows from what was altered, as somebody could who has all keys: only the one rule stays broken.
//!
//! Nothing here is for a node: misuse panics.

pub mod cases;
pub mod cast;
pub mod files;
pub mod governance;
pub mod pairs;
mod relink;
pub mod rules;
pub mod runs;
pub mod stage;
pub mod story;
mod world;

pub use world::{Placed, Signed, World};
