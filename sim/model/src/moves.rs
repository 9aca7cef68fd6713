//! A second model: one substrate among several groups, as `docs/scale.md` plans them. It answers whether routing, birth and
//! moves keep one active place when groups share no log, only receipts.
//!
//! Each group is one log that decides alone; a receipt is what its quorum cosigned, so nobody forges one, and everybody may
//! hold back or deliver any of them at any time, to any group, again and again. Nobody has to act: a client that dies leaves
//! everything as it is. What a group remembers of others is only what receipts told it.

use stateright::{Checker, Model, Property};
use std::collections::BTreeSet;

/// A group, by number.
pub type Group = u8;

/// Groups beside the root.
const GROUPS: Group = 3;

/// What a seal for departure says; its receipt is the ticket of the arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    /// The group that sealed.
    pub from: Group,
    /// The group that may take the substrate in.
    pub to: Group,
    /// Epoch of the tenure that ends.
    pub epoch: u8,
    /// Writes accepted until then.
    pub head: u8,
}

/// An entry of one group that another may ask to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Receipt {
    /// The root gave the id a home for its birth.
    Home(Group),
    /// Sealed for departure.
    Sealed(Ticket),
    /// Taken in.
    Arrived(Ticket),
    /// Refused for ever.
    Refused(Ticket),
}

/// What a group knows of the substrate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Never here.
    #[default]
    Absent,
    /// Its home.
    Active,
    /// Sealed for departure.
    Leaving(Ticket),
    /// Gone.
    Departed,
}

/// One group's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Place {
    /// The substrate here.
    pub status: Status,
    /// Largest epoch that was heard of here.
    pub epoch: u8,
    /// Writes accepted, here and before.
    pub head: u8,
    /// Tickets that were refused.
    pub refused: BTreeSet<Ticket>,
}

/// Everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    /// Home and epoch as the root knows them.
    pub home: Option<(Group, u8)>,
    /// The groups.
    pub places: [Place; GROUPS as usize],
    /// Receipts that exist.
    pub receipts: BTreeSet<Receipt>,
    /// Writes accepted anywhere.
    pub written: u8,
    /// Epochs in the order in which tenures began.
    pub tenures: Vec<u8>,
    /// Whether the root's home ever went back to an earlier tenure.
    pub went_back: bool,
}

/// One command that a group or the root takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The root gives the id a home, once.
    Claim(Group),
    /// Birth in a group.
    Birth(Group),
    /// A write, routed to a group by whatever somebody believes.
    Write(Group),
    /// Seal for departure, and where to.
    Seal(Group, Group),
    /// A group is shown a ticket.
    Arrive(Group, Ticket),
    /// A group refuses a ticket for ever.
    Refuse(Group, Ticket),
    /// The old group takes the substrate back.
    Abort(Group),
    /// The old group learns that it is gone.
    Depart(Group),
    /// The root learns of an arrival.
    Move(Ticket),
}

/// A rule that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A birth needs no home from the root.
    BirthWithoutHome,
    /// A ticket opens every group.
    TicketForAnyone,
    /// A group takes the same ticket again.
    ArriveTwice,
    /// The old group takes the substrate back when it has waited long enough.
    AbortByClock,
    /// A refusal is not remembered.
    RefusalForgotten,
    /// The tenure after an abort has the epoch of the one before.
    AbortKeepsEpoch,
    /// The old group closes the move without a receipt of the arrival.
    DepartUnseen,
    /// A sealed group goes on writing.
    WriteWhileSealed,
    /// The root takes any receipt of an arrival.
    RootTakesOldReceipt,
}

