//! The forge alters nothing but what it is told to alter.

use selfsame_forge::cast::{tension as tension_of, uuid};
use selfsame_forge::stage::Stage;
use selfsame_forge::{Placed, World, story};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::p104::Thresholds;
use selfsame_protocol::time::U64;

fn everything() -> Stage {
    let mut stage = Stage::new();
    story::life(&mut stage, &uuid(1));
    story::suppressed(&mut stage, &uuid(2));
    story::drifted(&mut stage, &uuid(3));
    story::unattested(&mut stage, &uuid(4), Thresholds { migration_attestation: false, ..Thresholds::default() });
    story::under(&mut stage, &uuid(5), Thresholds { minimum_lineage_depth: U64(5), ..Thresholds::default() });
    stage
}

/// shows: X-01
#[test]
fn a_world_that_was_not_altered_is_the_same_after_relinking() {
    let stage = everything();
    let mut world = World::of(&stage);
    for ledger in Ledger::BOTH {
        let leaves: Vec<_> = stage.entries(ledger).iter().map(|entry| entry.leaf()).collect();
        assert_eq!(world.leaves(ledger), leaves, "{ledger} as it was read");
    }
    let before: Vec<_> = world.entries.iter().map(Placed::leaf).collect();
    let envelopes = world.envelopes();
    world.relink();
    for (old, new) in before.iter().zip(world.entries.iter().map(Placed::leaf)) {
        assert_eq!(String::from_utf8_lossy(old), String::from_utf8_lossy(&new));
    }
    assert_eq!(envelopes, world.envelopes());
    for id in 1..=5 {
        world.replay(&uuid(id)).unwrap();
    }
}

/// Another founding document moves every hash behind it, and the history is whole again.
/// shows: P-111
#[test]
fn what_follows_from_an_alteration_is_computed_anew() {
    let mut world = World::of(&everything());
    let id = uuid(1);
    let subject = format!("substrate:{id}");
    let before = world.replay(&id).unwrap();
    let birth = world.find(&subject, "substrate_identity", 0);
    world.edit(birth, |record| record["founding"]["branch_a"]["claim"] = "C".into());
    world.edit(birth, |record| record["schema_version_at_init"] = "p104-1.0.1".into());
    world.relink();
    let altered = world.replay(&id);
    // The amendments name the founding tension of before: that is the only thing left.
    assert_eq!(altered.unwrap_err().check, "AMENDMENT_REFUSAL");
    let tension = world.entries[birth].value["record"]["founding_tension_hash"].clone();
    for at in 0..world.entries.len() {
        let tension = tension.clone();
        world.edit(at, |record| {
            if record["amendment"].is_object() {
                record["amendment"]["founding_tension_hash"] = tension;
            }
            if record["record_type"] == "amendment_refusal" {
                let founding = tension_of(&record["amendment"]["founding"]);
                let root: Digest = record["amendment"]["founding_tension_hash"].as_str().unwrap().parse().unwrap();
                record["drift"] = root.hamming(&founding).into();
            }
        });
    }
    world.relink();
    let after = world.replay(&id).unwrap();
    assert_ne!(before.head, after.head);
    assert_eq!(before.lineage_depth, after.lineage_depth);
    assert_eq!(before.depths, after.depths);
}
