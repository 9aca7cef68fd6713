//! Evidence of two holders in one epoch, from real ledgers: it names who signed both sides of a fork, and cannot be made
//! of the entries of an honest ledger, whichever two are taken.

use crate::common::*;
use selfsame_machine::read;
use selfsame_protocol::command::{Proposal, Role};
use selfsame_protocol::cosigning;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::equivocation::{Evidence, HolderEntry, Kind};
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::note::{Checkpoint, Note, Vkey};
use selfsame_protocol::record::{EvidenceAnchor, Record};
use selfsame_protocol::time::U64;

fn name(id: u64) -> String {
    genesis().cosigner_name(id)
}
fn known() -> Vec<Vkey> {
    (1..=3).map(|id| cosigning::vkey(&name(id), node(id).cosigner().public())).collect()
}
/// What these nodes cosign about a ledger.
fn cosigned(world: &World, ledger: Ledger, signers: &[u64]) -> Note {
    let (size, root) = read::head(&world.model, ledger).unwrap();
    let mut note = Note::new(Checkpoint { origin: genesis().ledger_origin(ledger), size, root }.to_text());
    for id in signers {
        note.cosign(&name(*id), &node(*id).cosigner(), 1_700_000_000 + size);
    }
    note
}
/// The place of an entry under the present tree of its ledger.
fn place(world: &World, entry: &Entry) -> HolderEntry {
    let (size, _) = read::head(&world.model, entry.ledger).unwrap();
    let proof = read::inclusion(&world.model, entry.ledger, entry.index.0, size).unwrap();
    HolderEntry { index: entry.index, leaf: String::from_utf8(entry.leaf()).unwrap(), proof }
}
/// The last entry of a substrate of which this holds.
fn last(world: &World, id: &str, wanted: fn(&Record) -> bool) -> Entry {
    let chain = world.chain(&format!("substrate:{id}"), Ledger::Reasoning);
    chain.into_iter().rfind(|entry| wanted(&entry.record)).unwrap()
}
fn is_birth(record: &Record) -> bool {
    matches!(record, Record::SubstrateIdentity(_))
}
fn is_arrival(record: &Record) -> bool {
    matches!(record, Record::MigrationIdentityAttestation { .. })
}
fn is_abort(record: &Record) -> bool {
    matches!(record, Record::MigrationAbort { .. })
}

/// Two sides of a fork, each with the entry that names its holder; guilty is who signed both.
#[track_caller]
fn guilty(sides: [(&World, Entry, &[u64]); 2]) -> Vec<String> {
    let [(a, b), (c, d)] =
        sides.map(|(world, entry, by)| (cosigned(world, Ledger::Reasoning, by), place(world, &entry)));
    let evidence = Evidence::double_epoch((&a, b), (&c, d)).unwrap();
    let verdict = Evidence::from_bytes(&evidence.to_bytes()).unwrap().verify(&known()).unwrap();
    assert_eq!(verdict.kind, Kind::DoubleEpoch);
    verdict.guilty.into_iter().map(|one| one.name).collect()
}

/// shows: P-087
#[test]
fn two_holders_of_one_epoch_show_who_signed_both() {
    let (mut base, id) = closed();
    base.seal(&id, "m1", &chip(0), &chip(1));
    // On one side the destination arrives, on the other the origin comes back.
    let mut arrived = base.clone();
    arrived.arrive(&id, "m1", &chip(1));
    let mut aborted = base.clone();
    let abort = aborted.abort_command(&id, "m1", &chip(0));
    aborted.ok(Role::Chip, &chip(0), abort);
    let sides: [(&World, Entry, &[u64]); 2] =
        [(&arrived, last(&arrived, &id, is_arrival), &[1, 2]), (&aborted, last(&aborted, &id, is_abort), &[2, 3])];
    assert_eq!(guilty(sides.clone()), [name(2)]);
    // Two births of one substrate.
    let (mut one, mut other) = (base.clone(), base);
    one.born(&uuid(5), 0);
    other.born(&uuid(5), 1);
    let births: [(&World, Entry, &[u64]); 2] =
        [(&one, last(&one, &uuid(5), is_birth), &[3]), (&other, last(&other, &uuid(5), is_birth), &[1, 3])];
    assert_eq!(guilty(births), [name(3)]);
}

