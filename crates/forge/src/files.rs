//! Files of a world, as the product hands them out: bundles, identity proofs, receipts, with notes by everybody's keys.

use crate::governance::governs;
use crate::{World, cast};
use selfsame_protocol::bundle::{
    BUNDLE_TYPE, Checkpoints, Header, IDENTITY_PROOF_TYPE, IdentityProof, Line, submission_line,
};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::ledger::{Ledger, PerLedger};
use selfsame_protocol::merkle::{TileId, append_to_tiles, inclusion_proof, leaf_hash, root_at};
use selfsame_protocol::note::{Checkpoint, Note, TYPE_ED25519, Vkey};
use selfsame_protocol::p104::IdentityStatement;
use selfsame_protocol::policy::Policy;
use selfsame_protocol::subject_head::{Extent, SubjectHead};
use selfsame_protocol::time::Timestamp;
use selfsame_protocol::{canon, cosigning};
use std::collections::BTreeMap;

/// Seconds since 1970 of every cosignature.
pub const TIME: u64 = cast::START / 1_000 + 86_400;

/// The files of a world at its end.
pub struct Files<'a> {
    world: &'a World,
    leaves: PerLedger<Vec<Vec<u8>>>,
    tiles: PerLedger<BTreeMap<TileId, Vec<u8>>>,
}

/// A bundle in parts, to be altered.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The first line.
    pub header: Header,
    /// The lines behind it, without line feeds.
    pub lines: Vec<String>,
}

