//! What a node finds on a disk that fails it: each row that the re-hashing reads, missing, other or corrupt, is named at its
//! place, and a device that does not answer is no finding at all.

use crate::common::*;
use selfsame_machine::state::{self, Substrate, Verification, subject_key};
use selfsame_machine::verify;
use selfsame_machine::view::{Model, ReadError, Row, Table, View};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::p104::Outcome;
use selfsame_protocol::record::Finding;
use selfsame_protocol::time::U64;

/// A state of which one row cannot be read.
struct Failing<'a> {
    model: &'a Model,
    table: Table,
    key: Vec<u8>,
    error: ReadError,
}

impl View for Failing<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        if table == self.table && key == self.key { Err(self.error.clone()) } else { self.model.get(table, key) }
    }
    fn scan(&self, table: Table, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, ReadError> {
        let own = from <= self.key.as_slice() && self.key.as_slice() < to;
        if table == self.table && own { Err(self.error.clone()) } else { self.model.scan(table, from, to, limit) }
    }
}

fn corrupt() -> ReadError {
    ReadError::Corrupt { table: "", key: String::new(), expected: "stored".into(), found: "read".into() }
}

struct Asked {
    world: World,
    id: SubstrateId,
    verification: Verification,
    good: Finding,
}

/// A session that was asked for behind a close.
fn asked() -> Asked {
    let (mut world, id) = closed();
    // Of another substrate in between, so that a place in the ledger is not a place in the chain.
    world.seasoned(&uuid(2), 1);
    world.open(&id, &chip(0));
    world.cycle(&id, &chip(0), "cycle/2");
    world.close(&id, &chip(0));
    world.ask(&id, &chip(0));
    let verification = world.pending(&id);
    let good = verify::finding(&world.model, &verification).unwrap();
    assert_eq!((good.outcome, &good.at), (Outcome::Verified, &None));
    Asked { world, id, verification, good }
}

type Place = (String, Ledger, u64);

impl Asked {
    fn subject(&self) -> String {
        format!("substrate:{}", self.id)
    }

    fn bad(&self, view: &dyn View) -> (Place, Finding) {
        let finding = verify::finding(view, &self.verification).unwrap();
        assert_eq!((finding.outcome, finding.drift, finding.recomputed), (Outcome::HashMismatch, 0, None));
        let at = finding.at.clone().unwrap();
        ((finding.check.clone(), at.ledger, at.index.0), finding)
    }

    /// With one row put in the place of what stands there.
    fn with(&self, table: Table, key: Vec<u8>, row: Option<Vec<u8>>) -> (Place, Finding) {
        let mut model = self.world.model.clone();
        model.commit([((table, key), row)].into());
        self.bad(&model)
    }

    fn of_substrate(&self, change: impl FnOnce(&mut Substrate)) -> Finding {
        let mut substrate = self.world.substrate(&self.id);
        change(&mut substrate);
        let (place, finding) = self.with(Table::Substrates, self.id.clone().into(), Some(state::row(&substrate)));
        assert_eq!((place.1, place.2), (Ledger::Reasoning, self.verification.depths.reasoning.0));
        assert_eq!(finding.entries_checked, self.good.entries_checked);
        finding
    }
}

