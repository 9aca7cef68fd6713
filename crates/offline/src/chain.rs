//! The chains of every subject of a ledger, in bounded memory.
//!
//! A ledger has as many chains as it has subjects, and a subject may be one run. Heads of [`AT_ONCE`] subjects are held;
//! when there are more, half of the subjects, chosen by their hash, are put off to a pass of their own, and so on.

use super::report::{Failure, altered};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::leaf_header;
use selfsame_protocol::ledger::Ledger;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::Range;

/// Heads held at once: some 40 MB.
pub const AT_ONCE: usize = 1 << 18;

/// Subjects whose hash ends in the `bits` bits of `value`.
#[derive(Clone, Copy, Debug, Default)]
pub struct SubjectShard {
    bits: u32,
    value: u64,
}

/// A short keyed hash of subjects: there is one for each entry, and the general one takes longer than all else here. Its
/// key is drawn anew for each ledger; somebody who found collisions all the same would make a verification slow, not wrong.
#[derive(Clone)]
struct Keyed(u64);

struct Mixed(u64);

impl BuildHasher for Keyed {
    type Hasher = Mixed;
    fn build_hasher(&self) -> Mixed {
        Mixed(self.0)
    }
}

impl Hasher for Mixed {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        for word in words.iter().chain([&last]) {
            // The two halves of a product of 128 bits.
            let product = u128::from(self.0 ^ u64::from_le_bytes(*word)) * 0x9e37_79b9_7f4a_7c15;
            self.0 = (product >> 64) as u64 ^ product as u64;
        }
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

struct Head {
    depth: u64,
    hash: Digest,
}

/// What the chain of its subject needs of one entry, as places in the bundle that holds it.
pub struct ChainRow {
    subject: Range<usize>,
    depth: u64,
    prior: Option<Digest>,
}

/// The entries of one bundle, checked among themselves.
pub struct ChainRows {
    ledger: Ledger,
    start: u64,
    rows: Vec<ChainRow>,
    /// Place of the next leaf in the bundle.
    offset: usize,
    /// Times of the first and the last.
    times: Option<[String; 2]>,
}

impl ChainRows {
    /// Before the first entry of a bundle, which stands at `start`.
    pub fn new(ledger: Ledger, start: u64) -> ChainRows {
        ChainRows { ledger, start, rows: Vec::with_capacity(256), offset: 0, times: None }
    }

    /// Reads the edges of the next leaf of the bundle: place, ledger and the order of times. `ENTRY_FORM` when it is no
    /// entry.
    pub fn push(&mut self, leaf: &[u8]) -> Result<(), Failure> {
        let at = self.start + self.rows.len() as u64;
        let place = Some((self.ledger, at));
        self.offset += 2 + leaf.len();
        let Some(edges) = leaf_header::read(leaf) else {
            let found = Entry::from_leaf(leaf).map_or_else(|error| error.to_string(), |_| "other members".into());
            return Err(altered("ENTRY_FORM", place, "a canonical entry", found));
        };
        if edges.index != at {
            return Err(altered("ENTRY_INDEX", place, at, edges.index));
        }
        if edges.ledger != self.ledger {
            return Err(altered("ENTRY_LEDGER", place, self.ledger, edges.ledger));
        }
        match &mut self.times {
            None => self.times = Some([edges.time.into(), edges.time.into()]),
            Some([_, last]) if edges.time < last.as_str() => {
                return Err(altered("ENTRY_TIME", place, format!("{last} or later"), edges.time));
            }
            Some([_, last]) if last != edges.time => {
                last.clear();
                last.push_str(edges.time);
            }
            Some(_) => {}
        }
        // The subject ends a known number of bytes before the end of its leaf.
        let end = self.offset - leaf_header::BEHIND_SUBJECT;
        self.rows.push(ChainRow { subject: end - edges.subject.len()..end, depth: edges.depth, prior: edges.prior });
        Ok(())
    }
}

/// Chains of one pass over a ledger.
pub struct Chains {
    ledger: Ledger,
    hasher: Keyed,
    part: SubjectShard,
    heads: HashMap<Box<[u8]>, Head, Keyed>,
    most: usize,
    /// Parts put off.
    put_off: Vec<SubjectShard>,
    time: String,
}

impl Chains {
    /// Before the first pass, which looks at all subjects until they are too many.
    pub fn new(ledger: Ledger, most: usize) -> Chains {
        let hasher = Keyed(RandomState::new().hash_one(0));
        Chains {
            ledger,
            hasher: hasher.clone(),
            part: SubjectShard::default(),
            heads: HashMap::with_hasher(hasher),
            most: most.max(1),
            put_off: Vec::new(),
            time: String::new(),
        }
    }

