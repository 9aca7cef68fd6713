//! An exhaustively checked model of the migration protocol: one active chip, whatever the network and the chips do.
//!
//! | module | |
//! |---|---|
//! | [`types`] | What commands, entries and attestations say, reduced to small numbers. |
//! | [`ledger`] | The replicated state machine under test: what applying a command decides. |
//! | [`chip`] | What one running copy of a chip remembers, and what it signs. |
//! | [`bug`] | Design bugs that can be planted, and the property that catches each. |
//! | [`finding`] | What the design does not withstand today, and the remedy. |
//! | [`audit`] | An independent reading of the log: it knows the rules of the protocol and none of the ledger's code. |
//! | [`property`] | The properties, their ids and where they come from. |
//! | [`bounds`] | How far a check goes: sizes, and the scopes of each. |
//! | [`world`] | States, actions, and what of the design is tried. |
//! | [`judge`] | What is broken in a state. |
//! | [`expected`] | What must hold in every state, and what must happen in some. |
//! | [`step`] | The Stateright model: what may happen in a state, and the state after it. |
//! | [`check`] | Runs the check, reports progress, and keeps the shortest counterexample. |
//! | [`story`] | Counterexamples as a list of steps for people. |
//! | [`moves`] | Another model: births, routing and moves when there are several groups (`docs/scale.md`). |

pub mod audit;
pub mod bounds;
pub mod bug;
pub mod check;
pub mod chip;
pub mod expected;
pub mod finding;
pub mod judge;
pub mod ledger;
pub mod moves;
pub mod property;
pub mod step;
pub mod story;
pub mod types;
pub mod world;

pub use bounds::{Bounds, Size};
pub use bug::Bug;
pub use finding::Finding;
pub use property::Property;
pub use world::World;
