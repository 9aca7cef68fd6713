//! The model as Stateright runs it: what may happen in a state, and the state after it.

use crate::chip::{Belief, Copy};
use crate::expected;
use crate::finding::Finding;
use crate::judge::{honest, judge};
use crate::ledger::{Ledger, QUORUM};
use crate::property::Broken;
use crate::types::{Attestation, Cause, ChipId, Command, Entry, Head, Index, MigrationId, Nonce, Tenure};
use crate::world::{Action, State, World};
use stateright::Model;

/// An attestation that nobody can sign for the present is also tried; this head never exists.
const NO_HEAD: Head = Head::MAX;

impl World {
    /// Chips and migration ids that play no part yet are alike: only the first of them is tried.
    fn names(&self, state: &State) -> (Vec<ChipId>, Vec<MigrationId>) {
        let mut chips = 1;
        let mut migrations = 0;
        let mut name = |chip: ChipId, migration: MigrationId| {
            chips = chips.max(chip.0 + 1);
            migrations = migrations.max(migration + 1);
        };
        for command in &state.sent {
            if let Command::Seal { destination, migration, .. } = *command {
                name(destination, migration);
            }
        }
        for entry in &state.log {
            match *entry {
                Entry::Seal { destination, migration, .. } => name(destination, migration),
                Entry::Activate { tenure, migration, .. } => name(tenure.chip, migration),
                Entry::Birth { .. } | Entry::Write { .. } | Entry::Invalidate { .. } => {}
            }
        }
        let chips = self.chips().take(usize::from(chips) + 1).collect();
        (chips, (0..self.bounds.migrations).take(usize::from(migrations) + 1).collect())
    }

    /// What copies sign with what they remember.
    fn sign(&self, state: &State, actions: &mut Vec<Action>) {
        let (chips, migrations) = self.names(state);
        let writes = state.sent.iter().filter(|command| matches!(command, Command::Write { .. })).count();
        let seals = state.sent.len() - writes;
        for (copy, of) in state.copies.iter().enumerate() {
            if of.belief.is_some() && writes < self.bounds.writes {
                actions.extend([true, false].map(|cycle| Action::Write { copy, cycle }));
            }
            if seals < self.bounds.seals {
                for (&migration, &destination) in migrations.iter().flat_map(|m| chips.iter().map(move |c| (m, c))) {
                    if destination != of.chip {
                        actions.push(Action::Seal { copy, migration, destination });
                    }
                }
            }
        }
    }

    /// Whatever holders of stolen keys could sign: every write and seal that names an existing chip, for every epoch up to
    /// the next, with every position and head.
    fn forged(&self, state: &State, offer: &mut impl FnMut(Command)) {
        let heads = || 0..state.log.len() as Head;
        let seqs = 1..=state.ledger.seq + 1;
        let (chips, migrations) = self.names(state);
        let writes = state.log.iter().filter(|entry| matches!(entry, Entry::Write { .. })).count();
        let tenures =
            self.chips().flat_map(|chip| (1..=state.ledger.holder.epoch + 1).map(move |epoch| Tenure { chip, epoch }));
        for (by, seq) in tenures.flat_map(|by| seqs.clone().map(move |seq| (by, seq))) {
            if writes < self.bounds.writes {
                offer(Command::Write { by, seq, prev: 0, cycle: false, content: 0 });
                heads().for_each(|prev| offer(Command::Write { by, seq, prev, cycle: true, content: 0 }));
            }
            for (&migration, &destination) in migrations.iter().flat_map(|m| chips.iter().map(move |c| (m, c))) {
                heads().for_each(|head| offer(Command::Seal { by, seq, head, migration, destination }));
            }
        }
    }

    fn ballots(&self, state: &State, offer: &mut impl FnMut(Command)) {
        let ballot = |entry: &&Entry| matches!(entry, Entry::Seal { votes: Some(_), .. });
        if state.log.iter().filter(ballot).count() < self.bounds.ballots {
            let (chips, migrations) = self.names(state);
            for (&migration, &destination) in migrations.iter().flat_map(|m| chips.iter().map(move |c| (m, c))) {
                for votes in [1, QUORUM] {
                    offer(Command::ForceSeal { migration, destination, votes });
                }
            }
        }
    }

