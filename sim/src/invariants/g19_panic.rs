//! G19: nothing panics, whatever arrives. The runtime swallows the panic of a task, so a hook counts them.

use std::sync::{Mutex, Once, PoisonError};

/// The property's name.
pub const NAME: &str = "G19 no_panic";

static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());
static HOOK: Once = Once::new();

/// Notes every panic of this process from now on.
pub fn watch() {
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let place = panic.location().map_or("an unknown place".to_owned(), ToString::to_string);
            let what = panic.payload_as_str().unwrap_or("no text");
            SEEN.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{place}: {what}"));
            before(panic);
        }));
    });
}

/// Takes what was noted.
pub fn take() -> Vec<String> {
    std::mem::take(&mut SEEN.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_panic_of_a_task_is_found() {
        super::watch();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async { tokio::spawn(async { panic!("as a test does") }).await.unwrap_err() });
        assert!(super::take().iter().any(|seen| seen.contains("as a test does")));
    }
}
