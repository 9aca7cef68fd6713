//! What can be done with files alone: writing a ledger into a folder, and checking every kind of file with the cluster
//! gone.
//!
//! | file | checked in |
//! |---|---|
//! | folder of a ledger, or of both | `ledger`: every entry re-hashed on all cores, the chains, every tile, the root |
//! | bundle of a substrate or a run | `bundles`: every line on all cores, applied in order |
//! | backup of a node | `backup`: every digest and entry, both trees, the chains, the stored tiles |
//! | receipt, statement, checkpoint, pair of checkpoints, holder status, evidence of equivocation | `small` |
//!
//! Memory does not grow with the ledger. Everything is read again and hashed here; nothing that a file says of itself is
//! believed. A check that fails says "altered" only when the bytes contradict each other or a signature; a file that is
//! missing, a key that is not known and a policy that is not met say "cannot be decided".

mod apart;
pub mod backup;
mod bundles;
mod chain;
pub mod files;
mod folder;
mod kind;
mod ledger;
mod members;
mod report;
mod small;
mod statement;
mod threads;
mod writer;

pub use kind::{Kind, verify, verify_input};
pub use ledger::verify_folder;
pub use report::{Checked, Failure, Level, Verified, altered, undecided};
pub use writer::{Exported, Writer};

use selfsame_protocol::bundle::Reader;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::genesis::GenesisDocument;
pub use selfsame_protocol::holder::Age;
use selfsame_protocol::note::Vkey;
use selfsame_protocol::policy::Policy;

/// What the reader brings, and how the work is done.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whom to believe about checkpoints.
    pub policy: Option<Policy>,
    /// Further keys, of nodes above all.
    pub keys: Vec<Vkey>,
    /// Digest of the genesis of the cluster that the reader means.
    pub genesis: Option<Digest>,
    /// The genesis itself, where the reader has it: a file without a history of keys needs it.
    pub genesis_document: Option<GenesisDocument>,
    /// Whether the log's own signature is demanded where a policy is given.
    pub require_log: bool,
    /// Whether each entry of a folder is read whole, member by member, and not its edges alone.
    pub deep: bool,
    /// The entry that a receipt is about, when it does not carry it.
    pub entry: Option<Vec<u8>>,
    /// Whether it is enough that a file is consistent in itself, with nobody whom the reader trusts behind it.
    pub consistency_only: bool,
    /// How old what vouches for a holder status may be, and what time it is; without it nothing is said of its age.
    pub max_age: Option<Age>,
    /// Threads, [`MAX_THREADS`] at most; 0 for one on each core.
    pub threads: usize,
}

/// Most threads that verify one file. Beyond the cores of a machine more of them win nothing, and each has memory of its own.
pub const MAX_THREADS: usize = 1_024;

impl Options {
    /// Whom the reader names.
    pub fn reader(&self) -> Reader<'_> {
        Reader {
            policy: self.policy.as_ref(),
            genesis: self.genesis.as_ref(),
            keys: &self.keys,
            consistency_only: self.consistency_only,
        }
    }

    /// Threads to use, 1 to [`MAX_THREADS`].
    pub fn threads(&self) -> usize {
        let threads = match self.threads {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            n => n,
        };
        threads.min(MAX_THREADS)
    }
}

/// Told how much is done: what, done, of how many (0: not known).
pub type Progress<'a> = &'a mut dyn FnMut(&str, u64, u64);
