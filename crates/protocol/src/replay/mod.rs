//! Re-computation of a substrate's whole history from its leaves.
//!
//! The same code serves a node that verifies its own disk before a session, and a stranger who verifies an export with
//! the cluster gone. Feed all Evidence leaves in order, then all Reasoning leaves, then [`Replay::finish`]. Every hash
//! is recomputed from record members; nothing stored is believed. The first failing check is named with both values.

mod chain;
pub mod governance;
mod migration;
pub mod run;

use crate::canon::CanonError;
use crate::digest::Digest;
use crate::entry::{Entry, Ledger};
use crate::p104;
use crate::record::{Completeness, CycleKind, IdentityPropagation, Record, SessionClose, SubstrateIdentity};
use crate::time::U64;
use chain::Chain;
use migration::{Arrival, Seal};
use serde_json::Value;

/// The first check that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{check} at {ledger} entry {index}: expected {expected}, found {found}")]
pub struct BadCheck {
    /// Stable name of the check.
    pub check: &'static str,
    /// Which ledger.
    pub ledger: Ledger,
    /// Ledger index of the entry; the number of entries seen when the entry itself is missing or unreadable.
    pub index: u64,
    /// Expected value.
    pub expected: String,
    /// Found value.
    pub found: String,
}

/// What the history says, once every check held.
#[derive(Clone, Debug)]
pub struct History {
    /// The birth record.
    pub birth: SubstrateIdentity,
    /// Latest cycle identity hash; the substrate identity hash before the first cycle.
    pub head: Digest,
    /// Number of cycles.
    pub lineage_depth: u64,
    /// Constitutional state after the last cycle.
    pub constitution: p104::Constitution,
    /// The last close.
    pub last_close: Option<SessionClose>,
    /// Hash recomputed for the last close.
    pub recomputed: Option<Digest>,
    /// Entries per ledger.
    pub depths: [u64; 2],
    /// Hash of the last entry per ledger.
    pub heads: [Option<Digest>; 2],
    /// Hashes of every cycle in order, starting with the substrate identity hash.
    pub identity_chain: Vec<Digest>,
    /// Attestation hash of the active chip.
    pub chip_attestation: Option<Digest>,
    /// `AMENDMENT` or `MIGRATION` since the last close.
    pub events: Vec<String>,
    /// The last committed verification; INSUFFICIENT_DEPTH before the first.
    pub status: p104::Outcome,
    /// Epoch of the active chip.
    pub epoch: u64,
}

/// Re-computation in progress.
#[derive(Debug)]
pub struct Replay {
    cluster: String,
    substrate_id: String,
    chains: [Chain; 2],
    /// Closes seen in Evidence, each with the ledger's chain head before it.
    evidence_closes: Vec<(SessionClose, Option<Digest>)>,
    closes_matched: usize,
    /// Evidence entries up to the last close: the depth at which the next session must begin.
    evidence_gate: u64,
    birth: Option<SubstrateIdentity>,
    head: Digest,
    lineage_depth: u64,
    constitution: Option<p104::Constitution>,
    /// Amendments of the cycle under way, and the constitution with them in force.
    amendments: Vec<Digest>,
    amended: Option<p104::Constitution>,
    seal: Option<Seal>,
    /// The arrival that the next cycle records.
    arrival: Option<Arrival>,
    epoch: u64,
    status: p104::Outcome,
    last_close: Option<SessionClose>,
    recomputed: Option<Digest>,
    session_open: bool,
    identity_chain: Vec<Digest>,
    chip_attestation: Option<Digest>,
    events: Vec<String>,
}

type Check = Result<(), BadCheck>;

impl Replay {
    /// Starts for one substrate of a cluster.
    pub fn new(cluster: &str, substrate_id: &str) -> Self {
        let subject = format!("substrate:{substrate_id}");
        Self {
            cluster: cluster.into(),
            substrate_id: substrate_id.into(),
            chains: Ledger::BOTH.map(|ledger| Chain::new(ledger, &subject)),
            evidence_closes: Vec::new(),
            closes_matched: 0,
            evidence_gate: 0,
            birth: None,
            head: Digest::from_bytes([0; 32]),
            lineage_depth: 0,
            constitution: None,
            amendments: Vec::new(),
            amended: None,
            seal: None,
            arrival: None,
            epoch: 1,
            status: p104::Outcome::InsufficientDepth,
            last_close: None,
            recomputed: None,
            session_open: false,
            identity_chain: Vec::new(),
            chip_attestation: None,
            events: Vec::new(),
        }
    }

