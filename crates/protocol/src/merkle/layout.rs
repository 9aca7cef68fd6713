//! The static layout of a log (c2sp.org/tlog-tiles): paths, and the bundles that hold the entries themselves.
//!
//! ```text
//! checkpoint      tile/<L>/<N>[.p/<W>]      tile/entries/<N>[.p/<W>]
//! entry bundle = one to 256 times  u16be(length) ‖ entry
//! ```
//! The same paths stand in URLs and in a folder.

use super::tiles::{TileId, entries_path, tile_path};

/// Hashes of a full tile, entries of a full bundle.
pub const WIDTH: u64 = 256;

/// What a path below `tile/` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TilePath {
    /// The level, 0 to 7; `None` for entries.
    pub level: Option<u8>,
    /// Position in the level.
    pub index: u64,
    /// Hashes or entries, 1 to 256.
    pub width: u64,
}

impl TilePath {
    /// Reads `<L>/<N>[.p/<W>]` and `entries/<N>[.p/<W>]`, in the one spelling that the format has.
    pub fn parse(path: &str) -> Option<TilePath> {
        let (level, rest) = path.split_once('/')?;
        let level = match level {
            "entries" => None,
            // Eight levels of eight bits hold every index.
            _ => Some(canonical(level)?).filter(|level| *level < 8).map(|level| Some(level as u8))?,
        };
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (index, canonical(width).filter(|width| (1..WIDTH).contains(width))?),
            None => (rest, WIDTH),
        };
        let mut groups = index.split('/').peekable();
        let (mut number, mut first) = (0_u64, true);
        while let Some(group) = groups.next() {
            let digits = match groups.peek() {
                Some(_) => group.strip_prefix('x')?,
                None => group,
            };
            let value: u64 =
                Some(digits).filter(|d| d.len() == 3 && d.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?;
            // A leading group of zeros would be a second spelling of the same index.
            if first && value == 0 && groups.peek().is_some() {
                return None;
            }
            first = false;
            number = number.checked_mul(1000)?.checked_add(value)?;
        }
        Some(TilePath { level, index: number, width })
    }

    /// The path, with `tile/` in front.
    pub fn path(&self) -> String {
        match self.level {
            Some(level) => tile_path(TileId { level, index: self.index }, self.width),
            None => entries_path(self.index, self.width),
        }
    }

    /// What a log of `size` entries has of each kind, `None` for entries and then the levels from 0 on: the number of full
    /// ones, and the width of the partial one behind them (0: there is none).
    pub fn levels(size: u64) -> impl Iterator<Item = (Option<u8>, u64, u64)> {
        let counts = move |level: u8| {
            let hashes = size >> (8 * u32::from(level));
            (Some(level), hashes / WIDTH, hashes % WIDTH)
        };
        let entries = (None, size / WIDTH, size % WIDTH);
        std::iter::once(entries).chain((0..8).map(counts)).filter(|(_, full, partial)| *full > 0 || *partial > 0)
    }
}

fn canonical(text: &str) -> Option<u64> {
    text.parse::<u64>().ok().filter(|value| value.to_string() == text)
}

/// Why bytes are not an entry bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {position} of the bundle: expected {expected} bytes, found {found}")]
pub struct BundleForm {
    /// Position in the bundle, from 0; the number of entries when bytes follow the last.
    pub position: u64,
    /// Bytes that should be there.
    pub expected: usize,
    /// Bytes that are there.
    pub found: usize,
}

/// Appends an entry to a bundle. `None` when it is longer than 65,535 bytes.
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Option<()> {
    let length = u16::try_from(entry.len()).ok()?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Some(())
}

/// The `width` entries of a bundle, and nothing behind them.
pub fn entries(bundle: &[u8], width: u64) -> Result<Vec<&[u8]>, BundleForm> {
    let mut rest = bundle;
    let mut out = Vec::with_capacity(width.min(WIDTH) as usize);
    for position in 0..width {
        let Some((length, after)) = rest.split_first_chunk::<2>() else {
            return Err(BundleForm { position, expected: 2, found: rest.len() });
        };
        let expected = usize::from(u16::from_be_bytes(*length));
        let Some((entry, after)) = after.split_at_checked(expected) else {
            return Err(BundleForm { position, expected, found: after.len() });
        };
        out.push(entry);
        rest = after;
    }
    if rest.is_empty() { Ok(out) } else { Err(BundleForm { position: width, expected: 0, found: rest.len() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_back_and_have_one_spelling() {
        for index in [0, 1, 255, 999, 1_000, 67_000, 1_234_067, u64::MAX / 256] {
            for width in [1, 17, 255, 256] {
                for level in [Some(0), Some(7), None] {
                    let wanted = TilePath { level, index, width };
                    let path = wanted.path();
                    assert_eq!(TilePath::parse(path.strip_prefix("tile/").unwrap()), Some(wanted), "{path}");
                }
            }
        }
        for bad in [
            "",
            "0",
            "0/",
            "0/0",
            "0/0000",
            "0/x000/001",
            "8/000",
            "00/000",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/01",
            "0/000.p/",
            "0/+01",
            "0/x001",
            "0/001/067",
            "entries",
            "0/x99/000",
            "0/x001/é01",
            "0/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(TilePath::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_size_names_its_tiles() {
        assert_eq!(TilePath::levels(0).count(), 0);
        assert_eq!(TilePath::levels(3).collect::<Vec<_>>(), [(None, 0, 3), (Some(0), 0, 3)]);
        assert_eq!(
            TilePath::levels(65_536 + 300).collect::<Vec<_>>(),
            [(None, 257, 44), (Some(0), 257, 44), (Some(1), 1, 1), (Some(2), 0, 1)]
        );
    }

    #[test]
    fn bundles_read_back_whole_and_not_otherwise() {
        let mut bundle = Vec::new();
        for entry in [&b"a"[..], b"", &[7; 65_535]] {
            push_entry(&mut bundle, entry).unwrap();
        }
        assert_eq!(push_entry(&mut Vec::new(), &[0; 65_536]), None);
        assert_eq!(entries(&bundle, 3).unwrap(), [&b"a"[..], b"", &[7; 65_535]]);
        assert_eq!(entries(&bundle, 4), Err(BundleForm { position: 3, expected: 2, found: 0 }));
        assert_eq!(entries(&bundle, 2), Err(BundleForm { position: 2, expected: 0, found: 65_537 }));
        assert_eq!(entries(&bundle[..10], 3), Err(BundleForm { position: 2, expected: 65_535, found: 3 }));
        assert_eq!(entries(&[], 0), Ok(Vec::new()));
    }
}
