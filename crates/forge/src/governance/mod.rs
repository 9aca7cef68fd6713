//! Histories of governance that no machine could have made, and the table of the rules that they break.
//!
//! There are two kinds. [`Told`] is told by somebody who has all keys: commands that the machine refuses, written into the
//! ledger as though it had accepted them. The others are genuine histories in which the machine's own records are changed.

pub mod altered;
pub mod nodes;
pub mod overseen;
pub mod refused;
pub mod stories;
pub mod table;

use crate::cases::Case;
use crate::cast::*;
use crate::stage::Stage;
use crate::{Placed, Signed, World};
use selfsame_machine::state::Ballot;
use selfsame_machine::{Genesis, read};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{Command, Proposal, Role, Submission};
use selfsame_protocol::entry::Entry;
use selfsame_protocol::governance::GovernanceAction;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::record::{BallotEnd, ConstitutionChange, Record};
use selfsame_protocol::replay::BadCheck;
use selfsame_protocol::replay::governance::{Governance, Governed};
use selfsame_protocol::subject::Subject;
use selfsame_protocol::time::Timestamp;
use serde_json::{Value, json};

/// The chain of the cluster.
pub const CLUSTER_CHAIN: &str = "cluster";

/// The chain of an organisation.
pub fn chain(organisation: &str) -> String {
    format!("organisation:{organisation}")
}

/// How a history is read.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// With the entries of substrates and others between those of governance.
    pub whole: bool,
    /// With the signed submissions.
    pub signed: bool,
}

/// Whether a chain is one of governance. The text of a placed entry may be no subject at all.
pub fn governs(subject: &str) -> bool {
    subject.parse().is_ok_and(|subject: Subject| subject.governs())
}

/// As a bundle holds it: governance alone, with every submission.
pub const AS_IN_A_BUNDLE: Reading = Reading { whole: false, signed: true };

/// Recomputes the governance of a world from its leaves.
pub fn read(world: &World, how: Reading) -> Result<Governed, BadCheck> {
    let mut audit = Governance::new(&world.genesis.document());
    for placed in world.entries.iter().filter(|placed| placed.ledger == Ledger::Reasoning) {
        let governs = governs(&placed.subject);
        if governs || how.whole {
            let submission = (how.signed && governs).then(|| world.envelope(placed.submission).1);
            audit.leaf(&placed.leaf(), submission.as_deref())?;
        }
    }
    audit.finish()
}

/// A stage of another cluster than the cast's.
pub fn founded(genesis: &Genesis) -> Stage {
    genesis.check().expect("a genesis");
    let mut stage = Stage::empty();
    stage.model = selfsame_machine::view::Model::default();
    stage.model.commit(genesis.changes());
    stage
}

/// The history of a stage.
pub fn world(stage: &Stage, genesis: &Genesis) -> World {
    World { genesis: genesis.clone(), ..World::of(stage) }
}

/// A command that somebody signs, and the records that would come of it.
#[derive(Clone)]
pub struct Told {
    /// Role.
    pub role: Role,
    /// Who signs.
    pub key: SecretKey,
    /// The command.
    pub command: Command,
    /// Subject and record, in the Reasoning ledger.
    pub records: Vec<(String, Record)>,
}

impl Told {
    /// By a root key, with the one record of an organisation that asks for it.
    pub fn root(organisation: &str, key: &SecretKey, command: Command, action: GovernanceAction) -> Self {
        let records = vec![(chain(organisation), Record::Governance { action })];
        Self { role: Role::Root, key: key.clone(), command, records }
    }

    /// A vote.
    pub fn vote(organisation: &str, key: &SecretKey, id: &str, approve: bool) -> Self {
        let action = GovernanceAction::Vote { proposal_id: id.into(), ballot: whatever(), approve };
        Self::root(organisation, key, vote(id, approve), action)
    }

    /// A ballot that is opened.
    pub fn propose(organisation: &str, key: &SecretKey, id: &str, proposal: Proposal) -> Self {
        let action = GovernanceAction::Propose { proposal_id: id.into(), proposal: proposal.clone() };
        Self::root(organisation, key, propose(id, proposal), action)
    }

    /// With more records behind.
    pub fn with(mut self, records: impl IntoIterator<Item = (String, Record)>) -> Self {
        self.records.extend(records);
        self
    }

    /// Writes it into a world, before the entry at `at` and at the time of the one before that.
    pub fn write(&self, world: &mut World, at: usize) {
        let before = at.checked_sub(1).map(|before| world.entries[before].value["time"].clone());
        let time = before.unwrap_or_else(|| json!(Timestamp::from_millis(START)));
        let request = format!("told/{}", world.submissions.len());
        let submission =
            Submission::new(&world.genesis.cluster, &request, self.role, self.key.public(), self.command.clone());
        let payload = json!(submission);
        world.submissions.push(Signed { payload, signer: self.key.public().id() });
        let submission = world.submissions.len() - 1;
        for (number, (subject, record)) in self.records.iter().enumerate() {
            let value = json!({"time": time, "record": record, "prior_entry_hash": null});
            let (ledger, pins, last) = (Ledger::Reasoning, Vec::new(), Vec::new());
            let placed = Placed { ledger, subject: subject.clone(), submission, value, pins, last };
            world.entries.insert(at + number, placed);
        }
    }

