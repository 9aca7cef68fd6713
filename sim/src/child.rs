//! One seed in a process of its own. What a run leaves in its process must not reach the next one, and a run that never
//! ends must not keep the others waiting.

use crate::run::Report;
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// Real time after which a process counts as one that never ends. A seed takes seconds.
const LIMIT: Duration = Duration::from_secs(300);

/// What a process of one seed left.
#[derive(Debug)]
pub struct Left {
    /// The verdict, or how the process ended without one.
    pub report: Result<Report, String>,
    /// What happened, one line each.
    pub trace: String,
}

/// Runs a command that prints a trace and then its report as the last line. Fails when no process can be started.
pub fn run(command: &mut Command) -> std::io::Result<Left> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let out = child.stdout.take().map(collect);
    let said = child.stderr.take().map(collect);
    // Both pipes end with the process.
    let text = out.map(|out| out.recv_timeout(LIMIT));
    let hung = text == Some(Err(RecvTimeoutError::Timeout));
    if hung {
        child.kill()?;
    }
    let status = child.wait()?;
    let text = text.and_then(Result::ok).unwrap_or_default();
    let said = said.and_then(|said| said.recv().ok()).unwrap_or_default();
    let (trace, last) = text.trim_end().rsplit_once('\n').unwrap_or(("", text.trim_end()));
    let report = serde_json::from_str(last).map_err(|_| match hung {
        true => format!("did not end within {} s", LIMIT.as_secs()),
        false => format!("{status}, {}", panic_of(&said)),
    });
    Ok(Left { report, trace: trace.to_owned() })
}

/// What a panic says first, what it is and where; its stack follows when one runs the seed by hand.
fn panic_of(said: &str) -> String {
    said.lines().skip_while(|line| !line.contains("panicked")).take(2).collect::<Vec<_>>().join(": ")
}

fn collect(mut from: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (to, text) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        let _ = to.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    text
}
