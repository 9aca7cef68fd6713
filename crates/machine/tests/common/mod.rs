//! A world of three organisations and three nodes, with keys from fixed seeds, and steps that go through the real path:
//! sign, prepare, apply, commit.
#![allow(dead_code)]

use selfsame_machine::apply::{META_CLOCK, META_DIGEST};
use selfsame_machine::genesis::{GenesisNode, GenesisOrganisation};
use selfsame_machine::state::{Publication, Registration, Substrate, Verification, load, prefix_end};
use selfsame_machine::view::{Model, Row, Table, View};
use selfsame_machine::{Applied, Batch, Genesis, Outcome, Receipt, apply, read, verify};
use selfsame_protocol::canon;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::*;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::{Entry, Ledger};
use selfsame_protocol::envelope::{Envelope, prepare};
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::p104::{self, Attestation, Claims, Outcome as Identity, SCHEMA_VERSION, Technology, Thresholds};
use selfsame_protocol::record::{Finding, IdentityPropagation, IdentityVerification, Record};
use selfsame_protocol::replay::governance::Governed;
use selfsame_protocol::time::{Timestamp, U64};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub const CLUSTER: &str = "court";
pub const ORGANISATIONS: [&str; 3] = ["agency", "bureau", "chamber"];
/// 2026-03-08T00:00:00.000Z
pub const START: u64 = 1_772_928_000_000;

pub fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}
/// Root key of organisation 0, 1 or 2.
pub fn root(organisation: u8) -> SecretKey {
    key(1 + organisation)
}
pub fn operator(organisation: u8) -> SecretKey {
    key(11 + organisation)
}
/// Key of node 1, 2 or 3; node n belongs to organisation n − 1.
pub fn node(id: u64) -> SecretKey {
    key(20 + id as u8)
}
/// A chip's key; `World::new` enrols chip n with organisation n for 0, 1 and 2.
pub fn chip(number: u8) -> SecretKey {
    key(40 + number)
}
pub fn uuid(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}
pub fn founding() -> Value {
    json!({"branch_a": {"claim": "A", "evidence": ["e1"]}, "branch_b": {"claim": "not A", "evidence": ["e2"]},
           "record_type": "founding_incompatibility"})
}
/// Another founding document: about 128 bits away.
pub fn other_founding() -> Value {
    json!({"branch_a": {"claim": "A"}, "branch_b": {"claim": "B"}})
}
pub fn tension(document: &Value) -> Digest {
    Digest::of(&canon::to_canonical(document))
}

pub fn genesis() -> Genesis {
    Genesis {
        cluster: CLUSTER.into(),
        origin: "ledger.example".into(),
        limits: ItemLimits::default(),
        organisations: (0..3)
            .map(|i| GenesisOrganisation {
                name: ORGANISATIONS[usize::from(i)].into(),
                root_key: root(i).public(),
                operator_key: operator(i).public(),
            })
            .collect(),
        nodes: (1..=3)
            .map(|id| GenesisNode {
                id,
                organisation: ORGANISATIONS[id as usize - 1].into(),
                key: node(id).public(),
                cosigner: node(id).cosigner().public(),
            })
            .collect(),
        publication: Publication::default(),
    }
}

pub fn propose(id: &str, proposal: Proposal) -> Command {
    Command::Propose { proposal_id: id.into(), proposal }
}
pub fn vote(id: &str, approve: bool) -> Command {
    Command::Vote { proposal_id: id.into(), approve }
}
/// The organisation of number `n` joins: 3 is the `delegation`.
pub fn add(n: u8) -> Proposal {
    let name =
        if n < 3 { ORGANISATIONS[usize::from(n)] } else { ["delegation", "embassy", "forum"][usize::from(n) - 3] };
    Proposal::AddOrganisation { name: name.into(), root_key: root(n).public(), operator_key: operator(n).public() }
}
pub fn add_named(name: &str, seed: u8) -> Proposal {
    Proposal::AddOrganisation { name: name.into(), root_key: key(seed).public(), operator_key: key(seed + 10).public() }
}
pub fn remove(n: u8) -> Proposal {
    let Proposal::AddOrganisation { name, .. } = add(n) else { unreachable!() };
    remove_named(&name)
}
pub fn remove_named(name: &str) -> Proposal {
    Proposal::RemoveOrganisation { name: name.into(), reason: "as agreed".into() }
}

