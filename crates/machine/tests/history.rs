//! Histories that no machine could have made, by somebody who has every key: all chains fit, everything is hashed and
//! attested anew, and one thing is otherwise. The replay names it.

use crate::common::*;
use selfsame_machine::read;
use selfsame_protocol::command::{Command, Proposal, RecoverClose, Role};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::number::Epoch;
use selfsame_protocol::p104::{Attestation, Claims, Constitution, Outcome};
use selfsame_protocol::record::{ContinuityEvent, EvidenceAnchor, Record};
use selfsame_protocol::replay::{BadCheck, History, Replay};
use selfsame_protocol::time::U64;

/// The entries of a substrate in both ledgers.
#[derive(Clone)]
struct Tale {
    id: String,
    ledgers: [Vec<Entry>; 2],
}

impl Tale {
    fn of(world: &World, id: &str) -> Tale {
        let subject = format!("substrate:{id}");
        Tale { id: id.into(), ledgers: Ledger::BOTH.map(|ledger| world.chain(&subject, ledger)) }
    }

    /// Depths and chains fit again.
    fn mend(&mut self) {
        for entries in &mut self.ledgers {
            let mut prior = None;
            for (depth, entry) in entries.iter_mut().enumerate() {
                (entry.depth, entry.prior_entry_hash) = (U64(depth as u64), prior);
                prior = Some(Entry::hash_of(&entry.leaf()));
            }
        }
    }

    fn replay(&self) -> Result<History, BadCheck> {
        let mut replay = Replay::new(CLUSTER, &self.id.parse().unwrap());
        for (ledger, entries) in Ledger::BOTH.into_iter().zip(&self.ledgers) {
            for entry in entries {
                replay.leaf(ledger, &entry.leaf())?;
            }
        }
        replay.finish()
    }

    /// What the replay finds once something was changed.
    fn found(&self, change: impl FnOnce(&mut Tale)) -> &'static str {
        self.replay().unwrap_or_else(|bad| panic!("the genuine history: {bad}"));
        let mut altered = self.clone();
        change(&mut altered);
        altered.mend();
        altered.replay().err().map_or("nothing", |bad| bad.check)
    }

    fn reasoning(&mut self) -> &mut Vec<Entry> {
        &mut self.ledgers[1]
    }

    /// The last Reasoning record of which this holds, with everything behind it cut off.
    fn last(&mut self, wanted: impl Fn(&Record) -> bool) -> &mut Record {
        let at = self.ledgers[1].iter().rposition(|entry| wanted(&entry.record)).unwrap();
        self.ledgers[1].truncate(at + 1);
        &mut self.ledgers[1][at].record
    }
}

fn is_close(record: &Record) -> bool {
    matches!(record, Record::SessionClose(_))
}
fn is_verification(record: &Record) -> bool {
    matches!(record, Record::IdentityVerification(_))
}

/// shows: P-086, P-087, C-50
#[test]
fn only_the_chip_that_was_sealed_comes_back_by_an_abort() {
    let (mut world, id) = closed();
    world.seal(&id, "m1", &chip(0), &chip(1));
    let claims = world.activation_claims(&id, "m1");
    let abort = world.abort_command(&id, "m1", &chip(0));
    world.ok(Role::Chip, &chip(0), abort);
    let tale = Tale::of(&world, &id);
    let with = |by: u8, claims: &Claims| {
        tale.found(|tale| {
            let Record::MigrationAbort { chip: named, attestation, attestation_hash, .. } =
                tale.last(|record| matches!(record, Record::MigrationAbort { .. }))
            else {
                unreachable!()
            };
            *attestation = Attestation::software(claims, &chip(by));
            (*named, *attestation_hash) = (chip(by).public().id(), attestation.hash());
        })
    };
    assert_eq!(with(0, &claims), "nothing");
    // The destination, and a chip that has nothing to do with it, each with an attestation of its own.
    assert_eq!(with(1, &claims), "MIGRATION_ORIGIN");
    assert_eq!(with(2, &claims), "MIGRATION_ORIGIN");
    let mut stale = claims;
    let Claims::Activation { epoch, .. } = &mut stale else { unreachable!() };
    *epoch = Epoch(1);
    assert_eq!(with(0, &stale), "MIGRATION_ATTESTATION");
    let epoch = |to: u64| {
        tale.found(|tale| {
            let Record::MigrationAbort { epoch, .. } =
                tale.last(|record| matches!(record, Record::MigrationAbort { .. }))
            else {
                unreachable!()
            };
            *epoch = Epoch(to);
        })
    };
    assert_eq!((epoch(1), epoch(3)), ("MIGRATION_EPOCH", "MIGRATION_EPOCH"));
    let twice = tale.found(|tale| {
        let again = tale.reasoning().last().unwrap().clone();
        tale.reasoning().push(Entry { index: U64(again.index.0 + 1), ..again });
    });
    assert_eq!(twice, "MIGRATION_SEALED");
}