/// shows: P-087
#[test]
fn no_two_entries_of_an_honest_ledger_accuse_anybody() {
    let (mut world, id) = closed();
    world.seasoned(&uuid(2), 1);
    world.seal(&id, "m1", &chip(0), &chip(1));
    let abort = world.abort_command(&id, "m1", &chip(0));
    world.ok(Role::Chip, &chip(0), abort);
    world.seal(&id, "m2", &chip(0), &chip(1));
    world.arrive(&id, "m2", &chip(1));
    world.seal(&id, "m3", &chip(1), &chip(2));
    world.arrive(&id, "m3", &chip(2));
    let note = cosigned(&world, Ledger::Reasoning, &[1, 2, 3]);
    let entries = world.entries(Ledger::Reasoning);
    let holders = entries.iter().filter(|e| is_birth(&e.record) || is_arrival(&e.record) || is_abort(&e.record));
    assert_eq!(holders.count(), 5);
    let check = |a: &Entry, b: &Entry| {
        let made = Evidence::double_epoch((&note, place(&world, a)), (&note, place(&world, b)));
        made.unwrap_err().check
    };
    for a in &entries {
        for b in &entries {
            let names = |entry: &Entry| is_birth(&entry.record) || is_arrival(&entry.record) || is_abort(&entry.record);
            let expected = match names(a) && names(b) {
                false => "EVIDENCE_ENTRY",
                true if a.index == b.index => "EVIDENCE_NO_CONFLICT",
                // A birth and an arrival after it are two holders in two epochs.
                true => "EVIDENCE_EPOCH",
            };
            assert_eq!(check(a, b), expected, "{} and {}", a.index, b.index);
        }
    }
    // The same chip twice in one epoch, in two ledgers that went on differently, is no second holder.
    let (base, id) = closed();
    let sides = ["seen", "heard"].map(|text| {
        let mut world = base.clone();
        world.open(&id, &chip(0));
        world.append(&id, &chip(0), vec![item(Ledger::Reasoning, text)]);
        world
    });
    let [(a, b), (c, d)] = sides
        .each_ref()
        .map(|world| (cosigned(world, Ledger::Reasoning, &[1]), place(world, &last(world, &id, is_birth))));
    assert_eq!(Evidence::double_epoch((&a, b), (&c, d)).unwrap_err().check, "EVIDENCE_NO_CONFLICT");
}

/// A birth after a recovery begins higher: it is not of the epoch of one before it.
/// shows: P-087
#[test]
fn births_before_and_after_a_recovery_are_of_different_epochs() {
    let (base, _) = closed();
    let mut early = base.clone();
    early.born(&uuid(5), 0);
    let mut late = base;
    let anchor = |world: &World, ledger| {
        let (size, root) = read::head(&world.model, ledger).unwrap();
        EvidenceAnchor { size: U64(size), root }
    };
    let (evidence, reasoning) = (anchor(&late, Ledger::Evidence), anchor(&late, Ledger::Reasoning));
    late.ballot(3, "r", Proposal::Recovery { reason: "lost".into(), evidence, reasoning });
    let mut other = late.clone();
    late.born(&uuid(5), 1);
    let side =
        |world: &World| (cosigned(world, Ledger::Reasoning, &[1]), place(world, &last(world, &uuid(5), is_birth)));
    let ((a, b), (c, d)) = (side(&early), side(&late));
    assert_eq!(Evidence::double_epoch((&a, b), (&c, d.clone())).unwrap_err().check, "EVIDENCE_EPOCH");
    // Two after it are of one.
    other.born(&uuid(5), 2);
    let (e, f) = side(&other);
    let evidence = Evidence::double_epoch((&c, d), (&e, f)).unwrap();
    assert_eq!(evidence.verify(&known()).unwrap().guilty.len(), 1);
}