    /// Entries seen so far in both ledgers.
    pub fn checked(&self) -> u64 {
        self.chains[0].depth + self.chains[1].depth
    }

    /// Checks the next leaf of a ledger; returns its entry hash. All Evidence leaves come before the Reasoning leaves.
    pub fn leaf(&mut self, ledger: Ledger, leaf: &[u8]) -> Result<Digest, BadCheck> {
        self.decoded(ledger, Entry::from_leaf(leaf), Entry::hash_of(leaf))
    }

    /// The same for a leaf that was decoded and hashed already, which needs no order and can be done in parallel:
    /// `entry` is [`Entry::from_leaf`] of the leaf and `hash` is [`Entry::hash_of`] it.
    pub fn decoded(
        &mut self,
        ledger: Ledger,
        entry: Result<Entry, CanonError>,
        hash: Digest,
    ) -> Result<Digest, BadCheck> {
        let slot = ledger.slot();
        let entry = self.chains[slot].check(entry)?;
        let index = entry.index.0;
        match ledger {
            Ledger::Evidence => self.evidence(index, &entry)?,
            Ledger::Reasoning => self.reasoning(index, &entry)?,
        }
        self.chains[slot].take(&entry, hash);
        Ok(hash)
    }

    fn evidence(&mut self, index: u64, entry: &Entry) -> Check {
        match &entry.record {
            Record::Evidence(_) => Ok(()),
            Record::SessionClose(close) => {
                if close.evidence_ledger_depth.0 != self.chains[0].depth {
                    return Err(BadCheck {
                        check: "EVIDENCE_DEPTH",
                        ledger: Ledger::Evidence,
                        index,
                        expected: self.chains[0].depth.to_string(),
                        found: close.evidence_ledger_depth.to_string(),
                    });
                }
                self.evidence_closes.push((close.clone(), self.chains[0].head));
                Ok(())
            }
            other => Err(BadCheck {
                check: "RECORD_KIND",
                ledger: Ledger::Evidence,
                index,
                expected: "evidence or session_close".into(),
                found: kind(other),
            }),
        }
    }

    fn reasoning(&mut self, index: u64, entry: &Entry) -> Check {
        let fail = |check, expected: String, found: String| BadCheck {
            check,
            ledger: Ledger::Reasoning,
            index,
            expected,
            found,
        };
        if self.birth.is_none() != matches!(entry.record, Record::SubstrateIdentity(_)) {
            return Err(fail("BIRTH_FIRST", "one substrate_identity, as the first record".into(), kind(&entry.record)));
        }
        // Between a close and the next verification only these may stand; anything else was written past the gate.
        let gated = matches!(
            entry.record,
            Record::Reasoning(_) | Record::Evidence(_) | Record::SessionClose(_) | Record::Amendment { .. }
        ) || matches!(&entry.record, Record::IdentityPropagation(cycle) if cycle.cycle_kind == CycleKind::Resolution);
        if gated && !self.session_open {
            return Err(fail("SESSION_GATE", "an open session".into(), kind(&entry.record)));
        }
        match &entry.record {
            Record::SubstrateIdentity(birth) => self.birth(index, birth),
            Record::IdentityPropagation(cycle) => self.cycle(index, cycle),
            Record::SessionClose(close) => self.close(index, close),
            Record::IdentityVerification(result) => {
                // Evidence has no gate of its own: whatever was written past it shows as a depth.
                if result.evidence_ledger_depth.0 != self.evidence_gate {
                    let found = result.evidence_ledger_depth.to_string();
                    return Err(fail("EVIDENCE_GATE", self.evidence_gate.to_string(), found));
                }
                self.session_open =
                    matches!(result.outcome, p104::Outcome::Verified | p104::Outcome::InsufficientDepth);
                self.status = result.outcome;
                self.events.clear();
                Ok(())
            }
            Record::Amendment { amendment_hash, amendment, prior_amendment } => {
                let expected = p104::tagged(p104::TAG_AMENDMENT, amendment);
                same("AMENDMENT_HASH", index, expected, *amendment_hash)?;
                let Some(before) = self.amended.take().or_else(|| self.constitution.clone()) else {
                    return Err(fail("BIRTH_FIRST", "a birth".into(), "an amendment".into()));
                };
                let mut amended = before;
                let (_, head) = amended.enact(amendment);
                if head != *prior_amendment {
                    return Err(fail("AMENDMENT_CHAIN", show(&head), show(prior_amendment)));
                }
                let root = amended.founding_tension_hash;
                same("AMENDMENT_FOUNDING_TENSION", index, root, amendment.founding_tension_hash)?;
                self.amended = Some(amended);
                self.amendments.push(*amendment_hash);
                Ok(())
            }
            record @ (Record::MigrationSeal { .. }
            | Record::MigrationIdentityAttestation { .. }
            | Record::MigrationAbort { .. }
            | Record::HolderRecovery { .. }) => self.migration(index, record),
            _ => Ok(()),
        }
    }

