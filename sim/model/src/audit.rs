//! An independent reading of the log: it knows the rules of the protocol and none of the ledger's code.
//!
//! Every entry is compared with what the entries before it allow. The same reading would be done by an offline auditor over
//! an exported ledger.

use crate::finding::Finding;
use crate::ledger::QUORUM;
use crate::property::{Broken, Property};
use crate::types::{Attestation, Cause, ChipId, Entry, Epoch, Head, Index, MigrationId, Nonce, Tenure};

/// The seal under way.
#[derive(Clone, Copy)]
struct Sealed {
    migration: MigrationId,
    destination: ChipId,
    head: Head,
    index: Index,
    votes: Option<u8>,
}

/// What the entries read so far say.
struct Reader {
    tenure: Tenure,
    seq: u8,
    head: Head,
    sealed: Option<Sealed>,
    /// Tenures that were ever sealed.
    stopped: Vec<Tenure>,
    invalidated: Vec<Tenure>,
    epochs: Vec<Epoch>,
    places: Vec<(Tenure, u8)>,
    broken: Broken,
    finding: Option<Finding>,
}

/// What a log breaks, and the tenures that it invalidated.
pub fn audit(log: &[Entry], finding: Option<Finding>) -> (Broken, Vec<Tenure>) {
    let mut reader = Reader {
        tenure: Tenure { chip: ChipId(0), epoch: 0 },
        seq: 0,
        head: 0,
        sealed: None,
        stopped: Vec::new(),
        invalidated: Vec::new(),
        epochs: Vec::new(),
        places: Vec::new(),
        broken: Broken::default(),
        finding,
    };
    for (index, entry) in log.iter().enumerate() {
        reader.read(index as Index, entry);
    }
    (reader.broken, reader.invalidated)
}

impl Reader {
    fn read(&mut self, index: Index, entry: &Entry) {
        match *entry {
            Entry::Birth { chip } => {
                self.tenure = Tenure { chip, epoch: 1 };
                self.epochs.push(1);
            }
            Entry::Write { by, seq, prev, cycle, .. } => {
                self.place(by, seq);
                self.continues(!cycle || prev == self.head);
                self.unsealed();
                self.tenure_only_grows(by);
                if cycle {
                    self.head = index;
                }
            }
            Entry::Seal { of, seq, head, migration, destination, votes } => {
                match seq {
                    Some(seq) => {
                        self.place(of, seq);
                        self.unsealed();
                    }
                    None => self.by_ballot(votes),
                }
                self.continues(head == self.head);
                self.sealed = Some(Sealed { migration, destination, head, index, votes });
                self.stopped.push(of);
            }
            Entry::Activate { tenure, cause, migration, attestation, invalidates } => {
                self.invalidated.extend(invalidates);
                self.attested(tenure, cause, migration, &attestation);
                self.ordered();
                self.one_for_each_epoch(tenure);
                self.next_epoch(tenure);
                if let Some(sealed) = self.sealed.take() {
                    self.broken.unless(sealed.head == self.head, Property::I7);
                    let undone = cause == Cause::Abort && sealed.votes.is_some();
                    let allowed = self.finding != Some(Finding::OriginUndoesBallot);
                    self.broken.unless(!undone || allowed, Property::Ballot);
                }
                self.tenure = tenure;
                self.seq = 0;
                if cause == Cause::Arrival {
                    self.head = index;
                }
            }
            Entry::Invalidate { tenure } => self.invalidated.push(tenure),
        }
    }

    /// The fence by tenure: chip, epoch and sequence number of the state just before, and one write for each place.
    ///
    /// shows: I2, I3, I11
    fn place(&mut self, by: Tenure, seq: u8) {
        self.broken.unless(!self.stopped.contains(&by), Property::I2);
        self.broken.unless(by == self.tenure && seq == self.seq + 1, Property::I3);
        self.broken.unless(!self.places.contains(&(by, seq)), Property::I11);
        self.places.push((by, seq));
        self.seq = seq;
    }

    /// The identity chain has no gap and no fork.
    ///
    /// shows: I4
    fn continues(&mut self, holds: bool) {
        self.broken.unless(holds, Property::I4);
    }

    /// Nobody writes between seal and activation.
    ///
    /// shows: I7
    fn unsealed(&mut self) {
        self.broken.unless(self.sealed.is_none(), Property::I7);
    }

    /// Accepted epochs never decrease.
    ///
    /// shows: I5
    fn tenure_only_grows(&mut self, by: Tenure) {
        let newest = self.epochs.iter().copied().max().unwrap_or_default();
        self.broken.unless(by.epoch >= newest, Property::I5);
    }

    /// An activation begins the epoch after the last one.
    ///
    /// shows: I5
    fn next_epoch(&mut self, tenure: Tenure) {
        self.broken.unless(tenure.epoch == self.tenure.epoch + 1, Property::I5);
    }

    /// One activation for each epoch.
    ///
    /// shows: I1
    fn one_for_each_epoch(&mut self, tenure: Tenure) {
        self.broken.unless(!self.epochs.contains(&tenure.epoch), Property::I1);
        self.epochs.push(tenure.epoch);
    }

    /// The attestation is for exactly this migration, by the chip that may end it, and newer than the seal.
    ///
    /// shows: I8
    fn attested(&mut self, tenure: Tenure, cause: Cause, migration: MigrationId, attestation: &Attestation) {
        let exact = self.sealed.is_some_and(|sealed| {
            let chip = match cause {
                Cause::Arrival => sealed.destination,
                Cause::Abort => self.tenure.chip,
            };
            migration == sealed.migration
                && attestation.migration == migration
                && attestation.chip == chip
                && tenure.chip == chip
                && attestation.epoch == self.tenure.epoch + 1
                && attestation.head == sealed.head
                && attestation.nonce == Nonce::Log(sealed.index)
                && attestation.signed_at > sealed.index
        });
        self.broken.unless(exact, Property::I8);
    }

    /// The tenure before was sealed, and is invalidated by now.
    ///
    /// shows: I10
    fn ordered(&mut self) {
        let ended = self.stopped.contains(&self.tenure) && self.invalidated.contains(&self.tenure);
        self.broken.unless(ended, Property::I10);
    }

    /// A seal that no chip signed has a quorum of votes.
    fn by_ballot(&mut self, votes: Option<u8>) {
        self.broken.unless(votes.is_some_and(|votes| votes >= QUORUM), Property::Ballot);
    }
}
