//! Checkpoints for what is taken away: bundles, statements.
//!
//! They are the published ones, which enough organisations cosigned, with this node's own line beside. When none is
//! published in time that holds everything there is to show, they are this node's alone, and a reader with a policy finds
//! that it cannot decide.

use super::{Api, HOLDERS, refused, unreadable};
use crate::store::StateView;
use selfsame_machine::read;
use selfsame_protocol::bundle::Checkpoints;
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::cosigning;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::ledger::{Ledger, PerLedger};
use selfsame_protocol::note::{TYPE_ED25519, Vkey};
use selfsame_protocol::subject::Subject;
use selfsame_protocol::time::Timestamp;
use std::time::Duration;
use tonic::Status;

/// How long to wait for a checkpoint that enough organisations cosigned.
const COSIGNED_WITHIN: Duration = Duration::from_secs(5);

/// Both ledgers as checkpoints name them, Evidence first.
pub struct CheckpointedTrees {
    /// Their sizes.
    pub sizes: PerLedger<u64>,
    /// Their notes.
    pub notes: Checkpoints,
    /// Their roots.
    pub roots: PerLedger<Digest>,
    /// A state that has both trees, for proofs.
    pub view: StateView,
}

impl Api {
    /// Sizes of both ledgers in a state.
    pub(super) fn sizes(view: &StateView) -> Result<PerLedger<u64>, Status> {
        PerLedger::try_from_fn(|ledger| read::head(view, ledger).map(|(size, _)| size).map_err(unreadable))
    }

    /// Checkpoints that hold at least so many entries of each ledger.
    pub(super) async fn checkpoints(&self, sizes: PerLedger<u64>) -> Result<CheckpointedTrees, Status> {
        let published = self.cosigner.covering(sizes, COSIGNED_WITHIN).await;
        self.look(|view| {
            let applied = Self::sizes(&view)?;
            let alone = || -> Result<Checkpoints, Status> {
                let note = |ledger| self.checkpoint(&view, ledger);
                Ok(Checkpoints { evidence: note(Ledger::Evidence)?, reasoning: note(Ledger::Reasoning)? })
            };
            // A published tree that this node has not applied yet gives no proofs here.
            let Some(published) =
                published.filter(|notes| notes.iter().all(|(ledger, note)| note.checkpoint.size <= applied[ledger]))
            else {
                let root = |ledger| read::head(&view, ledger).map(|(_, root)| root).map_err(unreadable);
                let roots = PerLedger::try_from_fn(root)?;
                return Ok(CheckpointedTrees { sizes: applied, roots, notes: alone()?, view });
            };
            let keys = self.keys(&view)?;
            let note = |ledger: Ledger| {
                let published = &published[ledger];
                let root =
                    read::root(&view, ledger, published.checkpoint.size).map_err(|e| unreadable(e.to_string()))?;
                if root != published.checkpoint.root {
                    return Err(unreadable(format!(
                        "{ledger}: the published checkpoint has another root than this node"
                    )));
                }
                let mut note = published.note.clone();
                // Lines of others, such as external witnesses, are for those who know their keys and read the published note.
                note.signatures.retain(|line| keys.iter().any(|key| key.is_of(line)));
                note.sign(&self.genesis.node_key_name(self.id), &self.key);
                Ok(note.to_text())
            };
            let notes = Checkpoints { evidence: note(Ledger::Evidence)?, reasoning: note(Ledger::Reasoning)? };
            let sizes = published.each_ref().map(|note| note.checkpoint.size);
            let roots = published.map(|note| note.checkpoint.root);
            Ok(CheckpointedTrees { sizes, roots, notes, view })
        })
    }

    /// The subject's head in the trees of the checkpoints, cosigned by whoever answered in time, with this node's own line
    /// beside.
    pub(super) async fn subject_head(
        &self,
        trees: &CheckpointedTrees,
        subject: &Subject,
        statement: Option<Timestamp>,
    ) -> Result<String, Status> {
        let Ok(_place) = self.holders.try_acquire() else {
            let sentence = "too many notes are being collected: try again, or ask another node";
            return Err(refused(Refusal::new(Code::Overloaded, sentence, format!("at most {HOLDERS} at once"), "")));
        };
        let named = PerLedger::from_fn(|ledger| (trees.sizes[ledger], trees.roots[ledger]));
        let mut note = self.cosigner.subject_head(subject, named, statement).await.map_err(refused)?;
        note.sign(&self.genesis.node_key_name(self.id), &self.key);
        Ok(note.to_text())
    }

    /// Verifier keys of every node that was ever enrolled, of its cosigner, and of the logs.
    fn keys(&self, view: &StateView) -> Result<Vec<Vkey>, Status> {
        let mut keys = Vec::new();
        for node in read::nodes(view).map_err(unreadable)? {
            let (name, id) = (self.genesis.node_key_name(node.id.0), node.id.0);
            keys.push(Vkey { name, kind: TYPE_ED25519, key: node.key });
            keys.push(cosigning::vkey(&self.genesis.cosigner_name(id), node.cosigner));
        }
        if let Some(publisher) = read::publication(view).map_err(unreadable)?.publisher {
            let log =
                |ledger| Vkey { name: self.genesis.ledger_origin(ledger), kind: TYPE_ED25519, key: publisher.log_key };
            keys.extend(Ledger::BOTH.map(log));
        }
        Ok(keys)
    }
}