    /// Whatever chips could attest by now: the truth about each seal in the log, and the truth with one field wrong.
    fn attested(&self, state: &State, offer: &mut impl FnMut(Command)) {
        let now = state.log.len() as Index;
        let mut both = |migration, attestation: Attestation| {
            offer(Command::Arrive { migration, head: attestation.head, attestation });
            offer(Command::Abort { migration, attestation });
        };
        for (index, entry) in state.log.iter().enumerate() {
            let Entry::Seal { of, head, migration, destination, .. } = *entry else { continue };
            let index = index as Index;
            for chip in self.chips() {
                let truth = honest(of, migration, head, index, chip, now);
                both(migration, truth);
                if chip != destination && chip != of.chip {
                    continue;
                }
                both(migration, Attestation { epoch: truth.epoch - 1, ..truth });
                both(migration, Attestation { epoch: truth.epoch + 1, ..truth });
                both(migration, Attestation { head: if head == 0 { NO_HEAD } else { 0 }, ..truth });
                both(migration, Attestation { migration: migration + 1, ..truth });
                both(migration, Attestation { nonce: Nonce::Node, signed_at: index, ..truth });
                if let Some(under_way) = state.ledger.migration {
                    both(under_way.id, truth);
                }
                if self.finding == Some(Finding::PredictableNonce) && !self.rules.remedied {
                    both(migration, Attestation { signed_at: index, ..truth });
                }
            }
        }
        if state.ledger.migration.is_none() {
            let (chips, migrations) = self.names(state);
            for (&migration, &chip) in migrations.iter().flat_map(|m| chips.iter().map(move |c| (m, c))) {
                if chip != state.ledger.holder.chip {
                    let epoch = state.ledger.holder.epoch + 1;
                    let head = state.ledger.head;
                    both(migration, Attestation { chip, migration, epoch, head, nonce: Nonce::Node, signed_at: now });
                }
            }
        }
    }

    /// The command reaches the log. None when it is refused.
    fn deliver(&self, state: &State, command: &Command) -> Option<State> {
        let mut ledger = state.ledger;
        let entry = ledger.apply(self.rules, state.log.len() as Index, command).ok()?;
        let mut next = State { ledger, ..state.clone() };
        next.log.push(entry);
        Some(next)
    }
}

fn send(state: &mut State, command: Command) {
    if let Err(at) = state.sent.binary_search(&command) {
        state.sent.insert(at, command);
    }
}

/// The tenure that an entry begins, and the head after it.
fn activated(log: &[Entry], index: usize) -> Option<(Tenure, Head)> {
    match log[index] {
        Entry::Birth { chip } => Some((Tenure { chip, epoch: 1 }, 0)),
        Entry::Activate { tenure, cause: Cause::Arrival, .. } => Some((tenure, index as Head)),
        Entry::Activate { tenure, cause: Cause::Abort, attestation, .. } => Some((tenure, attestation.head)),
        Entry::Write { .. } | Entry::Seal { .. } | Entry::Invalidate { .. } => None,
    }
}

impl Model for World {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let first = ChipId(0);
        let mut copies: Vec<Copy> = self.chips().map(Copy::blank).collect();
        // Whoever has the keys needs no memory.
        copies[0].belief = (!self.bounds.forgers).then_some(Belief { epoch: 1, seq: 0, head: 0 });
        let log = vec![Entry::Birth { chip: first }];
        let ledger = Ledger::born(first);
        vec![State { log, sent: Vec::new(), copies, rolled_back: false, ledger, broken: Broken::default() }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if !self.bounds.forgers {
            self.sign(state, actions);
        }
        let index = state.log.len() as Index;
        let mut offer = |command: Command| {
            let mut ledger = state.ledger;
            if ledger.apply(self.rules, index, &command).is_ok() {
                actions.push(Action::Deliver(command));
            }
        };
        state.sent.iter().for_each(|command| offer(*command));
        offer(Command::Invalidate);
        self.ballots(state, &mut offer);
        self.attested(state, &mut offer);
        if self.bounds.forgers {
            self.forged(state, &mut offer);
            return;
        }
        for (copy, of) in state.copies.iter().enumerate() {
            let mine = |index: &usize| activated(&state.log, *index).is_some_and(|(tenure, _)| tenure.chip == of.chip);
            actions.extend((0..state.log.len()).filter(mine).map(|index| Action::Hear { copy, index }));
            actions.extend([Action::Read { copy }, Action::Crash { copy }]);
            let used = of.belief.is_some() || of.sealed > 0;
            if used && state.copies.len() < usize::from(self.bounds.chips) + self.bounds.clones {
                actions.push(Action::Clone { copy });
            }
            if used && self.bounds.rollback {
                actions.push(Action::RollBack { copy });
            }
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = match action {
            Action::Deliver(command) => self.deliver(state, &command)?,
            _ => state.clone(),
        };
        match action {
            Action::Deliver(_) => {}
            Action::Write { copy, cycle } => {
                let content = state.sent.iter().filter(|sent| matches!(sent, Command::Write { .. })).count() as u8;
                let command = next.copies[copy].write(cycle, content)?;
                send(&mut next, command);
            }
            Action::Seal { copy, migration, destination } => {
                let command = next.copies[copy].seal(self.rules, &state.ledger, migration, destination)?;
                send(&mut next, command);
            }
            Action::Hear { copy, index } => {
                let (tenure, head) = activated(&state.log, index)?;
                next.copies[copy].hear(tenure, head);
            }
            Action::Read { copy } => next.copies[copy].read(&state.ledger),
            Action::Crash { copy } => next.copies[copy].crash(self.rules),
            Action::Clone { copy } => next.copies.push(state.copies[copy]),
            Action::RollBack { copy } => {
                next.copies[copy] = Copy::blank(state.copies[copy].chip);
                next.rolled_back = true;
            }
        }
        if next == *state {
            return None;
        }
        next.broken = judge(self, &next);
        Some(next)
    }

    fn properties(&self) -> Vec<stateright::Property<World>> {
        expected::properties()
    }
}
