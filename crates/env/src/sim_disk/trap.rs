//! One operation that goes wrong, and what a loss of power leaves.

use super::SECTOR;

/// What becomes of writes that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Each sector of each write stays or goes by itself.
    Mixed,
    /// All of them go.
    All,
    /// Writes arrived in their order up to one, which is cut at a multiple of so many bytes.
    Torn(usize),
    /// Whole writes stay or go, whatever their order.
    Reordered,
    /// None: the process died, the machine did not. They stay un-synced.
    Nothing,
}

type Write = (u64, Vec<u8>);

impl Loss {
    /// The pieces that reach the platter.
    pub(super) fn kept(self, unsynced: Vec<Write>, random: &mut impl FnMut() -> u64) -> Vec<Write> {
        match self {
            Loss::All => Vec::new(),
            Loss::Nothing => unsynced,
            Loss::Reordered => unsynced.into_iter().filter(|_| random().is_multiple_of(2)).collect(),
            Loss::Mixed => {
                let mut kept = Vec::new();
                for (offset, data) in unsynced {
                    let mut at = 0;
                    while at < data.len() {
                        // Sectors are positions of the disk, not of the write.
                        let end = next_boundary(offset, at, SECTOR).min(data.len());
                        if random().is_multiple_of(2) {
                            kept.push((offset + at as u64, data[at..end].to_vec()));
                        }
                        at = end;
                    }
                }
                kept
            }
            Loss::Torn(block) => {
                let mut kept = unsynced;
                if kept.is_empty() {
                    return kept;
                }
                kept.truncate(1 + (random() % kept.len() as u64) as usize);
                if let Some((offset, data)) = kept.last_mut() {
                    let mut cut = 0;
                    while cut < data.len() && random().is_multiple_of(2) {
                        cut = next_boundary(*offset, cut, block).min(data.len());
                    }
                    data.truncate(cut);
                }
                kept
            }
        }
    }
}

fn next_boundary(offset: u64, at: usize, block: usize) -> usize {
    let place = (offset % block as u64) as usize + at;
    at + block - place % block
}

/// Which file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Log and vote.
    Log,
    /// The state.
    State,
    /// A snapshot that this node builds.
    Built,
    /// A snapshot that this node receives.
    Received,
    /// Any.
    Any,
}

impl Target {
    /// Whether a file of this name is meant.
    pub fn is(self, name: &str) -> bool {
        // What is received has no index in its name yet.
        let received = name.starts_with("snapshot-00000000000000000000-");
        match self {
            Target::Log => name == "log.redb" || name.ends_with(".seg"),
            Target::State => name == "state.redb",
            Target::Built => name.ends_with(".snap") && !received,
            Target::Received => received,
            Target::Any => true,
        }
    }
}

/// Which operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// A read.
    Read,
    /// A write.
    Write,
    /// A sync.
    Sync,
}

/// What a write must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageRule {
    /// Anything.
    Any,
    /// A vote that differs from the one that was written before.
    Vote,
    /// A purge mark that differs from the one that was written before.
    Purge,
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

impl PageRule {
    /// The record that this page is known by.
    fn record(self, data: &[u8]) -> Option<Vec<u8>> {
        let mark: &[u8] = match self {
            PageRule::Any => return None,
            PageRule::Vote => b"\"committed\":",
            // The keys of a page stand together: only the page of the log's own records has these two.
            PageRule::Purge => find(data, b"purgedvote").map(|_| &b"\"index\":"[..])?,
        };
        let at = find(data, mark)?;
        let begin = data[..at].iter().rposition(|byte| *byte == b'{')?;
        let end = at + data[at..].iter().position(|byte| *byte == b'}')?;
        Some(data[begin..end].to_vec())
    }
}

/// What happens then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It fails with this code of the system. A sync that fails loses what was to be synced.
    Fail(i32),
    /// The power goes off, before or after it.
    PowerOff {
        /// Whether it was done.
        after: bool,
        /// What becomes of un-synced writes.
        loss: Loss,
    },
    /// One bit of the data is another.
    Flip(u64),
    /// The data lands in another block of the file.
    Misdirect(u64),
    /// The data never leaves the page cache.
    Lose,
}

/// Waits for one operation and spoils it, once.
#[derive(Clone, Debug)]
pub struct Trap {
    /// Under which it is counted.
    pub label: &'static str,
    /// File.
    pub target: Target,
    /// Operation.
    pub op: Op,
    /// What a write must hold.
    pub page: PageRule,
    /// The how-manieth from now, from 1.
    pub nth: u64,
    /// What happens.
    pub effect: Effect,
    /// A file that must be synced first: what comes before is not counted.
    first: Option<Target>,
    seen: Option<Vec<u8>>,
}

impl Trap {
    /// A trap.
    pub fn new(label: &'static str, target: Target, op: Op, nth: u64, effect: Effect) -> Trap {
        Trap { label, target, op, page: PageRule::Any, nth, effect, first: None, seen: None }
    }

    /// A trap for writes that change a record.
    pub fn on(self, page: PageRule) -> Trap {
        Trap { page, ..self }
    }

    /// A trap that waits until a file was synced.
    pub fn once(self, synced: Target) -> Trap {
        Trap { first: Some(synced), ..self }
    }

    pub(super) fn steps_in(&mut self, name: &str, op: Op, data: &[u8]) -> bool {
        if let Some(first) = self.first {
            if op == Op::Sync && first.is(name) {
                self.first = None;
            }
            return false;
        }
        if self.op != op || !self.target.is(name) {
            return false;
        }
        if self.page != PageRule::Any {
            let Some(record) = self.page.record(data) else { return false };
            let before = self.seen.replace(record.clone());
            if before.is_none_or(|before| before == record) {
                return false;
            }
        }
        self.nth = self.nth.saturating_sub(1);
        self.nth == 0
    }
}
