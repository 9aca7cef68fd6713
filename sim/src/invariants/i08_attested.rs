//! I8: a chip is activated only by an attestation for this migration: its id, destination, next epoch, the head of the
//! seal, and the nonce that the log issued at the seal's index. Verified again here, from the records alone.

use super::moment::{Invariant, Moment};
use super::shadow::Op;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::number::{Epoch, LogIndex};
use selfsame_protocol::p104::{self, Claims};
use selfsame_protocol::record::Record;
use selfsame_protocol::subject::Subject;
use std::collections::BTreeMap;

#[derive(Debug)]
struct Seal {
    migration_id: String,
    origin: Digest,
    destination: Digest,
    head: Digest,
    continuity_hash: Digest,
    nonce: Digest,
    epoch: Epoch,
}

/// Remembers the last seal of each substrate, and how often the shadow jumped.
#[derive(Debug, Default)]
pub struct Attested(BTreeMap<SubstrateId, Seal>, u64);

impl Attested {
    fn sealed(&mut self, op: &Op, cluster: &str) -> Result<(), String> {
        for leaf in &op.leaves {
            let Some(id) = leaf.entry.subject.substrate() else { continue };
            if let Record::MigrationSeal {
                migration_id,
                origin,
                destination,
                epoch,
                head,
                continuity_hash,
                nonce,
                ..
            } = &leaf.entry.record
            {
                // The nonce is of this log index, whatever the record says.
                let expected = p104::migration_nonce(cluster, id, migration_id, LogIndex(op.index), head);
                if *nonce != expected {
                    return Err(format!(
                        "log entry {}: the seal of {id} issues nonce {nonce}, not {expected}",
                        op.index
                    ));
                }
                let seal = Seal {
                    migration_id: migration_id.clone(),
                    origin: *origin,
                    destination: *destination,
                    head: *head,
                    continuity_hash: *continuity_hash,
                    nonce: *nonce,
                    epoch: *epoch,
                };
                self.0.insert(id.to_owned(), seal);
            }
        }
        Ok(())
    }

    fn activated(&mut self, op: &Op, id: &str, cluster: &str) -> Result<(), String> {
        let wrong = |what: String| Err(format!("log entry {}: {id} is activated {what}", op.index));
        let Some(touched) = op.substrate(id) else { return Ok(()) };
        let Some(seal) = self.0.remove(id) else { return wrong("without a seal".into()) };
        let subject = Subject::Substrate(id.parse().unwrap());
        let attested =
            op.leaves.iter().filter(|leaf| leaf.entry.subject == subject).find_map(|leaf| match &leaf.entry.record {
                Record::MigrationIdentityAttestation { migration_id, attestation, .. } => {
                    Some((migration_id, attestation, seal.destination))
                }
                Record::MigrationAbort { migration_id, attestation, .. } => {
                    Some((migration_id, attestation, seal.origin))
                }
                _ => None,
            });
        let Some((migration_id, attestation, chip)) = attested else { return wrong("without an attestation".into()) };
        if *migration_id != seal.migration_id {
            return wrong(format!("in migration {migration_id}, sealed for {}", seal.migration_id));
        }
        let holder = &touched.after.holder;
        if (attestation.chip.id(), holder.chip, holder.epoch) != (chip, chip, seal.epoch.next()) {
            return wrong(format!(
                "for chip {} at epoch {}, not {chip} at {}",
                holder.chip,
                holder.epoch,
                seal.epoch.next()
            ));
        }
        let claims = Claims::Activation {
            cluster: cluster.to_owned(),
            substrate_id: id.parse().unwrap(),
            migration_id: seal.migration_id,
            nonce: seal.nonce,
            epoch: seal.epoch.next(),
            continuity_hash: seal.continuity_hash,
            head: seal.head,
        };
        attestation.verify(&claims).or_else(|found| wrong(format!("by an attestation of something else: {found}")))
    }
}

impl Invariant for Attested {
    fn name(&self) -> &'static str {
        "I8 attested"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        let cluster = &now.shadow.genesis.cluster;
        // In a jump another seal may have taken the place of one that was seen.
        if now.shadow.jumps() != self.1 {
            *self = Attested(BTreeMap::new(), now.shadow.jumps());
        }
        for op in now.ops {
            for touched in &op.touched {
                let before = touched.before.as_ref().map(|before| before.holder.since);
                // A seal from before a jump was not seen.
                let unseen = now.shadow.jumps() > 0 && !self.0.contains_key(&touched.after.substrate_id);
                if before.is_some_and(|since| since != touched.after.holder.since) && !unseen {
                    self.activated(op, &touched.after.substrate_id, cluster)?;
                }
            }
            self.sealed(op, cluster)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, judge};
    use super::*;

    #[test]
    fn an_activation_by_anything_else_is_found() {
        assert_eq!(judge(&mut Attested::default(), &Story::migrated()), Ok(()));
        type Spoil = fn(&mut Op);
        let wrong: [(&str, Spoil); 5] = [
            ("seal", |op| op.index += 1),
            ("seal", |op| op.leaves.clear()),
            ("arrive", |op| op.leaves.clear()),
            ("arrive", |op| op.touched[0].after.holder.epoch = Epoch(9)),
            ("arrive", |op| {
                for leaf in &mut op.leaves {
                    let Record::MigrationIdentityAttestation { attestation, .. } = &mut leaf.entry.record else {
                        continue;
                    };
                    attestation.signature = "00".repeat(64);
                }
            }),
        ];
        for (at, (what, change)) in wrong.into_iter().enumerate() {
            let mut story = Story::migrated();
            change(story.last(what));
            assert!(judge(&mut Attested::default(), &story).is_err(), "{what} {at}");
        }
        // Bound to another head than the seal's.
        let mut story = Story::migrated();
        for leaf in &mut story.last("seal").leaves {
            let Record::MigrationSeal { continuity_hash, .. } = &mut leaf.entry.record else { continue };
            *continuity_hash = Digest::of(b"another");
        }
        assert!(judge(&mut Attested::default(), &story).unwrap_err().contains("something else"));
    }
}
