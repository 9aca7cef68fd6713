//! The chains of every subject of a ledger, in bounded memory.
//!
//! A ledger has as many chains as it has subjects, and a subject may be one run. Heads of [`AT_ONCE`] subjects are held;
//! when there are more, half of the subjects, chosen by their hash, are put off to a pass of their own, and so on.

use super::report::{Failure, altered};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::edges::Edges;
use selfsame_protocol::entry::Ledger;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

/// Heads held at once: some 40 MB.
pub const AT_ONCE: usize = 1 << 18;

/// Subjects whose hash ends in the `bits` bits of `value`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Part {
    bits: u32,
    value: u64,
}

struct Head {
    depth: u64,
    hash: Digest,
}

/// Chains of one pass over a ledger.
pub struct Chains {
    ledger: Ledger,
    hasher: RandomState,
    part: Part,
    heads: HashMap<Box<str>, Head>,
    most: usize,
    /// Parts put off.
    put_off: Vec<Part>,
    time: String,
}

impl Chains {
    /// Before the first pass, which looks at all subjects until they are too many.
    pub fn new(ledger: Ledger, most: usize) -> Chains {
        Chains {
            ledger,
            hasher: RandomState::new(),
            part: Part::default(),
            heads: HashMap::new(),
            most: most.max(1),
            put_off: Vec::new(),
            time: String::new(),
        }
    }

    /// Begins the next pass over the same ledger, if one is needed.
    pub fn next_pass(&mut self) -> bool {
        let Some(part) = self.put_off.pop() else { return false };
        self.part = part;
        self.heads.clear();
        self.time.clear();
        true
    }

    fn holds(&self, subject: &str) -> bool {
        let mask = (1_u64 << self.part.bits) - 1;
        self.part.bits == 0 || self.hasher.hash_one(subject) & mask == self.part.value
    }

    /// The next entry of the ledger, its place being `at`.
    pub fn entry(&mut self, at: u64, edges: &Edges<'_>, hash: Digest) -> Result<(), Failure> {
        let bad = |check, expected: String, found: String| Err(altered(check, Some((self.ledger, at)), expected, found));
        if edges.index != at {
            return bad("ENTRY_INDEX", at.to_string(), edges.index.to_string());
        }
        if edges.ledger != self.ledger {
            return bad("ENTRY_LEDGER", self.ledger.to_string(), edges.ledger.to_string());
        }
        if edges.time < self.time.as_str() {
            return bad("ENTRY_TIME", format!("{} or later", self.time), edges.time.into());
        }
        if self.time != edges.time {
            self.time.clear();
            self.time.push_str(edges.time);
        }
        if !self.holds(edges.subject) {
            return Ok(());
        }
        let show = |digest: Option<Digest>| digest.map_or_else(|| "none".to_string(), |d| d.to_string());
        match self.heads.get_mut(edges.subject) {
            Some(head) => {
                if edges.depth != head.depth + 1 {
                    return bad("ENTRY_DEPTH", (head.depth + 1).to_string(), edges.depth.to_string());
                }
                if edges.prior != Some(head.hash) {
                    return bad("PRIOR_ENTRY_HASH", head.hash.to_string(), show(edges.prior));
                }
                *head = Head { depth: edges.depth, hash };
            }
            None => {
                if edges.depth != 0 {
                    return bad("ENTRY_DEPTH", "0".into(), edges.depth.to_string());
                }
                if edges.prior.is_some() {
                    return bad("PRIOR_ENTRY_HASH", "none".into(), show(edges.prior));
                }
                self.heads.insert(edges.subject.into(), Head { depth: 0, hash });
                while self.heads.len() > self.most && self.part.bits < 63 {
                    self.halve();
                }
            }
        }
        Ok(())
    }

    fn halve(&mut self) {
        let bit = 1_u64 << self.part.bits;
        self.part.bits += 1;
        self.put_off.push(Part { bits: self.part.bits, value: self.part.value | bit });
        let (hasher, part) = (&self.hasher, self.part);
        let mask = (1_u64 << part.bits) - 1;
        self.heads.retain(|subject, _| hasher.hash_one(&**subject) & mask == part.value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: &str = "2026-03-08T00:00:00.000Z";

    /// A ledger of `subjects` chains, round by round; `bad` has a wrong predecessor.
    fn walk(chains: &mut Chains, subjects: u64, rounds: u64, bad: Option<u64>) -> Result<(), Failure> {
        let name = |at: u64| Digest::of(&at.to_be_bytes());
        for at in 0..subjects * rounds {
            let (subject, depth) = (format!("run:{}", at % subjects), at / subjects);
            let mut prior = (depth > 0).then(|| name(at - subjects));
            if bad == Some(at) {
                prior = Some(name(u64::MAX));
            }
            let edges = Edges { index: at, ledger: Ledger::Evidence, depth, prior, subject: &subject, time: TIME };
            chains.entry(at, &edges, name(at))?;
        }
        Ok(())
    }

    #[test]
    fn every_chain_is_checked_with_few_heads_held() {
        for bad in [None, Some(37), Some(150), Some(299)] {
            let mut chains = Chains::new(Ledger::Evidence, 7);
            let mut verdict = walk(&mut chains, 100, 3, bad);
            let mut passes = 1;
            while verdict.is_ok() && chains.next_pass() {
                verdict = walk(&mut chains, 100, 3, bad);
                assert!(chains.heads.len() <= 7);
                passes += 1;
            }
            match bad {
                None => assert!(verdict.is_ok() && passes > 14, "{passes}"),
                Some(at) => {
                    let failure = verdict.unwrap_err();
                    assert_eq!((failure.check.as_str(), failure.index), ("PRIOR_ENTRY_HASH", Some(at)));
                }
            }
        }
    }

    #[test]
    fn place_ledger_depth_and_time_are_those_of_the_ledger() {
        let good = Edges { index: 0, ledger: Ledger::Evidence, depth: 0, prior: None, subject: "cluster", time: TIME };
        let check = |edges: &[Edges<'_>]| {
            let mut chains = Chains::new(Ledger::Evidence, 9);
            let mut at = 0..;
            edges.iter().try_for_each(|e| chains.entry(at.next().unwrap(), e, Digest::of(b"x"))).map_err(|f| f.check)
        };
        assert_eq!(check(&[good]), Ok(()));
        assert_eq!(check(&[Edges { index: 1, ..good }]), Err("ENTRY_INDEX".into()));
        assert_eq!(check(&[Edges { ledger: Ledger::Reasoning, ..good }]), Err("ENTRY_LEDGER".into()));
        assert_eq!(check(&[Edges { depth: 1, ..good }]), Err("ENTRY_DEPTH".into()));
        let next = Edges { index: 1, depth: 1, prior: Some(Digest::of(b"x")), ..good };
        assert_eq!(check(&[good, next]), Ok(()));
        assert_eq!(check(&[good, Edges { depth: 2, ..next }]), Err("ENTRY_DEPTH".into()));
        let early = Edges { time: "2026-03-07T23:59:59.999Z", ..next };
        assert_eq!(check(&[good, early]), Err("ENTRY_TIME".into()));
    }
}
