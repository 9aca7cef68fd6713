//! The real state machine in memory.

mod substrate;

use crate::cast::*;
use selfsame_machine::state::{META_DIGEST, Registration, prefix_end};
use selfsame_machine::view::{Model, Table, View};
use selfsame_machine::{Applied, Batch, Outcome, apply, read};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::*;
use selfsame_protocol::constitution::ballot_digest;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::envelope::{Envelope, prepare};
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::ledger::{Ledger, PerLedger};
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::p104::{Outcome as Identity, Technology};
use selfsame_protocol::record::{IdentityPropagation, IdentityVerification, Record};
use selfsame_protocol::replay::governance::Governed;
use selfsame_protocol::response::{BallotCounted, CommandResult, OtherResult, SubmitResponse, VerdictCounted};
use selfsame_protocol::time::Timestamp;
use std::collections::BTreeMap;

/// One replica, driven through the real path: sign, prepare, apply, commit.
#[derive(Clone)]
pub struct Stage {
    /// State.
    pub model: Model,
    /// Log index of the last entry.
    pub index: u64,
    /// The proposer's clock.
    pub millis: u64,
    requests: u64,
    /// Digests of the submissions that were well formed, in the order in which they were applied.
    pub journal: Vec<Digest>,
}

impl Default for Stage {
    fn default() -> Self {
        Self::new()
    }
}

impl Stage {
    /// The state after the genesis.
    pub fn empty() -> Self {
        let genesis = genesis();
        genesis.check().unwrap();
        let mut model = Model::default();
        model.commit(genesis.changes());
        Self { model, index: 0, millis: START, requests: 0, journal: Vec::new() }
    }

    /// With one chip of each organisation enrolled.
    pub fn new() -> Self {
        let mut world = Self::empty();
        for i in 0..3 {
            world.enrol(i, &chip(i));
        }
        world
    }

    /// Enrols a chip.
    pub fn enrol(&mut self, organisation: u8, chip: &SecretKey) -> SubmitResponse {
        let command = Command::EnrolChip(EnrolChip { chip: chip.public(), technology: Technology::Software });
        self.ok(Role::Root, &root(organisation), command)
    }

    /// Applies envelopes as one Raft entry.
    pub fn batch(&mut self, envelopes: &[Vec<u8>]) -> Applied {
        self.index += 1;
        self.millis += 1_000;
        let submissions: Vec<_> = envelopes.iter().map(|bytes| prepare(bytes, &ItemLimits::default())).collect();
        self.journal.extend(submissions.iter().flatten().map(|prepared| prepared.digest));
        let batch = Batch { time: Timestamp::from_millis(self.millis), submissions };
        let applied = apply(&self.model, self.index, &batch).unwrap();
        self.model.commit(applied.changes.clone());
        applied
    }

    /// A new request id.
    pub fn request(&mut self) -> String {
        self.requests += 1;
        format!("request/{}", self.requests)
    }

    /// A vote with what it is about, where there is such a ballot; every other command as it is.
    pub fn meant(&self, command: Command) -> Command {
        match command {
            Command::Vote(Vote { proposal_id, ballot, approve }) if ballot == whatever() => {
                let known = read::ballot(&self.model, &proposal_id).unwrap();
                let ballot =
                    known.map_or(ballot, |known| ballot_digest(&known.constitution, &proposal_id, &known.proposal));
                Command::Vote(Vote { proposal_id, ballot, approve })
            }
            other => other,
        }
    }

    /// Signs a command and applies it.
    pub fn submit(&mut self, role: Role, key: &SecretKey, command: Command) -> Outcome {
        let command = self.meant(command);
        let request = self.request();
        self.send(&envelope(role, key, &request, command))
    }

    /// Applies an envelope.
    pub fn send(&mut self, envelope: &Envelope) -> Outcome {
        self.batch(&[envelope.to_bytes()]).outcomes.remove(0)
    }

    /// Accepted, or the test fails.
    pub fn ok(&mut self, role: Role, key: &SecretKey, command: Command) -> SubmitResponse {
        let shown = format!("{command:?}");
        self.submit(role, key, command).unwrap_or_else(|refusal| panic!("{refusal}\n{shown}"))
    }