    fn birth(&mut self, index: u64, birth: &SubstrateIdentity) -> Check {
        let fail = |check, expected: String, found: String| BadCheck {
            check,
            ledger: Ledger::Reasoning,
            index,
            expected,
            found,
        };
        if birth.substrate_id != self.substrate_id {
            return Err(fail("SUBSTRATE_ID", self.substrate_id.clone(), birth.substrate_id.clone()));
        }
        let tension = p104::founding_tension_hash(&crate::canon::to_canonical_of(&birth.founding));
        same("FOUNDING_TENSION_HASH", index, tension, birth.founding_tension_hash)?;
        same("FOUNDING_IN_CONSTITUTION", index, tension, birth.constitution.founding_tension_hash)?;
        if let Some(attestation) = &birth.attestation {
            let claims = p104::Claims::Birth {
                substrate_id: birth.substrate_id.clone(),
                founding_tension_hash: tension,
                initialisation_timestamp: birth.initialisation_timestamp,
                schema_version_at_init: birth.schema_version_at_init.clone(),
            };
            attestation
                .verify(&claims)
                .map_err(|e| fail("BIRTH_ATTESTATION", "an attestation of the pre-record".into(), e))?;
            if attestation.chip != birth.chip {
                return Err(fail("BIRTH_CHIP", attestation.chip.to_string(), birth.chip.to_string()));
            }
        }
        let attestation = birth.attestation.as_ref().map(p104::Attestation::hash);
        if attestation != birth.governance_chip_attestation_hash {
            return Err(fail("ATTESTATION_HASH", show(&attestation), show(&birth.governance_chip_attestation_hash)));
        }
        let completeness = if attestation.is_some() { Completeness::Complete } else { Completeness::Incomplete };
        if birth.completeness != completeness {
            return Err(fail("COMPLETENESS", completeness.to_string(), birth.completeness.to_string()));
        }
        let identity = p104::substrate_identity_hash(
            &birth.substrate_id,
            &tension,
            birth.initialisation_timestamp,
            attestation.as_ref(),
            &birth.schema_version_at_init,
        );
        same("SUBSTRATE_IDENTITY_HASH", index, identity, birth.substrate_identity_hash)?;
        self.head = identity;
        self.identity_chain.push(identity);
        self.chip_attestation = attestation;
        self.epoch = p104::first_epoch(birth.constitution.recovery_count.0);
        self.constitution = Some(birth.constitution.clone());
        self.birth = Some(birth.clone());
        Ok(())
    }

