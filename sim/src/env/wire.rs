//! What all connections of the world share, so that faults can reach into them: which break, and what peers said.
//!
//! The simulated TCP neither repeats nor reorders. Peers' requests do arrive twice, late and out of order when a
//! connection breaks and its answers are lost; to have that at will, each request between nodes is kept as it passes,
//! and can be taken out of its connection. HTTP/2 frames are told apart without being understood: the frame that ends a
//! stream carries the end of one request.

use crate::time::SimTime;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;

/// Bytes of requests that are kept.
const KEPT_BYTES: usize = 32 << 20;
/// Bytes of one request that is kept; larger ones are parts of snapshots.
const REQUEST_BYTES: usize = 1 << 20;
/// Bytes that may be taken out of one link in one fault: flow control counts them as sent, and they never arrive.
const STOLEN_BYTES: usize = 32 << 10;

/// A request of one node to another.
#[derive(Clone, Debug)]
pub struct Request {
    /// Host that sent it.
    pub from: String,
    /// Host that it is for.
    pub to: String,
    /// Simulated millisecond at which it was sent.
    pub at_ms: u64,
    /// gRPC body: a compression flag, the length, and the message.
    pub body: Vec<u8>,
    /// Whether it was taken out of its connection.
    pub stolen: bool,
}

type Hosts = (String, String);

#[derive(Default)]
struct State {
    time: SimTime,
    kept: VecDeque<Request>,
    kept_bytes: usize,
    /// Requests forgotten already: the number of the first that is kept.
    first: u64,
    /// From one host to another: one of so many requests is taken out; how many passed; bytes left to take.
    stealing: BTreeMap<Hosts, (u64, u64, usize)>,
    /// Hosts whose next write to another is cut in the middle, and whether it was.
    halves: BTreeMap<Hosts, bool>,
    ends: Vec<Weak<Mutex<End>>>,
}

/// What all connections share. Clones are the same.
#[derive(Clone, Default)]
pub struct Wire(Arc<Mutex<State>>);

/// One end of a connection.
#[derive(Debug, Default)]
pub(super) struct End {
    hosts: Hosts,
    pub(super) reset: bool,
    pub(super) reader: Option<Waker>,
}

impl Wire {
    /// For a world of this time.
    pub fn new(time: SimTime) -> Wire {
        let wire = Wire::default();
        wire.lock().time = time;
        wire
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn open(&self, hosts: Hosts) -> Arc<Mutex<End>> {
        let end = Arc::new(Mutex::new(End { hosts, ..End::default() }));
        let mut state = self.lock();
        state.ends.retain(|end| end.strong_count() > 0);
        state.ends.push(Arc::downgrade(&end));
        end
    }

    /// Resets every connection that a host has; gives the number of ends that were open.
    pub fn reset(&self, host: &str) -> u64 {
        let ends: Vec<_> = self.lock().ends.iter().filter_map(Weak::upgrade).collect();
        let mut count = 0;
        for end in ends {
            let mut end = end.lock().unwrap_or_else(PoisonError::into_inner);
            if !end.reset && (end.hosts.0 == host || end.hosts.1 == host) {
                end.reset = true;
                count += 1;
                if let Some(reader) = end.reader.take() {
                    reader.wake();
                }
            }
        }
        count
    }

    /// Cuts the next write of one host to another in the middle, and its connection with it.
    pub fn halve(&self, from: &str, to: &str) {
        self.lock().halves.insert((from.into(), to.into()), false);
    }

    /// Whether what [`Wire::halve`] asked for has happened.
    pub fn was_halved(&self, from: &str, to: &str) -> bool {
        self.lock().halves.get(&(from.to_owned(), to.to_owned())).copied().unwrap_or(false)
    }

    /// Takes back a [`Wire::halve`].
    pub fn unhalve(&self, from: &str, to: &str) {
        self.lock().halves.remove(&(from.to_owned(), to.to_owned()));
    }

    /// Whether this write is one to cut.
    pub(super) fn cuts(&self, hosts: &Hosts) -> bool {
        self.lock().halves.get_mut(hosts).is_some_and(|done| !std::mem::replace(done, true))
    }

    /// Takes one of every so many requests of one host to another out of its connection; 0 ends it.
    pub fn steal(&self, from: &str, to: &str, every: u64) {
        let hosts = (from.into(), to.into());
        let mut state = self.lock();
        if every == 0 {
            state.stealing.remove(&hosts);
        } else {
            state.stealing.insert(hosts, (every, 0, STOLEN_BYTES));
        }
    }

    fn steals(&self, hosts: &Hosts, bytes: usize) -> bool {
        let mut state = self.lock();
        let Some((every, passed, left)) = state.stealing.get_mut(hosts) else { return false };
        *passed += 1;
        let steals = passed.is_multiple_of(*every) && bytes <= *left;
        if steals {
            *left -= bytes;
        }
        steals
    }

    fn keep(&self, (from, to): &Hosts, body: Vec<u8>, stolen: bool) {
        let state = &mut *self.lock();
        state.kept_bytes += body.len();
        let at_ms = state.time.ms();
        state.kept.push_back(Request { from: from.clone(), to: to.clone(), at_ms, body, stolen });
        while state.kept_bytes > KEPT_BYTES
            && let Some(old) = state.kept.pop_front()
        {
            state.kept_bytes -= old.body.len();
            state.first += 1;
        }
    }

    /// Number of the request that comes next.
    pub fn next(&self) -> u64 {
        let state = self.lock();
        state.first + state.kept.len() as u64
    }

    /// Requests from a number on that are still kept.
    pub fn since(&self, number: u64) -> Vec<Request> {
        let state = self.lock();
        let skip = usize::try_from(number.saturating_sub(state.first)).unwrap_or(usize::MAX);
        state.kept.iter().skip(skip).cloned().collect()
    }

    /// How many requests are kept that were sent before a moment: they are the first ones.
    pub fn before(&self, ms: u64) -> usize {
        self.lock().kept.partition_point(|request| request.at_ms < ms)
    }

    /// One of the requests that are kept, by its place among them.
    pub fn kept(&self, place: usize) -> Option<Request> {
        self.lock().kept.get(place).cloned()
    }
}

const DATA: u8 = 0;
const RST_STREAM: u8 = 3;
const END_STREAM: u8 = 1;
const PREFACE: usize = 24;
const HEAD: usize = 9;

/// Cuts what the client of one HTTP/2 connection writes into frames.
pub(super) struct Framer {
    preface: usize,
    input: Vec<u8>,
    bodies: BTreeMap<u32, Vec<u8>>,
    stolen: BTreeSet<u32>,
}

impl Framer {
    pub(super) fn new() -> Framer {
        Framer { preface: PREFACE, input: Vec::new(), bodies: BTreeMap::new(), stolen: BTreeSet::new() }
    }

