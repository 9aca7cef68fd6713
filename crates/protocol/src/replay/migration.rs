//! The migrations of a history: who sealed, who was activated, under which nonce, attested by whom.

use super::{BadCheck, Check, Replay, same, show};
use crate::digest::Digest;
use crate::entry::Ledger;
use crate::p104;
use crate::record::Record;
use crate::time::U64;

/// A migration between its seal and its end.
#[derive(Debug)]
pub(super) struct Seal {
    migration_id: String,
    origin: Digest,
    destination: Digest,
    nonce: Digest,
    continuity_hash: Digest,
    head: Digest,
}

/// What an arrival says, for the cycle that follows it.
#[derive(Debug)]
pub(super) struct Arrival {
    pub chip: Digest,
    pub attestation: Digest,
    /// Hash of the attestation record, which is the cycle's goal vector.
    pub resolution: Digest,
}

impl Replay {
    /// Seal, arrival, abort and recovery: who, bound to which nonce, attested by whom.
    pub(super) fn migration(&mut self, index: u64, record: &Record) -> Check {
        let fail = |check, expected: String, found: String| BadCheck {
            check,
            ledger: Ledger::Reasoning,
            index,
            expected,
            found,
        };
        let claims = |seal: &Seal, epoch| p104::Claims::Activation {
            cluster: self.cluster.clone(),
            substrate_id: self.substrate_id.clone(),
            migration_id: seal.migration_id.clone(),
            nonce: seal.nonce,
            epoch: U64(epoch),
            continuity_hash: seal.continuity_hash,
            head: seal.head,
        };
        // What both ways out of a seal have in common: the activation of a chip at the next epoch.
        let activation = |id: &str, chip: Digest, epoch: U64, attestation: &p104::Attestation, hash: Digest| {
            let Some(seal) = self.seal.as_ref().filter(|seal| seal.migration_id == id) else {
                return Err(fail("MIGRATION_SEALED", format!("a seal of {id}"), "none".into()));
            };
            if epoch.0 != self.epoch.saturating_add(1) {
                return Err(fail("MIGRATION_EPOCH", self.epoch.saturating_add(1).to_string(), epoch.to_string()));
            }
            same("MIGRATION_CHIP", index, chip, attestation.chip.id())?;
            same("ATTESTATION_HASH", index, attestation.hash(), hash)?;
            attestation
                .verify(&claims(seal, epoch.0))
                .map_err(|found| fail("MIGRATION_ATTESTATION", "an attestation of this activation".into(), found))?;
            Ok(seal)
        };
        match record {
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
                ..
            } => {
                if self.session_open {
                    return Err(fail("SEAL_CLOSED", "a closed session".into(), "an open session".into()));
                }
                if epoch.0 != self.epoch {
                    return Err(fail("MIGRATION_EPOCH", self.epoch.to_string(), epoch.to_string()));
                }
                let chip = self.constitution.as_ref().and_then(|constitution| constitution.chip);
                if chip != Some(*origin) {
                    return Err(fail("MIGRATION_ORIGIN", show(&chip), origin.to_string()));
                }
                same("SEAL_HEAD", index, self.head, *head)?;
                if self.recomputed != Some(*continuity_hash) {
                    return Err(fail("CONTINUITY_HASH", show(&self.recomputed), continuity_hash.to_string()));
                }
                for (expected, found) in
                    [(self.evidence_gate, evidence_ledger_depth), (self.chains[1].depth, reasoning_ledger_depth)]
                {
                    if expected != found.0 {
                        return Err(fail("SEAL_DEPTH", expected.to_string(), found.to_string()));
                    }
                }
                let expected =
                    p104::migration_nonce(&self.cluster, &self.substrate_id, migration_id, *seal_index, head);
                same("MIGRATION_NONCE", index, expected, *nonce)?;
                self.seal = Some(Seal {
                    migration_id: migration_id.clone(),
                    origin: *origin,
                    destination: *destination,
                    nonce: *nonce,
                    continuity_hash: *continuity_hash,
                    head: *head,
                });
            }
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
                let seal = activation(migration_id, *destination, *epoch, attestation, *destination_attestation_hash)?;
                for (check, expected, found) in [
                    ("MIGRATION_ORIGIN", seal.origin, *origin),
                    ("MIGRATION_DESTINATION", seal.destination, *destination),
                    ("MIGRATION_NONCE", seal.nonce, *nonce),
                    ("CONTINUITY_HASH", seal.continuity_hash, *continuity_hash),
                ] {
                    same(check, index, expected, found)?;
                }
                if *origin_attestation_hash != self.chip_attestation {
                    let expected = show(&self.chip_attestation);
                    return Err(fail("ORIGIN_ATTESTATION", expected, show(origin_attestation_hash)));
                }
                self.arrival = Some(Arrival {
                    chip: *destination,
                    attestation: *destination_attestation_hash,
                    resolution: p104::tagged(p104::TAG_MIGRATION, record),
                });
                self.epoch = epoch.0;
                self.seal = None;
            }
            Record::MigrationAbort { migration_id, chip, epoch, attestation, attestation_hash } => {
                let seal = activation(migration_id, *chip, *epoch, attestation, *attestation_hash)?;
                same("MIGRATION_ORIGIN", index, seal.origin, *chip)?;
                self.chip_attestation = Some(*attestation_hash);
                self.events.push("MIGRATION".into());
                self.epoch = epoch.0;
                self.seal = None;
            }
            Record::HolderRecovery { recovery_count, chip, ended, epoch } => {
                let Some(constitution) = &mut self.constitution else {
                    return Err(fail("BIRTH_FIRST", "a birth".into(), "a recovery".into()));
                };
                let before = constitution.recovery_count.0;
                if recovery_count.0 <= before {
                    return Err(fail("RECOVERY_COUNT", format!("above {before}"), recovery_count.to_string()));
                }
                if constitution.chip != Some(*chip) {
                    return Err(fail("RECOVERY_CHIP", show(&constitution.chip), chip.to_string()));
                }
                let skipped = (recovery_count.0 - before).saturating_mul(p104::EPOCHS_OF_A_RECOVERY);
                for (expected, found) in [(self.epoch, ended), (self.epoch.saturating_add(skipped), epoch)] {
                    if expected != found.0 {
                        return Err(fail("RECOVERY_EPOCH", expected.to_string(), found.to_string()));
                    }
                }
                constitution.recovery_count = *recovery_count;
                if let Some(amended) = &mut self.amended {
                    amended.recovery_count = *recovery_count;
                }
                self.epoch = epoch.0;
            }
            _ => {}
        }
        Ok(())
    }
}