/// shows: P-060, P-063, P-065, C-40
#[test]
fn every_row_that_is_read_is_named_when_it_is_corrupt_missing_or_another() {
    let asked = asked();
    let subject = asked.subject();
    let mut before = 0;
    for ledger in Ledger::BOTH {
        let chain = asked.world.chain(&subject, ledger);
        assert_eq!(chain.len() as u64, asked.verification.depths[ledger].0);
        for (depth, entry) in (0..).zip(&chain) {
            let index = entry.index.0;
            let place = |check: &str, index| (check.to_owned(), ledger, index);
            let said = |(found, finding): (Place, Finding), wanted: Place, checked: u64| {
                assert_eq!((found, finding.entries_checked.0), (wanted, before + checked), "{ledger} {depth}");
                (finding.expected, finding.found)
            };
            let words = |a: &str, b: &str| (a.to_owned(), b.to_owned());
            // The chain's own row.
            let row = subject_key(&subject.parse().unwrap(), ledger, depth);
            let gone = asked.with(Table::Subjects, row.clone(), None);
            match chain.get(depth as usize + 1) {
                Some(next) => {
                    let wanted = place("SUBJECT_INDEX", next.index.0);
                    assert_eq!(said(gone, wanted, depth), (format!("depth {depth}"), "another depth".into()));
                }
                None => {
                    let wanted = place("SUBJECT_INDEX", depth);
                    let counts = (format!("{} entries", depth + 1), format!("{depth} entries"));
                    assert_eq!(said(gone, wanted, depth), counts);
                }
            }
            let short = asked.with(Table::Subjects, row.clone(), Some(vec![0; 7]));
            assert_eq!(said(short, place("SUBJECT_INDEX", depth), depth), words("8 bytes", "7 bytes"));
            let nowhere = asked.with(Table::Subjects, row, Some(9_999_u64.to_be_bytes().to_vec()));
            assert_eq!(said(nowhere, place("ENTRY_PRESENT", 9_999), depth), words("an entry", "none"));
            // The entry.
            let (table, key) = (state::leaves(ledger), index.to_be_bytes().to_vec());
            let gone = asked.with(table, key.clone(), None);
            assert_eq!(said(gone, place("ENTRY_PRESENT", index), depth), words("an entry", "none"));
            let failing = Failing { model: &asked.world.model, table, key, error: corrupt() };
            assert_eq!(said(asked.bad(&failing), place("STORED_DIGEST", index), depth), words("stored", "read"));
            // The index of its hash, which the tree was built from. By then the entry itself was counted.
            let hash = selfsame_protocol::entry::Entry::hash_of(&entry.leaf());
            let key = state::hash_key(ledger, &hash);
            let expected = (format!("the hash of entry {index}"), hash.to_string());
            for other in [None, Some((index + 1).to_be_bytes().to_vec()), Some(vec![])] {
                let found = asked.with(Table::EntryHashes, key.clone(), other);
                assert_eq!(said(found, place("ENTRY_HASH", index), depth + 1), expected);
            }
            let failing = Failing { model: &asked.world.model, table: Table::EntryHashes, key, error: corrupt() };
            assert_eq!(said(asked.bad(&failing), place("ENTRY_HASH", index), depth + 1), words("stored", "read"));
        }
        // Chains are read in slices: a slice with a corrupt row is named by its first depth.
        let key = subject_key(&subject.parse().unwrap(), ledger, 1);
        let failing = Failing { model: &asked.world.model, table: Table::Subjects, key, error: corrupt() };
        let (place, finding) = asked.bad(&failing);
        assert_eq!(place, ("SUBJECT_INDEX".into(), ledger, 0));
        assert_eq!((finding.expected.as_str(), finding.found.as_str()), ("stored", "read"));
        before += chain.len() as u64;
    }
    assert_eq!(asked.good.entries_checked.0, before);
}

