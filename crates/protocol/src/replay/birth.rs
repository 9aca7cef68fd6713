//! The birth of a substrate.

use super::check::{Check, bad, same, same_or_none};
use super::state::Replay;
use crate::amending::{MAX_CONSTITUTION_BYTES, MAX_FOUNDING_BYTES};
use crate::canon::to_canonical_of;
use crate::entry::Entry;
use crate::number::Epoch;
use crate::p104;
use crate::record::SubstrateIdentity;

impl Replay {
    pub(super) fn birth(&mut self, entry: &Entry, birth: &SubstrateIdentity) -> Check {
        let index = entry.index.0;
        if birth.substrate_id != self.substrate_id {
            return Err(bad("SUBSTRATE_ID", index, &self.substrate_id, &birth.substrate_id));
        }
        let founding = to_canonical_of(&birth.founding);
        if founding.len() > MAX_FOUNDING_BYTES {
            let expected = format!("at most {MAX_FOUNDING_BYTES} bytes");
            return Err(bad("FOUNDING_SIZE", index, expected, founding.len()));
        }
        let tension = p104::founding_tension_hash(&founding);
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
                .map_err(|found| bad("BIRTH_ATTESTATION", index, "an attestation of the pre-record", found))?;
            same("BIRTH_CHIP", index, attestation.chip, birth.chip)?;
        }
        let attestation = birth.attestation.as_ref().map(p104::Attestation::hash);
        same_or_none("ATTESTATION_HASH", index, &attestation, &birth.governance_chip_attestation_hash)?;
        let completeness = if attestation.is_some() { "complete" } else { "incomplete" };
        same("COMPLETENESS", index, completeness, birth.completeness.as_str())?;
        let identity = p104::substrate_identity_hash(
            &birth.substrate_id,
            &tension,
            birth.initialisation_timestamp,
            attestation.as_ref(),
            &birth.schema_version_at_init,
        );
        same("SUBSTRATE_IDENTITY_HASH", index, identity, birth.substrate_identity_hash)?;
        self.first_constitution(index, birth)?;
        p104::check_birth_time(birth.initialisation_timestamp, entry.time).map_err(|[first, last]| {
            bad("BIRTH_TIME", index, format!("{first} to {last}"), birth.initialisation_timestamp)
        })?;
        self.anchored(index, &birth.evidence_ledger)?;
        self.head = identity;
        self.identity_chain.push(identity);
        self.chip_attestation = attestation;
        self.epoch = Epoch::first(birth.constitution.recovery_count.0);
        self.constitution_hash = birth.constitution.hash();
        self.constitution = Some(birth.constitution.clone());
        self.birth = Some(birth.clone());
        Ok(())
    }

    /// What a birth puts in force: nothing was amended yet.
    fn first_constitution(&self, index: u64, birth: &SubstrateIdentity) -> Check {
        let constitution = &birth.constitution;
        let chip = Some(birth.chip.id());
        same("BIRTH_CONSTITUTION", index, &birth.schema_version_at_init, &constitution.schema_version)?;
        same_or_none("BIRTH_CONSTITUTION", index, &chip, &constitution.chip)?;
        same_or_none("BIRTH_CONSTITUTION", index, &None, &constitution.amendment_head)?;
        same("BIRTH_CONSTITUTION", index, 0, constitution.amendments.0)?;
        let bytes = to_canonical_of(constitution).len();
        if bytes > MAX_CONSTITUTION_BYTES {
            return Err(bad("CONSTITUTION_SIZE", index, format!("at most {MAX_CONSTITUTION_BYTES} bytes"), bytes));
        }
        // Every recovery of the cluster before it left entries in this ledger.
        let recoveries = constitution.recovery_count.0;
        if recoveries > index / super::migration::ENTRIES_OF_A_RECOVERY {
            return Err(bad("RECOVERY_COUNT", index, "as many recoveries as the ledger has room for", recoveries));
        }
        Ok(())
    }
}
