//! Random sequences of commands, valid and invalid, from a fixed seed: what must hold after every one of them.

use crate::common::*;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use selfsame_machine::state::{HolderStatus, Substrate, invalidated_key, prefix_end};
use selfsame_machine::view::{Changes, Model, Table, View};
use selfsame_machine::{read, verify};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{
    AbortMigration, Amend, Append, CloseCycle, CloseSession, Command, DeclareRun, EnrolChip, FencingToken, GiveVerdict,
    OpenSession, OrganisationKey, Proposal, Propose, RecoverClose, RetireChip, Role, RotateKey, Seal, Vote,
};
use selfsame_protocol::constitution::ballot_digest;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::number::Epoch;
use selfsame_protocol::p104::{Amendment, Attestation, Outcome, Technology, Thresholds};
use selfsame_protocol::record::{EvidenceAnchor, Record};
use selfsame_protocol::time::U64;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What is drawn: which command, on which substrate, by whom, and what is wrong with it.
#[derive(Clone, Copy, Debug)]
struct Step {
    kind: u8,
    id: u64,
    who: u8,
    flaw: u8,
    with: u8,
}

fn step() -> impl Strategy<Value = Step> {
    // Often the right chip and no flaw, so that sequences get far.
    let who = prop_oneof![6 => Just(255u8), 2 => 0u8..4];
    let flaw = prop_oneof![6 => Just(0u8), 3 => 1u8..8];
    // 20 opens a session as its chip would, 21 is a whole ballot. What leads on is drawn more often.
    let kind = prop_oneof![
        5 => Just(2u8), 4 => Just(20u8), 3 => Just(4u8), 3 => Just(6u8), 3 => Just(7u8), 1 => Just(21u8), 7 => 0u8..20
    ];
    (kind, 1u64..4, who, flaw, any::<u8>()).prop_map(|(kind, id, who, flaw, with)| Step { kind, id, who, flaw, with })
}

/// The role, key and command of a step in the present state.
fn command(world: &World, step: Step) -> (Role, SecretKey, Command) {
    let id = uuid(step.id);
    let substrate = read::substrate(&world.model, &id).unwrap();
    let active = substrate.as_ref().map(|s| s.holder.chip);
    let own = (0..4).find(|n| Some(chip(*n).public().id()) == active).unwrap_or(step.with % 3);
    let by = chip(if step.who == 255 { own } else { step.who });
    let other = chip((own + 1 + step.with % 2) % 3);
    let organisation = step.with % 3;
    let migration = format!("m{}", step.with % 8);
    let known = substrate.is_some();
    let sealed = substrate.as_ref().and_then(|s| s.migration.clone());
    let role = if step.flaw == 7 { Role::Operator } else { Role::Chip };
    // A substrate that was never born is named with what another would present.
    if !known && !matches!(step.kind, 0 | 12..=19) {
        return (role, by.clone(), any_birth(&id, &by, step.with));
    }
    let mut command = match step.kind {
        0 => birth(&id, if step.flaw == 1 { &other } else { &by }),
        1 | 11 => world.append_command(&id, vec![item(Ledger::BOTH[usize::from(step.with % 2)], "text")]),
        2 => world.cycle_command(&id, &format!("cycle/{}", step.with % 32)),
        3 => world.amend_command(&id, any_amendment(step.with)),
        4 => world.close_command(&id),
        5 => world.open_command(&id),
        6 => world.seal_command(&id, &migration, &other),
        7 | 8 if sealed.is_some() => {
            let migration = sealed.unwrap();
            let arriving = (0..4).map(chip).find(|c| c.public().id() == migration.destination).unwrap();
            let by = if step.who == 255 { arriving } else { by };
            return (role, by.clone(), world.arrive_command(&id, &migration.migration_id, &by));
        }
        9 if sealed.is_some() => world.abort_command(&id, &sealed.unwrap().migration_id, &by),
        7..=9 => world.open_command(&id),
        10 => open_with_founding(world, &id, None),
        12 => {
            let declaration = json!({"type": "selfsame/run-declaration/v1", "model": step.with});
            let command = Command::DeclareRun(DeclareRun { declaration, request: None });
            return (Role::Operator, operator(organisation), command);
        }
        13 => {
            let command =
                Command::EnrolChip(EnrolChip { chip: chip(step.with % 6).public(), technology: Technology::Software });
            return (Role::Root, root(organisation), command);
        }
        14 if step.with > 230 => {
            let command = Command::RetireChip(RetireChip { chip: chip(step.with % 4).public().id() });
            return (Role::Root, root(organisation), command);
        }
        15 if step.with > 200 => {
            let new = key(100 + step.with % 8).public();
            return (
                Role::Root,
                root(organisation),
                Command::RotateKey(RotateKey { key: OrganisationKey::Operator, new }),
            );
        }
        16 => {
            let proposal = Proposal::ForceSeal {
                substrate_id: id,
                migration_id: migration,
                destination: other.public().id(),
                reason: "lost".into(),
            };
            let command = Command::Propose(Propose { proposal_id: format!("p{}", step.with % 4), proposal });
            return (Role::Root, root(organisation), command);
        }
        17 | 18 => {
            let command = vote(&format!("p{}", step.with / 3 % 4), true);
            return (Role::Root, root(organisation), command);
        }
        19 => {
            return (Role::Operator, operator(organisation), Command::RecoverClose(RecoverClose { substrate_id: id }));
        }
        _ => {
            let fence = FencingToken { epoch: Epoch(1), seq: U64(u64::from(step.with)) };
            Command::Append(Append { substrate_id: uuid(99), fence, items: vec![item(Ledger::Evidence, "nowhere")] })
        }
    };
    if step.flaw == 4
        && let Some((chip, epoch)) = dead(world, &id, step.with)
    {
        let fence = FencingToken { epoch, seq: U64(u64::from(step.with % 8)) };
        return (
            role,
            chip,
            Command::Append(Append { substrate_id: id, fence, items: vec![item(Ledger::Evidence, "late")] }),
        );
    }
    spoil(&mut command, step);
    (role, by, command)
}