    fn cycle(&mut self, index: u64, cycle: &IdentityPropagation) -> Check {
        let fail = |check, expected: String, found: String| BadCheck {
            check,
            ledger: Ledger::Reasoning,
            index,
            expected,
            found,
        };
        let (Some(birth), Some(before)) = (&self.birth, &self.constitution) else {
            return Err(fail("BIRTH_FIRST", "a birth".into(), "a cycle".into()));
        };
        same("PRIOR_IDENTITY_HASH", index, self.head, cycle.prior_identity_hash)?;
        same("FOUNDING_TENSION_HASH", index, birth.founding_tension_hash, cycle.founding_tension_hash)?;
        same("FOUNDING_IN_CONSTITUTION", index, birth.founding_tension_hash, cycle.constitution.founding_tension_hash)?;
        if cycle.sequence.0 != self.lineage_depth + 1 {
            return Err(fail("CYCLE_SEQUENCE", (self.lineage_depth + 1).to_string(), cycle.sequence.to_string()));
        }
        if cycle.reasoning_ledger_depth.0 != self.chains[1].depth {
            return Err(fail(
                "REASONING_DEPTH",
                self.chains[1].depth.to_string(),
                cycle.reasoning_ledger_depth.to_string(),
            ));
        }
        if cycle.cycle_kind != cycle.goalvector.kind() {
            return Err(fail("CYCLE_KIND", cycle.goalvector.kind().to_string(), cycle.cycle_kind.to_string()));
        }
        let migration = cycle.cycle_kind == CycleKind::Migration;
        same("GOALVECTOR_RESOLUTION_HASH", index, cycle.goalvector.hash(), cycle.goalvector_resolution_hash)?;
        same("CONSTITUTIONAL_STATE_HASH", index, cycle.constitution.hash(), cycle.constitutional_state_hash)?;
        if cycle.amendments != self.amendments {
            return Err(fail("AMENDMENTS_LISTED", format!("{:?}", self.amendments), format!("{:?}", cycle.amendments)));
        }
        // Only listed amendments and an arrival change the constitution; an arrival changes its chip alone.
        let arrival = self.arrival.take().filter(|_| migration);
        let mut expected = self.amended.take().unwrap_or_else(|| before.clone());
        if let Some(arrival) = &arrival {
            expected.chip = Some(arrival.chip);
        }
        let check = if cycle.amendments.is_empty() { "CONSTITUTION_UNCHANGED" } else { "CONSTITUTION_AMENDED" };
        same(check, index, expected.hash(), cycle.constitutional_state_hash)?;
        let attestations = match (migration, &cycle.origin_attestation_hash, &cycle.destination_attestation_hash) {
            (true, Some(origin), Some(destination)) => Some((origin, destination)),
            (false, None, None) => None,
            (_, origin, destination) => {
                return Err(fail(
                    "MIGRATION_ATTESTATIONS",
                    "both in a migration cycle, none in another".into(),
                    format!("{}, {}", show(origin), show(destination)),
                ));
            }
        };
        if let Some((origin, destination)) = attestations {
            let Some(arrival) = arrival else {
                return Err(fail("MIGRATION_ARRIVAL", "an attestation of the arrival before it".into(), "none".into()));
            };
            same("MIGRATION_ARRIVAL", index, arrival.resolution, cycle.goalvector_resolution_hash)?;
            // An origin without attestation stands as the digest of nothing.
            let held = self.chip_attestation.unwrap_or_else(|| Digest::of(b""));
            same("MIGRATION_ORIGIN", index, held, *origin)?;
            same("MIGRATION_DESTINATION", index, arrival.attestation, *destination)?;
        }
        let hash = p104::cycle_identity_hash(
            &cycle.prior_identity_hash,
            &cycle.goalvector_resolution_hash,
            &cycle.constitutional_state_hash,
            cycle.reasoning_ledger_depth,
            cycle.cycle_timestamp,
            attestations,
        );
        same("CYCLE_IDENTITY_HASH", index, hash, cycle.cycle_identity_hash)?;
        if let Some((_, destination)) = attestations {
            self.chip_attestation = Some(*destination);
            self.events.push("MIGRATION".into());
        }
        self.head = hash;
        self.identity_chain.push(hash);
        self.lineage_depth += 1;
        self.constitution = Some(cycle.constitution.clone());
        self.amendments.clear();
        self.amended = None;
        Ok(())
    }

