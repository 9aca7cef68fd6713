//! The replicated state machine under test: what applying a command decides.
//!
//! It follows `selfsame_machine::substrate::fence` and `selfsame_machine::migration` rule by rule, in the same order. Each
//! rule asks whether a [`Bug`] is planted in it. Every replica applies the same log, so one state stands for all of them.

use crate::bug::Bug;
use crate::types::{Attestation, Cause, ChipId, Command, Entry, Epoch, Head, Index, MigrationId, Nonce, Tenure};

/// Approvals that a ballot of three organisations needs: ⌊2n/3⌋+1.
pub const QUORUM: u8 = 3;

/// Which design is under test.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rules {
    /// A bug planted in it.
    pub bug: Option<Bug>,
    /// Whether the remedies of all findings are part of it.
    pub remedied: bool,
}

impl Rules {
    /// Whether this bug is planted.
    pub fn has(self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }
}

/// The migration under way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Migration {
    /// Its id.
    pub id: MigrationId,
    /// The chip that was sealed.
    pub origin: ChipId,
    /// The chip that may arrive.
    pub destination: ChipId,
    /// The head that the seal fixed.
    pub head: Head,
    /// Index of the seal, which makes the nonce.
    pub seal_index: Index,
    /// Whether a ballot sealed it.
    pub forced: bool,
}

/// A set of tenures of up to 4 chips in up to 8 epochs, one bit each.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct TenureSet(u32);

impl TenureSet {
    fn bit(tenure: Tenure) -> u32 {
        1 << (u32::from(tenure.chip.0) * 8 + u32::from(tenure.epoch % 8))
    }

    /// Adds a tenure.
    pub fn insert(&mut self, tenure: Tenure) {
        self.0 |= TenureSet::bit(tenure);
    }

    /// Whether the tenure is in it.
    pub fn contains(self, tenure: Tenure) -> bool {
        self.0 & TenureSet::bit(tenure) != 0
    }

    fn forget(&mut self, chip: ChipId) {
        self.0 &= !(0xff << (u32::from(chip.0) * 8));
    }
}

/// What every replica knows of one substrate.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ledger {
    /// The current tenure.
    pub holder: Tenure,
    /// Last sequence number of the tenure.
    pub seq: u8,
    /// Head of the identity chain.
    pub head: Head,
    /// The migration under way: the tenure is sealed while there is one.
    pub migration: Option<Migration>,
    /// Migration ids in use, one bit each.
    pub used: u8,
    /// Tenures that ended.
    pub invalidated: TenureSet,
    /// A planted bug's memory: a tenure that lost its place and was not invalidated yet.
    pub lingering: Option<Tenure>,
    /// A planted bug's memory: the last migration that completed.
    pub completed: Option<Migration>,
}

/// What a refused command may not do is written nowhere; only the rule is told.
pub type Refused = &'static str;

fn require(holds: bool, rule: Refused) -> Result<(), Refused> {
    if holds { Ok(()) } else { Err(rule) }
}

impl Ledger {
    /// The state after the birth, which is entry 0.
    pub fn born(chip: ChipId) -> Ledger {
        Ledger {
            holder: Tenure { chip, epoch: 1 },
            seq: 0,
            head: 0,
            migration: None,
            used: 0,
            invalidated: TenureSet::default(),
            lingering: None,
            completed: None,
        }
    }

    /// Decides a command that would stand at this index. A refusal changes nothing.
    pub fn apply(&mut self, rules: Rules, index: Index, command: &Command) -> Result<Entry, Refused> {
        match *command {
            Command::Write { by, seq, prev, cycle, content } => {
                self.fence_write(rules, by, seq)?;
                let checked = cycle && !rules.has(Bug::NoPrevCheck) && !rules.has(Bug::NoFence);
                require(!checked || prev == self.head, "prior identity hash")?;
                self.seq = seq;
                if cycle {
                    self.head = index;
                }
                Ok(Entry::Write { by, seq, prev, cycle, content })
            }
            Command::Seal { by, seq, head, migration, destination } => {
                self.fence(rules, by, seq)?;
                require(head == self.head, "head of the seal")?;
                let entry = self.seal(index, migration, destination, None)?;
                self.seq = seq;
                Ok(match entry {
                    Entry::Seal { of, head, migration, destination, votes, .. } => {
                        Entry::Seal { of, seq: Some(seq), head, migration, destination, votes }
                    }
                    other => other,
                })
            }
            Command::ForceSeal { migration, destination, votes } => {
                let needed = if rules.has(Bug::ForceSealByOneVote) { 1 } else { QUORUM };
                require(votes >= needed, "approvals of the ballot")?;
                require(self.migration.is_none() || rules.remedied, "a sealed substrate is not sealed again")?;
                self.seal(index, migration, destination, Some(votes))
            }
            Command::Arrive { migration, head, attestation } => self.arrive(rules, index, migration, head, attestation),
            Command::Abort { migration, attestation } => self.abort(rules, index, migration, attestation),
            Command::Invalidate => {
                let tenure = self.lingering.take().ok_or("a tenure to invalidate")?;
                self.invalidated.insert(tenure);
                Ok(Entry::Invalidate { tenure })
            }
        }
    }

    /// The fence of a write, where most bugs are planted.
    fn fence_write(&self, rules: Rules, by: Tenure, seq: u8) -> Result<(), Refused> {
        if rules.has(Bug::NoFence) || self.lingering == Some(by) {
            return Ok(());
        }
        self.fence(rules, by, seq)
    }