/// A birth under some thresholds, sometimes not attested.
fn any_birth(id: &str, by: &SecretKey, with: u8) -> Command {
    let thresholds = Thresholds {
        minimum_lineage_depth: U64(u64::from(with / 8 % 3)),
        drift_tolerance: if with % 16 == 15 { 256 } else { 0 },
        verification_window_ms: U64([0, 0, 3_000, 9_000][usize::from(with / 4 % 4)]),
        migration_attestation: with.is_multiple_of(2),
    };
    let attestation = (with % 8 != 7).then(|| Attestation::software(&birth_claims(id, &founding()), by));
    birth_with(id, attestation, thresholds)
}

/// An amendment that is mostly acceptable.
fn any_amendment(with: u8) -> Amendment {
    let name = ["limit", "limit", "other", "a/b", "founding_x", "no name", "limit", "other"][usize::from(with % 8)];
    let mut amendment = amendment(&[(name, json!(with.to_string()))]);
    match with / 8 % 6 {
        0 => amendment.remove = vec!["other".into()],
        1 => (amendment.set, amendment.remove) = (BTreeMap::new(), vec!["limit".into()]),
        2 if with > 200 => amendment.set = BTreeMap::new(),
        _ => {}
    }
    amendment
}

/// A ballot of everybody: a recovery at the present trees, or a forced seal.
fn any_ballot(world: &World, step: Step, ballot: &str) -> Vec<(Role, SecretKey, Command)> {
    let anchor = |ledger| {
        let (size, root) = read::head(&world.model, ledger).unwrap();
        EvidenceAnchor { size: U64(size), root }
    };
    let proposal = if step.with.is_multiple_of(2) {
        Proposal::Recovery {
            reason: "disks were lost".into(),
            evidence: anchor(Ledger::Evidence),
            reasoning: anchor(Ledger::Reasoning),
        }
    } else {
        Proposal::ForceSeal {
            substrate_id: uuid(step.id),
            migration_id: format!("m{}", step.with % 8),
            destination: chip(step.with / 2 % 4).public().id(),
            reason: "lost".into(),
        }
    };
    let votes = (1..3).map(|voter| (Role::Root, root(voter), vote(ballot, true)));
    [(Role::Root, root(0), propose(ballot, proposal))].into_iter().chain(votes).collect()
}

