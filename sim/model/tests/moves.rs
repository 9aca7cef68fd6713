//! Several groups: the plan of `docs/scale.md` holds, and each of its rules is needed.

use selfsame_model::moves::{Bug, Moves};

#[test]
fn births_routing_and_moves_between_groups_keep_one_home() {
    let (states, broken) = Moves::new(None).check();
    assert_eq!(broken, None);
    // A model that lost its actions would keep everything.
    assert!(states > 10_000, "only {states} states");
}

#[test]
fn every_rule_of_a_move_is_needed() {
    for (bug, property) in Bug::ALL {
        let (_, broken) = Moves::new(Some(*bug)).check();
        assert_eq!(broken, Some(*property), "{bug:?}");
    }
}
