//! What the log's segments hold: one frame for each write.
//!
//! ```text
//! frame = header (64) ‖ row* ‖ zeros to the next sector                 begins at a sector of 512 bytes
//! header  = "SFLF" ‖ kind u8 ‖ 0 0 0 ‖ segment ‖ offset ‖ sequence ‖ durable ‖ bytes of rows ‖ check (16)
//! row   = index ‖ u32be len ‖ stored row                              numbers without a size are u64be
//! check = first 16 bytes of BLAKE3( the header before it )
//! ```
//! Every frame names its place and counts on from the one before it. `durable` is the sequence below which all frames
//! were synced when this one was written: whoever finds a hole before such a frame knows that it was not left by a crash.

use crate::store::row::{self, DIGEST};
use bytes::Bytes;
use selfsame_machine::view::ReadError;
use std::io;

/// A frame begins at a multiple, so that no byte that was synced is ever written again. What a disk writes whole.
pub(super) const SECTOR: usize = 512;
pub(super) const HEADER: usize = 64;
const CHECKED: usize = 48;
const MAGIC: &[u8; 4] = b"SFLF";
/// The table that the digests of the rows name.
pub(in crate::store) const ENTRIES_NAME: &str = "entries";
/// Index and length before a stored row.
const ROW: usize = 12;

/// What the rows of a frame do to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameKind {
    /// They are the entries from the first row's index on, in the place of what stood there.
    Entries = 1,
    /// One empty row: nothing stands at its index and after it.
    Truncation = 2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub kind: FrameKind,
    pub segment: u64,
    /// Where the frame begins in its segment, bytes.
    pub offset: u64,
    pub sequence: u64,
    pub durable: u64,
    /// Bytes of all rows.
    pub rows: u64,
}

/// What stands where a frame may begin.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FoundFrame {
    Frame(FrameHeader),
    /// Only zeros in this sector: nothing was written, or it did not arrive.
    Blank,
    /// Neither.
    Bad,
}

/// Where a row is in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameRow {
    pub index: u64,
    /// Of the stored row, bytes from the frame's begin, or from the file's.
    pub at: u64,
    /// Of the stored row.
    pub len: usize,
}

impl FrameHeader {
    /// Bytes of the whole frame.
    pub(super) fn frame(&self) -> u64 {
        (HEADER as u64).saturating_add(self.rows).div_ceil(SECTOR as u64).saturating_mul(SECTOR as u64)
    }

    fn bytes(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(MAGIC);
        bytes[4] = self.kind as u8;
        let numbers = [self.segment, self.offset, self.sequence, self.durable, self.rows];
        for (place, number) in bytes[8..CHECKED].chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_be_bytes());
        }
        let check = check(&bytes[..CHECKED]);
        bytes[CHECKED..].copy_from_slice(&check);
        bytes
    }

    /// Reads the sector in which a frame may begin; a short one is what is left of the file.
    pub(super) fn read(sector: &[u8]) -> FoundFrame {
        if sector.iter().all(|byte| *byte == 0) {
            return FoundFrame::Blank;
        }
        let Some(header) = sector.first_chunk::<HEADER>() else { return FoundFrame::Bad };
        if header[..4] != *MAGIC || check(&header[..CHECKED]) != header[CHECKED..] {
            return FoundFrame::Bad;
        }
        let kind = match header[4] {
            1 => FrameKind::Entries,
            2 => FrameKind::Truncation,
            _ => return FoundFrame::Bad,
        };
        let number = |at: usize| header[at..at + 8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let (segment, offset, sequence) = (number(8), number(16), number(24));
        FoundFrame::Frame(FrameHeader { kind, segment, offset, sequence, durable: number(32), rows: number(40) })
    }
}

fn check(header: &[u8]) -> [u8; HEADER - CHECKED] {
    let mut check = [0; HEADER - CHECKED];
    check.copy_from_slice(&blake3::hash(header).as_bytes()[..HEADER - CHECKED]);
    check
}

/// A frame under a header whose row bytes are set here, and where each row is in it.
pub(super) fn encode(header: FrameHeader, rows: &[(u64, Bytes)]) -> (Vec<u8>, Vec<FrameRow>) {
    let size = rows.iter().map(|(_, value)| ROW + DIGEST + value.len()).sum::<usize>();
    let header = FrameHeader { rows: size as u64, ..header };
    let mut bytes = Vec::with_capacity((HEADER + size).next_multiple_of(SECTOR));
    bytes.extend_from_slice(&header.bytes());
    let mut locations = Vec::with_capacity(rows.len());
    for (index, value) in rows {
        let (key, len) = (index.to_be_bytes(), DIGEST + value.len());
        bytes.extend_from_slice(&key);
        bytes.extend_from_slice(&(len as u32).to_be_bytes());
        locations.push(FrameRow { index: *index, at: bytes.len() as u64, len });
        bytes.extend_from_slice(row::digest(ENTRIES_NAME, &key, value).as_bytes());
        bytes.extend_from_slice(value);
    }
    bytes.resize(bytes.len().next_multiple_of(SECTOR), 0);
    (bytes, locations)
}

