//! What this node signed last, for ever remembered: no smaller tree, and no second root of one size.
//!
//! ```text
//! file  = copy at 0, copy at 4096
//! copy  = magic[8] ‖ cosigner key[32] ‖ u64be number ‖ (u64be size ‖ root[32]) for Evidence, then Reasoning ‖ BLAKE3[32]
//! ```
//! The file is outside the replicated state, because it binds this node and not the cluster. A claim is answered after
//! both copies are durable, so that whichever copy still reads holds the last answer or a later one, and one damaged
//! sector forgets nothing. With both gone nobody knows what was signed: then nothing is signed.

use selfsame_env::{Disk, DiskFile};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::holder::Tree;
use selfsame_protocol::keys::PublicKey;
use selfsame_protocol::ledger::{Ledger, PerLedger};
use selfsame_protocol::planted;
use std::io;
use std::sync::Arc;

const FILE: &str = "cosigned";
const MAGIC: &[u8; 8] = b"sscosig1";
const BODY: usize = 8 + 32 + 8 + 2 * 40;
const COPY: usize = BODY + 32;
/// One sector apart on every disk in use.
const COPIES: [u64; 2] = [0, 4096];

/// Why a tree may not be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// A larger one was signed before.
    Smaller {
        /// Its size.
        signed: u64,
    },
    /// This node's own tree is not the one that it signed.
    Forked {
        /// Size that was signed.
        size: u64,
        /// Root that was signed.
        signed: Digest,
        /// Root of this node's state at that size.
        found: Digest,
    },
    /// The state could not be read.
    Unread(String),
    /// The claim could not be made durable: what the disk holds is unknown.
    Unwritten(String),
}

/// The last trees that this node signed.
#[derive(Debug)]
pub struct CosignMemory {
    file: Arc<dyn DiskFile>,
    key: PublicKey,
    number: u64,
    last: PerLedger<Tree>,
}

/// Before the first.
const NEVER: Tree = Tree { size: 0, root: Digest::from_bytes([0; 32]) };
const NEITHER: PerLedger<Tree> = PerLedger { evidence: NEVER, reasoning: NEVER };

fn encode(key: &PublicKey, number: u64, last: &PerLedger<Tree>) -> Vec<u8> {
    let mut out = [&MAGIC[..], key.as_bytes(), &number.to_be_bytes()].concat();
    for (_, tree) in last.iter() {
        out.extend_from_slice(&tree.size.to_be_bytes());
        out.extend_from_slice(tree.root.as_bytes());
    }
    let digest = blake3::hash(&out);
    out.extend_from_slice(digest.as_bytes());
    out
}

fn decode(bytes: &[u8; COPY], key: &PublicKey) -> Option<(u64, PerLedger<Tree>)> {
    let (body, digest) = bytes.split_at(BODY);
    let (magic, body_rest) = body.split_first_chunk::<8>()?;
    let (owner, body_rest) = body_rest.split_first_chunk::<32>()?;
    if blake3::hash(body).as_bytes()[..] != *digest || magic != MAGIC || owner != key.as_bytes() {
        return None;
    }
    let (number, mut rest) = body_rest.split_first_chunk::<8>()?;
    let mut last = NEITHER;
    for ledger in Ledger::BOTH {
        let (size, after) = rest.split_first_chunk::<8>()?;
        let (root, after) = after.split_first_chunk::<32>()?;
        last[ledger] = Tree { size: u64::from_be_bytes(*size), root: Digest::from_bytes(*root) };
        rest = after;
    }
    Some((u64::from_be_bytes(*number), last))
}

impl CosignMemory {
    /// Makes the file of a node that signed nothing yet. Only for a new data directory.
    pub fn create(disk: &dyn Disk, key: &PublicKey) -> io::Result<()> {
        let file = disk.open(FILE, true)?;
        for at in COPIES {
            file.write(at, &encode(key, 0, &NEITHER))?;
        }
        file.sync()
    }

    /// Reads the file; fails when it is missing, another key's, or damaged in both copies.
    pub fn open(disk: &dyn Disk, key: &PublicKey) -> Result<CosignMemory, String> {
        let failed = |error: io::Error| format!("the file {FILE:?} of what was signed last: {error}");
        if !disk.exists(FILE).map_err(failed)? {
            return Err(format!("the file {FILE:?} of what was signed last is gone"));
        }
        let file = disk.open(FILE, false).map_err(failed)?;
        let copy = |at: u64| {
            let mut bytes = [0; COPY];
            // A copy that does not read is as good as none; the other one decides.
            file.read(at, &mut bytes).ok().and_then(|()| decode(&bytes, key))
        };
        let newest = COPIES.into_iter().filter_map(copy).max_by_key(|(number, _)| *number);
        match newest {
            Some((number, last)) => Ok(CosignMemory { file, key: *key, number, last }),
            None => {
                Err(format!("the file {FILE:?} of what was signed last is damaged in both copies, or another key's"))
            }
        }
    }

    /// The last tree signed of a ledger; size 0 before the first.
    pub fn last(&self, ledger: Ledger) -> Tree {
        self.last[ledger]
    }