/// An activation of the substrate that was invalidated: its chip and epoch.
fn dead(world: &World, id: &str, with: u8) -> Option<(SecretKey, Epoch)> {
    let rows = world.model.scan(Table::Invalidated, id.as_bytes(), &prefix_end(id.as_bytes()), 100).unwrap();
    let (key, _) = rows.get(usize::from(with) % rows.len().max(1))?;
    let epoch = key.last_chunk::<8>().copied().map(u64::from_be_bytes).map(Epoch)?;
    (0..4).map(chip).find(|c| key == &invalidated_key(id, &c.public().id(), epoch)).map(|chip| (chip, epoch))
}

fn spoil(command: &mut Command, step: Step) {
    let wrong = Digest::of(&[step.with]);
    match command {
        Command::Append(Append { fence, .. })
        | Command::Amend(Amend { fence, .. })
        | Command::CloseCycle(CloseCycle { fence, .. })
        | Command::CloseSession(CloseSession { fence, .. })
        | Command::OpenSession(OpenSession { fence, .. })
        | Command::Seal(Seal { fence, .. })
            if (2..5).contains(&step.flaw) =>
        {
            *fence = match step.flaw {
                2 => FencingToken {
                    epoch: Epoch(fence.epoch.0.wrapping_add(u64::from(step.with)).wrapping_sub(2)),
                    ..*fence
                },
                3 => FencingToken { seq: U64(fence.seq.0.wrapping_sub(1)), ..*fence },
                _ => FencingToken { epoch: Epoch(u64::MAX), seq: U64(u64::MAX) },
            };
        }
        Command::CloseCycle(CloseCycle { prior_identity_hash, .. }) if step.flaw == 5 => *prior_identity_hash = wrong,
        Command::CloseCycle(CloseCycle { goalvector, .. }) if step.flaw == 6 => goalvector.evidence = vec![wrong],
        Command::OpenSession(OpenSession { continuity_hash, .. }) if step.flaw == 5 && step.with > 200 => {
            *continuity_hash = Some(wrong);
        }
        Command::Seal(Seal { head, .. }) if step.flaw == 5 => *head = wrong,
        Command::Amend(Amend { amendment, .. }) if (5..=6).contains(&step.flaw) => {
            amendment.founding = Some(other_founding())
        }
        Command::AbortMigration(AbortMigration { attestation, .. }) if step.flaw == 5 => {
            *attestation = Attestation { signature: "0".repeat(128), ..attestation.clone() };
        }
        _ => {}
    }
}

/// What is remembered over a sequence.
#[derive(Default)]
struct Watch {
    /// (substrate, epoch) → chip: at most one activation each.
    activations: BTreeMap<(SubstrateId, Epoch), Digest>,
    substrates: BTreeMap<SubstrateId, Substrate>,
    heads: [(u64, Option<Digest>); 2],
    outcomes: BTreeSet<String>,
}

fn substrates(model: &Model) -> Vec<Substrate> {
    let rows = model.scan(Table::Substrates, &[], &prefix_end(&[]), usize::MAX).unwrap();
    rows.iter().map(|(_, value)| serde_json::from_slice(value).unwrap()).collect()
}

/// Rows of these tables are written once and stay.
const APPEND_ONLY: [Table; 9] = [
    Table::Evidence,
    Table::Reasoning,
    Table::Subjects,
    Table::EntryHashes,
    Table::Submissions,
    Table::Requests,
    Table::Executions,
    Table::Cycles,
    Table::Invalidated,
];

