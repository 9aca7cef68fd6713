//! The program: what a user types, the story that `demo` plays, and the load that `bench` makes.

pub mod bench;
pub mod cli;
pub mod console;
pub mod demo;