    /// Refused with `code`, and nothing changed.
    #[track_caller]
    pub fn refused(&mut self, role: Role, key: &SecretKey, command: Command, code: Code) {
        let before = rows(&self.model);
        let shown = format!("{command:?}");
        let outcome = self.submit(role, key, command);
        assert_eq!(outcome.as_ref().map_err(|refusal| refusal.code), Err(code), "{outcome:?}\n{shown}");
        assert!(before == rows(&self.model), "a refusal changed the state: {shown}");
    }

    /// Refused with `code`; the answer is the records of the refusal. Nothing else of the whole state changed: they were
    /// appended, and the answer is kept for retries.
    #[track_caller]
    pub fn recorded(&mut self, role: Role, key: &SecretKey, command: Command, code: Code) -> Vec<Entry> {
        let sizes = PerLedger::from_fn(|ledger| self.size(ledger));
        let before = rows(&self.model);
        let outcome = self.submit(role, key, command);
        assert_eq!(outcome.as_ref().map_err(|refusal| refusal.code), Err(code), "{outcome:?}");
        let records: Vec<Entry> =
            Ledger::BOTH.iter().flat_map(|l| self.entries(*l).split_off(sizes[*l] as usize)).collect();
        let mut grown: BTreeMap<Table, usize> = BTreeMap::new();
        let after: BTreeMap<_, _> =
            rows(&self.model).into_iter().map(|(table, (key, row))| ((table, key), row)).collect();
        let known: BTreeMap<_, _> = before.into_iter().map(|(table, (key, row))| ((table, key), row)).collect();
        for ((table, key), row) in &after {
            match known.get(&(*table, key.clone())) {
                None => *grown.entry(*table).or_default() += 1,
                // Heads of trees and of chains move, and the last tiles fill.
                Some(old) => assert!(old == row || [Table::Meta, Table::Tiles].contains(table), "{table:?} changed"),
            }
        }
        assert!(known.keys().all(|key| after.contains_key(key)), "a row was removed");
        let of = |ledger| records.iter().filter(|entry| entry.ledger == ledger).count();
        let expected = [
            (Table::Evidence, of(Ledger::Evidence)),
            (Table::Reasoning, of(Ledger::Reasoning)),
            (Table::Subjects, records.len()),
            (Table::EntryHashes, records.len()),
            (Table::Submissions, 1),
            (Table::Requests, 1),
        ];
        grown.retain(|table, _| ![Table::Meta, Table::Tiles].contains(table));
        assert_eq!(grown, expected.into_iter().filter(|(_, rows)| *rows > 0).collect());
        records
    }

    // Ballots.

    /// A ballot that the first `voters` organisations carry, proposed by the first.
    pub fn ballot(&mut self, voters: u8, id: &str, proposal: Proposal) -> SubmitResponse {
        let mut response = self.ok(Role::Root, &root(0), propose(id, proposal));
        for voter in 1..voters {
            response = self.ok(Role::Root, &root(voter), vote(id, true));
        }
        assert!(counted(&response).carried(), "{response:?}");
        response
    }
    /// A ballot whose deciding vote, or whose opening, is refused with `code`.
    #[track_caller]
    pub fn refused_ballot(&mut self, voters: u8, id: &str, proposal: Proposal, code: Code) {
        let opened = self.submit(Role::Root, &root(0), propose(id, proposal));
        if let Err(refusal) = opened {
            assert_eq!(refusal.code, code, "{refusal}");
            return;
        }
        for voter in 1..voters - 1 {
            self.ok(Role::Root, &root(voter), vote(id, true));
        }
        self.refused(Role::Root, &root(voters - 1), vote(id, true), code);
    }

    /// Verifies the governance from the leaves and submissions alone, and compares it with the state.
    pub fn audit(&self) -> Governed {
        let mut audit = genesis().audit();
        for entry in self.entries(Ledger::Reasoning) {
            let submission = read::envelope(&self.model, &entry.submission).unwrap();
            audit.leaf(&entry.leaf(), submission.as_deref()).unwrap();
        }
        let governed = audit.finish().unwrap();
        assert_eq!(governed.checked.0, governed.checked.1);
        assert_eq!(Some(&governed.constitution), read::constitution(&self.model).unwrap().as_ref());
        for organisation in read::organisations(&self.model).unwrap() {
            let member = &governed.organisations[&organisation.name];
            assert_eq!((member.root_key, member.operator_key), (organisation.root_key, organisation.operator_key));
            assert_eq!(member.removed.is_some(), organisation.removed.is_some());
        }
        let keys = self.model.scan(Table::Keys, &[], &prefix_end(&[]), usize::MAX).unwrap();
        assert_eq!(keys.len(), governed.keys.len());
        for (key, value) in keys {
            let kept: Registration = serde_json::from_slice(&value).unwrap();
            let span = &governed.keys[&key[..]];
            assert_eq!((span.role, &span.organisation), (kept.role, &kept.organisation));
            assert_eq!((span.node, span.until.is_some()), (kept.node, kept.until.is_some()));
        }
        let open: Vec<_> = read::ballots(&self.model, true, "", 1_000).unwrap().into_iter().map(|(id, _)| id).collect();
        assert_eq!(governed.open, open);
        governed
    }

