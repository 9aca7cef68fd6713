//! I7: between seal and activation nobody writes: head, depth and chain are those of the seal.

use super::moment::{Invariant, Moment};
use selfsame_machine::state::HolderStatus;
use selfsame_protocol::command::Command;
use selfsame_protocol::subject::Subject;

/// Judges each step of a sealed substrate by itself.
#[derive(Debug, Default)]
pub struct SealedHead;

impl Invariant for SealedHead {
    fn name(&self) -> &'static str {
        "I7 sealed_head"
    }
    fn check(&mut self, now: &Moment) -> Result<(), String> {
        for op in now.ops {
            for touched in &op.touched {
                let Some(before) = touched.before.as_ref().filter(|b| b.holder.status == HolderStatus::Sealed) else {
                    continue;
                };
                let after = &touched.after;
                let id = &after.substrate_id;
                let sealed = before.migration.as_ref().map(|migration| migration.head);
                if sealed != Some(before.head) {
                    return Err(format!("{id} is sealed at {sealed:?} and stands at {}", before.head));
                }
                let subject = Subject::Substrate(id.clone());
                let written = op.leaves.iter().filter(|leaf| leaf.entry.subject == subject).count();
                let held = (before.head, before.lineage_depth, &before.holder, &before.last_close);
                let holds = (after.head, after.lineage_depth, &after.holder, &after.last_close);
                // The one way out is the activation of the next epoch, which has its own properties.
                let stays = after.holder.status == HolderStatus::Sealed;
                // Both chips of a migration may be lost: then the organisations seal anew, for another destination.
                let ballot = matches!(op.submission.command, Command::Propose(_) | Command::Vote(_));
                let anew = ballot
                    && after.migration.as_ref().map(|m| &m.migration_id)
                        != before.migration.as_ref().map(|m| &m.migration_id);
                if stays && (written > usize::from(anew) || held != holds) {
                    return Err(format!("log entry {}: {id} is sealed and takes {written} entries", op.index));
                }
                if !stays && after.holder.epoch.0 != before.holder.epoch.0 + 1 {
                    return Err(format!(
                        "log entry {}: {id} leaves its seal of epoch {} to epoch {}",
                        op.index, before.holder.epoch, after.holder.epoch
                    ));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, judge};
    use super::*;
    use selfsame_protocol::digest::Digest;

    #[test]
    fn a_write_while_sealed_is_found() {
        assert_eq!(judge(&mut SealedHead, &Story::migrated()), Ok(()));
        let mut story = Story::migrated();
        let sealed = story.last("seal").touched[0].after.clone();
        let append = story.first("append");
        append.touched[0].before = Some(sealed.clone());
        append.touched[0].after = sealed;
        assert!(judge(&mut SealedHead, &story).unwrap_err().contains("takes"));
        let mut story = Story::migrated();
        story.last("arrive").touched[0].before.as_mut().unwrap().head = Digest::of(b"moved");
        assert!(judge(&mut SealedHead, &story).unwrap_err().contains("stands at"));
    }
}