    fn close(&mut self, index: u64, close: &SessionClose) -> Check {
        let fail = |check, expected: String, found: String| BadCheck {
            check,
            ledger: Ledger::Reasoning,
            index,
            expected,
            found,
        };
        let Some((copy, evidence_head)) = self.evidence_closes.get(self.closes_matched) else {
            return Err(fail("CLOSE_IN_BOTH_LEDGERS", "the same close in Evidence".into(), "none".into()));
        };
        if copy != close {
            return Err(fail(
                "CLOSE_COPIES_EQUAL",
                copy.cross_session_identity_continuity_hash.to_string(),
                close.cross_session_identity_continuity_hash.to_string(),
            ));
        }
        same("CLOSE_HEAD", index, self.head, close.latest_cycle_identity_hash)?;
        if close.reasoning_ledger_depth.0 != self.chains[1].depth {
            return Err(fail(
                "REASONING_DEPTH",
                self.chains[1].depth.to_string(),
                close.reasoning_ledger_depth.to_string(),
            ));
        }
        if close.evidence_head != *evidence_head {
            return Err(fail("EVIDENCE_HEAD", show(evidence_head), show(&close.evidence_head)));
        }
        if close.reasoning_head != self.chains[1].head {
            return Err(fail("REASONING_HEAD", show(&self.chains[1].head), show(&close.reasoning_head)));
        }
        let recomputed = p104::continuity_hash(
            &self.head,
            close.evidence_ledger_depth,
            U64(self.chains[1].depth),
            close.session_close_timestamp,
            &close.schema_version,
        );
        same("CONTINUITY_HASH", index, recomputed, close.cross_session_identity_continuity_hash)?;
        self.closes_matched += 1;
        // The close itself stands in Evidence too.
        self.evidence_gate = close.evidence_ledger_depth.0.saturating_add(1);
        self.session_open = false;
        self.events.clear();
        self.recomputed = Some(recomputed);
        self.last_close = Some(close.clone());
        Ok(())
    }

    /// Checks what only the whole history shows, and returns it.
    pub fn finish(self) -> Result<History, BadCheck> {
        let at = |check, ledger: Ledger, expected: String, found: String| BadCheck {
            check,
            ledger,
            index: self.chains[ledger.slot()].next_index(),
            expected,
            found,
        };
        if self.closes_matched != self.evidence_closes.len() {
            return Err(at(
                "CLOSE_IN_BOTH_LEDGERS",
                Ledger::Reasoning,
                format!("{} closes", self.evidence_closes.len()),
                format!("{} closes", self.closes_matched),
            ));
        }
        // With the session closed nothing may follow the close in Evidence.
        if !self.session_open && self.chains[0].depth != self.evidence_gate {
            return Err(at(
                "EVIDENCE_GATE",
                Ledger::Evidence,
                self.evidence_gate.to_string(),
                self.chains[0].depth.to_string(),
            ));
        }
        let (Some(birth), Some(constitution)) = (self.birth.clone(), self.constitution.clone()) else {
            return Err(at("BIRTH_FIRST", Ledger::Reasoning, "a birth record".into(), "no entry".into()));
        };
        Ok(History {
            birth,
            head: self.head,
            lineage_depth: self.lineage_depth,
            constitution,
            last_close: self.last_close,
            recomputed: self.recomputed,
            depths: self.chains.each_ref().map(|chain| chain.depth),
            heads: self.chains.each_ref().map(|chain| chain.head),
            identity_chain: self.identity_chain,
            chip_attestation: self.chip_attestation,
            events: self.events,
            status: self.status,
            epoch: self.epoch,
        })
    }
}

fn same(check: &'static str, index: u64, expected: Digest, found: Digest) -> Check {
    if expected == found {
        return Ok(());
    }
    Err(BadCheck { check, ledger: Ledger::Reasoning, index, expected: expected.to_string(), found: found.to_string() })
}

pub(crate) fn show(digest: &Option<Digest>) -> String {
    digest.map_or_else(|| "none".into(), |d| d.to_string())
}

/// The `record_type` of a record.
pub fn kind(record: &Record) -> String {
    match serde_json::to_value(record) {
        Ok(Value::Object(map)) => map.get("record_type").and_then(Value::as_str).unwrap_or("unknown").into(),
        _ => "unknown".into(),
    }
}
