//! Each altered history is refused by exactly the check that its rule names, and the genuine one beside it passes.

use selfsame_forge::cases::catalogue;

/// shows: P-060, P-063
#[test]
fn every_altered_history_is_refused_by_its_own_check() {
    for case in catalogue() {
        if let Some(id) = case.subject.strip_prefix("substrate:") {
            case.genuine.replay(id).unwrap_or_else(|bad| panic!("{}: the genuine one: {bad}", case.name));
            let found = case.altered.replay(id).err().map(|bad| bad.check);
            assert_eq!(found, Some(case.check), "{}", case.name);
        }
    }
}