/// The rows of a frame, each checked against its digest; an error names what is wrong with them.
pub(super) fn rows(header: &FrameHeader, frame: &[u8]) -> Result<Vec<FrameRow>, String> {
    let part = |at: u64, len: usize| usize::try_from(at).ok().and_then(|at| frame.get(at..)?.get(..len));
    let read = |at: u64, out: &mut [u8]| {
        out.copy_from_slice(part(at, out.len()).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    };
    let rows = scan_rows(header, read).map_err(|error| error.to_string())??;
    for row in &rows {
        let stored = part(row.at, row.len).ok_or_else(|| format!("row {} passes the frame's end", row.index))?;
        decode_row(row.index, stored).map_err(|error| error.to_string())?;
    }
    Ok(rows)
}

/// Where the rows of a frame are, by what `read` gives from the frame's begin; none of them is checked. An inner error
/// names what is wrong with them.
pub(super) fn scan_rows(
    header: &FrameHeader,
    mut read: impl FnMut(u64, &mut [u8]) -> io::Result<()>,
) -> io::Result<Result<Vec<FrameRow>, String>> {
    let end = (HEADER as u64).saturating_add(header.rows);
    let (mut at, mut rows) = (HEADER as u64, Vec::new());
    while at < end {
        let mut start = [0; ROW];
        read(at, &mut start)?;
        let (index, len) = begin(&start);
        at += ROW as u64;
        rows.push(FrameRow { index, at, len });
        at += len as u64;
        if at > end {
            return Ok(Err(format!("row {index} of {len} bytes passes its end")));
        }
    }
    Ok(Ok(rows))
}

/// Index and length of a row.
fn begin(start: &[u8; ROW]) -> (u64, usize) {
    let index = start[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    (index, start[8..].iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}

/// The value of a stored row.
pub(super) fn decode_row(index: u64, stored: &[u8]) -> Result<&[u8], ReadError> {
    row::decode(ENTRIES_NAME, &index.to_be_bytes(), stored)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER_7: FrameHeader =
        FrameHeader { kind: FrameKind::Entries, segment: 3, offset: 1_024, sequence: 7, durable: 6, rows: 0 };

    #[test]
    fn what_was_encoded_is_found_again() {
        let values = [(9, Bytes::from(vec![1; 600])), (10, Bytes::new())];
        let (frame, locations) = encode(HEADER_7, &values);
        let FoundFrame::Frame(header) = FrameHeader::read(&frame[..SECTOR]) else { panic!("no header") };
        assert_eq!(header, FrameHeader { rows: 600 + 2 * 44, ..HEADER_7 });
        assert_eq!((header.frame(), frame.len() % SECTOR), (frame.len() as u64, 0));
        assert_eq!(rows(&header, &frame).unwrap(), locations);
        let read = |at: u64, out: &mut [u8]| -> io::Result<()> {
            out.copy_from_slice(&frame[at as usize..][..out.len()]);
            Ok(())
        };
        assert_eq!(scan_rows(&header, read).unwrap().unwrap(), locations);
        for (location, (index, value)) in locations.iter().zip(&values) {
            let stored = &frame[location.at as usize..][..location.len];
            assert_eq!(decode_row(*index, stored).unwrap(), value);
        }
    }

    // shows: WL-15
    #[test]
    fn any_bit_of_head_and_rows_is_checked() {
        let (frame, _) = encode(HEADER_7, &[(9, Bytes::from_static(b"value"))]);
        for bit in 0..(HEADER + ROW + DIGEST + 5) * 8 {
            let mut bent = frame.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            let whole = match FrameHeader::read(&bent[..SECTOR]) {
                FoundFrame::Frame(header) => rows(&header, &bent).is_ok(),
                FoundFrame::Blank | FoundFrame::Bad => false,
            };
            assert!(!whole, "bit {bit}");
        }
        assert_eq!(FrameHeader::read(&[0; SECTOR]), FoundFrame::Blank);
        assert_eq!(FrameHeader::read(&[]), FoundFrame::Blank);
        assert_eq!(FrameHeader::read(b"SFLF"), FoundFrame::Bad);
    }
}