impl Watch {
    fn check(&mut self, before: &Model, changes: &Changes, world: &World) {
        for ((table, key), change) in changes {
            if APPEND_ONLY.contains(table) {
                assert!(change.is_some(), "{table:?}: a row was removed");
                assert_eq!(before.get(*table, key).unwrap(), None, "{table:?}: a row was written twice");
            }
        }
        for ledger in Ledger::BOTH {
            let (size, root) = read::head(&world.model, ledger).unwrap();
            let (old, old_root) = self.heads[ledger.slot()];
            assert!(size >= old, "{ledger} shrank");
            assert!(size > old || old_root.is_none_or(|old| old == root), "{ledger} changed at one size");
            self.heads[ledger.slot()] = (size, Some(root));
        }
        for now in substrates(&world.model) {
            let id = now.substrate_id.clone();
            let (chip, epoch) = (now.holder.chip, now.holder.epoch);
            let first = *self.activations.entry((id.clone(), epoch)).or_insert(chip);
            assert_eq!(first, chip, "two chips in one epoch");
            let gone = |chip: &Digest, epoch| {
                world.model.get(Table::Invalidated, &invalidated_key(&id, chip, epoch)).unwrap().is_some()
            };
            assert!(!gone(&chip, epoch), "the holder was invalidated");
            for ((other, old), chip) in &self.activations {
                assert!(*other != id || *old == epoch || gone(chip, *old), "two activations of {id} live");
            }
            assert_eq!(now.migration.is_some(), now.holder.status == HolderStatus::Sealed);
            assert_eq!(now.founding_tension_hash, now.constitution.founding_tension_hash);
            if let Some(then) = self.substrates.get(&id) {
                let recoveries = now.constitution.recovery_count.0 - then.constitution.recovery_count.0;
                let most = then.holder.epoch.next().after_recoveries(recoveries);
                assert!(now.holder.epoch >= then.holder.epoch && epoch <= most, "epoch");
                assert!(now.holder.epoch > then.holder.epoch || now.holder.seq >= then.holder.seq, "sequence");
                assert!((0..=1).contains(&(now.lineage_depth.0 - then.lineage_depth.0)), "lineage depth");
                assert_eq!(now.lineage_depth == then.lineage_depth, now.head == then.head);
                assert_eq!(now.substrate_identity_hash, then.substrate_identity_hash, "a second birth");
                assert_eq!(now.founding_tension_hash, then.founding_tension_hash);
                assert!(then.suppressed.is_none() || now == *then, "suppression was left");
                assert!(then.successor.is_none() || now == *then, "a lineage went on after its end");
            } else {
                assert_eq!((epoch.0 % Epoch::OF_A_RECOVERY, now.lineage_depth), (1, U64(0)));
            }
            self.substrates.insert(id, now);
        }
    }

    fn send(&mut self, world: &mut World, envelope: Vec<u8>) -> bool {
        let before = world.model.clone();
        let applied = world.batch(&[envelope]);
        match &applied.outcomes[0] {
            Ok(receipt) => {
                let kept = receipt.entries.iter().all(|e| read::index_of(&world.model, e.ledger, &e.hash).is_ok());
                assert!(kept);
                self.outcomes.insert("accepted".into());
            }
            Err(refusal) => {
                self.outcomes.insert(refusal.code.to_string());
                // Nothing but appended records and the stored answer, where a rule demands a record.
                if !crate::refused_without_trace(&applied) {
                    let changed: BTreeSet<_> = applied.changes.keys().map(|(table, _)| *table).collect();
                    let allowed = APPEND_ONLY.iter().chain(&[Table::Meta, Table::Tiles]);
                    assert!(changed.is_subset(&allowed.copied().collect()), "{refusal}: {changed:?}");
                    let records = changed.contains(&Table::Reasoning);
                    assert!(records && RECORDED.contains(&refusal.code), "{refusal}: {changed:?}");
                }
            }
        }
        self.check(&before, &applied.changes, world);
        applied.outcomes[0].is_ok()
    }
}

/// Codes of refusals that are recorded: see section 9 of the protocol.
const RECORDED: [Code; 8] = [
    Code::DanglingReference,
    Code::RunNotDeclared,
    Code::WrongFoundingTension,
    Code::FoundingTensionProtected,
    Code::AmendmentInvalid,
    Code::LimitExceeded,
    Code::IdentityConflict,
    Code::ChipNotActive,
];