pub fn birth_claims(id: &str, founding: &Value) -> Claims {
    Claims::Birth {
        substrate_id: id.into(),
        founding_tension_hash: tension(founding),
        initialisation_timestamp: Timestamp::from_millis(START),
        schema_version_at_init: SCHEMA_VERSION.into(),
    }
}

/// The birth of `id` by a chip that attests it, with the default thresholds.
pub fn birth(id: &str, chip: &SecretKey) -> Command {
    birth_with(id, Some(Attestation::software(&birth_claims(id, &founding()), chip)), Thresholds::default())
}
pub fn birth_with(id: &str, attestation: Option<Attestation>, thresholds: Thresholds) -> Command {
    Command::InitSubstrate {
        substrate_id: id.into(),
        founding: founding(),
        initialisation_timestamp: Timestamp::from_millis(START),
        schema_version: SCHEMA_VERSION.into(),
        parameters: BTreeMap::from([("limit".to_string(), json!("10"))]),
        thresholds,
        attestation,
    }
}

pub fn item(ledger: Ledger, text: &str) -> Item {
    Item { ledger, data: json!({"text": text}), evidence: Vec::new(), runs: Vec::new() }
}
pub fn goal(name: &str) -> GoalVector {
    GoalVector {
        goalvector_id: name.into(),
        outcome: json!({"resolved": name}),
        evidence: Vec::new(),
        runs: Vec::new(),
    }
}
pub fn amendment(set: &[(&str, Value)]) -> Amendment {
    Amendment {
        founding_tension_hash: tension(&founding()),
        reason: "as decided".into(),
        set: set.iter().map(|(name, value)| (name.to_string(), value.clone())).collect(),
        remove: Vec::new(),
        founding: None,
    }
}
/// A finding that says `outcome`, for nodes whose disk is not the one at hand.
pub fn claim(outcome: Identity) -> Finding {
    Finding {
        outcome,
        check: "STORED_DIGEST".into(),
        at: None,
        expected: "a".into(),
        found: "b".into(),
        drift: 0,
        lineage_depth: U64(0),
        recomputed: None,
        entries_checked: U64(0),
    }
}

/// Every row of a state but the clock and the digest, which move with every entry.
pub fn rows(view: &dyn View) -> Vec<(Table, Row)> {
    let mut out = Vec::new();
    for table in Table::ALL {
        for row in view.scan(*table, &[], &prefix_end(&[]), usize::MAX).unwrap() {
            if *table != Table::Meta || (row.0 != META_CLOCK && row.0 != META_DIGEST) {
                out.push((*table, row));
            }
        }
    }
    out
}

pub fn envelope(role: Role, key: &SecretKey, request: &str, command: Command) -> Envelope {
    Envelope::sign(&Submission::new(CLUSTER, request, role, key.public(), command), key)
}

/// One replica.
#[derive(Clone)]
pub struct World {
    pub model: Model,
    pub index: u64,
    pub millis: u64,
    requests: u64,
}

impl World {
    /// The state after the genesis.
    pub fn empty() -> Self {
        let genesis = genesis();
        genesis.check().unwrap();
        let mut model = Model::default();
        model.commit(genesis.changes());
        Self { model, index: 0, millis: START, requests: 0 }
    }

    /// With one chip of each organisation enrolled.
    pub fn new() -> Self {
        let mut world = Self::empty();
        for i in 0..3 {
            world.enrol(i, &chip(i));
        }
        world
    }

    pub fn enrol(&mut self, organisation: u8, chip: &SecretKey) -> Receipt {
        let command = Command::EnrolChip { chip: chip.public(), technology: Technology::Software };
        self.ok(Role::Root, &root(organisation), command)
    }

    /// Applies envelopes as one Raft entry.
    pub fn batch(&mut self, envelopes: &[Vec<u8>]) -> Applied {
        self.index += 1;
        self.millis += 1_000;
        let batch = Batch {
            time: Timestamp::from_millis(self.millis),
            submissions: envelopes.iter().map(|bytes| prepare(bytes, &ItemLimits::default())).collect(),
        };
        let applied = apply(&self.model, self.index, &batch).unwrap();
        self.model.commit(applied.changes.clone());
        applied
    }

