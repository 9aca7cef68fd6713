//! Planted bugs, one at a time: a simulator that does not notice them proves nothing when it passes.
//!
//! Builds this program again with the feature `planted` beside itself, and runs seeds with one
//! bug in force until one of them fails. The seed that fails must hold without the bug; otherwise it caught nothing.

use crate::child;
use crate::run::Report;
use crate::setup::Profile;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// One deliberate mistake. The name stands in the code, in `planted!`.
///
/// A mistake is one condition in one expression, so that it does not shape the code around it. Two were taken out for
/// that. `forward_twice` proposed a forwarded request twice, which is harmless while request ids are checked, and had to
/// switch that check off as well, as `retry_applied_twice` does. `suppression_lost_on_snapshot` rewrote rows of a
/// snapshot; `snapshot_without_tombstones` loses rows there, and `tamper_logged_not_enforced` loses suppressions.
#[derive(Debug)]
pub struct Bug {
    /// Name.
    pub name: &'static str,
    /// What it breaks.
    pub breaks: &'static str,
    /// A seed that is known to catch it fast: these bugs are the smoke test.
    pub smoke: Option<u64>,
    /// The world in which it is looked for: a scenario where only rare faults together show it.
    pub profile: Profile,
}

const fn bug(name: &'static str, breaks: &'static str) -> Bug {
    Bug { name, breaks, smoke: None, profile: Profile::Default }
}
const fn fast(name: &'static str, breaks: &'static str, seed: u64) -> Bug {
    Bug { name, breaks, smoke: Some(seed), profile: Profile::Default }
}
const fn rare(name: &'static str, breaks: &'static str, profile: Profile) -> Bug {
    Bug { name, breaks, smoke: None, profile }
}

/// Every planted bug.
pub const BUGS: &[Bug] = &[
    fast("ack_before_fsync", "log entries are acknowledged before they are durable", 1),
    fast("accept_while_sealed", "the origin writes between its seal and the arrival", 1),
    bug("activation_before_invalidation", "an activation begins and the one before is not invalidated"),
    bug("amendment_touches_founding", "an amendment changes the founding document"),
    fast("applied_mark_not_stored", "effects are durable and the applied index is not", 1),
    fast("attestation_not_verified", "a chip is activated without a valid attestation", 1),
    bug("checkpoint_signed_before_apply", "a checkpoint names a size that its root does not have"),
    fast("clock_in_apply", "apply reads the clock of its machine", 1),
    bug("close_in_one_ledger_only", "a close stands in one ledger"),
    bug("commit_before_leader_sync", "a leader counts its own entry before it is durable"),
    bug("cosigned_before_durable", "a cosignature leaves the node before the node is sure to remember it"),
    bug("cosigner_forgets", "a cosigner that starts again does not know what it signed"),
    bug("cosigns_what_it_is_asked", "a cosigner signs the root that it is asked for"),
    bug("depth_off_by_one", "a close binds a depth that the ledger does not have"),
    bug("drift_not_checked", "another founding document is the same entity"),
    fast("epoch_reuse_after_abort", "an aborted migration returns to the epoch before", 1),
    fast("fence_by_chip_id_only", "the fence forgets the epoch", 1),
    bug("force_seal_by_one_vote", "one organisation seals a substrate alone"),
    fast("hash_map_order_in_apply", "the state digest depends on the order of a hash map", 1),
    rare("leads_on_after_restart", "a leader that restarts leads on in its old term", Profile::LogReversion),
    bug("ledger_tile_not_updated", "tiles of the tree lag behind the ledger"),
    bug("no_fence", "any chip writes at any epoch"),
    bug("no_prev_check", "a cycle is closed on another head"),
    bug("nonce_not_bound_to_head", "the nonce of a migration does not contain the head"),
    bug("old_vote_kept", "an old vote stays in the store in place of a newer one"),
    bug("peer_tag_not_verified", "a node believes whoever names itself a peer"),
    bug("published_below_quorum", "a checkpoint is published that one organisation cosigned"),
    rare(
        "purge_before_install",
        "entries are purged before the snapshot in their place is durable",
        Profile::SnapshotConflict,
    ),
    bug("purge_too_early", "entries are purged that are in no snapshot"),
    bug("quarantine_ignored", "a quarantined node's verdicts count"),
    bug("read_without_digest_check", "stored rows are served without their digest"),
    bug("receipt_of_another_size", "a receipt proves its entry in a tree that nobody cosigned"),
    bug("refusal_changes_state", "a refused submission leaves what it did before the refusal"),
    bug("request_id_not_scoped_by_key", "a request id of one key answers for another"),
    bug("retry_applied_twice", "a retry is applied again"),
    bug("signature_not_verified", "nobody checks signatures"),
    bug("snapshot_chunk_digest_ignored", "a damaged snapshot is accepted"),
    bug("snapshot_without_tombstones", "a snapshot forgets the invalidated activations"),
    bug("stale_read_after_leader_change", "a read does not wait for what was acknowledged"),
    bug("tamper_logged_not_enforced", "a detected mismatch does not stop writes"),
    bug("time_goes_backwards", "entries take the proposer's time as it is"),
    bug("truncation_leaves_one_entry", "an entry of a deposed leader stays before those that replace it"),
    bug("verdict_quorum_of_one", "the first verdict decides"),
    bug("vote_not_fsynced", "a vote is answered before it is durable"),
];