    /// Accepts exactly the current tenure and its next sequence number.
    fn fence(&self, rules: Rules, by: Tenure, seq: u8) -> Result<(), Refused> {
        let same = if rules.has(Bug::FenceByChipIdOnly) { by.chip == self.holder.chip } else { by == self.holder };
        require(same, "the current activation writes")?;
        require(self.migration.is_none() || rules.has(Bug::AcceptWhileSealed), "nobody writes while sealed")?;
        require(seq == self.seq + 1 || rules.has(Bug::NoSeqCheck), "next sequence number of the epoch")
    }

    fn seal(
        &mut self,
        index: Index,
        id: MigrationId,
        destination: ChipId,
        votes: Option<u8>,
    ) -> Result<Entry, Refused> {
        require(destination != self.holder.chip, "a migration goes to another chip")?;
        require(self.used & (1 << id) == 0, "a migration id is used once")?;
        self.used |= 1 << id;
        self.migration = Some(Migration {
            id,
            origin: self.holder.chip,
            destination,
            head: self.head,
            seal_index: index,
            forced: votes.is_some(),
        });
        let head = self.head;
        Ok(Entry::Seal { of: self.holder, seq: None, head, migration: id, destination, votes })
    }

    fn arrive(
        &mut self,
        rules: Rules,
        index: Index,
        id: MigrationId,
        head: Head,
        attestation: Attestation,
    ) -> Result<Entry, Refused> {
        let chip = attestation.chip;
        if let (None, Some(done), true) = (self.migration, self.completed, rules.has(Bug::DoubleActivate)) {
            // The retry of an arrival is taken for a new one.
            if done.id == id && chip == done.destination && chip == self.holder.chip {
                let tenure = self.holder;
                self.seq = 0;
                self.head = index;
                return Ok(Entry::Activate {
                    tenure,
                    cause: Cause::Arrival,
                    migration: id,
                    attestation,
                    invalidates: None,
                });
            }
        }
        let migration = match self.migration {
            Some(migration) => migration,
            None if rules.has(Bug::ArriveWithoutSeal) && self.used & (1 << id) == 0 => {
                self.used |= 1 << id;
                let origin = self.holder.chip;
                Migration { id, origin, destination: chip, head: self.head, seal_index: index, forced: false }
            }
            None => return Err("a migration is under way"),
        };
        require(migration.id == id, "the migration under way")?;
        require(chip == migration.destination || rules.has(Bug::AnyDest), "the destination that the seal names")?;
        require(head == migration.head || rules.has(Bug::NoHeadOnReady), "head of the seal")?;
        if self.migration.is_some() {
            self.attested(rules, &migration, &attestation)?;
        }
        self.completed = rules.has(Bug::DoubleActivate).then_some(migration);
        let entry = self.activate(rules, Cause::Arrival, &migration, attestation);
        self.head = index;
        Ok(entry)
    }

    fn abort(
        &mut self,
        rules: Rules,
        _index: Index,
        id: MigrationId,
        attestation: Attestation,
    ) -> Result<Entry, Refused> {
        require(!rules.has(Bug::NoAbort), "a seal is final")?;
        let migration = self.migration.ok_or("a migration is under way")?;
        require(migration.id == id, "the migration under way")?;
        require(attestation.chip == migration.origin, "the origin aborts a migration")?;
        require(!(rules.remedied && migration.forced), "what a ballot sealed, a chip does not undo")?;
        self.attested(rules, &migration, &attestation)?;
        Ok(self.activate(rules, Cause::Abort, &migration, attestation))
    }

    /// The attestation covers this activation, under the nonce that the log issued.
    fn attested(&self, rules: Rules, migration: &Migration, attestation: &Attestation) -> Result<(), Refused> {
        let epoch = self.holder.epoch + 1;
        let unbound = rules.has(Bug::EpochFromNode) || rules.has(Bug::NoEpochOnReady);
        require(attestation.migration == migration.id || rules.has(Bug::NoMigrationOnReady), "attested migration")?;
        require(attestation.epoch == epoch || unbound, "attested epoch")?;
        require(attestation.head == migration.head || rules.has(Bug::NoHeadOnReady), "attested head")?;
        let issued = attestation.nonce == Nonce::Log(migration.seal_index);
        require(issued || rules.has(Bug::NonceNotBound), "issued nonce")
    }

    fn activate(&mut self, rules: Rules, cause: Cause, migration: &Migration, attestation: Attestation) -> Entry {
        let old = self.holder;
        let epoch: Epoch = match cause {
            Cause::Abort if rules.has(Bug::EpochReuse) => old.epoch,
            _ if rules.has(Bug::EpochFromNode) => attestation.epoch,
            _ => old.epoch + 1,
        };
        let mut invalidates = Some(old);
        if rules.has(Bug::ActivateBeforeInvalidate) && cause == Cause::Arrival {
            invalidates = None;
            self.lingering = Some(old);
        } else {
            self.invalidated.insert(old);
        }
        self.holder = Tenure { chip: attestation.chip, epoch };
        self.seq = 0;
        self.migration = None;
        if rules.has(Bug::InvalidatedForgotten) {
            self.invalidated.forget(attestation.chip);
        }
        Entry::Activate { tenure: self.holder, cause, migration: migration.id, attestation, invalidates }
    }
}
