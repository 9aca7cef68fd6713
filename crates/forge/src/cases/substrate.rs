//! Histories of substrates.

use super::{Case, case};
use crate::cast::uuid;
use crate::stage::Stage;
use crate::{World, story};
use serde_json::json;

pub fn cases() -> Vec<Case> {
    let mut stage = Stage::new();
    let id = uuid(1);
    story::life(&mut stage, &id);
    let life = World::of(&stage);
    let subject = format!("substrate:{id}");
    vec![case("a cycle that says another sequence", "CYCLE_SEQUENCE", &subject, &life, |world| {
        let at = world.find(&subject, "identity_propagation", 1);
        world.pin(at, |record| record["sequence"] = json!("9"));
    })]
}
