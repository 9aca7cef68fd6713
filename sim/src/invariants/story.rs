//! Small histories that hold, made the real way, for tests that break them.

use super::moment::{Invariant, Moment};
use super::shadow::{Op, Shadow};
use super::snapshot::Snapshot;
use crate::random::key;
use prost::Message as _;
use selfsame_client::{Activation, Birth, ChipSession, Opening, Sealing, Signer};
use selfsame_machine::genesis::{GenesisNode, GenesisOrganisation};
use selfsame_machine::state::Substrate;
use selfsame_machine::{Genesis, read, verify};
use selfsame_protocol::command::{Command, EnrolChip, GiveVerdict, GoalVector, Item, ItemLimits, Role};
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::p104::{Outcome, Technology};
use selfsame_protocol::response::SubmitResponse;
use selfsame_protocol::subject::Subject;
use selfsame_protocol::time::Timestamp;
use selfsame_wire::raft::v1 as pb;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The substrate.
pub const ID: &str = "00000000-0000-4000-8000-000000000001";

/// A history of one substrate in a cluster of three nodes.
pub struct Story {
    /// The run decided.
    pub shadow: Shadow,
    /// What it did.
    pub ops: Vec<Op>,
    /// The active chip's place in the substrate.
    session: ChipSession,
    names: Vec<&'static str>,
}

fn actor(role: Role, name: &str) -> Signer {
    Signer { cluster: "sim".into(), role, key: key(1, name) }
}

fn chip(number: u64) -> Signer {
    actor(Role::Chip, &format!("chip/{number}"))
}

/// Its cluster.
pub fn genesis() -> Genesis {
    let organisation = GenesisOrganisation {
        name: "org0".parse().unwrap(),
        root_key: key(1, "root").public(),
        operator_key: key(1, "operator").public(),
    };
    let nodes = (1..=3).map(|id| {
        let node = key(1, &format!("node/{id}"));
        GenesisNode {
            id,
            organisation: "org0".parse().unwrap(),
            key: node.public(),
            cosigner: node.cosigner().public(),
        }
    });
    Genesis {
        cluster: "sim".into(),
        origin: "sim.example".into(),
        limits: ItemLimits::default(),
        organisations: vec![organisation],
        nodes: nodes.collect(),
        publication: Default::default(),
    }
}

impl Story {
    /// Birth, a session with an append and a cycle, its close, seal and arrival.
    pub fn migrated() -> Story {
        let mut story = Story::opened();
        let goalvector =
            GoalVector { goalvector_id: "goal/1".into(), outcome: json!({}), evidence: Vec::new(), runs: Vec::new() };
        story.writes("cycle", |session| session.sign_close_cycle("cycle/1", goalvector));
        story.writes("close", ChipSession::sign_close);
        let depth = |ledger| {
            read::subject_depth(story.shadow.model(), &Subject::Substrate(ID.parse().unwrap()), ledger).unwrap()
        };
        let sealing = Sealing {
            migration_id: "migration/1".into(),
            destination: story.chip(1).id(),
            evidence_depth: depth(Ledger::Evidence),
            reasoning_depth: depth(Ledger::Reasoning),
        };
        story.writes("seal", |session| session.sign_seal(sealing).unwrap());
        let migration = story.state().migration.unwrap();
        let activation = Activation {
            migration_id: migration.migration_id,
            nonce: migration.nonce,
            epoch: migration.epoch.next(),
            continuity_hash: migration.continuity_hash,
            head: migration.head,
        };
        story.session = ChipSession::new(story.chip(1), ID.parse().unwrap());
        story.writes("arrive", |session| session.sign_arrive(&activation));
        story
    }

    /// Birth and a session with one append; its close; then a quorum that finds the ledger altered.
    pub fn tampered() -> Story {
        let mut story = Story::opened();
        story.writes("close", ChipSession::sign_close);
        story.verify(Some(Outcome::HashMismatch));
        story
    }