/// What came of a sequence.
struct Ran {
    world: World,
    /// Every submission, and whether it was accepted.
    sent: Vec<(Vec<u8>, bool)>,
    /// Codes of the refusals, and `accepted`.
    reached: BTreeSet<String>,
}

fn run(steps: &[Step]) -> Ran {
    let mut world = World::new();
    let mut watch = Watch::default();
    let mut sent = Vec::new();
    for step in steps {
        let mut ballot = Vec::new();
        let (role, key, command) = if step.kind == 21 && step.with >= 160 {
            ballot = any_ballot(&world, *step, &format!("ballot/{}", sent.len()));
            ballot.remove(0)
        } else if step.kind >= 20 {
            let id = uuid(step.id);
            let chip = match read::substrate(&world.model, &id).unwrap() {
                None => continue,
                Some(substrate) => (0..4).map(chip).find(|c| c.public() == substrate.holder.key).unwrap(),
            };
            (Role::Chip, chip, world.open_command(&id))
        } else {
            command(&world, *step)
        };
        let request = world.request();
        let command = world.meant(command);
        // Votes that come with the proposal are about it.
        let about = match &command {
            Command::Propose(Propose { proposal_id, proposal }) => {
                let constitution = read::constitution(&world.model).unwrap().unwrap();
                Some(ballot_digest(&constitution.hash(), proposal_id, proposal))
            }
            _ => None,
        };
        let mut envelopes = vec![envelope(role, &key, &request, command)];
        for (role, key, command) in ballot {
            let request = world.request();
            let command = match (command, about) {
                (Command::Vote(Vote { proposal_id, approve, .. }), Some(ballot)) => {
                    Command::Vote(Vote { proposal_id, ballot, approve })
                }
                (other, _) => other,
            };
            envelopes.push(envelope(role, &key, &request, command));
        }
        // Every node says what it finds; sometimes one of them lies.
        for verification in if step.kind % 5 == 0 { verify::pending(&world.model).unwrap() } else { Vec::new() } {
            for from in 1..=3 {
                let mut finding = verify::finding(&world.model, &verification).unwrap();
                if step.flaw == 6 && u64::from(step.with % 3) + 1 == from {
                    // A copy may be said to have failed; that one holds is what follows from the ledger, or is refused.
                    finding.outcome = [Outcome::HashMismatch, Outcome::Verified, Outcome::InsufficientDepth]
                        [usize::from(step.with / 3 % 3)];
                }
                let verdict = Command::Verdict(GiveVerdict {
                    substrate_id: verification.substrate_id.clone(),
                    verification: verification.index,
                    finding,
                });
                let request = format!("verdict/{from}/{}", verification.index);
                envelopes.push(envelope(Role::Node, &node(from), &request, verdict));
            }
        }
        for envelope in envelopes {
            let mut bytes = envelope.to_bytes();
            if step.flaw == 1 && step.with % 4 == 0 {
                let at = usize::from(step.with) % bytes.len();
                bytes[at] ^= 1 << (step.with % 8);
            }
            let accepted = watch.send(&mut world, bytes.clone());
            sent.push((bytes, accepted));
        }
    }
    Ran { world, sent, reached: watch.outcomes }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::cases(96), rng_seed: RngSeed::Fixed(104), failure_persistence: None, ..ProptestConfig::default() })]

    /// shows: P-023, P-043, P-052, P-064, P-085, P-086, P-087, X-01, X-05, X-06
    #[test]
    fn no_sequence_of_commands_breaks_an_invariant(steps in prop::collection::vec(step(), 1..120)) {
        let Ran { mut world, sent, .. } = run(&steps);
        // Whatever happened, each history recomputes from its leaves alone.
        for substrate in substrates(&world.model) {
            let history = world.replay(&substrate.substrate_id);
            prop_assert_eq!(history.head, substrate.head);
            prop_assert_eq!(history.lineage_depth, substrate.lineage_depth.0);
            prop_assert_eq!(history.constitution, substrate.constitution);
            let events: Vec<&str> = substrate.events.iter().map(|event| event.as_str()).collect();
            prop_assert_eq!(&history.events, &events);
            prop_assert_eq!(history.status, substrate.status.unwrap_or(Outcome::InsufficientDepth));
            // No node ever found a failing check in what the machine wrote.
            for result in verifications(&world, &substrate.substrate_id) {
                for finding in result.verdicts.iter().map(|verdict| &verdict.finding).filter(|finding| finding.at.is_some()) {
                    prop_assert_eq!(&finding.check, "PRESENTED_CONTINUITY_HASH");
                }
            }
        }
        // Another replica that applies the same bytes stands at the same digest.
        let mut other = World::new();
        for (bytes, accepted) in &sent {
            let size = other.size(Ledger::Reasoning);
            let applied = other.batch(std::slice::from_ref(bytes));
            // What was refused moved the clock and the digest, and nothing else, unless a record says why.
            let recorded = other.size(Ledger::Reasoning) > size;
            prop_assert!(*accepted || recorded || crate::refused_without_trace(&applied));
        }
        prop_assert_eq!(world.digest(), other.digest());
        prop_assert!(world.model == other.model);
        // Everything that was accepted, once more: answered from the store.
        let before = rows(&world.model);
        let accepted: Vec<_> = sent.into_iter().filter(|(_, accepted)| *accepted).map(|(bytes, _)| bytes).collect();
        prop_assert!(world.batch(&accepted).outcomes.iter().all(Result::is_ok));
        prop_assert!(before == rows(&world.model), "a retry changed the state");
    }
}

