//! Which amendments a substrate refuses (docs/protocol.md, section 12).
//!
//! The machine refuses with this, and whoever replays a history repeats the decision with it.

use crate::canon;
use crate::code::{Code, Refusal};
use crate::names::is_name;
use crate::p104::{Amendment, Constitution, founding_tension_hash};
use serde::Serialize;

/// Most amendments that one cycle enacts.
pub const MAX_QUEUED: usize = 64;

/// Bytes of a founding document, canonical. Together with [`MAX_CONSTITUTION_BYTES`] it leaves 8 KiB of a leaf for the
/// other members of a birth, so that a new lineage always fits.
pub const MAX_FOUNDING_BYTES: usize = 24 << 10;

/// Bytes of a constitution, and of one amendment, canonical: a cycle, a migration and a new lineage must always fit.
pub const MAX_CONSTITUTION_BYTES: usize = 32 << 10;

/// Refuses what has more canonical bytes than a constitution may have.
pub fn check_size<T: Serialize>(what: &str, value: &T) -> Result<(), Refusal> {
    match canon::to_canonical_of(value).len() {
        0..=MAX_CONSTITUTION_BYTES => Ok(()),
        found => {
            let expected = format!("at most {MAX_CONSTITUTION_BYTES} bytes");
            Err(Refusal::new(Code::LimitExceeded, &format!("{what}: remove or shorten parameters"), expected, found))
        }
    }
}

/// Refuses an amendment of a substrate with the constitution `now` in force, whatever else is queued; with the drift that
/// it would cause, in bits.
pub fn check(now: &Constitution, amendment: &Amendment) -> Result<(), (Refusal, u32)> {
    let refused = |code, rule, expected: String, found: String| Refusal::new(code, rule, expected, found);
    let root = now.founding_tension_hash;
    if amendment.founding_tension_hash != root {
        let rule =
            "the amendment names another founding tension than this substrate's: read it again (`substrate show`)";
        let found = amendment.founding_tension_hash.to_string();
        return Err((refused(Code::WrongFoundingTension, rule, root.to_string(), found), 0));
    }
    if let Some(founding) = &amendment.founding {
        // Drift is always measured against the root, so that small steps cannot add up.
        let drift = root.hamming(&founding_tension_hash(&canon::to_canonical(founding)));
        let rule = "the founding incompatibility cannot be amended: a different one is a new substrate";
        let expected = format!("drift 0, tolerance {}", now.thresholds.drift_tolerance);
        return Err((refused(Code::FoundingTensionProtected, rule, expected, format!("drift {drift}")), drift));
    }
    let touched = || amendment.set.keys().chain(&amendment.remove);
    for name in touched() {
        if name.starts_with("founding") {
            let rule = "a parameter named founding… cannot be amended: give it another name";
            return Err((refused(Code::FoundingTensionProtected, rule, String::new(), name.clone()), 256));
        }
        if !is_name(name) {
            let (rule, expected) = ("the name of a parameter is no name", "1 to 128 of A-Z a-z 0-9 . _ : / -");
            return Err((refused(Code::AmendmentInvalid, rule, expected.into(), name.clone()), 0));
        }
    }
    if touched().next().is_none() {
        let rule = "the amendment changes nothing: set or remove a parameter";
        return Err((refused(Code::AmendmentInvalid, rule, String::new(), String::new()), 0));
    }
    if let Some(missing) = amendment.remove.iter().find(|name| !now.parameters.contains_key(*name)) {
        let rule = "a parameter to remove is not in force: check its name (`substrate show`)";
        return Err((refused(Code::AmendmentInvalid, rule, String::new(), missing.clone()), 0));
    }
    Ok(())
}

/// Refuses one more amendment when so many wait already, or when it is too large, or the constitution with it.
/// `after` is what would be in force with it and with all that were queued before it.
pub fn check_room(queued: usize, amendment: &Amendment, after: &Constitution) -> Result<(), Refusal> {
    if queued >= MAX_QUEUED {
        return Err(Refusal::new(
            Code::LimitExceeded,
            "too many amendments wait for the cycle: close it first (`substrate cycle`)",
            format!("at most {MAX_QUEUED}"),
            queued.saturating_add(1),
        ));
    }
    check_size("the amendment is too large", amendment)?;
    check_size("the constitution would be too large", after)
}