/// What to run.
#[derive(Clone, Debug)]
pub struct Mutants {
    /// Only these; all when empty.
    pub only: Vec<String>,
    /// Most seeds for one bug.
    pub seeds: u64,
    /// Only the bugs with a known seed, and that seed.
    pub smoke: bool,
}

/// How a bug was caught.
struct Caught {
    profile: Profile,
    by: String,
    what: String,
    seed: u64,
    tried: u64,
    simulated_ms: u64,
}

/// Prints the names.
pub fn list() {
    for bug in BUGS {
        println!("{:42} {}", bug.name, bug.breaks);
    }
}

/// Builds, runs and reports; true when every bug was caught.
pub fn run(what: &Mutants) -> bool {
    if let Some(unknown) = what.only.iter().find(|name| BUGS.iter().all(|bug| bug.name != **name)) {
        eprintln!("no planted bug is named {unknown}; --list shows the names");
        return false;
    }
    let chosen = |bug: &&Bug| {
        (what.only.is_empty() || what.only.iter().any(|name| name == bug.name)) && (!what.smoke || bug.smoke.is_some())
    };
    let bugs: Vec<&Bug> = BUGS.iter().filter(chosen).collect();
    let program = match build() {
        Ok(program) => program,
        Err(error) => {
            eprintln!("the build with planted bugs failed: {error}");
            return false;
        }
    };
    let (next, begin) = (AtomicUsize::new(0), Instant::now());
    let (rows, clean) = (Mutex::new(BTreeMap::new()), Mutex::new(BTreeMap::new()));
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(bug) = bugs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let caught = hunt(&program, bug, what, &clean);
                    let said = match &caught {
                        Ok(caught) => format!("caught by {} with seed {}: {}", caught.by, caught.seed, caught.what),
                        Err(why) => format!("NOT CAUGHT: {why}"),
                    };
                    eprintln!("{:.0} s: {}: {said}", begin.elapsed().as_secs_f64(), bug.name);
                    lock(&rows).insert(bug.name, caught);
                }
            });
        }
    });
    println!("{:42} {:20} {:17} {:>5} {:>5} {:>9}", "bug", "caught by", "profile", "seed", "seeds", "sim s");
    let rows = lock(&rows);
    for (name, row) in rows.iter() {
        match row {
            Ok(Caught { profile, by, seed, tried, simulated_ms, .. }) => {
                let seconds = *simulated_ms as f64 / 1_000.0;
                println!("{name:42} {by:20} {:17} {seed:>5} {tried:>5} {seconds:>9.1}", profile.to_string());
            }
            Err(why) => println!("{name:42} NOT CAUGHT: {why}"),
        }
    }
    let caught = rows.values().filter(|row| row.is_ok()).count();
    println!("{caught} of {} planted bugs caught in {:.0} s", bugs.len(), begin.elapsed().as_secs_f64());
    caught == bugs.len()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Builds this program with the feature, keeps it under another name, and builds it without the feature again. Cargo
