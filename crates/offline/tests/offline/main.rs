//! What is verified from files alone, but for the altered ones (`tamper`).

mod files;
mod holders;
mod kinds;
mod page;
mod pairs;
#[cfg(unix)]
mod special;
mod states;
