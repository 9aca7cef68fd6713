//! The world of the tests: it is the one of the forge, which makes genuine histories of it.
#![allow(unused_imports)]

pub use selfsame_forge::cast::*;
pub use selfsame_forge::stage::{
    Stage as World, closed, counted, open_with_founding, outcome, result, verifications, writes,
};
