//! Small histories that hold, made the real way, for tests that break them.

use super::moment::{Invariant, Moment};
use super::shadow::{Op, Shadow};
use super::snapshot::Snapshot;
use crate::random::key;
use prost::Message as _;
use selfsame_client::Actor;
use selfsame_machine::genesis::{GenesisNode, GenesisOrganisation};
use selfsame_machine::state::Substrate;
use selfsame_machine::{Genesis, read, verify};
use selfsame_protocol::command::{
    Append, Arrive, CloseCycle, CloseSession, Command, EnrolChip, FencingToken, GiveVerdict, GoalVector, InitSubstrate,
    Item, ItemLimits, OpenSession, Role, Seal,
};
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::p104::{self, Attestation, Claims, Outcome, Technology, Thresholds};
use selfsame_protocol::response::SubmitResponse;
use selfsame_protocol::time::{Timestamp, U64};
use selfsame_wire::raft::v1 as pb;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The substrate.
pub const ID: &str = "00000000-0000-4000-8000-000000000001";

/// A history of one substrate in a cluster of three nodes.
pub struct Story {
    /// The run decided.
    pub shadow: Shadow,
    /// What it did.
    pub ops: Vec<Op>,
    names: Vec<&'static str>,
}

fn actor(role: Role, name: &str) -> Actor {
    Actor { cluster: "sim".into(), role, key: key(1, name) }
}

/// Its cluster.
pub fn genesis() -> Genesis {
    let organisation = GenesisOrganisation {
        name: "org0".into(),
        root_key: key(1, "root").public(),
        operator_key: key(1, "operator").public(),
    };
    let nodes = (1..=3).map(|id| {
        let node = key(1, &format!("node/{id}"));
        GenesisNode { id, organisation: "org0".into(), key: node.public(), cosigner: node.cosigner().public() }
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
        let prior_identity_hash = story.state().head;
        let fence = story.fence();
        let substrate_id = ID.to_owned();
        let cycle = Command::CloseCycle(CloseCycle {
            substrate_id,
            fence,
            cycle_id: "cycle/1".into(),
            goalvector,
            prior_identity_hash,
        });
        story.does("cycle", &story.chip(0), cycle);
        let (fence, head) = (story.fence(), story.state().head);
        story.does(
            "close",
            &story.chip(0),
            Command::CloseSession(CloseSession { substrate_id: ID.into(), fence, head }),
        );
        let state = story.state();
        let depth =
            |ledger| U64(read::subject_depth(story.shadow.model(), &format!("substrate:{ID}"), ledger).unwrap());
        let continuity_hash = state.last_close.unwrap().cross_session_identity_continuity_hash;
        let seal = Command::Seal(Seal {
            substrate_id: ID.into(),
            fence: story.fence(),
            migration_id: "migration/1".into(),
            destination: story.chip(1).id(),
            head: state.head,
            continuity_hash,
            evidence_ledger_depth: depth(Ledger::Evidence),
            reasoning_ledger_depth: depth(Ledger::Reasoning),
        });
        story.does("seal", &story.chip(0), seal);
        let migration = story.state().migration.unwrap();
        let claims = Claims::Activation {
            cluster: "sim".into(),
            substrate_id: ID.into(),
            migration_id: migration.migration_id.clone(),
            nonce: migration.nonce,
            epoch: U64(2),
            continuity_hash,
            head: state.head,
        };
        let arrive = Command::Arrive(Arrive {
            substrate_id: ID.into(),
            migration_id: migration.migration_id,
            attestation: Attestation::software(&claims, &story.chip(1).key),
            continuity_hash,
            head: state.head,
        });
        story.does("arrive", &story.chip(1), arrive);
        story
    }

    /// Birth and a session with one append; its close; then a quorum that finds the ledger altered.
    pub fn tampered() -> Story {
        let mut story = Story::opened();
        let (fence, head) = (story.fence(), story.state().head);
        story.does(
            "close",
            &story.chip(0),
            Command::CloseSession(CloseSession { substrate_id: ID.into(), fence, head }),
        );
        story.verify(Some(Outcome::HashMismatch));
        story
    }

    fn opened() -> Story {
        let mut shadow = Shadow::new(Arc::new(genesis()));
        let blank = pb::LogEntry { position: None, payload: Some(pb::log_entry::Payload::Blank(pb::Blank {})) };
        shadow.entry(0, &blank.encode_to_vec()).unwrap();
        let mut story = Story { shadow, ops: Vec::new(), names: Vec::new() };
        for number in 0..2 {
            let chip = story.chip(number).key.public();
            story.does(
                "enrol",
                &actor(Role::Root, "root"),
                Command::EnrolChip(EnrolChip { chip, technology: Technology::Software }),
            );
        }
        let founding = json!({"branch_a": {"claim": "a"}, "branch_b": {"claim": "b"}});
        let initialisation_timestamp = Timestamp::from_millis(1_000);
        let claims = Claims::Birth {
            substrate_id: ID.into(),
            founding_tension_hash: p104::founding_tension_hash(&selfsame_protocol::canon::to_canonical(&founding)),
            initialisation_timestamp,
            schema_version_at_init: p104::SCHEMA_VERSION.into(),
        };
        let birth = Command::InitSubstrate(InitSubstrate {
            substrate_id: ID.into(),
            founding,
            initialisation_timestamp,
            schema_version: p104::SCHEMA_VERSION.into(),
            parameters: BTreeMap::new(),
            thresholds: Thresholds::default(),
            attestation: Some(Attestation::software(&claims, &story.chip(0).key)),
        });
        story.does("birth", &story.chip(0), birth);
        story.verify(None);
        for _ in 0..2 {
            let item = |ledger| Item { ledger, data: json!({"n": 1}), evidence: Vec::new(), runs: Vec::new() };
            let items = vec![item(Ledger::Evidence), item(Ledger::Reasoning)];
            let fence = story.fence();
            story.does("append", &story.chip(0), Command::Append(Append { substrate_id: ID.into(), fence, items }));
        }
        story
    }

    fn verify(&mut self, outcome: Option<Outcome>) {
        let open = Command::OpenSession(OpenSession {
            substrate_id: ID.into(),
            fence: self.fence(),
            continuity_hash: None,
            founding: None,
            new_lineage: None,
        });
        self.does("open", &self.chip(0), open);
        let pending = verify::pending(self.shadow.model()).unwrap().remove(0);
        let mut finding = verify::finding(self.shadow.model(), &pending).unwrap();
        finding.outcome = outcome.unwrap_or(finding.outcome);
        for id in 1..=2 {
            let verdict = Command::Verdict(GiveVerdict {
                substrate_id: ID.into(),
                verification: pending.index,
                finding: finding.clone(),
            });
            self.does("verdict", &actor(Role::Node, &format!("node/{id}")), verdict);
        }
    }

    /// A chip.
    pub fn chip(&self, number: u64) -> Actor {
        actor(Role::Chip, &format!("chip/{number}"))
    }

    fn state(&self) -> Substrate {
        read::substrate(self.shadow.model(), ID).unwrap().unwrap()
    }

    fn fence(&self) -> FencingToken {
        let holder = self.state().holder;
        FencingToken { epoch: holder.epoch, seq: U64(holder.seq.0 + 1) }
    }

    fn does(&mut self, name: &'static str, author: &Actor, command: Command) {
        let index = self.shadow.next();
        let envelope = author.sign(&format!("request/{index}"), command).to_bytes();
        let proposal = pb::Proposal { time_ms: 1_000 * index, submissions: vec![envelope.into()] };
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