    /// Claims trees whose roots this node recomputed: those that are allowed are durable when this returns, and may be
    /// signed. `root` gives the root of this node's own state at a size.
    pub fn claim(
        &mut self,
        wanted: &[(Ledger, Tree)],
        root: &dyn Fn(Ledger, u64) -> Result<Digest, String>,
    ) -> Vec<Result<(), Denied>> {
        let mut next = self.last;
        let answers: Vec<_> =
            wanted.iter().map(|(ledger, tree)| allow(&mut next[*ledger], *ledger, tree, root)).collect();
        if next == self.last {
            return answers;
        }
        match self.keep(next) {
            Ok(()) => answers,
            Err(error) => {
                let denied = Err(Denied::Unwritten(error.to_string()));
                answers.into_iter().map(|answer| answer.and(denied.clone())).collect()
            }
        }
    }

    fn keep(&mut self, next: PerLedger<Tree>) -> io::Result<()> {
        let number = self.number + 1;
        let bytes = encode(&self.key, number, &next);
        for at in COPIES {
            self.file.write(at, &bytes)?;
            if planted!("cosigned_before_durable") { Ok(()) } else { self.file.sync() }?;
        }
        self.number = number;
        self.last = next;
        Ok(())
    }
}

fn allow(
    last: &mut Tree,
    ledger: Ledger,
    tree: &Tree,
    root: &dyn Fn(Ledger, u64) -> Result<Digest, String>,
) -> Result<(), Denied> {
    if tree.size < last.size {
        return Err(Denied::Smaller { signed: last.size });
    }
    if last.size > 0 {
        let found = root(ledger, last.size).map_err(Denied::Unread)?;
        if found != last.root || (tree.size == last.size && tree.root != last.root) {
            let found = if found == last.root { tree.root } else { found };
            return Err(Denied::Forked { size: last.size, signed: last.root, found });
        }
    }
    *last = *tree;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_env::sim_disk::SimDisk;
    use selfsame_protocol::keys::SecretKey;

    fn tree(size: u64) -> Tree {
        Tree { size, root: Digest::of(&size.to_be_bytes()) }
    }

    fn own(_: Ledger, size: u64) -> Result<Digest, String> {
        Ok(tree(size).root)
    }

    fn made() -> (SimDisk, PublicKey, CosignMemory) {
        let (disk, key) = (SimDisk::new(), SecretKey::from_seed(&[1; 32]).public());
        CosignMemory::create(&disk, &key).unwrap();
        let memory = CosignMemory::open(&disk, &key).unwrap();
        (disk, key, memory)
    }

    #[test]
    fn never_a_smaller_tree_nor_another_root_also_after_a_restart() {
        let (disk, key, mut memory) = made();
        assert_eq!(memory.claim(&[(Ledger::Evidence, tree(5)), (Ledger::Reasoning, tree(2))], &own), [Ok(()), Ok(())]);
        assert_eq!(memory.claim(&[(Ledger::Evidence, tree(5))], &own), [Ok(())]);
        drop(memory);
        let mut memory = CosignMemory::open(&disk, &key).unwrap();
        assert_eq!((memory.last(Ledger::Evidence), memory.last(Ledger::Reasoning)), (tree(5), tree(2)));
        assert_eq!(memory.claim(&[(Ledger::Evidence, tree(4))], &own), [Err(Denied::Smaller { signed: 5 })]);
        let other = Tree { size: 5, root: Digest::of(b"other") };
        let forked = |found| Err(Denied::Forked { size: 5, signed: tree(5).root, found });
        assert_eq!(memory.claim(&[(Ledger::Evidence, other)], &own), [forked(other.root)]);
        // A larger tree that does not hold what was signed is a fork of it.
        let rewritten = |_: Ledger, _: u64| Ok(Digest::of(b"rewritten"));
        assert_eq!(memory.claim(&[(Ledger::Evidence, tree(6))], &rewritten), [forked(Digest::of(b"rewritten"))]);
        // One ledger's refusal is not the other's.
        let both = memory.claim(&[(Ledger::Evidence, tree(1)), (Ledger::Reasoning, tree(3))], &own);
        assert_eq!(both, [Err(Denied::Smaller { signed: 5 }), Ok(())]);
        assert_eq!(memory.last(Ledger::Reasoning), tree(3));
    }

    #[test]
    fn one_damaged_copy_forgets_nothing_and_two_sign_nothing() {
        for at in COPIES {
            let (disk, key, mut memory) = made();
            assert_eq!(memory.claim(&[(Ledger::Evidence, tree(9))], &own), [Ok(())]);
            let file = disk.open(FILE, false).unwrap();
            file.write(at + 60, &[0xff]).unwrap();
            assert_eq!(CosignMemory::open(&disk, &key).unwrap().last(Ledger::Evidence), tree(9), "copy at {at}");
            file.write(COPIES[0] + COPIES[1] - at + 60, &[0xff]).unwrap();
            assert!(CosignMemory::open(&disk, &key).unwrap_err().contains("both copies"));
        }
        let (disk, key, _) = made();
        assert!(CosignMemory::open(&disk, &SecretKey::from_seed(&[2; 32]).public()).is_err(), "another key's file");
        disk.remove(FILE).unwrap();
        assert!(CosignMemory::open(&disk, &key).unwrap_err().contains("gone"));
    }
}
