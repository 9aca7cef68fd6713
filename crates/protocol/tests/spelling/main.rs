//! One spelling of everything: whatever is read is written as it was read, and nothing else is read.
//!
//! | module | |
//! |---|---|
//! | `chance` | values of every form from a seed |
//! | `records`, `commands` | every kind of record and command |
//! | `documents` | genuine documents, each with the door by which it comes |
//! | `walk` | what could stand at each place of a document instead |

mod chance;
mod commands;
mod documents;
mod records;
mod walk;

use chance::{Chance, Optional};
use documents::{Document, leaves, others, payloads};
use proptest::prelude::*;
use selfsame_protocol::canon::{self, Limits};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{Command, ItemLimits, OrganisationKey, Proposal, Role};
use selfsame_protocol::entry::Entry;
use selfsame_protocol::envelope::{self, Envelope};
use selfsame_protocol::governance::GovernanceAction;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::p104::{Outcome, Technology};
use selfsame_protocol::record::{
    BallotEnd, ClaimLevel, Completeness, ContinuityEvent, CycleKind, ExecutionStatus, QuorumCause, Record, RecordKind,
    SuppressionReason,
};
use selfsame_protocol::run::Element;
use selfsame_protocol::spelling::Named;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use walk::Met;

type Make = fn(u64, Optional) -> Vec<Document>;

/// Walks documents with everything in them and with nothing that may be left out.
fn walked(make: Make) -> Met {
    let mut met = Met::default();
    let (full, bare) = (make(1, Optional::Always), make(1, Optional::Never));
    for (full, bare) in full.iter().zip(&bare) {
        assert_eq!(full.name, bare.name);
        full.walk(None, &mut met);
        bare.walk(Some(&full.value), &mut met);
    }
    met
}

fn met<T: Named + PartialEq>(met: &Met) -> bool {
    T::ALL.iter().any(|one| met.closed.contains(one.as_str()))
}

/// Every enumeration of a leaf is found as one, and every other spelling of it is refused.
/// shows: P-109, RI-14, X-01
#[test]
fn a_leaf_has_one_spelling() {
    let found = walked(leaves);
    for (name, met) in [
        ("ledger", met::<Ledger>(&found)),
        ("outcome", met::<Outcome>(&found)),
        ("code", met::<Code>(&found)),
        ("technology", met::<Technology>(&found)),
        ("element", met::<Element>(&found)),
        ("completeness", met::<Completeness>(&found)),
        ("cycle", met::<CycleKind>(&found)),
        ("claim", met::<ClaimLevel>(&found)),
        ("event", met::<ContinuityEvent>(&found)),
        ("suppression", met::<SuppressionReason>(&found)),
        ("status", met::<ExecutionStatus>(&found)),
        ("cause", met::<QuorumCause>(&found)),
        ("end", met::<BallotEnd>(&found)),
        ("key", met::<OrganisationKey>(&found)),
    ] {
        assert!(met, "no {name} was met: {:?}", found.closed);
    }
    for kind in RecordKind::ALL {
        assert!(found.closed.contains(kind.as_str()), "{kind}");
    }
    for tag in tags::<Proposal>("action").into_iter().chain(tags::<GovernanceAction>("action")) {
        assert!(found.closed.contains(&tag), "{tag}");
    }
    // Any JSON stands in these members and in no other.
    assert_eq!(found.free, names(&["data", "declaration", "founding", "outcome", "parameters", "set"]));
    assert_eq!(found.maps, names(&["branch_a", "branch_b", "founding", "parameters", "set"]));
    assert!(found.refused > 20_000, "{}", found.refused);
}

/// shows: P-109, RI-14, X-01
#[test]
fn a_submission_has_one_spelling() {
    let found = walked(payloads);
    for (name, met) in [
        ("role", met::<Role>(&found)),
        ("ledger", met::<Ledger>(&found)),
        ("outcome", met::<Outcome>(&found)),
        ("technology", met::<Technology>(&found)),
        ("status", met::<ExecutionStatus>(&found)),
        ("key", met::<OrganisationKey>(&found)),
    ] {
        assert!(met, "no {name} was met: {:?}", found.closed);
    }
    for tag in tags::<Command>("kind").into_iter().chain(tags::<Proposal>("action")) {
        assert!(found.closed.contains(&tag), "{tag}");
    }
    assert_eq!(found.free, names(&["data", "declaration", "founding", "outcome", "parameters", "set"]));
    assert_eq!(found.maps, names(&["parameters", "set"]));
    assert!(found.refused > 20_000, "{}", found.refused);
}

/// shows: P-109, RI-14, X-01
#[test]
fn every_other_document_has_one_spelling() {
    let found = walked(others);
    for text in ["inconsistent", "double_epoch", "selfsame/checkpoint-pair/v1", "selfsame/identity-proof/v2"] {
        assert!(found.closed.contains(text), "{text}: {:?}", found.closed);
    }
    assert_eq!(found.free, names(&["outcome"]));
    assert_eq!(found.maps, names(&[]));
    assert!(found.refused > 2_000, "{}", found.refused);
}

fn names(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|name| (*name).to_owned()).collect()
}

