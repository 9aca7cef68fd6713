//! What a substrate's records say because of the history before them.
//!
//! This is no verifier and no machine: it takes every record, whatever was before it.

use crate::world::secret;
use selfsame_protocol::canon;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::ledger::{Ledger, PerLedger};
use selfsame_protocol::number::Epoch;
use selfsame_protocol::p104::{self, Attestation, Claims, Constitution, Outcome};
use selfsame_protocol::record::{
    ClaimLevel, Completeness, ContinuityEvent, CycleKind, EvidenceAnchor, Finding, IdentityPropagation,
    IdentityVerification, Record, Resolved, SessionClose, SubstrateIdentity,
};
use selfsame_protocol::time::{Timestamp, U64};
use serde_json::Value;

/// Where and when a record is written.
pub struct Place {
    pub ledger: Ledger,
    pub time: Value,
    pub anchor: EvidenceAnchor,
}

impl Place {
    fn time(&self) -> Timestamp {
        serde_json::from_value(self.time.clone()).expect("the time of an entry")
    }
}

struct Seal {
    origin: Digest,
    destination: Digest,
    nonce: Digest,
    continuity_hash: Digest,
    head: Digest,
}

/// A substrate so far.
pub struct Life {
    cluster: String,
    id: String,
    depths: PerLedger<u64>,
    heads: PerLedger<Option<Digest>>,
    birth: Option<Box<SubstrateIdentity>>,
    head: Digest,
    sequence: u64,
    /// In force after the last cycle, with the amendments since.
    constitution: Option<Constitution>,
    amendments: Vec<Digest>,
    session: u64,
    close: Option<SessionClose>,
    epoch: Epoch,
    attestation: Option<Digest>,
    seal: Option<Seal>,
    /// The arrival that the next cycle records, and the attestation of the origin.
    arrival: Option<(Record, Option<Digest>)>,
    events: Vec<ContinuityEvent>,
    verified: Option<Finding>,
    drift: u32,
}

impl Life {
    pub fn new(cluster: &str, id: &str) -> Self {
        Self {
            cluster: cluster.into(),
            id: id.into(),
            depths: PerLedger::default(),
            heads: PerLedger::default(),
            birth: None,
            head: Digest::of(b"unborn"),
            sequence: 0,
            constitution: None,
            amendments: Vec::new(),
            session: 0,
            close: None,
            epoch: Epoch(1),
            attestation: None,
            seal: None,
            arrival: None,
            events: Vec::new(),
            verified: None,
            drift: 0,
        }
    }

    /// Members that follow from the history.
    pub fn operands(&mut self, place: &Place, record: &mut Record) {
        match record {
            Record::SubstrateIdentity(birth) => birth.evidence_ledger = place.anchor.clone(),
            Record::IdentityPropagation(cycle) => self.cycle(place, cycle),
            Record::SessionClose(close) => self.close(place, close),
            Record::IdentityVerification(result) => self.verification(result),
            Record::TamperingDetection { session, finding, head } => {
                *session = U64(self.session);
                *head = self.head;
                if let Some(verified) = &self.verified {
                    *finding = verified.clone();
                }
            }
            Record::NewIdentityLineage {
                prior_substrate_id,
                prior_head,
                prior_founding_tension_hash,
                drift,
                tolerance,
                ..
            } => {
                *prior_substrate_id = self.id.parse().unwrap();
                *prior_head = self.head;
                *drift = self.drift;
                if let Some(birth) = &self.birth {
                    *prior_founding_tension_hash = birth.founding_tension_hash;
                    *tolerance = birth.constitution.thresholds.drift_tolerance;
                }
            }
            Record::Amendment { prior_amendment, .. } => {
                *prior_amendment = self.constitution.as_ref().and_then(|constitution| constitution.amendment_head);
            }
            Record::MigrationSeal {
                origin,
                epoch,
                head,
                continuity_hash,
                evidence_ledger_depth,
                reasoning_ledger_depth,
                evidence_ledger,
                ..
            } => {
                if let Some(chip) = self.constitution.as_ref().and_then(|constitution| constitution.chip) {
                    *origin = chip;
                }
                *epoch = self.epoch;
                *head = self.head;
                *continuity_hash = self.kept().unwrap_or(*continuity_hash);
                *evidence_ledger_depth = U64(self.gate());
                *reasoning_ledger_depth = U64(self.depths.reasoning);
                *evidence_ledger = place.anchor.clone();
            }
            Record::MigrationIdentityAttestation {
                origin,
                destination,
                origin_attestation_hash,
                continuity_hash,
                nonce,
                epoch,
                ..
            } => {
                if let Some(seal) = &self.seal {
                    (*origin, *destination) = (seal.origin, seal.destination);
                    (*continuity_hash, *nonce) = (seal.continuity_hash, seal.nonce);
                }
                *origin_attestation_hash = self.attestation;
                *epoch = self.epoch.next();
            }
            Record::MigrationAbort { chip, epoch, .. } => {
                *chip = self.seal.as_ref().map_or(*chip, |seal| seal.origin);
                *epoch = self.epoch.next();
            }
            Record::HolderRecovery { chip, ended, .. } => {
                *chip = self.constitution.as_ref().and_then(|constitution| constitution.chip).unwrap_or(*chip);
                *ended = self.epoch;
            }
            _ => {}
        }
    }

