//! Known defects of the consensus library and of systems like this one, each with the faults that bring it about, again
//! and again. A default run has all of these faults too, but rarely the right ones together.

use crate::setup::Profile;

/// A defect and what provokes it.
#[derive(Debug)]
pub struct Scenario {
    /// Its name on the command line.
    pub profile: Profile,
    /// What goes wrong where the defect is present.
    pub defect: &'static str,
    /// Nodes; what the seed draws when absent.
    pub nodes: Option<u64>,
    /// The kinds of faults that happen, each in every run.
    pub kinds: &'static [&'static str],
}

/// Every scenario. The first five are fixes that openraft made after its line 0.9 was cut; the others were fixed in it.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        profile: Profile::ReadError,
        defect: "replication goes on after the log could not be read",
        nodes: Some(3),
        kinds: &["D7_eio_read", "G3_lag_past_snapshot", "N7_isolate", "P1_crash_leader"],
    },
    Scenario {
        profile: Profile::LogReversion,
        defect: "acknowledgements from before a follower lost its log still count, or stop the leader",
        nodes: Some(5),
        kinds: &["D15_old_backup", "D8_fsync_eio", "N3_reorder", "N4_replay", "P6_power_loss"],
    },
    Scenario {
        profile: Profile::RecoveryCommit,
        defect: "a restarted node takes entries for committed that its own log does not hold",
        nodes: Some(3),
        kinds: &[
            "P6_power_loss",
            "P5_crash_in_recovery",
            "P2_crash_log_sync",
            "P2_crash_apply_sync",
            "P1_crash_leader",
        ],
    },
    Scenario {
        profile: Profile::SnapshotConflict,
        defect: "a snapshot meets other entries at the committed index, or replaces what is newer",
        nodes: Some(5),
        kinds: &[
            "P2_crash_snapshot_install",
            "D16_snapshot_corrupt_in_transfer",
            "G3_lag_past_snapshot",
            "G5_purge_to_tip",
            "N9_isolate_leader",
        ],
    },
    Scenario {
        profile: Profile::SlowIo,
        defect: "completions of the log's writes count out of order",
        nodes: Some(3),
        kinds: &["D9_slow_disk", "P3_pause", "P2_crash_log_write", "P2_crash_log_sync", "P2_crash_vote", "N5_jitter"],
    },
    Scenario {
        profile: Profile::FiveVoters,
        defect: "five or more voters commit without a quorum",
        nodes: Some(5),
        kinds: &["N7_split", "N8_one_way", "N10_bridge", "P1_crash", "P1_crash_leader", "N9_isolate_leader"],
    },
    Scenario {
        profile: Profile::RestartedLeader,
        defect: "a restarted leader serves reads before it has applied what is committed",
        nodes: Some(3),
        kinds: &["P4_restart_storm", "P7_rolling_restart", "P1_crash_leader", "N6_clog", "C3_many_sessions"],
    },
    Scenario {
        profile: Profile::ReusedId,
        defect: "a node that lost its disk comes back under its old id and votes again",
        nodes: Some(5),
        kinds: &["D14_disk_wiped", "P8_membership_change", "P1_crash_leader", "N7_isolate"],
    },
];

/// The scenario of a profile.
pub fn of(profile: Profile) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.profile == profile)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::KINDS;
    use crate::plan::Plan;

    #[test]
    fn every_kind_of_a_scenario_is_one_and_is_in_every_plan() {
        for scenario in SCENARIOS {
            for name in scenario.kinds {
                assert!(KINDS.iter().any(|kind| kind.name == *name), "{name}");
            }
            let plan = Plan::draw(1, scenario.profile, None);
            for name in scenario.kinds {
                assert!(plan.faults.iter().any(|planned| planned.fault.kind() == *name), "{name}");
            }
            assert!(plan.faults.iter().all(|planned| scenario.kinds.contains(&planned.fault.kind())));
        }
    }
}