impl Bug {
    /// All, with the property that catches each.
    pub const ALL: &[(Bug, &'static str)] = &[
        (Bug::BirthWithoutHome, ONE_HOME),
        (Bug::TicketForAnyone, ONE_HOME),
        (Bug::ArriveTwice, ONE_HOME),
        (Bug::AbortByClock, ONE_HOME),
        (Bug::RefusalForgotten, ONE_HOME),
        (Bug::AbortKeepsEpoch, EPOCHS),
        (Bug::DepartUnseen, WAY_OUT),
        (Bug::WriteWhileSealed, NOTHING_LOST),
        (Bug::RootTakesOldReceipt, HOME_ADVANCES),
    ];
}

/// At most one group has the substrate active.
pub const ONE_HOME: &str = "one home";
/// Every tenure has a larger epoch than all before it.
pub const EPOCHS: &str = "epochs ascend";
/// Where the substrate is active, every write that was ever accepted is known.
pub const NOTHING_LOST: &str = "nothing is lost";
/// What the root says never goes back to an earlier tenure.
pub const HOME_ADVANCES: &str = "the home advances";
/// Whoever is born is active somewhere, or receipts that exist or can be had make it so.
pub const WAY_OUT: &str = "a way out";
/// A substrate moved, was refused and taken back, and moved on.
const MOVES: &str = "it moves, comes back and moves again";

/// The model.
#[derive(Clone, Copy, Debug)]
pub struct Moves {
    /// Most tenures.
    pub tenures: u8,
    /// Most writes.
    pub writes: u8,
    /// A rule that is left out.
    pub bug: Option<Bug>,
}

impl Moves {
    /// The bounds of the tests and of the command.
    pub fn new(bug: Option<Bug>) -> Moves {
        Moves { tenures: 4, writes: 2, bug }
    }