/// The sequences reach what they are to exercise.
#[test]
fn the_random_sequences_reach_every_kind_of_state() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{Config, TestRunner};
    let config = Config { rng_seed: RngSeed::Fixed(104), failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let strategy = prop::collection::vec(step(), 60..120);
    let (mut outcomes, mut epochs, mut deepest) = (BTreeSet::new(), 0, 0);
    let (mut suppressed, mut ended, mut quarantined, mut recovered, mut forced) = (0, 0, 0, 0, 0);
    // With fewer cases they need not reach everything.
    if crate::cases(60) < 60 {
        return;
    }
    for _ in 0..60 {
        let steps = strategy.new_tree(&mut runner).unwrap().current();
        let Ran { world, reached, .. } = run(&steps);
        outcomes.extend(reached);
        for substrate in substrates(&world.model) {
            epochs = epochs.max(substrate.holder.epoch.0);
            deepest = deepest.max(substrate.lineage_depth.0);
            suppressed += u32::from(substrate.suppressed.is_some());
            ended += u32::from(substrate.successor.is_some());
            recovered += substrate.constitution.recovery_count.0;
            let kinds = world.records(&substrate.substrate_id);
            forced += kinds.iter().filter(|r| matches!(r, Record::MigrationSeal { ballot: Some(_), .. })).count();
        }
        quarantined += read::nodes(&world.model).unwrap().iter().filter(|n| n.quarantined.is_some()).count();
    }
    assert!(epochs >= 3 && deepest >= 5, "epochs {epochs}, depth {deepest}");
    assert!(suppressed > 0 && ended > 0 && quarantined > 0, "{suppressed} {ended} {quarantined}");
    assert!(recovered > 0 && forced > 0, "{recovered} {forced}");
    for code in [
        "accepted",
        "BAD_SIGNATURE",
        "CHIP_INVALIDATED",
        "CHIP_NOT_ACTIVE",
        "DANGLING_REFERENCE",
        "FOUNDING_TENSION_PROTECTED",
        "IDENTITY_CONFLICT",
        "LINEAGE_ENDED",
        "SEALED",
        "SESSION_NOT_OPEN",
        "STALE_EPOCH",
        "STALE_SEQUENCE",
        "STATE_MISMATCH",
        "SUPPRESSED",
        "VERIFICATION_PENDING",
    ] {
        assert!(outcomes.contains(code), "{code} never reached: {outcomes:?}");
    }
}
