//! Planted bugs: deliberate mistakes that the simulator must catch, in a build that exists for nothing else.
//!
//! A check that never failed proves little. Each `planted!("name")` in the code is one mistake: a condition in one
//! expression, so that the code around it has the shape that it would have without. The simulator's `mutants` command
//! runs with one mistake at a time and demands that something notices. A normal build takes none of it: without the
//! feature `planted` the macro is the constant `false`, and what stands behind it is not in the program.

#[cfg(all(feature = "planted", not(debug_assertions)))]
compile_error!("planted bugs are for the simulator's own build, and never for a release");

/// Whether the planted bug of this name is in force: the environment variable SELFSAME_PLANTED names it. The constant
/// `false` without the feature `planted`.
#[macro_export]
macro_rules! planted {
    ($name:literal) => {
        $crate::planted::named($name)
    };
}

/// No bug is planted in this build.
#[cfg(not(feature = "planted"))]
#[inline(always)]
pub const fn named(_: &str) -> bool {
    false
}

/// Whether SELFSAME_PLANTED is this name. Read once: a process runs with one bug or with none.
#[cfg(feature = "planted")]
pub fn named(name: &str) -> bool {
    static NAMED: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    NAMED.get_or_init(|| std::env::var("SELFSAME_PLANTED").ok()).as_deref() == Some(name)
}

/// A number that differs from call to call as the order of a hash map does.
#[cfg(feature = "planted")]
pub fn hash_order() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(0)
}

/// Milliseconds since 1970 by the wall clock of the machine.
#[cfg(feature = "planted")]
pub fn wall_clock() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0))
}

/// Always 0: a normal build has no such number.
#[cfg(not(feature = "planted"))]
pub const fn hash_order() -> u64 {
    0
}

/// Always 0: a normal build has no clock here.
#[cfg(not(feature = "planted"))]
pub const fn wall_clock() -> u64 {
    0
}