    // Ledgers.

    /// Entries of a ledger.
    pub fn size(&self, ledger: Ledger) -> u64 {
        read::head(&self.model, ledger).unwrap().0
    }
    /// All entries of a ledger.
    pub fn entries(&self, ledger: Ledger) -> Vec<Entry> {
        (0..self.size(ledger))
            .filter_map(|i| read::leaf(&self.model, ledger, i).unwrap())
            .map(|leaf| Entry::from_leaf(&leaf).unwrap())
            .collect()
    }
    /// Entries of one subject, in order.
    pub fn chain(&self, subject: &str, ledger: Ledger) -> Vec<Entry> {
        self.entries(ledger).into_iter().filter(|entry| entry.subject.to_string() == subject).collect()
    }
    /// Records of a substrate in the Reasoning ledger.
    pub fn records(&self, id: &str) -> Vec<Record> {
        self.chain(&format!("substrate:{id}"), Ledger::Reasoning).into_iter().map(|entry| entry.record).collect()
    }
    /// Cycles of a substrate.
    pub fn cycles(&self, id: &str) -> Vec<IdentityPropagation> {
        self.records(id)
            .into_iter()
            .filter_map(|record| match record {
                Record::IdentityPropagation(cycle) => Some(*cycle),
                _ => None,
            })
            .collect()
    }
    /// Kinds of the records of a substrate in the Reasoning ledger.
    pub fn kinds(&self, id: &str) -> Vec<String> {
        self.records(id).iter().map(selfsame_protocol::replay::kind).collect()
    }
    /// Replays the substrate from its leaves alone.
    pub fn replay(&self, id: &str) -> selfsame_protocol::replay::History {
        let mut replay = selfsame_protocol::replay::Replay::new(CLUSTER, &id.parse().unwrap());
        for ledger in Ledger::BOTH {
            for entry in self.chain(&format!("substrate:{id}"), ledger) {
                replay.leaf(ledger, &entry.leaf()).unwrap();
            }
        }
        replay.finish().unwrap()
    }
    /// Overwrites a leaf on this replica's disk, as an attacker or a failing device would.
    pub fn tamper(&mut self, ledger: Ledger, index: u64, change: impl FnOnce(&mut Entry)) {
        let mut entry = self.entries(ledger).swap_remove(index as usize);
        change(&mut entry);
        let table = selfsame_machine::state::leaves(ledger);
        self.model.commit(BTreeMap::from([((table, index.to_be_bytes().to_vec()), Some(entry.leaf()))]));
    }
    /// The state digest.
    pub fn digest(&self) -> Vec<u8> {
        self.model.get(Table::Meta, META_DIGEST).unwrap().unwrap()
    }
}

/// A substrate whose first session is closed after one cycle.
pub fn closed() -> (Stage, SubstrateId) {
    let mut world = Stage::new();
    let id = uuid(1);
    world.seasoned(&id, 0);
    (world, id)
}

/// The result of an answer, which is one of this command.
pub fn result<T: TryFrom<CommandResult, Error = OtherResult>>(response: SubmitResponse) -> T {
    response.result.try_into().unwrap()
}

/// What the votes of a ballot came to.
pub fn counted(response: &SubmitResponse) -> BallotCounted {
    result(response.clone())
}

/// The outcome after a verdict, once it is decided.
pub fn outcome(response: &SubmitResponse) -> Option<Identity> {
    result::<VerdictCounted>(response.clone()).outcome
}

/// Verifications of a substrate.
pub fn verifications(world: &Stage, id: &str) -> Vec<IdentityVerification> {
    let records = world.records(id).into_iter();
    records
        .filter_map(|record| match record {
            Record::IdentityVerification(verification) => Some(*verification),
            _ => None,
        })
        .collect()
}

pub use substrate::{open_with_founding, writes};