    /// Takes bytes in and puts out what is to be sent now: whole frames.
    pub(super) fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>, wire: &Wire, hosts: &Hosts) {
        let preface = self.preface.min(bytes.len());
        out.extend_from_slice(&bytes[..preface]);
        self.preface -= preface;
        self.input.extend_from_slice(&bytes[preface..]);
        let input = std::mem::take(&mut self.input);
        let mut rest = &input[..];
        while let Some((head, after)) = rest.split_at_checked(HEAD) {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            if after.len() < length {
                break;
            }
            let (frame, after) = rest.split_at(HEAD + length);
            rest = after;
            if self.passes(frame, wire, hosts) {
                out.extend_from_slice(frame);
            }
        }
        self.input = rest.to_vec();
    }

    fn passes(&mut self, frame: &[u8], wire: &Wire, hosts: &Hosts) -> bool {
        let (kind, flags) = (frame[3], frame[4]);
        let stream = u32::from_be_bytes([frame[5], frame[6], frame[7], frame[8]]);
        match kind {
            DATA => {}
            RST_STREAM => {
                self.bodies.remove(&stream);
                self.stolen.remove(&stream);
                return true;
            }
            _ => return true,
        }
        let mut body = self.bodies.remove(&stream).unwrap_or_default();
        // Whole requests only: the receiver would answer half of one in its own way. What comes after one that was taken out,
        // and be it the end of the stream alone, would tell the receiver that something is missing.
        let stolen = self.stolen.contains(&stream)
            || body.is_empty() && frame.len() > HEAD && ends_whole(frame) && wire.steals(hosts, frame.len());
        body.extend_from_slice(&frame[HEAD..]);
        // Requests on one stream follow each other.
        while let Some(length) = message(&body)
            && length <= body.len()
        {
            let rest = body.split_off(length);
            if length <= REQUEST_BYTES {
                wire.keep(hosts, std::mem::replace(&mut body, rest), stolen);
            } else {
                body = rest;
            }
        }
        if flags & END_STREAM != 0 {
            self.stolen.remove(&stream);
        } else {
            if stolen {
                self.stolen.insert(stream);
            }
            self.bodies.insert(stream, body);
        }
        !stolen
    }
}

/// Bytes of the message that a body begins with, its head included.
fn message(body: &[u8]) -> Option<usize> {
    let head = body.first_chunk::<5>()?;
    Some(u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize + 5)
}

/// Whether the body that a frame begins with ends in it as well. The end of the stream may be a frame of its own.
fn ends_whole(frame: &[u8]) -> bool {
    frame.get(HEAD..).is_some_and(|body| message(body) == Some(body.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u8, body: &[u8]) -> Vec<u8> {
        let mut frame = vec![0, 0, body.len() as u8, kind, flags, 0, 0, 0, stream];
        frame.extend_from_slice(body);
        frame
    }

    #[test]
    fn requests_are_kept_and_one_of_two_is_taken_out() {
        let (wire, hosts) = (Wire::default(), ("a".to_string(), "b".to_string()));
        wire.steal("a", "b", 2);
        let message = |byte: u8| frame(DATA, END_STREAM, byte, &[0, 0, 0, 0, 2, byte, byte]);
        let mut sent = vec![b'P'; PREFACE];
        sent.extend(frame(4, 0, 0, &[]));
        let mut expected = sent.clone();
        for byte in [1, 3, 5] {
            sent.extend(message(byte));
        }
        expected.extend(message(1));
        expected.extend(message(5));
        let (mut framer, mut out) = (Framer::new(), Vec::new());
        for part in sent.chunks(7) {
            framer.feed(part, &mut out, &wire, &hosts);
        }
        assert_eq!(out, expected);
        let kept: Vec<_> = wire.since(0).iter().map(|request| (request.body[5], request.stolen)).collect();
        assert_eq!(kept, [(1, false), (3, true), (5, false)]);
    }
}
