//! What one node finds when it re-hashes a substrate from its own disk.

use crate::genesis::Genesis;
use crate::state::{self, META_GENESIS, Substrate, Verification};
use crate::view::{ReadError, Table, View};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::p104::{self, Outcome};
use selfsame_protocol::record::{BadEntry, Finding};
use selfsame_protocol::replay::{BadCheck, Replay};
use selfsame_protocol::subject::Subject;
use selfsame_protocol::time::U64;
use selfsame_protocol::verdict::Facts;
use selfsame_protocol::{canon, planted};

/// Verifications that are not decided yet.
pub fn pending(view: &dyn View) -> Result<Vec<Verification>, ReadError> {
    crate::registry::all(view, Table::Verifications)
}

/// Rows read at once while re-hashing: bounds memory, not the size of a substrate.
const SLICE: usize = 1_024;

/// Re-hashes every entry of the substrate in both ledgers and recomputes its identity chain, the continuity hash and
/// the drift, believing nothing but the bytes. `Err` only when the state itself (not an entry) cannot be read.
pub fn finding(view: &dyn View, verification: &Verification) -> Result<Finding, ReadError> {
    let id = &verification.substrate_id;
    let Some(substrate) = state::load::<Substrate>(view, Table::Substrates, id.as_bytes())? else {
        return Ok(mismatch(
            BadCheck {
                check: "SUBSTRATE_STATE",
                ledger: Ledger::Reasoning,
                index: 0,
                expected: "a substrate".into(),
                found: "none".into(),
            },
            0,
            0,
        ));
    };
    let genesis: Option<Genesis> = state::load(view, Table::Meta, META_GENESIS)?;
    let cluster = genesis.map_or_else(String::new, |genesis| genesis.cluster);
    let mut replay = Replay::new(&cluster, id);
    for ledger in Ledger::BOTH {
        if let Err(bad) = feed(view, &mut replay, id, ledger, verification.depths[ledger].0)? {
            return Ok(mismatch(bad, replay.checked(), substrate.lineage_depth.0));
        }
    }
    let checked = replay.checked();
    let history = match replay.finish() {
        Ok(history) => history,
        Err(bad) => return Ok(mismatch(bad, checked, substrate.lineage_depth.0)),
    };
    let at = |ledger: Ledger, check, expected: String, found: String| BadCheck {
        check,
        ledger,
        index: verification.depths[ledger].0,
        expected,
        found,
    };
    let show = |digest: Option<Digest>| digest.map_or_else(|| "none".to_string(), |d| d.to_string());
    let kept = substrate.last_close.as_ref().map(|c| c.cross_session_identity_continuity_hash);
    let mut checks = vec![
        (
            "SUBSTRATE_IDENTITY_HASH",
            substrate.substrate_identity_hash.to_string(),
            history.birth.substrate_identity_hash.to_string(),
        ),
        ("HEAD", substrate.head.to_string(), history.head.to_string()),
        ("LINEAGE_DEPTH", substrate.lineage_depth.to_string(), history.lineage_depth.to_string()),
        (
            "CONSTITUTIONAL_STATE_HASH",
            substrate.constitution.hash().to_string(),
            history.constitution.hash().to_string(),
        ),
        ("CONTINUITY_HASH", show(kept), show(history.recomputed)),
    ];
    if verification.presented.is_some() {
        checks.push(("PRESENTED_CONTINUITY_HASH", show(verification.presented), show(history.recomputed)));
    }
    for (check, expected, found) in checks {
        if expected != found {
            return Ok(mismatch(at(Ledger::Reasoning, check, expected, found), checked, history.lineage_depth));
        }
    }
    let facts = Facts {
        kept: history.recomputed,
        drift: drift(&history.birth.founding_tension_hash, verification),
        lineage_depth: history.lineage_depth,
        thresholds: &history.constitution.thresholds,
        entries: checked,
    };
    Ok(facts.finding())
}

