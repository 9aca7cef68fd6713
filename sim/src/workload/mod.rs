//! Clients of the cluster, each on a host of its own, with the real client.

mod asker;
mod chip;
pub mod ghost;
pub mod guests;
pub mod load;
pub mod movers;
mod operator;
mod receipts;
mod rules;
mod session;
mod visit;

pub use session::{Seat, Seats, Session};
pub use visit::{Play, Visit};

use crate::setup::Setup;
use crate::world::World;
use std::cell::Cell;
use std::rc::Rc;

/// Adds the clients of a setup to the world. They stop after the call under way once `stop` is set.
pub fn start(world: &mut World, setup: &Setup, stop: &Rc<Cell<bool>>) {
    let seats = Seats::of(world);
    let quiet = world.quiet.clone();
    let organisations = setup.organisations;
    for number in 0..setup.chips {
        let name = format!("chip{number}");
        let seat = seats.seat(name.clone(), stop).heeding(&quiet);
        world.client(&name, async move { chip::run(seat.sit(), number % organisations).await });
    }
    if let Some(node) = rules::quarantined(setup.seed, setup.nodes) {
        world.excuse(node);
    }
    let (seat, nodes) = (seats.seat("rules".into(), stop), setup.nodes);
    world.client("rules", async move { rules::run(seat.sit(), organisations, nodes).await });
    let seat = seats.seat("receipts".into(), stop).heeding(&quiet);
    world.client("receipts", async move { receipts::run(seat.sit()).await });
    let (seat, cosigners) = (seats.seat("asker".into(), stop), world.cosigners());
    world.client("asker", async move { asker::run(seat.sit(), cosigners).await });
    for number in 0..setup.operators {
        let name = format!("operator{number}");
        let seat = seats.seat(name.clone(), stop).heeding(&quiet);
        world.client(&name, async move { operator::run(seat.sit(), number % organisations).await });
    }
}