/// shows: P-086, P-087
#[test]
fn a_recovery_moves_exactly_the_activation_in_force_by_exactly_what_it_skips() {
    let (mut world, id) = closed();
    let anchor = |world: &World, ledger| {
        let (size, root) = read::head(&world.model, ledger).unwrap();
        EvidenceAnchor { size: U64(size), root }
    };
    for n in ["r1", "r2"] {
        let (evidence, reasoning) = (anchor(&world, Ledger::Evidence), anchor(&world, Ledger::Reasoning));
        world.ballot(3, n, Proposal::Recovery { reason: "lost".into(), evidence, reasoning });
    }
    assert_eq!(world.open(&id, &chip(0)), Outcome::Verified);
    let tale = Tale::of(&world, &id);
    type Change = fn(&mut U64, &mut Digest, &mut Epoch, &mut Epoch);
    const SKIP: u64 = 1 << 32;
    let cases: [(&str, Change); 9] = [
        ("RECOVERY_COUNT", |count, _, _, _| *count = U64(0)),
        ("RECOVERY_EPOCH", |count, _, _, _| *count = U64(1)),
        ("RECOVERY_EPOCH", |count, _, _, _| *count = U64(3)),
        ("RECOVERY_CHIP", |_, chip, _, _| *chip = key(41).public().id()),
        ("RECOVERY_EPOCH", |_, _, ended, _| *ended = Epoch(2)),
        ("RECOVERY_EPOCH", |_, _, ended, _| *ended = Epoch(0)),
        ("RECOVERY_EPOCH", |_, _, _, epoch| *epoch = Epoch(2)),
        ("RECOVERY_EPOCH", |_, _, _, epoch| *epoch = Epoch(SKIP + 1)),
        ("RECOVERY_EPOCH", |_, _, _, epoch| *epoch = Epoch(2 * SKIP + 2)),
    ];
    for (number, (check, change)) in cases.into_iter().enumerate() {
        let found = tale.found(|tale| {
            let Record::HolderRecovery { recovery_count, chip, ended, epoch } =
                tale.last(|record| matches!(record, Record::HolderRecovery { .. }))
            else {
                unreachable!()
            };
            change(recovery_count, chip, ended, epoch);
        });
        assert_eq!(found, check, "case {number}");
    }
    // The same one a second time.
    let twice = tale.found(|tale| {
        tale.last(|record| matches!(record, Record::HolderRecovery { .. }));
        let again = tale.reasoning().last().unwrap().clone();
        tale.reasoning().push(Entry { index: U64(again.index.0 + 1), ..again });
    });
    assert_eq!(twice, "RECOVERY_STEP", "the verification that it was asked with comes first");
    let history = tale.replay().unwrap();
    assert_eq!((history.epoch, history.constitution.recovery_count), (Epoch(2 * SKIP + 1), U64(2)));
}

/// shows: P-034, P-063, C-14, C-41
#[test]
fn a_close_stands_in_both_ledgers_or_it_is_tampering() {
    let (world, id) = closed();
    let tale = Tale::of(&world, &id);
    let only_evidence = tale.found(|tale| tale.reasoning().retain(|entry| !is_close(&entry.record)));
    assert_eq!(only_evidence, "CLOSE_IN_BOTH_LEDGERS");
    let only_reasoning = tale.found(|tale| tale.ledgers[0].retain(|entry| !is_close(&entry.record)));
    assert_eq!(only_reasoning, "CLOSE_IN_BOTH_LEDGERS");
    let two_in_evidence = tale.found(|tale| {
        let again = tale.ledgers[0].last().unwrap().clone();
        let Record::SessionClose(mut close) = again.record.clone() else { panic!() };
        close.evidence_ledger_depth.0 += 1;
        let (index, submission) = (U64(again.index.0 + 1), Digest::of(b"another"));
        tale.ledgers[0].push(Entry { index, submission, record: Record::SessionClose(close), ..again });
    });
    assert_eq!(two_in_evidence, "CLOSE_IN_BOTH_LEDGERS");
    let different = tale.found(|tale| {
        let Record::SessionClose(close) = &mut tale.ledgers[0].last_mut().unwrap().record else { panic!() };
        close.recovered = true;
    });
    assert_eq!(different, "CLOSE_COPIES_EQUAL");
}