    pub fn request(&mut self) -> String {
        self.requests += 1;
        format!("request/{}", self.requests)
    }

    pub fn submit(&mut self, role: Role, key: &SecretKey, command: Command) -> Outcome {
        let request = self.request();
        self.send(&envelope(role, key, &request, command))
    }

    pub fn send(&mut self, envelope: &Envelope) -> Outcome {
        self.batch(&[envelope.to_bytes()]).outcomes.remove(0)
    }

    pub fn ok(&mut self, role: Role, key: &SecretKey, command: Command) -> Receipt {
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

    /// Refused with `code`; the answer is the records of the refusal, and nothing else was appended.
    #[track_caller]
    pub fn recorded(&mut self, role: Role, key: &SecretKey, command: Command, code: Code) -> Vec<Entry> {
        let before = Ledger::BOTH.map(|ledger| self.size(ledger));
        let substrates = self.model.scan(Table::Substrates, &[], &prefix_end(&[]), usize::MAX).unwrap();
        let outcome = self.submit(role, key, command);
        assert_eq!(outcome.as_ref().map_err(|refusal| refusal.code), Err(code), "{outcome:?}");
        let after = self.model.scan(Table::Substrates, &[], &prefix_end(&[]), usize::MAX).unwrap();
        assert_eq!(substrates, after, "a recorded refusal changed a substrate");
        Ledger::BOTH.iter().flat_map(|l| self.entries(*l).split_off(before[l.slot()] as usize)).collect()
    }

    // Ballots.

    /// A ballot that the first `voters` organisations carry, proposed by the first.
    pub fn ballot(&mut self, voters: u8, id: &str, proposal: Proposal) -> Receipt {
        let mut receipt = self.ok(Role::Root, &root(0), propose(id, proposal));
        for voter in 1..voters {
            receipt = self.ok(Role::Root, &root(voter), vote(id, true));
        }
        assert_eq!(receipt.result["decided"], json!(true), "{}", receipt.result);
        receipt
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
            assert_eq!((span.node, span.until.is_some()), (kept.node.map(|n| n.0), kept.until.is_some()));
        }
        let open: Vec<_> = read::ballots(&self.model, true, "", 1_000).unwrap().into_iter().map(|(id, _)| id).collect();
        assert_eq!(governed.open, open);
        governed
    }

    // Substrates.

