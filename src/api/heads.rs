//! Checkpoints for what is taken away: bundles, statements.
//!
//! They are the published ones, which enough organisations cosigned, with this node's own line beside. When none is
//! published in time that holds everything there is to show, they are this node's alone, and a reader with a policy finds
//! that it cannot decide.

use super::{Api, unreadable};
use crate::store::StateView;
use selfsame_machine::read;
use selfsame_protocol::bundle::Checkpoints;
use selfsame_protocol::cosignature;
use selfsame_protocol::entry::Ledger;
use selfsame_protocol::note::{TYPE_ED25519, Vkey};
use std::time::Duration;
use tonic::Status;

/// How long to wait for a checkpoint that enough organisations cosigned.
const COSIGNED_WITHIN: Duration = Duration::from_secs(5);

/// Checkpoints of both ledgers, Evidence first.
pub struct Heads {
    /// Their sizes.
    pub sizes: [u64; 2],
    /// Their notes.
    pub notes: Checkpoints,
    /// Keys of every line that may stand under the notes.
    pub keys: Vec<Vkey>,
    /// A state that has both trees, for proofs.
    pub view: StateView,
}

impl Api {
    /// Sizes of both ledgers in a state.
    pub(super) fn sizes(view: &StateView) -> Result<[u64; 2], Status> {
        let size = |ledger| read::head(view, ledger).map(|(size, _)| size).map_err(unreadable);
        Ok([size(Ledger::Evidence)?, size(Ledger::Reasoning)?])
    }

    /// Checkpoints that hold at least so many entries of each ledger.
    pub(super) async fn heads(&self, sizes: [u64; 2]) -> Result<Heads, Status> {
        let published = self.cosigner.covering(sizes, COSIGNED_WITHIN).await;
        let view = self.raft.view().map_err(unreadable)?;
        let applied = Self::sizes(&view)?;
        let keys = self.keys(&view)?;
        let alone = || -> Result<Checkpoints, Status> {
            let note = |ledger| self.checkpoint(&view, ledger);
            Ok(Checkpoints { evidence: note(Ledger::Evidence)?, reasoning: note(Ledger::Reasoning)? })
        };
        // A published tree that this node has not applied yet gives no proofs here.
        let Some(published) = published.filter(|notes| {
            Ledger::BOTH.iter().all(|ledger| notes[ledger.slot()].checkpoint.size <= applied[ledger.slot()])
        }) else {
            return Ok(Heads { sizes: applied, notes: alone()?, keys, view });
        };
        let note = |ledger: Ledger| {
            let published = &published[ledger.slot()];
            let root = read::root(&view, ledger, published.checkpoint.size).map_err(|e| unreadable(e.to_string()))?;
            if root != published.checkpoint.root {
                return Err(unreadable(format!("{ledger}: the published checkpoint has another root than this node")));
            }
            let mut note = published.note.clone();
            // Lines of others, such as external witnesses, are for those who know their keys and read the published note.
            note.signatures.retain(|line| keys.iter().any(|key| key.is_of(line)));
            note.sign(&self.genesis.node_key_name(self.id), &self.key);
            Ok(note.to_text())
        };
        let notes = Checkpoints { evidence: note(Ledger::Evidence)?, reasoning: note(Ledger::Reasoning)? };
        Ok(Heads { sizes: published.map(|note| note.checkpoint.size), notes, keys, view })
    }

    /// Verifier keys of every node that was ever enrolled, of its cosigner, and of the logs.
    fn keys(&self, view: &StateView) -> Result<Vec<Vkey>, Status> {
        let mut keys = Vec::new();
        for node in read::nodes(view).map_err(unreadable)? {
            let (name, id) = (self.genesis.node_key_name(node.id.0), node.id.0);
            keys.push(Vkey { name, kind: TYPE_ED25519, key: node.key });
            keys.push(cosignature::vkey(&self.genesis.cosigner_name(id), node.cosigner));
        }
        if let Some(publisher) = read::publication(view).map_err(unreadable)?.publisher {
            let log =
                |ledger| Vkey { name: self.genesis.ledger_origin(ledger), kind: TYPE_ED25519, key: publisher.log_key };
            keys.extend(Ledger::BOTH.map(log));
        }
        Ok(keys)
    }
}