/// shows: P-033, P-058, P-063, C-41
#[test]
fn evidence_behind_the_last_close_is_tampering() {
    let late = |tale: &mut Tale| {
        let at = tale.ledgers[0].iter().position(|entry| is_close(&entry.record)).unwrap();
        let close = tale.ledgers[0][at].clone();
        let record = tale.ledgers[0][0].record.clone();
        assert!(matches!(record, Record::Evidence(_)));
        let (index, submission) = (U64(close.index.0 + 1), Digest::of(b"another"));
        tale.ledgers[0].insert(at + 1, Entry { index, submission, record, ..close });
    };
    let (mut world, id) = closed();
    assert_eq!(Tale::of(&world, &id).found(late), "EVIDENCE_GATE");
    // The next verification looks at it as well: in the session that follows, evidence may stand again.
    assert_eq!(world.open(&id, &chip(0)), Outcome::Verified);
    let moved = Tale::of(&world, &id).found(|tale| {
        late(tale);
        let Record::IdentityVerification(result) = tale.last(is_verification) else { unreachable!() };
        result.evidence_ledger_depth.0 += 1;
    });
    assert_eq!(moved, "EVIDENCE_GATE");
    // What stands in the open session is no tampering.
    world.append(&id, &chip(0), vec![item(Ledger::Evidence, "seen")]);
    Tale::of(&world, &id).replay().unwrap();
}

/// shows: P-058, C-36, C-41
#[test]
fn between_a_close_and_the_next_verification_only_what_belongs_there_may_stand() {
    let (mut world, id) = closed();
    let tale = Tale::of(&world, &id);
    let behind = |tale: &Tale, wanted: fn(&Record) -> bool| {
        tale.found(|tale| {
            let copied = tale.ledgers[1].iter().find(|entry| wanted(&entry.record)).unwrap().record.clone();
            let last = tale.reasoning().last().unwrap().clone();
            tale.reasoning().push(Entry { index: U64(last.index.0 + 1), record: copied, ..last });
        })
    };
    assert_eq!(behind(&tale, |record| matches!(record, Record::Reasoning(_))), "SESSION_GATE");
    assert_eq!(behind(&tale, |record| matches!(record, Record::IdentityPropagation(_))), "SESSION_GATE");
    assert_eq!(behind(&tale, is_close), "SESSION_GATE");
    assert_eq!(behind(&tale, |record| matches!(record, Record::SubstrateIdentity(_))), "BIRTH_FIRST");
    // A session that no verification opened.
    let unverified = tale.found(|tale| tale.reasoning().retain(|entry| !is_verification(&entry.record)));
    assert_eq!(unverified, "SESSION_GATE");
    // One whose outcome lets nobody write, and is not that of the verdicts.
    for outcome in [Outcome::HashMismatch, Outcome::DriftExceeded] {
        let stopped = tale.found(|tale| {
            let at = tale.ledgers[1].iter().position(|entry| is_verification(&entry.record)).unwrap();
            let Record::IdentityVerification(result) = &mut tale.ledgers[1][at].record else { unreachable!() };
            result.outcome = outcome;
        });
        assert_eq!(stopped, "VERIFICATION_OUTCOME");
    }
    world.seal(&id, "m1", &chip(0), &chip(1));
    let sealed = Tale::of(&world, &id);
    assert_eq!(behind(&sealed, |record| matches!(record, Record::Reasoning(_))), "SEALED");
}

