//! The members of a leaf around its record, read without reading the record.
//!
//! The canonical form sorts members, so that `depth`, `index`, `ledger` and `prior_entry_hash` stand before the record
//! and `subject`, `submission` and `time` behind it, all but the subject in a known number of bytes:
//! ```text
//! {"depth":"D","index":"I","ledger":"L","prior_entry_hash":null|"sha256:…","record":{ … },
//!  "subject":"S","submission":"sha256:…","time":"…Z"}
//! ```
//! That is what the chains of a whole ledger need, at a small part of the cost of hashing the leaf. It says nothing of
//! the record between the edges, nor of the value of `submission`; [`crate::entry::Entry::from_leaf`] reads everything, and accepts nothing that differs here.

use crate::digest::Digest;
use crate::ledger::Ledger;

/// Edges of a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edges<'a> {
    /// Position in the ledger.
    pub index: u64,
    /// Which ledger.
    pub ledger: Ledger,
    /// Earlier entries of the subject in this ledger.
    pub depth: u64,
    /// Hash of the subject's previous entry.
    pub prior: Option<Digest>,
    /// Whose chain.
    pub subject: &'a str,
    /// The time in its one spelling, which sorts as the time does.
    pub time: &'a str,
}

/// Bytes of a time.
const TIME: usize = "2026-03-08T00:00:00.000Z".len();
/// Bytes of a digest's hex.
const HEX: usize = 64;
/// Bytes of a leaf behind the text of its subject.
pub const BEHIND_SUBJECT: usize = "\",\"submission\":\"sha256:\",\"time\":\"\"}".len() + HEX + TIME;

/// Reads the edges of a canonical leaf; `None` when they are not there in their one form.
pub fn read(leaf: &[u8]) -> Option<Edges<'_>> {
    let (depth, rest) = counter(leaf.strip_prefix(b"{\"depth\":\"")?)?;
    let (index, rest) = counter(rest.strip_prefix(b",\"index\":\"")?)?;
    let rest = rest.strip_prefix(b",\"ledger\":\"")?;
    let (ledger, rest) = match rest.strip_prefix(b"evidence\"") {
        Some(rest) => (Ledger::Evidence, rest),
        None => (Ledger::Reasoning, rest.strip_prefix(b"reasoning\"")?),
    };
    let rest = rest.strip_prefix(b",\"prior_entry_hash\":")?;
    let (prior, rest) = match rest.strip_prefix(b"null") {
        Some(rest) => (None, rest),
        None => {
            let (hex, rest) = rest.strip_prefix(b"\"sha256:")?.split_first_chunk::<HEX>()?;
            (Some(digest(hex)?), rest.strip_prefix(b"\"")?)
        }
    };
    let rest = rest.strip_prefix(b",\"record\":{")?;
    let (rest, time) = rest.strip_suffix(b"\"}")?.split_last_chunk::<TIME>()?;
    let rest = rest.strip_suffix(b"\",\"time\":\"")?;
    let (rest, _) = rest.split_last_chunk::<HEX>()?;
    let rest = rest.strip_suffix(b"\",\"submission\":\"sha256:")?;
    // No subject contains a quote, so that the nearest one begins it.
    let quote = rest.iter().rposition(|byte| *byte == b'"')?;
    let (rest, subject) = (rest.get(..quote)?, rest.get(quote + 1..)?);
    rest.strip_suffix(b"},\"subject\":")?;
    let (subject, time) = (std::str::from_utf8(subject).ok()?, std::str::from_utf8(time).ok()?);
    Some(Edges { index, ledger, depth, prior, subject, time })
}

