//! The consensus log: entries as frames of segment files (decision 0020), vote and purge mark as records of a small
//! database.

mod frame;
mod index_map;
mod log_store;
mod segment;
#[cfg(test)]
mod tests;

pub(super) use frame::ENTRIES_NAME;
pub(super) use log_store::FILE;
pub use log_store::{LogRow, LogStore};
