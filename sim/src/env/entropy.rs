//! Randomness of one node, from the seed.

use crate::random::{Stream, stream};
use rand::RngCore;
use selfsame_env::Entropy;
use std::io;
use std::sync::{Mutex, PoisonError};

/// A named stream as a source of entropy.
#[derive(Debug)]
pub struct SeededEntropy(Mutex<Stream>);

impl SeededEntropy {
    /// The stream of a name.
    pub fn new(seed: u64, name: &str) -> Self {
        Self(Mutex::new(stream(seed, name)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, out: &mut [u8]) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(out);
        Ok(())
    }
}
