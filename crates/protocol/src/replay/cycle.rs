//! Cycles, the amendments that they enact, and the refusals that are recorded.

use super::check::{Check, bad, same, same_or_none, show};
use super::state::Replay;
use crate::amending;
use crate::canon;
use crate::code::Code;
use crate::digest::Digest;
use crate::entry::Entry;
use crate::form::MIGRATION_CYCLE;
use crate::p104::{self, Amendment};
use crate::record::{CycleKind, IdentityPropagation};

impl Replay {
    pub(super) fn cycle(&mut self, entry: &Entry, cycle: &IdentityPropagation) -> Check {
        let index = entry.index.0;
        let Some(birth) = &self.birth else { return Err(bad("BIRTH_FIRST", index, "a birth", "a cycle")) };
        same("PRIOR_IDENTITY_HASH", index, self.head, cycle.prior_identity_hash)?;
        same("FOUNDING_TENSION_HASH", index, birth.founding_tension_hash, cycle.founding_tension_hash)?;
        same("FOUNDING_IN_CONSTITUTION", index, birth.founding_tension_hash, cycle.constitution.founding_tension_hash)?;
        same("CYCLE_SEQUENCE", index, self.lineage_depth.saturating_add(1), cycle.sequence.0)?;
        same("REASONING_DEPTH", index, self.chains.reasoning.depth, cycle.reasoning_ledger_depth.0)?;
        same("CYCLE_TIME", index, entry.time, cycle.cycle_timestamp)?;
        same("CYCLE_KIND", index, cycle.goalvector.kind(), cycle.cycle_kind)?;
        let migration = cycle.cycle_kind == CycleKind::Migration;
        let tag = if migration { p104::TAG_MIGRATION } else { p104::TAG_GOALVECTOR };
        let resolution = p104::tagged(tag, &cycle.goalvector);
        same("GOALVECTOR_RESOLUTION_HASH", index, resolution, cycle.goalvector_resolution_hash)?;
        same("CONSTITUTIONAL_STATE_HASH", index, cycle.constitution.hash(), cycle.constitutional_state_hash)?;
        if cycle.amendments != self.amendments {
            let [expected, found] = [&self.amendments, &cycle.amendments].map(canon::text_of);
            return Err(bad("AMENDMENTS_LISTED", index, expected, found));
        }
        // Only listed amendments and an arrival change the constitution; an arrival changes its chip alone.
        let arrival = self.arrival.take().filter(|_| migration);
        let check = if cycle.amendments.is_empty() { "CONSTITUTION_UNCHANGED" } else { "CONSTITUTION_AMENDED" };
        let expected = match (self.amended.take(), &arrival) {
            (None, None) => self.constitution_hash,
            (amended, arrival) => {
                let Some(mut expected) = amended.or_else(|| self.constitution.take()) else {
                    return Err(bad("BIRTH_FIRST", index, "a birth", "a cycle"));
                };
                expected.chip = arrival.as_ref().map_or(expected.chip, |arrival| Some(arrival.chip));
                expected.hash()
            }
        };
        same(check, index, expected, cycle.constitutional_state_hash)?;
        let attestations = match (migration, &cycle.origin_attestation_hash, &cycle.destination_attestation_hash) {
            (true, Some(origin), Some(destination)) => Some((origin, destination)),
            (false, None, None) => None,
            (_, origin, destination) => {
                let found = format!("{}, {}", show(origin), show(destination));
                return Err(bad("MIGRATION_ATTESTATIONS", index, "both in a migration cycle, none in another", found));
            }
        };
        let id = cycle.cycle_id.as_str();
        if let Some((origin, destination)) = attestations {
            let Some(arrival) = &arrival else {
                return Err(bad("MIGRATION_ARRIVAL", index, "an attestation of the arrival before it", "none"));
            };
            same("MIGRATION_ARRIVAL", index, arrival.resolution, cycle.goalvector_resolution_hash)?;
            // An origin without attestation stands as the digest of nothing.
            let held = self.chip_attestation.unwrap_or_else(|| Digest::of(b""));
            same("MIGRATION_ORIGIN", index, held, *origin)?;
            same("MIGRATION_DESTINATION", index, arrival.attestation, *destination)?;
            if id.strip_prefix(MIGRATION_CYCLE) != Some(&arrival.migration_id) {
                let expected = format!("{MIGRATION_CYCLE}{}", arrival.migration_id);
                return Err(bad("CYCLE_ID", index, expected, id));
            }
        } else if id.starts_with(MIGRATION_CYCLE) {
            return Err(bad("CYCLE_ID", index, format!("an id that does not begin with {MIGRATION_CYCLE}"), id));
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
        self.anchored(index, &cycle.evidence_ledger)?;
        // Ids of migrations are kept with the seals.
        if !migration && !self.cycle_ids.insert(id.into()) {
            return Err(bad("CYCLE_ID_ONCE", index, "an id that was not used before", id));
        }
        if let Some((_, destination)) = attestations {
            self.chip_attestation = Some(*destination);
        }
        if !std::mem::take(&mut self.amendments).is_empty() {
            self.event("AMENDMENT");
        }
        self.head = hash;
        self.identity_chain.push(hash);
        self.lineage_depth = cycle.sequence.0;
        self.constitution_hash = cycle.constitutional_state_hash;
        self.constitution = Some(cycle.constitution.clone());
        Ok(())
    }

    pub(super) fn amendment(
        &mut self,
        index: u64,
        hash: Digest,
        prior: Option<Digest>,
        amendment: &Amendment,
    ) -> Check {
        let Some(now) = &self.constitution else { return Err(bad("BIRTH_FIRST", index, "a birth", "an amendment")) };
        same("AMENDMENT_FOUNDING_TENSION", index, now.founding_tension_hash, amendment.founding_tension_hash)?;
        // Accepted was what could be accepted when it was asked for, with the same constitution in force as now.
        if let Err((refusal, _)) = amending::check(now, amendment) {
            return Err(bad("AMENDMENT_ACCEPTABLE", index, "an amendment that is not refused", refusal));
        }
        let mut amended = self.amended.take().unwrap_or_else(|| now.clone());
        let (expected, head) = amended.enact(amendment);
        same("AMENDMENT_HASH", index, expected, hash)?;
        same_or_none("AMENDMENT_CHAIN", index, &head, &prior)?;
        if let Err(refusal) = amending::check_room(self.amendments.len(), amendment, &amended) {
            return Err(bad("AMENDMENT_ROOM", index, "an amendment that is not refused", refusal));
        }
        self.amended = Some(amended);
        self.amendments.push(hash);
        Ok(())
    }

    /// A refused amendment names the first rule that it breaks, and its drift.
    pub(super) fn amendment_refusal(&self, index: u64, code: Code, amendment: &Amendment, drift: u32) -> Check {
        let Some(now) = &self.constitution else { return Err(bad("BIRTH_FIRST", index, "a birth", "a refusal")) };
        // What is queued leaves no entry: whether there was room for it is not seen.
        let (expected, bits) = match amending::check(now, amendment) {
            Err((refusal, drift)) => (refusal.code, drift),
            Ok(()) => (Code::LimitExceeded, 0),
        };
        let shown = |code: Code, drift: u32| format!("{code}, drift {drift}");
        same("AMENDMENT_REFUSAL", index, shown(expected, bits), shown(code, drift))
    }
}

/// A recorded refusal of a write is that of a reference that leads to nothing, and names the reference.
pub(super) fn write_refusal(index: u64, code: Code, found: &str) -> Check {
    let known = matches!(code, Code::DanglingReference | Code::RunNotDeclared);
    if !known || found.parse::<Digest>().is_err() {
        let expected = "DANGLING_REFERENCE or RUN_NOT_DECLARED of a digest";
        return Err(bad("WRITE_REFUSAL", index, expected, format!("{code} of {found:?}")));
    }
    Ok(())
}
