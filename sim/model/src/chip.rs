//! What one running copy of a chip remembers, and what it signs.
//!
//! A copy is a process with the chip's key. A well-kept chip has one; a clone is a second one with the same memory. What a
//! copy believes is lost in a crash; that it signed a seal is kept, unless a planted bug forgets it.

use crate::bug::Bug;
use crate::ledger::{Ledger, Rules};
use crate::types::{ChipId, Command, Epoch, Head, MigrationId, Tenure};

/// What a copy takes for the present state of its tenure.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Belief {
    /// The epoch in which it holds itself active.
    pub epoch: Epoch,
    /// The last sequence number that it used.
    pub seq: u8,
    /// The head that it knows.
    pub head: Head,
}

/// One running copy of a chip.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Copy {
    /// Whose key it has.
    pub chip: ChipId,
    /// Why it holds itself active, if it does.
    pub belief: Option<Belief>,
    /// The last epoch that it sealed, 0 for none. It never holds itself active in an epoch up to this one.
    pub sealed: Epoch,
}

impl Copy {
    /// A chip that knows nothing yet.
    pub fn blank(chip: ChipId) -> Copy {
        Copy { chip, belief: None, sealed: 0 }
    }

    /// The news of an activation reaches it, however late.
    pub fn hear(&mut self, tenure: Tenure, head: Head) {
        let newer = self.belief.is_none_or(|belief| belief.epoch < tenure.epoch);
        if tenure.chip == self.chip && tenure.epoch > self.sealed && newer {
            self.belief = Some(Belief { epoch: tenure.epoch, seq: 0, head });
        }
    }

    /// It reads the ledger as it is now.
    pub fn read(&mut self, ledger: &Ledger) {
        let Ledger { holder, seq, head, .. } = *ledger;
        let mine = holder.chip == self.chip && ledger.migration.is_none() && holder.epoch > self.sealed;
        self.belief = mine.then_some(Belief { epoch: holder.epoch, seq, head });
    }

    /// It signs a write, without waiting for the answer to the one before.
    pub fn write(&mut self, cycle: bool, content: u8) -> Option<Command> {
        let belief = self.belief.as_mut()?;
        belief.seq += 1;
        let by = Tenure { chip: self.chip, epoch: belief.epoch };
        Some(Command::Write { by, seq: belief.seq, prev: belief.head, cycle, content })
    }

    /// It signs its seal and holds itself active no longer. A copy that already sealed this epoch may sign again, because
    /// its first seal may never be accepted; then it reads position and head from the ledger.
    pub fn seal(
        &mut self,
        rules: Rules,
        ledger: &Ledger,
        migration: MigrationId,
        destination: ChipId,
    ) -> Option<Command> {
        let again = self.sealed == ledger.holder.epoch && self.chip == ledger.holder.chip;
        let from = match self.belief {
            Some(belief) => belief,
            None if again => Belief { epoch: ledger.holder.epoch, seq: ledger.seq, head: ledger.head },
            None => return None,
        };
        if !rules.has(Bug::SourceKeepsRunning) {
            self.sealed = from.epoch;
            self.belief = None;
        }
        let by = Tenure { chip: self.chip, epoch: from.epoch };
        Some(Command::Seal { by, seq: from.seq + 1, head: from.head, migration, destination })
    }

    /// It stops and starts again with what it kept.
    pub fn crash(&mut self, rules: Rules) {
        self.belief = None;
        if rules.has(Bug::ChipForgetsSeal) {
            self.sealed = 0;
        }
    }
}