/// shows: P-087
#[test]
fn each_entry_stands_in_this_ledger_where_the_file_says() {
    let (mut base, id) = closed();
    base.seal(&id, "m1", &chip(0), &chip(1));
    let mut arrived = base.clone();
    arrived.arrive(&id, "m1", &chip(1));
    let mut aborted = base;
    let abort = aborted.abort_command(&id, "m1", &chip(0));
    aborted.ok(Role::Chip, &chip(0), abort);
    let side = |world: &World, entry: &Entry| (cosigned(world, Ledger::Reasoning, &[1]), place(world, entry));
    let (a, first) = side(&arrived, &last(&arrived, &id, is_arrival));
    let (b, second) = side(&aborted, &last(&aborted, &id, is_abort));
    let made = |first: &HolderEntry, second: &HolderEntry| {
        Evidence::double_epoch((&a, first.clone()), (&b, second.clone())).map_or_else(|e| e.check, |_| "made".into())
    };
    assert_eq!(made(&first, &second), "made");
    for swapped in [true, false] {
        let altered = |change: &dyn Fn(&mut HolderEntry)| {
            let (mut one, mut two) = (first.clone(), second.clone());
            change(if swapped { &mut one } else { &mut two });
            made(&one, &two)
        };
        assert_eq!(altered(&|holder| holder.index.0 += 1), "EVIDENCE_ENTRY");
        assert_eq!(altered(&|holder| holder.leaf.push(' ')), "EVIDENCE_ENTRY");
        assert_eq!(altered(&|holder| _ = holder.proof.pop()), "INCLUSION_PROOF_LENGTH");
        assert_eq!(altered(&|holder| holder.proof.swap(0, 1)), "INCLUSION_ROOT");
        let moved = altered(&|holder| {
            let mut entry = Entry::from_leaf(holder.leaf.as_bytes()).unwrap();
            (entry.index, holder.index) = (U64(9_999), U64(9_999));
            holder.leaf = String::from_utf8(entry.leaf()).unwrap();
        });
        assert_eq!(moved, "INCLUSION_INDEX_RANGE");
        // An entry of the other ledger stands elsewhere, whatever its proof is.
        let foreign = altered(&|holder| {
            let mut entry = Entry::from_leaf(holder.leaf.as_bytes()).unwrap();
            entry.ledger = Ledger::Evidence;
            holder.leaf = String::from_utf8(entry.leaf()).unwrap();
        });
        assert_eq!(foreign, "EVIDENCE_ENTRY");
        let forged = altered(&|holder| {
            let mut entry = Entry::from_leaf(holder.leaf.as_bytes()).unwrap();
            entry.depth.0 += 1;
            holder.leaf = String::from_utf8(entry.leaf()).unwrap();
        });
        assert_eq!(forged, "INCLUSION_ROOT");
    }
    // As many holders as the kind has, and no proof of another kind.
    let good = Evidence::double_epoch((&a, first.clone()), (&b, second)).unwrap();
    let check = |change: &dyn Fn(&mut Evidence)| {
        let mut altered = good.clone();
        change(&mut altered);
        altered.verify(&known()).unwrap_err().check
    };
    assert_eq!(check(&|evidence| drop(evidence.holders.pop())), "EVIDENCE_HOLDERS");
    assert_eq!(check(&|evidence| evidence.holders.push(first.clone())), "EVIDENCE_HOLDERS");
    assert_eq!(check(&|evidence| evidence.holders.clear()), "EVIDENCE_NOTE");
    assert_eq!(check(&|evidence| evidence.kind = Kind::Inconsistent), "EVIDENCE_HOLDERS");
    assert_eq!(check(&|evidence| evidence.proof.push(evidence.holders[0].proof[0])), "EVIDENCE_PROOF");
    assert_eq!(check(&|evidence| evidence.origin = "ledger.example/evidence".into()), "EVIDENCE_ORIGIN");
}