/// shows: P-076, P-077, P-103, C-25, C-27
#[test]
fn every_amendment_names_the_one_before_it() {
    let (mut world, id) = closed();
    world.open(&id, &chip(0));
    for cycle in 2..4 {
        for n in 0..2 {
            let command = world.amend_command(&id, amendment(&[("limit", (10 * cycle + n).into())]));
            world.ok(Role::Chip, &chip(0), command);
        }
        world.cycle(&id, &chip(0), &format!("cycle/{cycle}"));
    }
    let amendments: Vec<(Digest, Option<Digest>)> = world
        .records(&id)
        .into_iter()
        .filter_map(|record| match record {
            Record::Amendment { amendment_hash, prior_amendment, .. } => Some((amendment_hash, prior_amendment)),
            _ => None,
        })
        .collect();
    assert_eq!(amendments.len(), 4);
    assert_eq!(amendments[0].1, None, "nothing was amended before");
    for pair in amendments.windows(2) {
        assert_eq!(pair[1].1, Some(pair[0].0));
    }
    let cycles = world.cycles(&id);
    assert_eq!(cycles.iter().map(|cycle| cycle.amendments.len()).collect::<Vec<_>>(), [0, 2, 2]);
    for (cycle, last) in cycles[1..].iter().zip([amendments[1].0, amendments[3].0]) {
        assert_eq!((cycle.constitution.amendment_head, cycle.amendments.last()), (Some(last), Some(&last)));
    }
    // Another one before, none before, and one that no cycle lists.
    let tale = Tale::of(&world, &id);
    let prior = |to: Option<Digest>| {
        tale.found(|tale| {
            let record = tale.last(|record| matches!(record, Record::Amendment { .. }));
            let Record::Amendment { prior_amendment, .. } = record else { unreachable!() };
            *prior_amendment = to;
        })
    };
    assert_eq!(prior(None), "AMENDMENT_CHAIN");
    assert_eq!(prior(Some(amendments[0].0)), "AMENDMENT_CHAIN");
    let unlisted = tale.found(|tale| {
        let Record::IdentityPropagation(cycle) = tale.last(|record| matches!(record, Record::IdentityPropagation(_)))
        else {
            unreachable!()
        };
        cycle.amendments.pop();
    });
    assert_eq!(unlisted, "AMENDMENTS_LISTED");
    // What is in force follows from what is listed, and from nothing else.
    let constitution = |change: fn(&mut Constitution), cut: usize| {
        let mut shorter = tale.clone();
        let cycles = shorter.ledgers[1].iter().enumerate();
        let ends: Vec<usize> = cycles
            .filter(|(_, entry)| matches!(entry.record, Record::IdentityPropagation(_)))
            .map(|(at, _)| at)
            .collect();
        let at = ends[cut];
        shorter.ledgers[1].truncate(at + 1);
        let Record::IdentityPropagation(cycle) = &mut shorter.ledgers[1][at].record else { unreachable!() };
        change(&mut cycle.constitution);
        cycle.constitutional_state_hash = cycle.constitution.hash();
        shorter.mend();
        shorter.replay().err().map_or("nothing", |bad| bad.check)
    };
    let more = |constitution: &mut Constitution| drop(constitution.parameters.insert("quiet".into(), "change".into()));
    let fewer = |constitution: &mut Constitution| constitution.parameters.clear();
    let uncounted = |constitution: &mut Constitution| constitution.amendments = U64(1);
    let headless = |constitution: &mut Constitution| constitution.amendment_head = None;
    let lax = |constitution: &mut Constitution| constitution.thresholds.minimum_lineage_depth = U64(0);
    for change in [more, fewer, lax] {
        assert_eq!(constitution(change, 0), "CONSTITUTION_UNCHANGED");
        assert_eq!(constitution(change, 1), "CONSTITUTION_AMENDED");
    }
    for change in [uncounted, headless] {
        assert_eq!(constitution(change, 1), "CONSTITUTION_AMENDED");
    }
}

/// A life with an amendment, a migration and an abort: what the replay hands on about the time since the last
/// verification is what the record of the next one lists.
/// shows: P-112
#[test]
fn what_happened_is_told_once_by_the_history_too() {
    let (mut world, id) = closed();
    assert!(world.replay(&id).events.is_empty());
    world.open(&id, &chip(0));
    let command = world.amend_command(&id, amendment(&[("limit", "11".into())]));
    world.ok(Role::Chip, &chip(0), command);
    world.cycle(&id, &chip(0), "cycle/2");
    world.close(&id, &chip(0));
    world.seal(&id, "m1", &chip(0), &chip(1));
    let abort = world.abort_command(&id, "m1", &chip(0));
    world.ok(Role::Chip, &chip(0), abort);
    assert_eq!(world.replay(&id).events, ["AMENDMENT", "MIGRATION"]);
    world.seal(&id, "m2", &chip(0), &chip(1));
    world.arrive(&id, "m2", &chip(1));
    assert_eq!(world.replay(&id).events, ["AMENDMENT", "MIGRATION"], "each once");
    assert_eq!(world.open(&id, &chip(1)), Outcome::Verified);
    assert_eq!(
        verifications(&world, &id).pop().unwrap().continuity_events,
        [ContinuityEvent::Amendment, ContinuityEvent::Migration]
    );
    assert!(world.replay(&id).events.is_empty());
    let recover = Command::RecoverClose(RecoverClose { substrate_id: id.clone() });
    world.ok(Role::Operator, &operator(0), recover);
    assert!(world.replay(&id).events.is_empty());
}