/// prints its own progress. Packages of others are those that `cargo test --workspace` built.
fn build() -> Result<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let cargo = |features: &[&str]| -> Result<(), String> {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        // As the tests are built, whose packages of others are there already; the test of this name needs the program.
        let build = ["test", "--no-run", "--locked", "--workspace", "--test", "smoke"];
        command.args(build).args(features).current_dir(&root);
        let status = command.status().map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(status.to_string()) }
    };
    eprintln!("building with planted bugs");
    cargo(&["--features", "selfsame-sim/planted"])?;
    let planted = target.join("debug/selfsame-sim-planted");
    std::fs::copy(target.join("debug/selfsame-sim"), &planted).map_err(|error| error.to_string())?;
    cargo(&[])?;
    Ok(planted)
}

fn hunt(
    program: &Path,
    bug: &Bug,
    what: &Mutants,
    clean: &Mutex<BTreeMap<(Profile, u64), Option<String>>>,
) -> Result<Caught, String> {
    let seeds: Vec<u64> = match bug.smoke {
        Some(seed) if what.smoke => vec![seed],
        _ => (1..=what.seeds).collect(),
    };
    let mut simulated_ms = 0;
    for (tried, seed) in (1..).zip(seeds.iter().copied()) {
        let (by, said) = match one(program, Some(bug.name), bug.profile, seed)? {
            Ok(report) => {
                simulated_ms += report.simulated_ms;
                let Some(violation) = report.violation else { continue };
                let (by, what) = violation.split_once(": ").unwrap_or((&violation, ""));
                (by.to_owned(), what.to_owned())
            }
            Err(how) => ("process".to_owned(), how),
        };
        // Two threads may both find it missing and run it twice, which costs only time.
        let known = lock(clean).get(&(bug.profile, seed)).cloned();
        let without = match known {
            Some(known) => known,
            None => {
                let held = match one(program, None, bug.profile, seed)? {
                    Ok(report) => report.violation,
                    Err(how) => Some(how),
                };
                lock(clean).insert((bug.profile, seed), held.clone());
                held
            }
        };
        match without {
            None => return Ok(Caught { profile: bug.profile, by, what: said, seed, tried, simulated_ms }),
            Some(violation) => eprintln!("seed {seed} fails without any bug and counts for nothing: {violation}"),
        }
    }
    Err(format!("{} seeds held", seeds.len()))
}

/// Runs one seed. The inner error says how a process ended without a report.
fn one(program: &Path, planted: Option<&str>, profile: Profile, seed: u64) -> Result<Result<Report, String>, String> {
    let mut command = Command::new(program);
    command.args(["one", "--json", "--seed", &seed.to_string(), "--profile", &profile.to_string()]);
    command.env_remove("SELFSAME_PLANTED");
    if let Some(name) = planted {
        command.env("SELFSAME_PLANTED", name);
    }
    child::run(&mut command).map(|left| left.report).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Every `planted!` in the code is in the table, and the other way round.
    #[test]
    fn the_table_is_what_the_code_holds() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut open = vec![root.join("src"), root.join("crates")];
        let mut found = BTreeSet::new();
        while let Some(dir) = open.pop() {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("planted.rs") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    for name in text.split("planted!(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                        assert!(found.insert(name.to_owned()), "{name} is planted twice");
                    }
                    let block = |line: &&str| {
                        let line = line.trim_start().trim_start_matches("if ").trim_start_matches('!');
                        line.trim_start_matches("selfsame_protocol::").starts_with("planted!") && line.ends_with('{')
                    };
                    assert_eq!(text.lines().find(block), None, "{} has a block for a planted bug", path.display());
                }
            }
        }
        assert_eq!(found, BUGS.iter().map(|bug| bug.name.to_owned()).collect());
    }
}
