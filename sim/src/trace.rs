//! What happened, line by line, and its digest. The lines have no wall time and no addresses of memory, so two runs of
//! one seed are equal.

use crate::time::SimTime;
use std::cell::RefCell;
use std::rc::Rc;

#[derive(Debug, Default)]
struct Lines {
    text: String,
    aloud: bool,
}

/// The trace of one run. Clones write to the same one.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    time: SimTime,
    lines: Rc<RefCell<Lines>>,
}

impl Trace {
    /// An empty trace; `aloud` also prints each line on standard error.
    pub fn new(time: SimTime, aloud: bool) -> Self {
        Self { time, lines: Rc::new(RefCell::new(Lines { text: String::new(), aloud })) }
    }

    /// Adds a line under the present simulated time.
    pub fn line(&self, what: impl AsRef<str>) {
        let micros = self.time.micros();
        let line = format!("{:>4}.{:03} {}\n", micros / 1_000_000, micros / 1_000 % 1_000, what.as_ref());
        let mut lines = self.lines.borrow_mut();
        if lines.aloud {
            eprint!("{line}");
        }
        lines.text.push_str(&line);
    }

    /// All lines.
    pub fn text(&self) -> String {
        self.lines.borrow().text.clone()
    }

    /// BLAKE3 of all lines.
    pub fn digest(&self) -> String {
        blake3::hash(self.lines.borrow().text.as_bytes()).to_hex().to_string()
    }
}

/// The first line in which two traces differ: its number from 1 and both lines.
pub fn first_difference<'a>(a: &'a str, b: &'a str) -> Option<(usize, &'a str, &'a str)> {
    let (mut left, mut right) = (a.lines(), b.lines());
    for number in 1.. {
        match (left.next(), right.next()) {
            (None, None) => break,
            (a, b) if a == b => {}
            (a, b) => return Some((number, a.unwrap_or("(end)"), b.unwrap_or("(end)"))),
        }
    }
    None
}
