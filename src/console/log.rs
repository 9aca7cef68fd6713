//! Where log lines go: standard error, by a thread of its own.
//!
//! A log that nobody reads, that is full or gone never holds up or ends what it tells about. Lines that cannot be written
//! are dropped; a pipe that nobody empties fills a queue, and then lines are dropped too.

use super::visible;
use std::io::{self, Write};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Lines that wait to be written: some seconds of a node that has much to say.
const WAITING: usize = 1_024;
/// Time for the last lines at the end of a process.
const LAST: Duration = Duration::from_secs(1);

/// The way to the log. Cheap to clone.
#[derive(Clone)]
pub struct Log {
    send: SyncSender<Vec<u8>>,
    /// Lines that were taken and are not written yet.
    waiting: Arc<(Mutex<usize>, Condvar)>,
}

impl Log {
    /// Begins to write lines to standard error.
    pub fn start() -> Log {
        Self::to(io::stderr())
    }

    fn to(mut stream: impl Write + Send + 'static) -> Log {
        let (send, lines) = sync_channel::<Vec<u8>>(WAITING);
        let waiting = Arc::new((Mutex::new(0), Condvar::new()));
        let log = Log { send, waiting };
        let counts = log.waiting.clone();
        let write = move || {
            for line in lines {
                let _ = stream.write_all(&line);
                less(&counts);
            }
        };
        // Without a thread there is no log, and the rest goes on.
        let _ = std::thread::Builder::new().name("log".into()).spawn(write);
        log
    }

    /// Waits until what was logged is written, at most a second.
    pub fn finish(&self) {
        let (count, changed) = &*self.waiting;
        let count = count.lock().unwrap_or_else(PoisonError::into_inner);
        drop(changed.wait_timeout_while(count, LAST, |count| *count > 0));
    }
}

fn less(waiting: &(Mutex<usize>, Condvar)) {
    *waiting.0.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
    waiting.1.notify_all();
}

impl Write for Log {
    /// Takes one event: one line, whatever is in it.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let line = format!("{}\n", visible(text.trim_end_matches('\n')));
        *self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        if self.send.try_send(line.into_bytes()).is_err() {
            less(&self.waiting);
        }
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::Receiver;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_event_is_one_line_without_anything_that_acts() {
        let kept = Kept::default();
        let mut log = Log::to(kept.clone());
        log.write_all(b"WARN peer says \x1b[2J\nWARN forged\n").unwrap();
        log.finish();
        let written = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert_eq!(written, "WARN peer says \\u{1b}[2J\\nWARN forged\n");
    }

    /// Never takes anything and does not come back until it is let go.
    struct Stuck(Receiver<()>);

    impl Write for Stuck {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_log_that_nobody_reads_holds_nobody_up() {
        let (go, stuck) = sync_channel(0);
        let mut log = Log::to(Stuck(stuck));
        for _ in 0..WAITING * 3 {
            log.write_all(b"a line\n").unwrap();
        }
        drop(go);
        log.finish();
    }
}