    fn kept(&self) -> Option<Digest> {
        self.close.as_ref().map(|close| close.cross_session_identity_continuity_hash)
    }

    /// Evidence entries up to the last close.
    fn gate(&self) -> u64 {
        self.close.as_ref().map_or(0, |close| close.evidence_ledger_depth.0 + 1)
    }

    fn cycle(&mut self, place: &Place, cycle: &mut IdentityPropagation) {
        cycle.sequence = U64(self.sequence + 1);
        cycle.prior_identity_hash = self.head;
        cycle.reasoning_ledger_depth = U64(self.depths.reasoning);
        cycle.cycle_timestamp = place.time();
        cycle.evidence_ledger = place.anchor.clone();
        cycle.amendments = self.amendments.clone();
        if let Some(birth) = &self.birth {
            cycle.founding_tension_hash = birth.founding_tension_hash;
        }
        if let Some(constitution) = &self.constitution {
            cycle.constitution = constitution.clone();
        }
        if cycle.cycle_kind == CycleKind::Migration
            && let Some((arrival, origin)) = &self.arrival
            && let Record::MigrationIdentityAttestation {
                migration_id, destination, destination_attestation_hash, ..
            } = arrival
        {
            cycle.cycle_id = format!("migration/{migration_id}");
            cycle.goalvector = Resolved::Migration(Box::new(arrival.clone()));
            cycle.constitution.chip = Some(*destination);
            cycle.origin_attestation_hash = Some(origin.unwrap_or_else(|| Digest::of(b"")));
            cycle.destination_attestation_hash = Some(*destination_attestation_hash);
        }
    }

    fn close(&mut self, place: &Place, close: &mut SessionClose) {
        if place.ledger == Ledger::Reasoning {
            // The copy in Evidence was written just before, and nothing in between.
            if let Some(copy) = &self.close {
                *close = copy.clone();
            }
            return;
        }
        close.session = U64(self.session);
        close.latest_cycle_identity_hash = self.head;
        close.evidence_ledger_depth = U64(self.depths.evidence);
        close.reasoning_ledger_depth = U64(self.depths.reasoning);
        close.session_close_timestamp = place.time();
        close.evidence_head = self.heads.evidence;
        close.reasoning_head = self.heads.reasoning;
        close.evidence_ledger = place.anchor.clone();
        if let Some(constitution) = &self.constitution {
            close.schema_version = constitution.schema_version.clone();
        }
    }

    fn verification(&mut self, result: &mut IdentityVerification) {
        let kept = self.kept();
        if result.presented.is_some() && result.presented == result.retrieved {
            result.presented = kept;
        }
        result.session = U64(self.session + 1);
        result.retrieved = kept;
        result.lineage_depth = U64(self.sequence);
        result.evidence_ledger_depth = U64(self.gate());
        result.continuing_from = self.close.as_ref().map(|close| close.session_close_timestamp);
        result.continuity_events = self.events.clone();
        let Some(birth) = &self.birth else { return };
        result.thresholds = birth.constitution.thresholds.clone();
        let shown = kept.map_or_else(|| "none".to_string(), |kept| kept.to_string());
        for verdict in &mut result.verdicts {
            let finding = &mut verdict.finding;
            if finding.outcome == Outcome::HashMismatch {
                continue;
            }
            finding.lineage_depth = U64(self.sequence);
            finding.recomputed = kept;
            (finding.expected, finding.found) = (shown.clone(), shown.clone());
            finding.entries_checked = U64(self.gate() + self.depths.reasoning);
            finding.outcome = Outcome::decide(true, finding.drift, self.sequence, &result.thresholds);
            if finding.outcome == Outcome::Verified && kept.is_none() {
                finding.outcome = Outcome::InsufficientDepth;
            }
            finding.check = match finding.outcome {
                Outcome::DriftExceeded => "FOUNDING_TENSION_DRIFT",
                Outcome::InsufficientDepth if kept.is_none() => "NO_PRIOR_SESSION",
                Outcome::InsufficientDepth => "LINEAGE_DEPTH",
                _ => "CONTINUITY_HASH",
            }
            .into();
        }
    }