    /// Begins the next pass over the same ledger, if one is needed.
    pub(crate) fn next_pass(&mut self) -> bool {
        let Some(part) = self.put_off.pop() else { return false };
        self.part = part;
        self.heads.clear();
        self.time.clear();
        true
    }

    /// After the last entry of a pass: subject, depth of its last entry and that entry's hash, of every chain that this pass
    /// followed to its end.
    pub fn ends(&self) -> impl Iterator<Item = (&[u8], u64, &Digest)> {
        self.heads.iter().map(|(subject, head)| (&**subject, head.depth, &head.hash))
    }

    /// The entries of the next bundle, with their hashes.
    pub fn follow(&mut self, rows: &ChainRows, bundle: &[u8], hashes: &[[u8; 32]]) -> Result<(), Failure> {
        if let Some([first, last]) = &rows.times {
            if *first < self.time {
                let at = Some((self.ledger, rows.start));
                return Err(altered("ENTRY_TIME", at, format!("{} or later", self.time), first));
            }
            self.time.clone_from(last);
        }
        for (at, (row, hash)) in (rows.start..).zip(rows.rows.iter().zip(hashes)) {
            let subject = bundle.get(row.subject.clone()).unwrap_or_default();
            self.entry(at, subject, row, Digest::from_bytes(*hash))?;
        }
        Ok(())
    }

    fn entry(&mut self, at: u64, subject: &[u8], row: &ChainRow, hash: Digest) -> Result<(), Failure> {
        let mask = (1_u64 << self.part.bits) - 1;
        if self.part.bits > 0 && self.hasher.hash_one(subject) & mask != self.part.value {
            return Ok(());
        }
        let bad =
            |check, expected: String, found: String| Err(altered(check, Some((self.ledger, at)), expected, found));
        let show = |digest: Option<Digest>| digest.map_or_else(|| "none".to_string(), |d| d.to_string());
        if let Some(head) = self.heads.get_mut(subject) {
            if row.depth != head.depth + 1 {
                return bad("ENTRY_DEPTH", (head.depth + 1).to_string(), row.depth.to_string());
            }
            if row.prior != Some(head.hash) {
                return bad("PRIOR_ENTRY_HASH", head.hash.to_string(), show(row.prior));
            }
            *head = Head { depth: row.depth, hash };
            return Ok(());
        }
        if row.depth != 0 {
            return bad("ENTRY_DEPTH", "0".into(), row.depth.to_string());
        }
        if row.prior.is_some() {
            return bad("PRIOR_ENTRY_HASH", "none".into(), show(row.prior));
        }
        self.heads.insert(subject.into(), Head { depth: 0, hash });
        while self.heads.len() > self.most && self.part.bits < 63 {
            self.halve();
        }
        Ok(())
    }

