//! What a process says: data on standard output, talk on standard error.
//!
//! Both may be gone, full or closed, and neither may change what a command found. So data is written here and nowhere
//! else, its first failure is kept, and [`status`] says at the end what is left of the verdict:
//!
//! | what happened to the data | exit status |
//! |---|---|
//! | all of it was written | the verdict |
//! | the reader left (`\| head`) | the verdict |
//! | it could not be written (a full disk) | the verdict, but 1 instead of 0, with a sentence |
//!
//! Talk that cannot be written is dropped. A stream that was closed before the start counts as `/dev/null`, which is what
//! the system's library opens in its place.

mod log;
mod text;

pub use log::Log;
pub use text::{block, json, visible};

use std::io::{self, ErrorKind, IsTerminal as _, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Pause before a stream that takes nothing just now is tried again. Only streams that somebody else made non-blocking
/// say so.
const FULL: Duration = Duration::from_millis(5);
/// Pauses after which talk that nobody takes is dropped: a second.
const PATIENCE: u32 = 200;

/// What became of standard output.
struct Data {
    to: Option<Box<dyn Write + Send>>,
    /// Whether anything was given to it.
    printed: bool,
    lost: Option<Lost>,
    /// Whether it was said that data for a terminal is escaped.
    noted: bool,
    /// What the command did for good, and what that means for a repeat.
    stands: Option<String>,
}

/// Why data is written no more.
enum Lost {
    ReaderLeft,
    Failed(io::Error),
}

static DATA: Mutex<Data> = Mutex::new(Data { to: None, printed: false, lost: None, noted: false, stands: None });

fn data() -> MutexGuard<'static, Data> {
    // A thread that panicked while it printed leaves nothing half done that matters here.
    DATA.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Standard output itself: the library's own handle takes data for a stream that is not open for writing, and says that
/// all is well.
fn stdout() -> Box<dyn Write + Send> {
    #[cfg(unix)]
    if let Ok(own) = std::os::fd::AsFd::as_fd(&io::stdout()).try_clone_to_owned() {
        return Box::new(std::fs::File::from(own));
    }
    Box::new(io::stdout())
}

/// Writes all, and waits where the stream takes nothing just now, at most `pauses` times.
fn write_all(to: &mut dyn Write, mut bytes: &[u8], mut pauses: Option<u32>) -> io::Result<()> {
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                pauses = match pauses {
                    Some(0) => return Err(error),
                    Some(left) => Some(left - 1),
                    None => None,
                };
                std::thread::sleep(FULL);
            }
            Err(error) => return Err(error),
        }
    }
    to.flush()
}

impl Data {
    fn write(&mut self, bytes: &[u8]) {
        self.printed = true;
        if self.lost.is_some() {
            return;
        }
        let to = self.to.get_or_insert_with(stdout);
        if let Err(error) = write_all(to, bytes, None) {
            let left = matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset);
            self.lost = Some(if left { Lost::ReaderLeft } else { Lost::Failed(error) });
        }
    }
}

/// Whether data goes to a terminal.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether talk goes to a terminal.
pub fn is_heard() -> bool {
    io::stderr().is_terminal()
}

/// Prints our own layout: every text of others in it went through [`visible`] or [`json`].
pub fn layout(text: &str) {
    data().write(text.as_bytes());
}

/// Prints a document that may be hashed: exactly to a pipe or a file, and to a terminal with everything escaped that acts
/// on one, which is said.
pub fn out(text: &str) {
    if !is_terminal() {
        return layout(text);
    }
    let shown = block(text);
    let note = shown != text && !std::mem::replace(&mut data().noted, true);
    layout(&shown);
    if note {
        say("note: some characters are shown escaped; write to a file or a pipe for the exact bytes");
    }
}

/// Prints bytes that are taken away. Text on a terminal is shown as [`out`] shows it.
pub fn bytes(bytes: &[u8]) {
    if is_terminal() { out(&String::from_utf8_lossy(bytes)) } else { data().write(bytes) }
}

/// Whether somebody still takes the data. What prints without an end stops when nobody does.
pub fn is_read() -> bool {
    data().lost.is_none()
}

/// Whether any data was printed.
pub fn printed() -> bool {
    data().printed
}

/// Keeps what the command did for good, as a sentence: said in place of the advice to repeat it, when its output is lost.
pub fn stands(sentence: &str) {
    data().stands = Some(sentence.into());
}

/// Says something on standard error. Lines are our own; whatever acts on a terminal is escaped.
pub fn say(text: &str) {
    let line = format!("{}\n", block(text));
    // Nobody may be listening: talk is no result.
    let _ = write_all(&mut io::stderr(), line.as_bytes(), Some(PATIENCE));
}

/// Says why a command ends. Lines after the first are indented, so that none of them looks like another message.
pub fn complain(message: &str) {
    let lines = message.lines().map(str::trim_end).filter(|line| !line.is_empty());
    say(&format!("selfsame: {}", lines.collect::<Vec<_>>().join("\n          ")));
}

/// The exit status that a verdict has, now that everything is printed; says what was not written.
pub fn status(verdict: u8) -> u8 {
    let data = data();
    match &data.lost {
        None | Some(Lost::ReaderLeft) => verdict,
        Some(Lost::Failed(error)) => {
            let advice = match &data.stands {
                Some(sentence) => sentence,
                None => "Make room or choose another place, and run the command again",
            };
            complain(&format!("standard output took no more data ({error}): what was printed is incomplete. {advice}"));
            if verdict == 0 { 1 } else { verdict }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes one byte at a time, and nothing at every second call.
    struct Slow(Vec<u8>, bool);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(ErrorKind::WouldBlock.into());
            }
            self.0.push(bytes[0]);
            Ok(1)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stream_that_is_full_for_now_gets_everything() {
        let mut slow = Slow(Vec::new(), false);
        write_all(&mut slow, b"data", None).unwrap();
        assert_eq!(slow.0, b"data");
        assert!(write_all(&mut Slow(Vec::new(), false), b"data", Some(2)).is_err(), "talk is given up");
    }
}