    /// Members that follow from others.
    pub fn results(&self, record: &mut Record) {
        match record {
            Record::SubstrateIdentity(birth) => born(birth),
            Record::IdentityPropagation(cycle) => {
                cycle.goalvector_resolution_hash = cycle.goalvector.hash();
                cycle.constitutional_state_hash = cycle.constitution.hash();
                let attestations =
                    cycle.origin_attestation_hash.as_ref().zip(cycle.destination_attestation_hash.as_ref());
                cycle.cycle_identity_hash = p104::cycle_identity_hash(
                    &cycle.prior_identity_hash,
                    &cycle.goalvector_resolution_hash,
                    &cycle.constitutional_state_hash,
                    cycle.reasoning_ledger_depth,
                    cycle.cycle_timestamp,
                    attestations,
                );
            }
            Record::SessionClose(close) => {
                close.cross_session_identity_continuity_hash = p104::continuity_hash(
                    &close.latest_cycle_identity_hash,
                    close.evidence_ledger_depth,
                    close.reasoning_ledger_depth,
                    close.session_close_timestamp,
                    &close.schema_version,
                );
            }
            Record::IdentityVerification(result) => self.settled(result),
            Record::Amendment { amendment_hash, amendment, .. } => {
                *amendment_hash = p104::tagged(p104::TAG_AMENDMENT, amendment);
            }
            Record::MigrationSeal { migration_id, head, nonce, seal_index, .. } => {
                *nonce = p104::migration_nonce(&self.cluster, &self.id, migration_id, *seal_index, head);
            }
            Record::MigrationIdentityAttestation {
                migration_id,
                destination,
                destination_attestation_hash,
                attestation,
                epoch,
                ..
            } => {
                *attestation = self.activation(migration_id, *destination, *epoch, attestation);
                *destination_attestation_hash = attestation.hash();
            }
            Record::MigrationAbort { migration_id, chip, epoch, attestation, attestation_hash } => {
                *attestation = self.activation(migration_id, *chip, *epoch, attestation);
                *attestation_hash = attestation.hash();
            }
            Record::HolderRecovery { recovery_count, ended, epoch, .. } => {
                let before = self.constitution.as_ref().map_or(0, |constitution| constitution.recovery_count.0);
                *epoch = ended.after_recoveries(recovery_count.0.saturating_sub(before));
            }
            _ => {}
        }
    }

    /// The attestation of an activation under the seal, by the chip; the one that stands when there is no seal.
    fn activation(&self, migration_id: &str, chip: Digest, epoch: Epoch, stands: &Attestation) -> Attestation {
        let Some(seal) = &self.seal else { return stands.clone() };
        let claims = Claims::Activation {
            cluster: self.cluster.clone(),
            substrate_id: self.id.parse().unwrap(),
            migration_id: migration_id.into(),
            nonce: seal.nonce,
            epoch,
            continuity_hash: seal.continuity_hash,
            head: seal.head,
        };
        Attestation::software(&claims, secret(&chip))
    }

    /// What the verdicts come to. With a majority for nothing it is left as it stands.
    fn settled(&self, result: &mut IdentityVerification) {
        let count =
            |outcome: Outcome| result.verdicts.iter().filter(|verdict| verdict.finding.outcome == outcome).count();
        let decisive =
            result.verdicts.iter().find(|verdict| count(verdict.finding.outcome) * 2 > result.verdicts.len());
        if let Some(finding) = decisive.map(|verdict| verdict.finding.clone()) {
            result.outcome = finding.outcome;
            result.detail = finding.check;
            result.drift = finding.drift;
            result.recomputed = finding.recomputed;
        }
        let verified = result.outcome == Outcome::Verified;
        // Whether there was a notice within a window is left as it stands.
        if verified
            && (result.thresholds.verification_window_ms.0 == 0 || result.notice.is_some())
            && let Some(from) = &result.continuing_from
        {
            result.notice = Some(p104::continuation_notice(&from.to_string(), result.lineage_depth.0));
        }
        if !verified {
            result.notice = None;
        }
        let complete = self.birth.as_ref().is_some_and(|birth| birth.completeness == Completeness::Complete);
        result.claim_level = if verified && complete { ClaimLevel::Full } else { ClaimLevel::Reduced };
    }

