//! Whose signature counts under a note: nodes, cosigners and logs, from the genesis on and through the history of keys.

use crate::constitution::ClusterConstitution;
use crate::cosignature;
use crate::entry::Ledger;
use crate::genesis::GenesisDocument;
use crate::governance::GovernanceAction;
use crate::keys::PublicKey;
use crate::note::{TYPE_ED25519, Vkey};
use crate::quorum::{Cosigner, Quorum};
use crate::record::Record;
use std::collections::BTreeMap;

/// A node that was ever enrolled.
#[derive(Debug)]
struct Enrolled {
    organisation: String,
    key: PublicKey,
    cosigner: PublicKey,
    /// Neither retired nor quarantined.
    in_service: bool,
}

/// The keys of notes. Records are believed: whoever verified them gives them.
#[derive(Debug)]
pub(super) struct Signers {
    origin: String,
    nodes: BTreeMap<u64, Enrolled>,
    /// Every log key that was ever recorded.
    log_keys: Vec<PublicKey>,
}

impl Signers {
    /// Those of the genesis.
    pub fn new(genesis: &GenesisDocument) -> Signers {
        let nodes = genesis.nodes.iter().map(|node| {
            let (organisation, key, cosigner) = (node.organisation.clone(), node.key, node.cosigner);
            (node.id, Enrolled { organisation, key, cosigner, in_service: true })
        });
        let log_keys = genesis.publication.publisher.iter().map(|publisher| publisher.log_key).collect();
        Signers { origin: genesis.origin.clone(), nodes: nodes.collect(), log_keys }
    }

    /// Goes on behind a record of governance in the chain of an organisation or of the cluster.
    pub fn take(&mut self, subject: &str, record: &Record) {
        match record {
            Record::Governance { action: GovernanceAction::EnrolNode { node, key, cosigner } } => {
                let organisation = subject.strip_prefix("organisation:").unwrap_or_default().into();
                let (key, cosigner) = (*key, *cosigner);
                self.nodes.insert(node.0, Enrolled { organisation, key, cosigner, in_service: true });
            }
            Record::Governance { action: GovernanceAction::RetireNode { node } } => self.leave(node.0),
            Record::Governance { action: GovernanceAction::RemoveOrganisation { nodes, .. } } => {
                nodes.iter().for_each(|node| self.leave(node.0));
            }
            Record::NodeQuarantine { node, .. } => self.leave(node.0),
            Record::ConstitutionChanged(change) => {
                let publisher = change.after.publisher.as_ref().map(|publisher| publisher.log_key);
                self.log_keys.extend(publisher.filter(|key| !self.log_keys.contains(key)));
            }
            _ => {}
        }
    }

    fn leave(&mut self, node: u64) {
        if let Some(enrolled) = self.nodes.get_mut(&node) {
            enrolled.in_service = false;
        }
    }

    /// Every key that may stand under a note: what was signed before a key ended stays signed.
    pub fn vkeys(&self) -> Vec<Vkey> {
        let origin = &self.origin;
        let node = |(id, node): (&u64, &Enrolled)| {
            let own = Vkey { name: format!("{origin}/node/{id}"), kind: TYPE_ED25519, key: node.key };
            [own, cosignature::vkey(&format!("{origin}/cosigner/{id}"), node.cosigner)]
        };
        let log = |key: &PublicKey| {
            Ledger::BOTH.map(|ledger| Vkey { name: format!("{origin}/{ledger}"), kind: TYPE_ED25519, key: *key })
        };
        self.nodes.iter().flat_map(node).chain(self.log_keys.iter().flat_map(log)).collect()
    }

    /// Whose cosignatures count at the end, and how many organisations it takes.
    pub fn quorum(&self, constitution: &ClusterConstitution) -> Quorum {
        let in_service = self.nodes.iter().filter(|(_, node)| node.in_service);
        let cosigners = in_service.map(|(id, node)| Cosigner {
            organisation: node.organisation.clone(),
            vkey: cosignature::vkey(&format!("{}/cosigner/{id}", self.origin), node.cosigner),
        });
        Quorum { cosigners: cosigners.collect(), threshold: constitution.cosignatures() }
    }
}