    fn halve(&mut self) {
        let bit = 1_u64 << self.part.bits;
        self.part.bits += 1;
        self.put_off.push(SubjectShard { bits: self.part.bits, value: self.part.value | bit });
        let (hasher, part) = (&self.hasher, self.part);
        let mask = (1_u64 << part.bits) - 1;
        self.heads.retain(|subject, _| hasher.hash_one(&**subject) & mask == part.value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_protocol::merkle::layout::{entries, push_entry};
    use selfsame_protocol::merkle::leaf_hash;
    use selfsame_protocol::record::{Content, Record};
    use selfsame_protocol::time::{Timestamp, U64};
    use std::slice::from_ref;

    fn entry(at: u64, subject: &str, depth: u64, prior: Option<Digest>) -> Entry {
        Entry {
            index: U64(at),
            ledger: Ledger::Evidence,
            subject: subject.parse().unwrap(),
            depth: U64(depth),
            prior_entry_hash: prior,
            time: Timestamp::from_millis(1_000 + at),
            submission: Digest::of(b"s"),
            record: Record::Evidence(Content { data: at.into(), evidence: Vec::new(), runs: Vec::new() }),
        }
    }

    /// One bundle, whose first entry stands at `start`, through the chains.
    fn walk(chains: &mut Chains, start: u64, list: &[Entry]) -> Result<(), Failure> {
        let mut bundle = Vec::new();
        list.iter().for_each(|entry| push_entry(&mut bundle, &entry.leaf()).unwrap());
        let leaves = entries(&bundle, list.len() as u64).unwrap();
        let hashes: Vec<[u8; 32]> = leaves.iter().map(|leaf| *leaf_hash(leaf).as_bytes()).collect();
        let mut rows = ChainRows::new(Ledger::Evidence, start);
        leaves.iter().try_for_each(|leaf| rows.push(leaf))?;
        chains.follow(&rows, &bundle, &hashes)
    }

    /// `rounds` entries of each of 100 subjects, in turn; the entry `bad` names another one before it.
    fn ledger(rounds: u64, bad: Option<u64>) -> Vec<Entry> {
        let mut list: Vec<Entry> = Vec::new();
        for at in 0..100 * rounds {
            let mut prior = at.checked_sub(100).map(|before| Entry::hash_of(&list[before as usize].leaf()));
            if bad == Some(at) {
                prior = Some(Digest::of(b"another"));
            }
            list.push(entry(at, &format!("organisation:{}", at % 100), at / 100, prior));
        }
        list
    }

    #[test]
    fn every_chain_is_checked_with_few_heads_held() {
        for bad in [None, Some(37), Some(150), Some(299)] {
            let list = ledger(3, bad);
            let mut chains = Chains::new(Ledger::Evidence, 7);
            let mut verdict = walk(&mut chains, 0, &list);
            let mut passes = 1;
            while verdict.is_ok() && chains.next_pass() {
                let bundles = (0..).step_by(77).zip(list.chunks(77));
                verdict = bundles.into_iter().try_for_each(|(start, bundle)| walk(&mut chains, start, bundle));
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
        let good = entry(0, "cluster", 0, None);
        let next = entry(1, "cluster", 1, Some(Entry::hash_of(&good.leaf())));
        let check = |bundles: &[&[Entry]]| {
            let mut chains = Chains::new(Ledger::Evidence, 9);
            let places = [0, bundles[0].len() as u64];
            let mut walks = places.into_iter().zip(bundles);
            walks.try_for_each(|(start, bundle)| walk(&mut chains, start, bundle)).map_err(|failure| failure.check)
        };
        let pair = |second: Entry| [good.clone(), second];
        assert_eq!(check(&[&pair(next.clone())]), Ok(()));
        assert_eq!(check(&[from_ref(&good), from_ref(&next)]), Ok(()));
        assert_eq!(check(&[&pair(Entry { index: U64(2), ..next.clone() })]), Err("ENTRY_INDEX".into()));
        assert_eq!(check(&[&pair(Entry { ledger: Ledger::Reasoning, ..next.clone() })]), Err("ENTRY_LEDGER".into()));
        assert_eq!(check(&[&pair(Entry { depth: U64(2), ..next.clone() })]), Err("ENTRY_DEPTH".into()));
        assert_eq!(check(&[&[Entry { depth: U64(1), ..good.clone() }]]), Err("ENTRY_DEPTH".into()));
        let early = Entry { time: Timestamp::from_millis(999), ..next };
        assert_eq!(check(&[&pair(early.clone())]), Err("ENTRY_TIME".into()));
        assert_eq!(check(&[from_ref(&good), from_ref(&early)]), Err("ENTRY_TIME".into()));
    }
}
