//! How a store is opened.

/// What one process decides about its store; nothing of it is in the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// Bytes of the page cache of the state's file: a working set, far below the state's size.
    pub cache_bytes: usize,
    /// Bytes after which the log begins another file. Purged entries go with their whole file.
    pub segment_bytes: u64,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { cache_bytes: 64 << 20, segment_bytes: 32 << 20 }
    }
}