/// shows: P-060, P-063, P-065
#[test]
fn a_state_that_is_not_what_the_entries_say_is_named_by_what_differs() {
    let asked = asked();
    let other = Digest::of(b"another");
    let was = asked.world.substrate(&asked.id);
    let check = |finding: Finding| (finding.check, finding.expected, finding.found, finding.lineage_depth.0);
    let of = |check: &str, expected: String, found: String| (check.to_owned(), expected, found, 2);
    assert_eq!(
        check(asked.of_substrate(|substrate| substrate.substrate_identity_hash = other)),
        of("SUBSTRATE_IDENTITY_HASH", other.to_string(), was.substrate_identity_hash.to_string())
    );
    assert_eq!(
        check(asked.of_substrate(|substrate| substrate.head = other)),
        of("HEAD", other.to_string(), was.head.to_string())
    );
    assert_eq!(
        check(asked.of_substrate(|substrate| substrate.lineage_depth = U64(3))),
        of("LINEAGE_DEPTH", "3".into(), "2".into())
    );
    let mut constitution = was.constitution.clone();
    constitution.amendments = U64(7);
    assert_eq!(
        check(asked.of_substrate(|substrate| substrate.constitution = constitution.clone())),
        of("CONSTITUTIONAL_STATE_HASH", constitution.hash().to_string(), was.constitution.hash().to_string())
    );
    let kept = was.last_close.unwrap().cross_session_identity_continuity_hash;
    assert_eq!(
        check(asked.of_substrate(|substrate| substrate.last_close = None)),
        of("CONTINUITY_HASH", "none".into(), kept.to_string())
    );
    // What the opener kept, against what is recomputed.
    let presented = Verification { presented: Some(other), ..asked.verification.clone() };
    let finding = verify::finding(&asked.world.model, &presented).unwrap();
    assert_eq!(check(finding), of("PRESENTED_CONTINUITY_HASH", other.to_string(), kept.to_string()));
    let none = Verification { presented: None, ..asked.verification.clone() };
    assert_eq!(verify::finding(&asked.world.model, &none).unwrap(), asked.good);
    let (place, finding) = asked.with(Table::Substrates, asked.id.clone().into(), None);
    assert_eq!(place, ("SUBSTRATE_STATE".into(), Ledger::Reasoning, 0));
    assert_eq!((finding.expected.as_str(), finding.found.as_str()), ("a substrate", "none"));
    assert_eq!((finding.entries_checked, finding.lineage_depth), (U64(0), U64(0)));
}

/// Nobody's copy is called altered because a cable was loose.
#[test]
fn a_device_that_does_not_answer_gives_no_finding() {
    let asked = asked();
    let subject = asked.subject();
    let entry = asked.world.chain(&subject, Ledger::Reasoning).remove(1);
    let hash = selfsame_protocol::entry::Entry::hash_of(&entry.leaf());
    for (table, key) in [
        (Table::Substrates, asked.id.clone().into()),
        (Table::Meta, selfsame_machine::state::META_GENESIS.to_vec()),
        (Table::Subjects, subject_key(&subject.parse().unwrap(), Ledger::Evidence, 0)),
        (Table::Reasoning, entry.index.0.to_be_bytes().to_vec()),
        (Table::EntryHashes, state::hash_key(Ledger::Reasoning, &hash)),
    ] {
        let error = ReadError::Io("no answer".into());
        let failing = Failing { model: &asked.world.model, table, key, error: error.clone() };
        assert_eq!(verify::finding(&failing, &asked.verification), Err(error), "{table:?}");
    }
}

/// The one finding of a copy that holds is what the honest find, and there is none when another hash was presented.
/// shows: P-059, P-060
#[test]
fn what_a_copy_that_holds_can_say_follows_from_the_state() {
    let asked = asked();
    let substrate = asked.world.substrate(&asked.id);
    assert_eq!(verify::holds(&substrate, &asked.verification), Some(asked.good.clone()));
    let presented = |hash| Verification { presented: hash, ..asked.verification.clone() };
    assert_eq!(verify::holds(&substrate, &presented(None)), Some(asked.good.clone()));
    assert_eq!(verify::holds(&substrate, &presented(Some(Digest::of(b"another")))), None);
    let first = Substrate { last_close: None, ..substrate };
    assert_eq!(verify::holds(&first, &asked.verification), None);
    assert_eq!(verify::holds(&first, &presented(None)).unwrap().recomputed, None);
    // Drift is counted from the founding document that the opener holds.
    let drifted = Verification { founding: Some(other_founding()), ..asked.verification.clone() };
    let finding = verify::finding(&asked.world.model, &drifted).unwrap();
    assert_eq!(finding.drift, tension(&founding()).hamming(&tension(&other_founding())));
    assert_eq!(verify::holds(&asked.world.substrate(&asked.id), &drifted), Some(finding));
    let waiting = verify::pending(&asked.world.model).unwrap();
    assert_eq!(waiting.as_slice(), std::slice::from_ref(&asked.verification));
    assert!(verify::pending(&World::new().model).unwrap().is_empty());
}