/// Bits between the founding tension of a birth and that of the document that the opener presents.
fn drift(root: &Digest, verification: &Verification) -> u32 {
    let presented =
        verification.founding.as_ref().map(|document| p104::founding_tension_hash(&canon::to_canonical(document)));
    if planted!("drift_not_checked") { 0 } else { presented.map_or(0, |presented| root.hamming(&presented)) }
}

/// The one finding that a node whose copy holds can have, by the state alone; `None` when no copy can hold, because the
/// opener presented another continuity hash.
pub fn holds(substrate: &Substrate, verification: &Verification) -> Option<Finding> {
    let kept = substrate.last_close.as_ref().map(|close| close.cross_session_identity_continuity_hash);
    if verification.presented.is_some() && verification.presented != kept {
        return None;
    }
    let facts = Facts {
        kept,
        drift: drift(&substrate.founding_tension_hash, verification),
        lineage_depth: substrate.lineage_depth.0,
        thresholds: &substrate.constitution.thresholds,
        entries: verification.depths.iter().fold(0, |sum, (_, depth)| sum.saturating_add(depth.0)),
    };
    Some(facts.finding())
}

fn mismatch(bad: BadCheck, checked: u64, lineage_depth: u64) -> Finding {
    Finding {
        outcome: Outcome::HashMismatch,
        check: bad.check.into(),
        at: Some(BadEntry { ledger: bad.ledger, index: U64(bad.index) }),
        expected: bad.expected,
        found: bad.found,
        drift: 0,
        lineage_depth: U64(lineage_depth),
        recomputed: None,
        entries_checked: U64(checked),
    }
}

/// Feeds the first `depth` entries of one ledger; the inner error is the first bad one.
fn feed(
    view: &dyn View,
    replay: &mut Replay,
    id: &SubstrateId,
    ledger: Ledger,
    depth: u64,
) -> Result<Result<(), BadCheck>, ReadError> {
    let subject = Subject::Substrate(id.clone());
    let mut next = 0;
    let bad =
        |check, index, expected: String, found: String| Ok(Err(BadCheck { check, ledger, index, expected, found }));
    while next < depth {
        let rows = match view.scan(
            Table::Subjects,
            &state::subject_key(&subject, ledger, next),
            &state::subject_key(&subject, ledger, depth),
            SLICE,
        ) {
            Ok(rows) => rows,
            Err(ReadError::Corrupt { expected, found, .. }) => return bad("SUBJECT_INDEX", next, expected, found),
            Err(error) => return Err(error),
        };
        if rows.is_empty() {
            return bad("SUBJECT_INDEX", next, format!("{depth} entries"), format!("{next} entries"));
        }
        for (key, value) in rows {
            let Ok(index) = <[u8; 8]>::try_from(value.as_slice()).map(u64::from_be_bytes) else {
                return bad("SUBJECT_INDEX", next, "8 bytes".into(), format!("{} bytes", value.len()));
            };
            if key != state::subject_key(&subject, ledger, next) {
                return bad("SUBJECT_INDEX", index, format!("depth {next}"), "another depth".into());
            }
            let leaf = match view.get(state::leaves(ledger), &index.to_be_bytes()) {
                Ok(Some(leaf)) => leaf,
                Ok(None) => return bad("ENTRY_PRESENT", index, "an entry".into(), "none".into()),
                Err(ReadError::Corrupt { expected, found, .. }) => return bad("STORED_DIGEST", index, expected, found),
                Err(error) => return Err(error),
            };
            let hash = match replay.leaf(ledger, &leaf) {
                Ok(hash) => hash,
                Err(failed) => return Ok(Err(failed)),
            };
            // The leaf must also be the one that the tree was built from.
            debug_assert_eq!(hash, Entry::hash_of(&leaf));
            match view.get(Table::EntryHashes, &state::hash_key(ledger, &hash)) {
                Ok(Some(at)) if at == index.to_be_bytes() => {}
                Ok(_) => return bad("ENTRY_HASH", index, format!("the hash of entry {index}"), hash.to_string()),
                Err(ReadError::Corrupt { expected, found, .. }) => return bad("ENTRY_HASH", index, expected, found),
                Err(error) => return Err(error),
            }
            next += 1;
        }
    }
    Ok(Ok(()))
}
