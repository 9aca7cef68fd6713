//! Threads that may not be had: what the system refuses is undecided, and no panic.

use crate::{Failure, undecided};
use std::thread::{Builder, Scope};

/// Starts a thread in a scope. `THREAD` when the system gives none: it says nothing about the file.
pub fn start<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<(), Failure> {
    started(Builder::new(), scope, work)
}

fn started<'scope, T: Send + 'scope>(
    builder: Builder,
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<(), Failure> {
    match builder.spawn_scoped(scope, work) {
        // The scope waits for it.
        Ok(_) => Ok(()),
        Err(error) => {
            let found = format!("the system gives no more of them ({error}): try fewer with --threads");
            Err(undecided("THREAD", "a thread to work with", found))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_is_not_to_be_had_is_undecided() {
        // No machine has room for such a stack.
        let none = Builder::new().stack_size(1 << 60);
        let failure = std::thread::scope(|scope| started(none, scope, || ())).unwrap_err();
        assert_eq!((failure.check.as_str(), failure.tampered), ("THREAD", false));
        assert!(std::thread::scope(|scope| start(scope, || ())).is_ok());
    }
}
