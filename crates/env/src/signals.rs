//! What asks the process to stop, and what would kill it without a word.

use std::future::pending;

/// Requests to stop. From the first [`Signals::new`] on they no longer end the process by themselves.
pub struct Signals {
    #[cfg(unix)]
    interrupt: Option<tokio::signal::unix::Signal>,
    #[cfg(unix)]
    terminate: Option<tokio::signal::unix::Signal>,
}

/// Exit status of a process that was interrupted (Ctrl-C): 128 and the number of the signal.
pub(crate) const INTERRUPTED: u8 = 130;
/// Exit status of a process that was told to terminate.
pub(crate) const TERMINATED: u8 = 143;
/// Sent for a write beyond the largest file that the process may make; with a listener the write fails instead.
#[cfg(any(target_os = "linux", target_os = "macos"))]
const SIGXFSZ: i32 = 25;

impl Signals {
    /// Begins to listen; within a runtime.
    #[cfg(unix)]
    pub fn new() -> Signals {
        use tokio::signal::unix::{SignalKind, signal};
        #[cfg(any(target_os = "linux", target_os = "macos"))]
        let _ = signal(SignalKind::from_raw(SIGXFSZ));
        // Without a listener the signal ends the process, which loses nothing that was acknowledged.
        Signals { interrupt: signal(SignalKind::interrupt()).ok(), terminate: signal(SignalKind::terminate()).ok() }
    }

    /// Begins to listen; within a runtime.
    #[cfg(not(unix))]
    pub fn new() -> Signals {
        Signals {}
    }

    /// The next request, as the exit status of a process that it ends.
    pub async fn next(&mut self) -> u8 {
        #[cfg(unix)]
        {
            async fn come(signal: &mut Option<tokio::signal::unix::Signal>) {
                if let Some(signal) = signal
                    && signal.recv().await.is_some()
                {
                    return;
                }
                pending().await
            }
            tokio::select! {
                () = come(&mut self.interrupt) => INTERRUPTED,
                () = come(&mut self.terminate) => TERMINATED,
            }
        }
        #[cfg(not(unix))]
        {
            if tokio::signal::ctrl_c().await.is_err() {
                pending::<()>().await;
            }
            INTERRUPTED
        }
    }
}

impl Default for Signals {
    fn default() -> Self {
        Self::new()
    }
}
