//! The migrations of a history: who sealed, who was activated, under which nonce, attested by whom.

use super::check::{BadCheck, Check, bad, same, same_or_none};
use super::state::{Arrival, Replay, Seal};
use crate::digest::Digest;
use crate::number::Epoch;
use crate::p104::{self, Outcome};
use crate::record::Record;
use crate::time::U64;

/// Entries that a recovery of the cluster leaves in the Reasoning ledger at least: the proposal, the end of the ballot,
/// the change of the constitution, the recovery.
pub(super) const ENTRIES_OF_A_RECOVERY: u64 = 4;

impl Replay {
    /// Seal, arrival, abort and recovery: who, bound to which nonce, attested by whom.
    pub(super) fn migration(&mut self, index: u64, record: &Record) -> Check {
        match record {
            Record::MigrationSeal { .. } => self.sealed(index, record),
            Record::MigrationIdentityAttestation {
                migration_id,
                origin,
                destination,
                origin_attestation_hash,
                destination_attestation_hash,
                attestation,
                continuity_hash,
                nonce,
                epoch,
            } => {
                let hash = *destination_attestation_hash;
                let seal = self.activation(index, migration_id, *destination, *epoch, attestation, hash)?;
                for (check, expected, found) in [
                    ("MIGRATION_ORIGIN", seal.origin, *origin),
                    ("MIGRATION_DESTINATION", seal.destination, *destination),
                    ("MIGRATION_NONCE", seal.nonce, *nonce),
                    ("CONTINUITY_HASH", seal.continuity_hash, *continuity_hash),
                ] {
                    same(check, index, expected, found)?;
                }
                same_or_none("ORIGIN_ATTESTATION", index, &self.chip_attestation, origin_attestation_hash)?;
                if let Some(constitution) = &self.constitution {
                    let outcome = Outcome::decide(true, 0, self.lineage_depth, &constitution.thresholds);
                    same("MIGRATION_DEPTH", index, Outcome::Verified, outcome)?;
                }
                self.arrival = Some(Arrival {
                    migration_id: migration_id.clone(),
                    chip: *destination,
                    attestation: hash,
                    resolution: p104::tagged(p104::TAG_MIGRATION, record),
                });
                self.activated(*epoch);
                Ok(())
            }
            Record::MigrationAbort { migration_id, chip, epoch, attestation, attestation_hash } => {
                let seal = self.activation(index, migration_id, *chip, *epoch, attestation, *attestation_hash)?;
                same("MIGRATION_ORIGIN", index, seal.origin, *chip)?;
                self.chip_attestation = Some(*attestation_hash);
                self.activated(*epoch);
                Ok(())
            }
            Record::HolderRecovery { recovery_count, chip, ended, epoch } => {
                self.recovered(index, recovery_count.0, *chip, [*ended, *epoch])
            }
            _ => Ok(()),
        }
    }

    fn activated(&mut self, epoch: Epoch) {
        self.event("MIGRATION");
        self.epoch = epoch;
        self.seal = None;
    }

    /// What both ways out of a seal have in common: the activation of a chip at the next epoch.
    fn activation(
        &self,
        index: u64,
        id: &str,
        chip: Digest,
        epoch: Epoch,
        attestation: &p104::Attestation,
        hash: Digest,
    ) -> Result<&Seal, BadCheck> {
        let Some(seal) = self.seal.as_ref().filter(|seal| seal.migration_id == id) else {
            let found = self.seal.as_ref().map_or("none", |seal| &seal.migration_id);
            return Err(bad("MIGRATION_SEALED", index, format!("a seal of {id}"), found));
        };
        same("MIGRATION_EPOCH", index, self.epoch.next().0, epoch.0)?;
        same("MIGRATION_CHIP", index, chip, attestation.chip.id())?;
        same("ATTESTATION_HASH", index, attestation.hash(), hash)?;
        let claims = p104::Claims::Activation {
            cluster: self.cluster.clone(),
            substrate_id: self.substrate_id.clone(),
            migration_id: id.into(),
            nonce: seal.nonce,
            epoch,
            continuity_hash: seal.continuity_hash,
            head: seal.head,
        };
        attestation
            .verify(&claims)
            .map_err(|found| bad("MIGRATION_ATTESTATION", index, "an attestation of this activation", found))?;
        Ok(seal)
    }