    pub fn substrate(&self, id: &str) -> Substrate {
        read::substrate(&self.model, id).unwrap().unwrap()
    }
    /// The next right of the active chip.
    pub fn fence(&self, id: &str) -> Fence {
        let holder = self.substrate(id).holder;
        Fence { epoch: holder.epoch, seq: U64(holder.seq.0 + 1) }
    }
    pub fn born(&mut self, id: &str, by: u8) -> Receipt {
        self.ok(Role::Chip, &chip(by), birth(id, &chip(by)))
    }
    pub fn open_command(&self, id: &str) -> Command {
        let kept = self.substrate(id).last_close.map(|close| close.cross_session_identity_continuity_hash);
        Command::OpenSession {
            substrate_id: id.into(),
            fence: self.fence(id),
            continuity_hash: kept,
            founding: None,
            new_lineage: None,
        }
    }
    /// Asks for a session; the answer is the verification's name.
    pub fn ask(&mut self, id: &str, chip: &SecretKey) -> U64 {
        let command = self.open_command(id);
        self.ask_with(chip, command)
    }
    pub fn ask_with(&mut self, chip: &SecretKey, command: Command) -> U64 {
        let receipt = self.ok(Role::Chip, chip, command);
        receipt.result["verification"].as_str().unwrap().parse().unwrap()
    }
    pub fn pending(&self, id: &str) -> Verification {
        load(&self.model, Table::Verifications, id.as_bytes()).unwrap().unwrap()
    }
    /// A verdict with what the node finds on the disk at hand.
    pub fn honest(&mut self, id: &str, from: u64) -> Receipt {
        let verification = self.pending(id);
        let finding = verify::finding(&self.model, &verification).unwrap();
        let verdict = Command::Verdict { substrate_id: id.into(), verification: verification.index, finding };
        self.ok(Role::Node, &node(from), verdict)
    }
    pub fn verdict(&mut self, id: &str, verification: U64, from: u64, finding: Finding) -> Outcome {
        let verdict = Command::Verdict { substrate_id: id.into(), verification, finding };
        self.submit(Role::Node, &node(from), verdict)
    }
    /// Opens a session by the verdicts of two nodes.
    pub fn open(&mut self, id: &str, chip: &SecretKey) -> Identity {
        self.ask(id, chip);
        self.honest(id, 1);
        serde_json::from_value(self.honest(id, 2).result["outcome"].clone()).unwrap()
    }
    pub fn cycle_command(&self, id: &str, name: &str) -> Command {
        Command::CloseCycle {
            substrate_id: id.into(),
            fence: self.fence(id),
            cycle_id: name.into(),
            goalvector: goal(name),
            prior_identity_hash: self.substrate(id).head,
        }
    }
    pub fn cycle(&mut self, id: &str, chip: &SecretKey, name: &str) -> Receipt {
        let command = self.cycle_command(id, name);
        self.ok(Role::Chip, chip, command)
    }
    pub fn append_command(&self, id: &str, items: Vec<Item>) -> Command {
        Command::Append { substrate_id: id.into(), fence: self.fence(id), items }
    }
    pub fn append(&mut self, id: &str, chip: &SecretKey, items: Vec<Item>) -> Receipt {
        let command = self.append_command(id, items);
        self.ok(Role::Chip, chip, command)
    }
    pub fn amend_command(&self, id: &str, amendment: Amendment) -> Command {
        Command::Amend { substrate_id: id.into(), fence: self.fence(id), amendment }
    }
    pub fn close_command(&self, id: &str) -> Command {
        Command::CloseSession { substrate_id: id.into(), fence: self.fence(id), head: self.substrate(id).head }
    }
    pub fn close(&mut self, id: &str, chip: &SecretKey) -> Receipt {
        let command = self.close_command(id);
        self.ok(Role::Chip, chip, command)
    }
    /// Born by chip `by`, one cycle resolved, its first session closed.
    pub fn seasoned(&mut self, id: &str, by: u8) {
        self.born(id, by);
        self.open(id, &chip(by));
        self.append(id, &chip(by), vec![item(Ledger::Evidence, "seen"), item(Ledger::Reasoning, "thought")]);
        self.cycle(id, &chip(by), "cycle/1");
        self.close(id, &chip(by));
    }

    // Migrations.

    pub fn seal_command(&self, id: &str, migration: &str, destination: &SecretKey) -> Command {
        let substrate = self.substrate(id);
        let [evidence, reasoning] =
            Ledger::BOTH.map(|ledger| read::subject_depth(&self.model, &format!("substrate:{id}"), ledger).unwrap());
        Command::Seal {
            substrate_id: id.into(),
            fence: self.fence(id),
            migration_id: migration.into(),
            destination: destination.public().id(),
            head: substrate.head,
            continuity_hash: substrate
                .last_close
                .map_or(Digest::of(b"none"), |close| close.cross_session_identity_continuity_hash),
            evidence_ledger_depth: U64(evidence),
            reasoning_ledger_depth: U64(reasoning),
        }
    }
    pub fn seal(&mut self, id: &str, migration: &str, origin: &SecretKey, destination: &SecretKey) -> Receipt {
        let command = self.seal_command(id, migration, destination);
        self.ok(Role::Chip, origin, command)
    }
    pub fn activation_claims(&self, id: &str, migration: &str) -> Claims {
        let sealed = read::migration(&self.model, id, migration).unwrap().unwrap();
        Claims::Activation {
            cluster: CLUSTER.into(),
            substrate_id: id.into(),
            migration_id: migration.into(),
            nonce: sealed.nonce,
            epoch: U64(sealed.epoch.0 + 1),
            continuity_hash: sealed.continuity_hash,
            head: sealed.head,
        }
    }
    /// The attestation of an activation at the epoch after the present one.
    pub fn activation(&self, id: &str, migration: &str, chip: &SecretKey) -> Attestation {
        let mut claims = self.activation_claims(id, migration);
        let Claims::Activation { epoch, .. } = &mut claims else { unreachable!() };
        *epoch = U64(self.substrate(id).holder.epoch.0 + 1);
        Attestation::software(&claims, chip)
    }
    pub fn arrive_command(&self, id: &str, migration: &str, destination: &SecretKey) -> Command {
        let sealed = read::migration(&self.model, id, migration).unwrap().unwrap();
        Command::Arrive {
            substrate_id: id.into(),
            migration_id: migration.into(),
            attestation: Attestation::software(&self.activation_claims(id, migration), destination),
            continuity_hash: sealed.continuity_hash,
            head: sealed.head,
        }
    }
    pub fn arrive(&mut self, id: &str, migration: &str, destination: &SecretKey) -> Receipt {
        let command = self.arrive_command(id, migration, destination);
        self.ok(Role::Chip, destination, command)
    }
    pub fn abort_command(&self, id: &str, migration: &str, origin: &SecretKey) -> Command {
        Command::AbortMigration {
            substrate_id: id.into(),
            migration_id: migration.into(),
            attestation: Attestation::software(&self.activation_claims(id, migration), origin),
        }
    }