    /// Writes it behind everything.
    pub fn end(&self, world: &mut World) {
        let at = world.entries.len();
        self.write(world, at);
    }
}

/// A pair from what a machine refuses with a code: told as though it had accepted it.
pub fn refused(name: &str, check: &'static str, stage: &Stage, code: Code, told: Told) -> Case {
    refused_by(name, check, stage, &genesis(), code, told)
}

/// The same in another cluster.
pub fn refused_by(name: &str, check: &'static str, stage: &Stage, genesis: &Genesis, code: Code, told: Told) -> Case {
    let outcome = stage.clone().submit(told.role, &told.key, told.command.clone());
    assert_eq!(outcome.map_err(|refusal| refusal.code).err(), Some(code), "{name}");
    let genuine = world(stage, genesis);
    case(name, check, &genuine, |world| told.end(world))
}

/// A pair from a genuine world and what is done to it.
pub fn case(name: &str, check: &'static str, genuine: &World, alter: impl FnOnce(&mut World)) -> Case {
    let mut altered = genuine.clone();
    alter(&mut altered);
    altered.relink();
    Case { name: name.into(), check, subject: CLUSTER_CHAIN.into(), genuine: genuine.clone(), altered }
}

/// Changes what a `governance` record says and what its submission asks for, alike.
pub fn asked(world: &mut World, at: usize, change: impl Fn(&mut Value)) {
    let number = world.entries[at].submission;
    change(&mut world.submissions[number].payload["command"]);
    world.edit(at, |record| change(&mut record["action"]));
}

/// Place of the `n`-th governance record with an action, from 0.
pub fn find(world: &World, action: &str, n: usize) -> usize {
    let of = |(_, placed): &(usize, &Placed)| placed.value["record"]["action"]["action"] == action;
    let found = world.entries.iter().enumerate().filter(of).nth(n);
    found.unwrap_or_else(|| panic!("no {action} number {n}")).0
}

/// The same among those that name a ballot.
pub fn find_of(world: &World, action: &str, ballot: &str, n: usize) -> usize {
    let of = |(_, placed): &(usize, &Placed)| {
        let found = &placed.value["record"]["action"];
        found["action"] == action && found["proposal_id"] == ballot
    };
    let found = world.entries.iter().enumerate().filter(of).nth(n);
    found.unwrap_or_else(|| panic!("no {action} of {ballot} number {n}")).0
}

/// An open ballot of a stage.
pub fn ballot(stage: &Stage, id: &str) -> Ballot {
    let all = read::ballots(&stage.model, false, "", 1_000).expect("a readable state");
    all.into_iter().find(|(name, _)| name == id).unwrap_or_else(|| panic!("no ballot {id}")).1
}

/// `ballot_decided`, with one more approval.
pub fn decided(stage: &Stage, id: &str, voter: &str) -> (String, Record) {
    let mut ballot = ballot(stage, id);
    ballot.votes.insert(voter.parse().unwrap(), true);
    let record = Record::BallotDecided {
        proposal_id: id.into(),
        proposal: ballot.proposal.clone(),
        approvals: ballot.voted(true),
        rejections: ballot.voted(false),
        threshold: ballot.needed,
        constitutional_state_hash: ballot.constitution,
    };
    (CLUSTER_CHAIN.into(), record)
}

/// `ballot_closed`, as the votes stand.
pub fn closed(stage: &Stage, id: &str, result: BallotEnd) -> (String, Record) {
    let ballot = ballot(stage, id);
    let record = Record::BallotClosed {
        proposal_id: id.into(),
        result,
        approvals: ballot.voted(true),
        rejections: ballot.voted(false),
        threshold: ballot.needed,
        constitutional_state_hash: ballot.constitution,
    };
    (CLUSTER_CHAIN.into(), record)
}

/// `constitution_changed` by a ballot, behind the ends of those that it voids.
pub fn changed(stage: &Stage, id: &str) -> Vec<(String, Record)> {
    let before = read::constitution(&stage.model).expect("a readable state").expect("a constitution");
    let after = before.amended(&ballot(stage, id).proposal).expect("a change").expect("a change");
    let open = read::ballots(&stage.model, true, "", 1_000).expect("a readable state");
    let voided: Vec<String> = open.into_iter().map(|(name, _)| name).filter(|name| name != id).collect();
    let mut records: Vec<_> = voided.iter().map(|name| closed(stage, name, BallotEnd::Void)).collect();
    let change = ConstitutionChange {
        proposal_id: id.into(),
        before_hash: before.hash(),
        before,
        after_hash: after.hash(),
        after,
        voided,
    };
    records.push((CLUSTER_CHAIN.into(), Record::ConstitutionChanged(Box::new(change))));
    records
}

/// Every pair.
pub fn cases() -> Vec<Case> {
    let parts = [refused::cases(), altered::ballots(), altered::members(), altered::submissions(), nodes::cases()];
    parts.into_iter().flatten().collect()
}

/// Pairs that show without the submissions.
pub fn unsigned() -> Vec<Case> {
    [altered::unsigned(), nodes::unsigned()].into_iter().flatten().collect()
}

/// Pairs that show only between the entries of others.
pub fn whole() -> Vec<Case> {
    altered::whole()
}

/// The entry of a place, decoded.
pub fn entry(world: &World, at: usize) -> Entry {
    Entry::from_leaf(&world.entries[at].leaf()).expect("an entry")
}