/// A counter in its one spelling, and what follows its closing quote.
fn counter(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let digits = bytes.iter().take(21).position(|byte| *byte == b'"')?;
    let (text, rest) = bytes.split_at_checked(digits)?;
    if text.is_empty() || (text.len() > 1 && text[0] == b'0') {
        return None;
    }
    let mut value = 0_u64;
    for digit in text {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some((value, rest.get(1..)?))
}

/// Lowercase hex, eight characters at a time: a leaf is hashed in little more time than a table would take for these.
fn digest(hex: &[u8; HEX]) -> Option<Digest> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let (mut out, mut wrong) = ([0; 32], 0);
    for (bytes, chars) in out.as_chunks_mut::<4>().0.iter_mut().zip(hex.as_chunks::<8>().0) {
        let c = u64::from_be_bytes(*chars);
        // One bit for each character that is a letter, at the place of 0x01; characters of 0x80 and above are wrong.
        let letter = (c >> 6) & ONES;
        let value = (c & (0x0f * ONES)) + 9 * letter;
        // Written back, the value gives the character that was read, unless that was no digit of lowercase hex.
        let from_ten = ((value + 6 * ONES) >> 4) & ONES;
        wrong |= (c ^ (0x30 * ONES + value + 0x27 * from_ten)) | (value & (0xf0 * ONES));
        // Pairs of nibbles together, then pairs of bytes.
        let pairs = (value >> 4) | value;
        let packed = pairs & 0x00ff_00ff_00ff_00ff;
        let packed = ((packed >> 8) | packed) & 0x0000_ffff_0000_ffff;
        *bytes = (((packed >> 16) | packed) as u32).to_be_bytes();
    }
    (wrong == 0).then(|| Digest::from_bytes(out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Entry;
    use crate::record::{Content, Record};
    use crate::time::{Timestamp, U64};
    use proptest::prelude::*;

    fn entry(index: u64, depth: u64, prior: Option<Digest>, data: &str, subject: &str, ms: u64) -> Entry {
        Entry {
            index: U64(index),
            ledger: if index.is_multiple_of(2) { Ledger::Evidence } else { Ledger::Reasoning },
            subject: subject.parse().unwrap(),
            depth: U64(depth),
            prior_entry_hash: prior,
            time: Timestamp::from_millis(ms),
            submission: Digest::of(data.as_bytes()),
            record: Record::Evidence(Content { data: data.into(), evidence: Vec::new(), runs: Vec::new() }),
        }
    }

    proptest! {
        #[test]
        fn edges_are_those_of_the_whole_reading(
            index: u64, depth: u64, prior: Option<[u8; 32]>, data: String, subject in "cluster|organisation:[a-zA-Z0-9:/_.-]{1,60}|substrate:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", ms in 0..4_000_000_000_000_u64,
        ) {
            // What looks like an edge inside the record is not taken for one.
            for data in [data, r#"},"subject":"x","submission":"sha256:"#.into()] {
                let entry = entry(index, depth, prior.map(Digest::from_bytes), &data, &subject, ms);
                let leaf = entry.leaf();
                let edges = read(&leaf).unwrap();
                prop_assert_eq!((edges.index, edges.ledger, edges.depth), (index, entry.ledger, depth));
                prop_assert_eq!((edges.prior, edges.subject), (entry.prior_entry_hash, subject.as_str()));
                prop_assert_eq!(edges.time, entry.time.to_string());
            }
        }

        /// Whatever the whole reading accepts after a change, the edges say the same of it.
        #[test]
        fn no_altered_leaf_reads_otherwise(at: prop::sample::Index, byte: u8, cut in 0..3_usize) {
            let mut leaf = entry(12, 3, Some(Digest::of(b"p")), "d", "cluster", 5).leaf();
            let at = at.index(leaf.len());
            leaf[at] = byte;
            leaf.truncate(leaf.len() - cut);
            let edges = read(&leaf);
            if let Ok(entry) = Entry::from_leaf(&leaf) {
                let edges = edges.unwrap();
                prop_assert_eq!((edges.index, edges.depth, edges.prior), (entry.index.0, entry.depth.0, entry.prior_entry_hash));
                prop_assert_eq!((edges.subject.to_owned(), edges.ledger), (entry.subject.to_string(), entry.ledger));
            }
        }

        #[test]
        fn hex_is_read_as_elsewhere(bytes: [u8; 32], at in 0..64_usize, other: u8) {
            let mut hex = <[u8; 64]>::try_from(Digest::from_bytes(bytes).hex().as_bytes()).unwrap();
            prop_assert_eq!(digest(&hex), Some(Digest::from_bytes(bytes)));
            hex[at] = other;
            let read = std::str::from_utf8(&hex).ok().and_then(crate::digest::unhex);
            prop_assert_eq!(digest(&hex).map(|digest| digest.as_bytes().to_vec()), read);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
        }
    }
}