    fn opened() -> Story {
        let mut shadow = Shadow::new(Arc::new(genesis()));
        let blank = pb::LogEntry { position: None, payload: Some(pb::log_entry::Payload::Blank(pb::Blank {})) };
        shadow.entry(0, &blank.encode_to_vec()).unwrap();
        let session = ChipSession::new(chip(0), ID.parse().unwrap());
        let mut story = Story { shadow, session, ops: Vec::new(), names: Vec::new() };
        for number in 0..2 {
            let chip = story.chip(number).key.public();
            story.does(
                "enrol",
                &actor(Role::Root, "root"),
                Command::EnrolChip(EnrolChip { chip, technology: Technology::Software }),
            );
        }
        let founding = json!({"branch_a": {"claim": "a"}, "branch_b": {"claim": "b"}});
        let birth = Birth::new(founding, Timestamp::from_millis(1_000));
        story.writes("birth", |session| session.sign_birth(birth));
        story.verify(None);
        for _ in 0..2 {
            let item = |ledger| Item { ledger, data: json!({"n": 1}), evidence: Vec::new(), runs: Vec::new() };
            let items = vec![item(Ledger::Evidence), item(Ledger::Reasoning)];
            story.writes("append", |session| session.sign_append(items));
        }
        story
    }

    fn verify(&mut self, outcome: Option<Outcome>) {
        self.writes("open", |session| session.sign_opening(Opening::default()));
        let pending = verify::pending(self.shadow.model()).unwrap().remove(0);
        let mut finding = verify::finding(self.shadow.model(), &pending).unwrap();
        finding.outcome = outcome.unwrap_or(finding.outcome);
        for id in 1..=2 {
            let verdict = Command::Verdict(GiveVerdict {
                substrate_id: ID.parse().unwrap(),
                verification: pending.index,
                finding: finding.clone(),
            });
            self.does("verdict", &actor(Role::Node, &format!("node/{id}")), verdict);
        }
    }

    /// A chip.
    pub fn chip(&self, number: u64) -> Signer {
        chip(number)
    }

    fn state(&self) -> Substrate {
        read::substrate(self.shadow.model(), ID).unwrap().unwrap()
    }

    /// The active chip writes.
    fn writes(&mut self, name: &'static str, sign: impl FnOnce(&mut ChipSession) -> Envelope) {
        self.session.set_request_id(format!("request/{}", self.shadow.next()));
        let envelope = sign(&mut self.session);
        self.submits(name, &envelope);
        if let Some(Ok(response)) = self.ops.last().map(|op| &op.outcome) {
            self.session.accepted(response);
        }
    }

    fn does(&mut self, name: &'static str, author: &Signer, command: Command) {
        let envelope = author.sign(&format!("request/{}", self.shadow.next()), command);
        self.submits(name, &envelope);
    }

    fn submits(&mut self, name: &'static str, envelope: &Envelope) {
        let index = self.shadow.next();
        let submissions = vec![envelope.to_bytes().into()];
        let proposal = pb::Proposal { time_ms: 1_000 * index, submissions };
        let entry = pb::LogEntry { position: None, payload: Some(pb::log_entry::Payload::Proposal(proposal)) };
        let mut ops = self.shadow.entry(index, &entry.encode_to_vec()).unwrap();
        let op = ops.pop().unwrap();
        assert!(op.accepted(), "{name}: {:?}", op.outcome);
        self.ops.push(op);
        self.names.push(name);
    }

    /// The first step of a name.
    pub fn first(&mut self, name: &str) -> &mut Op {
        let at = self.names.iter().position(|found| *found == name).unwrap();
        &mut self.ops[at]
    }

    /// The last step of a name.
    pub fn last(&mut self, name: &str) -> &mut Op {
        let at = self.names.iter().rposition(|found| *found == name).unwrap();
        &mut self.ops[at]
    }

    /// What the clients were told.
    pub fn receipts(&self) -> Vec<SubmitResponse> {
        self.ops.iter().filter_map(|op| op.outcome.clone().ok()).collect()
    }

    /// The history as one moment, without nodes.
    pub fn moment<'a>(&'a self, world: &'a Snapshot) -> Moment<'a> {
        static NOTES: BTreeSet<String> = BTreeSet::new();
        let (ops, shadow) = (&self.ops[..], &self.shadow);
        Moment { world, ops, shadow, acks: &[], images: &[], given: &[], notes: &NOTES, history: None }
    }
}

/// What a property says of a history.
pub fn judge(invariant: &mut dyn Invariant, story: &Story) -> Result<(), String> {
    invariant.check(&story.moment(&Snapshot::default()))
}