    fn sealed(&mut self, index: u64, record: &Record) -> Check {
        let (
            Record::MigrationSeal {
                migration_id,
                origin,
                destination,
                epoch,
                head,
                continuity_hash,
                evidence_ledger_depth,
                reasoning_ledger_depth,
                nonce,
                seal_index,
                ballot,
                evidence_ledger,
            },
            Some(constitution),
            Some(birth),
        ) = (record, &self.constitution, &self.birth)
        else {
            return Err(bad("BIRTH_FIRST", index, "a birth", "a seal"));
        };
        if self.session_open {
            return Err(bad("SEAL_CLOSED", index, "a closed session", "an open session"));
        }
        same("MIGRATION_EPOCH", index, self.epoch.0, epoch.0)?;
        same_or_none("MIGRATION_ORIGIN", index, &constitution.chip, &Some(*origin))?;
        if destination == origin {
            return Err(bad("SEAL_DESTINATION", index, "another chip", destination));
        }
        if constitution.thresholds.migration_attestation && birth.attestation.is_none() {
            return Err(bad("SEAL_COMPLETE", index, "an attested birth", birth.completeness));
        }
        same("SEAL_HEAD", index, self.head, *head)?;
        same_or_none("CONTINUITY_HASH", index, &self.recomputed, &Some(*continuity_hash))?;
        same("SEAL_DEPTH", index, self.evidence_gate, evidence_ledger_depth.0)?;
        same("SEAL_DEPTH", index, self.chains.reasoning.depth, reasoning_ledger_depth.0)?;
        let expected = p104::migration_nonce(&self.cluster, &self.substrate_id, migration_id, *seal_index, head);
        same("MIGRATION_NONCE", index, expected, *nonce)?;
        if seal_index.0 < self.seal_index.max(1) {
            return Err(bad("SEAL_INDEX", index, format!("{} or above", self.seal_index.max(1)), seal_index));
        }
        self.anchored(index, evidence_ledger)?;
        if !self.migration_ids.insert(migration_id.clone()) {
            return Err(bad("MIGRATION_ID_ONCE", index, "an id that was not used before", migration_id));
        }
        if let Some(ballot) = ballot.as_ref().filter(|ballot| !self.ballots.insert(ballot.to_string())) {
            return Err(bad("BALLOT_ONCE", index, "a ballot that sealed nothing before", ballot));
        }
        self.seal_index = seal_index.0;
        self.seal = Some(Seal {
            migration_id: migration_id.clone(),
            origin: *origin,
            destination: *destination,
            nonce: *nonce,
            continuity_hash: *continuity_hash,
            head: *head,
        });
        Ok(())
    }

    fn recovered(&mut self, index: u64, count: u64, chip: Digest, [ended, epoch]: [Epoch; 2]) -> Check {
        let room = index.saturating_sub(self.recoveries_known).saturating_sub(1) / ENTRIES_OF_A_RECOVERY;
        let Some(constitution) = &mut self.constitution else {
            return Err(bad("BIRTH_FIRST", index, "a birth", "a recovery"));
        };
        let before = constitution.recovery_count.0;
        if count <= before {
            return Err(bad("RECOVERY_COUNT", index, format!("above {before}"), count));
        }
        let recoveries = count - before;
        // Recoveries that came since the last write leave entries of the cluster between the two.
        if recoveries > room {
            let expected = format!("at most {}: the ledger has room for no more", before.saturating_add(room));
            return Err(bad("RECOVERY_COUNT", index, expected, count));
        }
        same_or_none("RECOVERY_CHIP", index, &constitution.chip, &Some(chip))?;
        same("RECOVERY_EPOCH", index, self.epoch.0, ended.0)?;
        same("RECOVERY_EPOCH", index, self.epoch.after_recoveries(recoveries).0, epoch.0)?;
        constitution.recovery_count = U64(count);
        self.constitution_hash = constitution.hash();
        self.epoch = epoch;
        Ok(())
    }
}
