//! What one node finds when it re-hashes a substrate from its own disk.

use crate::apply::META_GENESIS;
use crate::genesis::Genesis;
use crate::state::{self, Substrate, Verification};
use crate::view::{ReadError, Table, View};
use selfsame_protocol::canon;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::{Entry, Ledger};
use selfsame_protocol::p104::{self, Outcome};
use selfsame_protocol::record::{BadEntry, Finding};
use selfsame_protocol::replay::{BadCheck, Replay};
use selfsame_protocol::time::U64;

/// Verifications that are not decided yet.
pub fn pending(view: &dyn View) -> Result<Vec<Verification>, ReadError> {
    crate::governance::all(view, Table::Verifications)
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
        if let Err(bad) = feed(view, &mut replay, id, ledger, verification.depths[ledger.slot()].0)? {
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
        index: verification.depths[ledger.slot()].0,
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
    let current = match &verification.founding {
        Some(document) => p104::founding_tension_hash(&canon::to_canonical(document)),
        None => p104::founding_tension_hash(&canon::to_canonical(&history.birth.founding)),
    };
    let drift = history.birth.founding_tension_hash.hamming(&current);
    let drift = if selfsame_protocol::planted!("drift_not_checked") { 0 } else { drift };
    let outcome = Outcome::decide(true, drift, history.lineage_depth, &history.constitution.thresholds);
    let check = match outcome {
        Outcome::InsufficientDepth if history.last_close.is_none() => "NO_PRIOR_SESSION",
        Outcome::InsufficientDepth => "LINEAGE_DEPTH",
        Outcome::DriftExceeded => "FOUNDING_TENSION_DRIFT",
        Outcome::Verified | Outcome::HashMismatch => "CONTINUITY_HASH",
    };
    // A first open can claim no continuity, whatever the minimum depth is set to.
    let (outcome, check) = if outcome == Outcome::Verified && history.last_close.is_none() {
        (Outcome::InsufficientDepth, "NO_PRIOR_SESSION")
    } else {
        (outcome, check)
    };
    Ok(Finding {
        outcome,
        check: check.into(),
        at: None,
        expected: show(kept),
        found: show(history.recomputed),
        drift,
        lineage_depth: U64(history.lineage_depth),
        recomputed: history.recomputed,
        entries_checked: U64(checked),
    })
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
    id: &str,
    ledger: Ledger,
    depth: u64,
) -> Result<Result<(), BadCheck>, ReadError> {
    let subject = format!("substrate:{id}");
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
