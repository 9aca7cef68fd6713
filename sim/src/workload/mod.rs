//! Clients of the cluster, each on a host of its own, with the real client.

mod asker;
mod caller;
mod chip;
pub mod guests;
pub mod interceptor;
pub mod load;
pub mod movers;
mod operator;
mod receipts;
mod rules;
mod visit;

pub use caller::{Caller, CallerSpec, Callers};
pub use visit::{Play, Visit};

use crate::setup::Setup;
use crate::world::World;
use std::cell::Cell;
use std::rc::Rc;

/// Adds the clients of a setup to the world. They stop after the call under way once `stop` is set.
pub fn start(world: &mut World, setup: &Setup, stop: &Rc<Cell<bool>>) {
    let callers = Callers::of(world);
    let quiet = world.quiet.clone();
    let organisations = setup.organisations;
    for number in 0..setup.chips {
        let name = format!("chip{number}");
        let spec = callers.spec(name.clone(), stop).heeding(&quiet);
        world.client(&name, async move { chip::run(spec.start(), number % organisations).await });
    }
    if let Some(node) = rules::quarantined(setup.seed, setup.nodes) {
        world.excuse(node);
    }
    let (spec, nodes) = (callers.spec("rules".into(), stop), setup.nodes);
    world.client("rules", async move { rules::run(spec.start(), organisations, nodes).await });
    let spec = callers.spec("receipts".into(), stop).heeding(&quiet);
    world.client("receipts", async move { receipts::run(spec.start()).await });
    let (spec, cosigners) = (callers.spec("asker".into(), stop), world.cosigners());
    world.client("asker", async move { asker::run(spec.start(), cosigners).await });
    for number in 0..setup.operators {
        let name = format!("operator{number}");
        let spec = callers.spec(name.clone(), stop).heeding(&quiet);
        world.client(&name, async move { operator::run(spec.start(), number % organisations).await });
    }
}