    // Ledgers.

    pub fn size(&self, ledger: Ledger) -> u64 {
        read::head(&self.model, ledger).unwrap().0
    }
    pub fn entries(&self, ledger: Ledger) -> Vec<Entry> {
        (0..self.size(ledger))
            .filter_map(|i| read::leaf(&self.model, ledger, i).unwrap())
            .map(|leaf| Entry::from_leaf(&leaf).unwrap())
            .collect()
    }
    /// Entries of one subject, in order.
    pub fn chain(&self, subject: &str, ledger: Ledger) -> Vec<Entry> {
        self.entries(ledger).into_iter().filter(|entry| entry.subject == subject).collect()
    }
    /// Records of a substrate in the Reasoning ledger.
    pub fn records(&self, id: &str) -> Vec<Record> {
        self.chain(&format!("substrate:{id}"), Ledger::Reasoning).into_iter().map(|entry| entry.record).collect()
    }
    pub fn cycles(&self, id: &str) -> Vec<IdentityPropagation> {
        self.records(id)
            .into_iter()
            .filter_map(|record| match record {
                Record::IdentityPropagation(cycle) => Some(*cycle),
                _ => None,
            })
            .collect()
    }
    pub fn kinds(&self, id: &str) -> Vec<String> {
        self.records(id).iter().map(selfsame_protocol::replay::kind).collect()
    }
    /// Replays the substrate from its leaves alone.
    pub fn replay(&self, id: &str) -> selfsame_protocol::replay::History {
        let mut replay = selfsame_protocol::replay::Replay::new(CLUSTER, id);
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
pub fn closed() -> (World, String) {
    let mut world = World::new();
    let id = uuid(1);
    world.seasoned(&id, 0);
    (world, id)
}
pub fn verifications(world: &World, id: &str) -> Vec<IdentityVerification> {
    let records = world.records(id).into_iter();
    records
        .filter_map(|record| match record {
            Record::IdentityVerification(verification) => Some(*verification),
            _ => None,
        })
        .collect()
}
/// Everything that a chip or its organisation could still do with a substrate.
pub fn writes(world: &World, id: &str) -> Vec<(Role, SecretKey, Command)> {
    let chips = [
        world.append_command(id, vec![item(Ledger::Evidence, "more")]),
        world.amend_command(id, amendment(&[("limit", json!("12"))])),
        world.cycle_command(id, "cycle/more"),
        world.close_command(id),
        world.open_command(id),
        world.seal_command(id, "m1", &chip(1)),
    ];
    let mut all: Vec<_> = chips.into_iter().map(|command| (Role::Chip, chip(0), command)).collect();
    all.push((Role::Operator, operator(0), Command::RecoverClose { substrate_id: id.into() }));
    all
}
/// The next open, with another founding document.
pub fn open_with_founding(world: &World, id: &str, birth: Option<PreparedBirth>) -> Command {
    let mut command = world.open_command(id);
    let Command::OpenSession { founding, new_lineage, .. } = &mut command else { unreachable!() };
    *founding = Some(other_founding());
    *new_lineage = birth;
    command
}
pub fn notice(millis: u64, depth: u64) -> String {
    p104::continuation_notice(&Timestamp::from_millis(millis).to_string(), depth)
}