    fn event(&mut self, name: ContinuityEvent) {
        if !self.events.contains(&name) {
            self.events.push(name);
        }
    }

    /// Goes on behind an entry as it was left.
    pub fn take(&mut self, ledger: Ledger, hash: Digest, record: Option<&Record>) {
        self.depths[ledger] += 1;
        self.heads[ledger] = Some(hash);
        match record {
            Some(Record::SubstrateIdentity(birth)) => {
                self.head = birth.substrate_identity_hash;
                self.attestation = birth.governance_chip_attestation_hash;
                self.epoch = Epoch::first(birth.constitution.recovery_count.0);
                self.constitution = Some(birth.constitution.clone());
                self.birth = Some(birth.clone());
            }
            Some(Record::IdentityPropagation(cycle)) => {
                self.head = cycle.cycle_identity_hash;
                self.sequence = cycle.sequence.0;
                self.constitution = Some(cycle.constitution.clone());
                if !std::mem::take(&mut self.amendments).is_empty() {
                    self.event(ContinuityEvent::Amendment);
                }
                if cycle.cycle_kind == CycleKind::Migration {
                    self.arrival = None;
                }
            }
            Some(Record::SessionClose(close)) => self.close = Some(close.clone()),
            Some(Record::IdentityVerification(result)) => {
                self.session = result.session.0;
                self.drift = result.drift;
                let first = result.verdicts.iter().find(|verdict| verdict.finding.outcome == result.outcome);
                self.verified = first.filter(|_| result.detail != "NO_MAJORITY").map(|verdict| verdict.finding.clone());
                self.events.clear();
            }
            Some(Record::Amendment { amendment, amendment_hash, .. }) => {
                if let Some(constitution) = &mut self.constitution {
                    constitution.enact(amendment);
                }
                self.amendments.push(*amendment_hash);
            }
            Some(Record::MigrationSeal { origin, destination, nonce, continuity_hash, head, .. }) => {
                self.seal = Some(Seal {
                    origin: *origin,
                    destination: *destination,
                    nonce: *nonce,
                    continuity_hash: *continuity_hash,
                    head: *head,
                });
            }
            Some(arrival @ Record::MigrationIdentityAttestation { destination_attestation_hash, epoch, .. }) => {
                self.arrival = Some((arrival.clone(), self.attestation));
                self.attestation = Some(*destination_attestation_hash);
                self.epoch = *epoch;
                self.seal = None;
                self.event(ContinuityEvent::Migration);
            }
            Some(Record::MigrationAbort { attestation_hash, epoch, .. }) => {
                self.attestation = Some(*attestation_hash);
                self.epoch = *epoch;
                self.seal = None;
                self.event(ContinuityEvent::Migration);
            }
            Some(Record::HolderRecovery { recovery_count, epoch, .. }) => {
                if let Some(constitution) = &mut self.constitution {
                    constitution.recovery_count = *recovery_count;
                }
                self.epoch = *epoch;
            }
            _ => {}
        }
    }
}

fn born(birth: &mut SubstrateIdentity) {
    birth.founding_tension_hash = p104::founding_tension_hash(&canon::to_canonical(&birth.founding));
    birth.constitution.founding_tension_hash = birth.founding_tension_hash;
    birth.constitution.schema_version = birth.schema_version_at_init.clone();
    birth.constitution.chip = Some(birth.chip.id());
    if birth.attestation.is_some() {
        let claims = Claims::Birth {
            substrate_id: birth.substrate_id.clone(),
            founding_tension_hash: birth.founding_tension_hash,
            initialisation_timestamp: birth.initialisation_timestamp,
            schema_version_at_init: birth.schema_version_at_init.clone(),
        };
        birth.attestation = Some(Attestation::software(&claims, secret(&birth.chip.id())));
    }
    birth.governance_chip_attestation_hash = birth.attestation.as_ref().map(Attestation::hash);
    birth.completeness = if birth.attestation.is_some() { Completeness::Complete } else { Completeness::Incomplete };
    birth.substrate_identity_hash = p104::substrate_identity_hash(
        &birth.substrate_id,
        &birth.founding_tension_hash,
        birth.initialisation_timestamp,
        birth.governance_chip_attestation_hash.as_ref(),
        &birth.schema_version_at_init,
    );
}