impl Bundle {
    /// The file.
    pub fn to_text(&self) -> String {
        let header = String::from_utf8(canon::to_canonical_of(&self.header)).expect("UTF-8");
        let mut text = header + "\n";
        for line in &self.lines {
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

impl<'a> Files<'a> {
    /// Of a world, whose entries are linked.
    pub fn of(world: &'a World) -> Self {
        let leaves = PerLedger::from_fn(|ledger| world.leaves(ledger));
        let tiles = leaves.each_ref().map(|leaves| {
            let hashes: Vec<Digest> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
            append_to_tiles::<()>(0, &hashes, &mut |_| Ok(None)).expect("tiles").into_iter().collect()
        });
        Self { world, leaves, tiles }
    }

    fn read(&self, ledger: Ledger) -> impl FnMut(TileId) -> Result<Option<Vec<u8>>, ()> + '_ {
        move |id| Ok(self.tiles[ledger].get(&id).cloned())
    }

    /// Size and root of a ledger.
    pub fn tree(&self, ledger: Ledger) -> (u64, Digest) {
        let size = self.leaves[ledger].len() as u64;
        (size, root_at(size, &mut self.read(ledger)).expect("a tree"))
    }

    /// A text under the cosignatures of all three nodes, and the line of node 1.
    pub fn signed(&self, text: String) -> Note {
        let mut note = Note::new(text);
        for id in 1..=3 {
            note.cosign(&self.world.genesis.cosigner_name(id), &cast::node(id).cosigner(), TIME);
        }
        note.sign(&self.world.genesis.node_key_name(1), &cast::node(1));
        note
    }

    /// The checkpoint of a ledger.
    pub fn checkpoint(&self, ledger: Ledger) -> Note {
        let (size, root) = self.tree(ledger);
        self.signed(Checkpoint { origin: self.world.genesis.ledger_origin(ledger), size, root }.to_text())
    }

    /// Both checkpoints, as text.
    pub fn checkpoints(&self) -> Checkpoints {
        let text = |ledger| self.checkpoint(ledger).to_text();
        Checkpoints { evidence: text(Ledger::Evidence), reasoning: text(Ledger::Reasoning) }
    }

    /// The head of a subject, unsigned.
    pub fn head(&self, subject: &str, statement: Option<(Timestamp, Digest)>) -> SubjectHead {
        let count = |ledger, of: &dyn Fn(&str) -> bool| {
            self.world.entries.iter().filter(|entry| entry.ledger == ledger && of(&entry.subject)).count() as u64
        };
        let trees = PerLedger::from_fn(|ledger| {
            let (size, root) = self.tree(ledger);
            Extent { size, root, entries: count(ledger, &|of| of == subject) }
        });
        SubjectHead {
            origin: self.world.genesis.origin.clone(),
            genesis: self.world.genesis.digest(),
            subject: subject.parse().unwrap(),
            trees,
            governance: count(Ledger::Reasoning, &governs),
            statement,
        }
    }

    /// The line of the entry at an index.
    pub fn line(&self, ledger: Ledger, index: u64) -> String {
        let leaves = &self.leaves[ledger];
        let proof = inclusion_proof(index, leaves.len() as u64, &mut self.read(ledger)).expect("a proof");
        let leaf = String::from_utf8(leaves[index as usize].clone()).expect("UTF-8");
        String::from_utf8(canon::to_canonical_of(&Line { ledger, leaf, proof })).expect("UTF-8")
    }

    fn submission(&self, number: usize) -> String {
        let (_, bytes) = self.world.envelope(number);
        let envelope = Envelope::from_bytes(&bytes).expect("an envelope");
        let author = self.world.submissions[number].signer;
        String::from_utf8(submission_line(&envelope, author)).expect("UTF-8")
    }

    /// The bundle of a subject.
    pub fn bundle(&self, subject: &str) -> Bundle {
        let mut lines = Vec::new();
        let mut last = None;
        let mut part = |ledger: Ledger, with: bool, of: &dyn Fn(&str) -> bool| {
            let entries = self.world.entries.iter().filter(|entry| entry.ledger == ledger);
            for (index, entry) in entries.enumerate().filter(|(_, entry)| of(&entry.subject)) {
                if with && last.replace(entry.submission) != Some(entry.submission) {
                    lines.push(self.submission(entry.submission));
                }
                lines.push(self.line(ledger, index as u64));
            }
        };
        part(Ledger::Reasoning, true, &governs);
        part(Ledger::Evidence, subject.starts_with("run:"), &|of| of == subject);
        part(Ledger::Reasoning, false, &|of| of == subject);
        let header = Header {
            bundle: BUNDLE_TYPE.into(),
            checkpoints: self.checkpoints(),
            genesis: self.world.genesis.document(),
            head: self.signed(self.head(subject, None).to_text()).to_text(),
            subject: subject.parse().unwrap(),
        };
        Bundle { header, lines }
    }

    /// The statement of a substrate, an hour after the last entry.
    pub fn statement(&self, id: &str) -> IdentityStatement {
        let history = self.world.replay(id).expect("a genuine history");
        let head = self.head(&format!("substrate:{id}"), None);
        let mut statement = IdentityStatement {
            record_type: "identity_statement".into(),
            substrate_id: id.parse().unwrap(),
            founding_tension_hash: history.birth.founding_tension_hash,
            substrate_identity_hash: history.birth.substrate_identity_hash,
            identity_lineage_depth: history.lineage_depth,
            latest_cycle_identity_hash: history.head,
            cross_session_continuity_hash: history
                .last_close
                .as_ref()
                .map(|close| close.cross_session_identity_continuity_hash),
            evidence_ledger_depth: head.trees.evidence.entries,
            reasoning_ledger_depth: head.trees.reasoning.entries,
            constitutional_state_hash: history.constitution.hash(),
            governance_chip_attestation_hash: history.chip_attestation,
            identity_continuity_status: history.status,
            statement_timestamp: Timestamp::from_millis(TIME * 1_000),
            statement_hash: Digest::from_bytes([0; 32]),
        };
        statement.statement_hash = statement.expected_hash();
        statement
    }

    /// A statement, whatever it says, under everybody's signatures.
    pub fn proof_of(&self, statement: IdentityStatement) -> IdentityProof {
        let subject = format!("substrate:{}", statement.substrate_id);
        let head = self.head(&subject, Some((statement.statement_timestamp, statement.statement_hash)));
        IdentityProof {
            checkpoints: self.checkpoints(),
            head: self.signed(head.to_text()).to_text(),
            identity: IDENTITY_PROOF_TYPE.into(),
            statement,
        }
    }

    /// The identity proof of a substrate.
    pub fn identity_proof(&self, id: &str) -> IdentityProof {
        self.proof_of(self.statement(id))
    }

    /// The policy of the cast: all three organisations.
    pub fn policy(&self) -> Policy {
        let genesis = &self.world.genesis;
        let log =
            |ledger| Vkey { name: genesis.ledger_origin(ledger), kind: TYPE_ED25519, key: cast::key(200).public() };
        let organisations: Vec<(String, Vec<Vkey>)> = genesis
            .nodes
            .iter()
            .map(|node| {
                let vkey = cosigning::vkey(&genesis.cosigner_name(node.id), node.cosigner);
                (node.organisation.to_string(), vec![vkey])
            })
            .collect();
        let logs = vec![log(Ledger::Evidence), log(Ledger::Reasoning)];
        Policy::of_organisations(logs, &organisations, organisations.len()).expect("a policy")
    }

    /// The key of node 1, as a reader would name it.
    pub fn node_key(&self) -> Vkey {
        Vkey { name: self.world.genesis.node_key_name(1), kind: TYPE_ED25519, key: cast::node(1).public() }
    }
}