/// The names of the variants of a tagged enumeration, as its reader lists them.
fn tags<T: DeserializeOwned + std::fmt::Debug>(tag: &str) -> BTreeSet<String> {
    let error = serde_json::from_value::<T>(json!({tag: "?"})).unwrap_err().to_string();
    let (_, list) = error.split_once("expected one of").unwrap();
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_kind_of_record_command_and_proposal_is_made() {
    let mut c = Chance::new(7, Optional::Sometimes);
    let tag = |value: Value, tag: &str| value[tag].as_str().unwrap().to_owned();
    let records = RecordKind::ALL.map(|kind| tag(json!(records::entry(kind, &mut c).record), "record_type"));
    assert_eq!(BTreeSet::from(records), tags::<Record>("record_type"));
    let made: BTreeSet<_> = commands::commands(&mut c).iter().map(|one| tag(json!(one), "kind")).collect();
    assert_eq!(made, tags::<Command>("kind"));
    let made: BTreeSet<_> = commands::proposals(&mut c).iter().map(|one| tag(json!(one), "action")).collect();
    assert_eq!(made, tags::<Proposal>("action"));
    let made: BTreeSet<_> = records::actions(&mut c).iter().map(|one| tag(json!(one), "action")).collect();
    assert_eq!(made, tags::<GovernanceAction>("action"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// shows: P-109, RI-14, X-01
    #[test]
    fn what_is_read_from_a_leaf_is_written_as_it_was_read(seed: u64, number: usize) {
        let mut c = Chance::new(seed, Optional::Sometimes);
        let entry = records::entry(c.one(&RecordKind::ALL), &mut c);
        let leaf = entry.leaf();
        prop_assert_eq!(Entry::from_leaf(&leaf).map(|read| read.leaf()), Ok(leaf.clone()));
        let document = Document { name: "leaf".into(), door: documents::leaf, value: json!(entry) };
        if let Some(other) = document.misspelt(number) {
            let bytes = canon::to_canonical(&other);
            if let Ok(read) = Entry::from_leaf(&bytes) {
                prop_assert_eq!(read.leaf(), bytes);
            }
        }
    }

    /// shows: P-109, RI-14, X-01
    #[test]
    fn what_is_read_from_a_submission_is_written_as_it_was_read(seed: u64, number: usize) {
        let mut c = Chance::new(seed, Optional::Sometimes);
        let all = commands::commands(&mut c);
        let (submission, key) = commands::submission(c.one(&all), &mut c);
        let envelope = Envelope::sign(&submission, &key);
        let prepared = envelope::prepare(&envelope.to_bytes(), &ItemLimits::NONE).unwrap();
        prop_assert_eq!(canon::to_canonical_of(&prepared.submission), envelope.payload);
        let document = Document { name: "payload".into(), door: documents::payload, value: json!(submission) };
        if let Some(other) = document.misspelt(number) {
            // Signed by whoever it names: it is refused for its spelling, or it is what was signed.
            let payload = canon::to_canonical(&other);
            let signature = key.sign(&envelope::pae(&payload));
            match envelope::prepare(&[&signature[..], &payload].concat(), &ItemLimits::NONE) {
                Ok(read) => prop_assert_eq!(canon::to_canonical_of(&read.submission), payload),
                Err(refusal) => prop_assert_eq!(refusal.code, Code::Malformed),
            }
        }
    }

    #[test]
    fn canonical_bytes_are_what_a_typed_value_is_written_as(seed: u64) {
        let mut c = Chance::new(seed, Optional::Sometimes);
        let value = json!(records::entry(c.one(&RecordKind::ALL), &mut c));
        let canonical = canon::to_canonical(&value);
        prop_assert_eq!(canon::canonicalize(&canonical, &Limits::LEAF), Ok(canonical));
    }
}

/// What is wrong is said with its place, so that whoever made the payload finds it.
#[test]
fn a_misspelt_member_is_named_with_its_place() {
    let mut c = Chance::new(3, Optional::Always);
    let made = commands::commands(&mut c);
    let value = |kind: &str| {
        let command = made.iter().find(|one| json!(one)["kind"] == kind).unwrap().clone();
        json!(commands::submission(command, &mut Chance::new(4, Optional::Always)).0)
    };
    let why = |kind: &str, at: &str, other: Value| {
        let mut value = value(kind);
        *value.pointer_mut(at).unwrap() = other;
        documents::payload(&value).unwrap_err()
    };
    for (found, expected) in [
        (why("append", "/author/role", json!({"chip": null})), "at /author/role: invalid type: map"),
        (why("append", "/command/items/1/ledger", json!(0)), "at /command/items/1/ledger: invalid type: integer `0`"),
        (why("append", "/command/kind", json!(9)), "at /command/kind: this is a name, found 9"),
        (why("propose", "/command/proposal/action", json!(0)), "at /command/proposal/action: this is a name, found 0"),
        (why("append", "/command/fence", json!(["1", "2"])), "at /command/fence: [\"1\",\"2\"] is another spelling of"),
        (why("append", "/command/items/0/runs", json!([])), "at /command/items/0/runs: the schema has no such member"),
    ] {
        assert!(found.contains(expected), "{found}");
    }
}
