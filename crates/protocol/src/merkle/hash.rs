//! Hashes of leaves and nodes, on SHA-256's blocks directly.
//!
//! A tree hashes many short messages. What the general interface does for each (buffering the one byte in front, keeping
//! a state that could go on) costs as much as a block; here the blocks are laid out at once. The tests compare both.

use crate::digest::Digest;
use sha2::block_api::compress256;

/// Initial state of SHA-256 (FIPS 180-4, section 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

fn digest(state: [u32; 8]) -> Digest {
    let mut bytes = [0; 32];
    for (out, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *out = word.to_be_bytes();
    }
    Digest::from_bytes(bytes)
}

/// Hash of a leaf: SHA-256(0x00 ‖ entry).
pub fn leaf_hash(entry: &[u8]) -> Digest {
    let mut state = INITIAL;
    let mut rest = entry;
    // Bytes of the message that stand in `last` already.
    let mut used = 1;
    let mut last = [0; 128];
    if let Some((first, behind)) = entry.split_first_chunk::<63>() {
        let mut block = [0; 64];
        block[1..].copy_from_slice(first);
        let (whole, tail) = behind.as_chunks::<64>();
        compress256(&mut state, &[block]);
        compress256(&mut state, whole);
        (rest, used) = (tail, 0);
    }
    // At most 63 bytes are left, behind the zero byte if it still stands here; then the padding of the standard.
    let end = used + rest.len();
    last[used..end].copy_from_slice(rest);
    last[end] = 0x80;
    let blocks = if end < 56 { 1 } else { 2 };
    let bits = (entry.len() as u64 + 1) * 8;
    last[blocks * 64 - 8..blocks * 64].copy_from_slice(&bits.to_be_bytes());
    compress256(&mut state, &last.as_chunks::<64>().0[..blocks]);
    digest(state)
}

/// Hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
pub(crate) fn node_hash(left: &Digest, right: &Digest) -> Digest {
    let mut blocks = [0; 128];
    blocks[0] = 1;
    blocks[1..33].copy_from_slice(left.as_bytes());
    blocks[33..65].copy_from_slice(right.as_bytes());
    // The padding of a message of 65 bytes, 520 bits.
    blocks[65] = 0x80;
    blocks[126..].copy_from_slice(&520_u16.to_be_bytes());
    let mut state = INITIAL;
    compress256(&mut state, blocks.as_chunks::<64>().0);
    digest(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_general_interface() {
        let bytes: Vec<u8> = (0..70_000_u32).map(|n| (n % 251) as u8).collect();
        for length in (0..400).chain([1_000, 65_535, 65_536, 69_000]) {
            let entry = &bytes[..length];
            assert_eq!(leaf_hash(entry), Digest::of(&[&[0], entry].concat()), "{length}");
        }
        for n in 0..200 {
            let (left, right) = (Digest::of(&bytes[n..n + 3]), Digest::of(&bytes[n..n + 4]));
            let plain = [&[1][..], left.as_bytes(), right.as_bytes()].concat();
            assert_eq!(node_hash(&left, &right), Digest::of(&plain));
        }
    }
}