    fn without(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// Checks everything; gives the number of states and the first broken property, or none.
    pub fn check(self) -> (usize, Option<&'static str>) {
        let checker = self.checker().spawn_bfs().join();
        let states = checker.unique_state_count();
        let found = checker.discoveries();
        let mut broken = [ONE_HOME, EPOCHS, NOTHING_LOST, HOME_ADVANCES, WAY_OUT].into_iter();
        let broken = broken.find(|name| found.contains_key(name));
        (states, broken.or_else(|| (!found.contains_key(MOVES)).then_some(MOVES)))
    }

    fn begin(&self, state: &mut State, group: Group, epoch: u8, head: u8) {
        let place = &mut state.places[group as usize];
        place.status = Status::Active;
        place.epoch = epoch;
        place.head = head;
        state.tenures.push(epoch);
    }

    fn arrive(&self, state: &mut State, group: Group, ticket: Ticket) -> bool {
        let place = &state.places[group as usize];
        let ours = ticket.to == group || self.without(Bug::TicketForAnyone);
        // Whatever ended here, or was heard of here, ended before this ticket was written.
        let new = ticket.epoch >= place.epoch || self.without(Bug::ArriveTwice);
        let free = matches!(place.status, Status::Absent | Status::Departed);
        if !ours || !new || !free || place.refused.contains(&ticket) {
            return false;
        }
        self.begin(state, group, ticket.epoch + 1, ticket.head);
        state.receipts.insert(Receipt::Arrived(ticket));
        true
    }
}

fn places(state: &State) -> impl Iterator<Item = (Group, &Place)> {
    (0..).zip(&state.places)
}

fn tickets(state: &State) -> impl Iterator<Item = Ticket> {
    state.receipts.iter().filter_map(|receipt| if let Receipt::Sealed(ticket) = receipt { Some(*ticket) } else { None })
}

/// Whether a ticket still leads somewhere: it was used, can be used, or can be refused and the substrate taken back.
fn leads_on(state: &State, ticket: Ticket) -> bool {
    let place = &state.places[ticket.to as usize];
    let taken_over = state.receipts.contains(&Receipt::Arrived(ticket));
    let can_arrive = !place.refused.contains(&ticket)
        && ticket.epoch >= place.epoch
        && matches!(place.status, Status::Absent | Status::Departed);
    taken_over || can_arrive || state.receipts.contains(&Receipt::Refused(ticket))
}

impl Model for Moves {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let room = state.tenures.len() < usize::from(self.tenures);
        for (group, place) in places(state) {
            actions.push(Action::Claim(group));
            if room {
                actions.push(Action::Birth(group));
            }
            if state.written < self.writes {
                actions.push(Action::Write(group));
            }
            if place.status == Status::Active && room {
                actions.extend((0..GROUPS).filter(|to| *to != group).map(|to| Action::Seal(group, to)));
            }
            if room {
                actions.extend(tickets(state).map(|ticket| Action::Arrive(group, ticket)));
                actions.push(Action::Abort(group));
            }
            actions.extend(tickets(state).map(|ticket| Action::Refuse(group, ticket)));
            actions.push(Action::Depart(group));
        }
        actions.extend(tickets(state).map(Action::Move));
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        let place = |group: Group| &last.places[group as usize];
        let done = match action {
            Action::Claim(group) => {
                let first = state.home.is_none();
                if first {
                    state.home = Some((group, 1));
                    state.receipts.insert(Receipt::Home(group));
                }
                first
            }
            Action::Birth(group) => {
                let allowed = last.receipts.contains(&Receipt::Home(group)) || self.without(Bug::BirthWithoutHome);
                let born = allowed && place(group).status == Status::Absent && place(group).epoch == 0;
                if born {
                    self.begin(&mut state, group, 1, 0);
                }
                born
            }
            Action::Write(group) => {
                let here = &mut state.places[group as usize];
                let open = match here.status {
                    Status::Active => true,
                    Status::Leaving(_) => self.without(Bug::WriteWhileSealed),
                    Status::Absent | Status::Departed => false,
                };
                if open {
                    here.head += 1;
                    state.written += 1;
                }
                open
            }
            Action::Seal(group, to) => {
                let here = &mut state.places[group as usize];
                let ticket = Ticket { from: group, to, epoch: here.epoch, head: here.head };
                here.status = Status::Leaving(ticket);
                state.receipts.insert(Receipt::Sealed(ticket));
                true
            }
            Action::Arrive(group, ticket) => self.arrive(&mut state, group, ticket),
            Action::Refuse(group, ticket) => {
                let refuses = ticket.to == group
                    && !last.receipts.contains(&Receipt::Arrived(ticket))
                    && !last.receipts.contains(&Receipt::Refused(ticket));
                if refuses {
                    if !self.without(Bug::RefusalForgotten) {
                        state.places[group as usize].refused.insert(ticket);
                    }
                    state.receipts.insert(Receipt::Refused(ticket));
                }
                refuses
            }
            Action::Abort(group) => match place(group).status {
                Status::Leaving(ticket)
                    if last.receipts.contains(&Receipt::Refused(ticket)) || self.without(Bug::AbortByClock) =>
                {
                    let epoch = place(group).epoch + u8::from(!self.without(Bug::AbortKeepsEpoch));
                    self.begin(&mut state, group, epoch, place(group).head);
                    true
                }
                _ => false,
            },
            Action::Depart(group) => match place(group).status {
                Status::Leaving(ticket)
                    if last.receipts.contains(&Receipt::Arrived(ticket)) || self.without(Bug::DepartUnseen) =>
                {
                    let here = &mut state.places[group as usize];
                    here.status = Status::Departed;
                    // Its own next tenure comes after the one that it handed on.
                    here.epoch = here.epoch.max(ticket.epoch + 1);
                    true
                }
                _ => false,
            },
            Action::Move(ticket) => {
                let epoch = ticket.epoch + 1;
                let known = last.home.map_or(0, |(_, epoch)| epoch);
                let arrived = last.receipts.contains(&Receipt::Arrived(ticket));
                let moves = arrived && epoch != known && (epoch > known || self.without(Bug::RootTakesOldReceipt));
                if moves {
                    state.home = Some((ticket.to, epoch));
                    state.went_back |= epoch < known;
                }
                moves
            }
        };
        done.then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONE_HOME, |_, state: &State| {
                places(state).filter(|(_, place)| place.status == Status::Active).count() <= 1
            }),
            Property::always(EPOCHS, |_, state: &State| state.tenures.is_sorted_by(|one, next| one < next)),
            Property::always(NOTHING_LOST, |_, state: &State| {
                places(state).all(|(_, place)| place.status != Status::Active || place.head == state.written)
            }),
            Property::always(HOME_ADVANCES, |_, state: &State| !state.went_back),
            Property::always(WAY_OUT, |_, state: &State| {
                let leads = |(_, place): (Group, &Place)| match place.status {
                    Status::Active => true,
                    Status::Leaving(ticket) => leads_on(state, ticket),
                    Status::Absent | Status::Departed => false,
                };
                state.tenures.is_empty() || places(state).any(leads)
            }),
            Property::sometimes(MOVES, |_, state: &State| {
                let aborted = state.receipts.iter().any(|receipt| matches!(receipt, Receipt::Refused(_)));
                let arrivals = state.receipts.iter().filter(|receipt| matches!(receipt, Receipt::Arrived(_))).count();
                aborted && arrivals >= 2 && state.written == 2
            }),
        ]
    }
}
