//! One file of the log: frames one after the other, in a file that grows in steps of zeros.

use super::frame::{self, FoundFrame, FrameHeader, FrameKind, FrameRow, SECTOR};
use crate::store::error::OpenError;
use bytes::Bytes;
use selfsame_env::{Disk, DiskFile};
use std::io;
use std::sync::Arc;

/// Bytes by which a file grows before it is written: a sync of every frame need not keep a new length. A file whose
/// length is no multiple was cut or grown by somebody else.
pub(super) const GROW: u64 = 128 << 10;

pub(super) struct Segment {
    pub number: u64,
    /// Sequence of the first frame.
    pub begins: u64,
    pub file: Arc<dyn DiskFile>,
    /// Highest index of all entries that were ever written to it.
    pub highest: Option<u64>,
    /// Where the next frame begins, bytes.
    end: u64,
    len: u64,
}

/// Takes the frames that are read at a start.
pub(super) type Each<'a> = dyn FnMut(&Arc<dyn DiskFile>, FrameKind, &[FrameRow]) -> Result<(), String> + 'a;

/// File name of a segment.
pub(super) fn name(number: u64) -> String {
    format!("log-{number:020}.seg")
}

/// Whether this is a segment's file name.
pub(super) fn is_segment(name: &str) -> bool {
    name.starts_with("log-") && name.ends_with(".seg")
}

fn damaged(number: u64, reason: impl std::fmt::Display) -> OpenError {
    OpenError::Damaged { file: name(number), reason: reason.to_string() }
}

impl Segment {
    /// An empty segment, durable. What a crash left of an earlier attempt goes.
    pub(super) fn create(disk: &dyn Disk, number: u64, begins: u64) -> io::Result<Segment> {
        let file = disk.open(&name(number), true)?;
        file.set_len(0)?;
        file.set_len(GROW)?;
        file.sync()?;
        Ok(Segment { number, begins, file, highest: None, end: 0, len: GROW })
    }

    /// Whether `bytes` are passed.
    pub(super) fn is_full(&self, bytes: u64) -> bool {
        self.end >= bytes
    }

    /// Writes one frame, which is not durable before the file is synced. LogIndexMap are from the file's begin.
    pub(super) fn write(
        &mut self,
        kind: FrameKind,
        (sequence, durable): (u64, u64),
        rows: &[(u64, Bytes)],
    ) -> io::Result<Vec<FrameRow>> {
        let header = FrameHeader { kind, segment: self.number, offset: self.end, sequence, durable, rows: 0 };
        let (bytes, mut locations) = frame::encode(header, rows);
        let end = self.end + bytes.len() as u64;
        if end > self.len {
            let len = end.next_multiple_of(GROW);
            self.file.set_len(len)?;
            self.len = len;
        }
        self.file.write(self.end, &bytes)?;
        for location in &mut locations {
            location.at += self.end;
        }
        self.end = end;
        self.saw(kind, &locations);
        Ok(locations)
    }

    fn saw(&mut self, kind: FrameKind, rows: &[FrameRow]) {
        if kind == FrameKind::Entries {
            self.highest = self.highest.max(rows.last().map(|row| row.index));
        }
    }

    fn open(disk: &dyn Disk, (number, begins): (u64, u64)) -> Result<Segment, OpenError> {
        let file = disk.open(&name(number), false).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => damaged(number, "it is missing"),
            _ => error.into(),
        })?;
        let len = file.len()?;
        if len == 0 || !len.is_multiple_of(GROW) {
            let reason = format!("it has {len} bytes, no multiple of {GROW}: it was cut or grown");
            return Err(damaged(number, reason));
        }
        Ok(Segment { number, begins, file, highest: None, end: 0, len })
    }

    /// Reads where the entries of a segment are that others follow: it was synced, and ends with the frame before `ends`.
    /// The entries themselves are checked when they are read.
    pub(super) fn scan(
        disk: &dyn Disk,
        begins: (u64, u64),
        ends: u64,
        each: &mut Each<'_>,
    ) -> Result<Segment, OpenError> {
        let mut segment = Segment::open(disk, begins)?;
        let mut window = Window { file: segment.file.clone(), len: segment.len, at: 0, bytes: Vec::new() };
        for sequence in segment.begins..ends {
            let mut sector = [0; SECTOR];
            if segment.end < segment.len {
                window.read(segment.end, &mut sector)?;
            }
            let at = segment.end;
            let Some(header) = segment.header(&sector, sequence)? else {
                let reason = format!("it ends before frame {sequence}, the next segment begins with {ends}");
                return Err(damaged(segment.number, reason));
            };
            if at.saturating_add(header.frame()) > segment.len {
                return Err(damaged(segment.number, format!("the frame at {at} passes its end")));
            }
            let rows = frame::scan_rows(&header, |from, out| window.read(at + from, out))?
                .map_err(|reason| damaged(segment.number, format!("the frame at {at}: {reason}")))?;
            segment.take(&header, rows, each)?;
        }
        Ok(segment)
    }

    /// Reads the last segment and gives the sequence of the next frame as well. It ends where a crash left it: a frame
    /// that did not arrive whole goes, with what came after it, unless it is known to have been synced.
    pub(super) fn recover(
        disk: &dyn Disk,
        begins: (u64, u64),
        each: &mut Each<'_>,
    ) -> Result<(Segment, u64), OpenError> {
        let mut segment = Segment::open(disk, begins)?;
        let len = usize::try_from(segment.len).map_err(|error| damaged(segment.number, error))?;
        let mut bytes = vec![0; len];
        segment.file.read(0, &mut bytes)?;
        let mut sequence = segment.begins;
        let (mut starts, mut durable) = (Vec::new(), segment.begins);
        loop {
            let rest = &bytes[segment.end as usize..];
            let Some(header) = segment.header(&rest[..rest.len().min(SECTOR)], sequence)? else { break };
            // The file is made long enough before a frame is written: without it, the new length did not arrive.
            let Some(frame) = rest.get(..usize::try_from(header.frame()).unwrap_or(usize::MAX)) else { break };
            let rows = match frame::rows(&header, frame) {
                Ok(rows) => rows,
                // A sector that did not arrive reads as zeros; in one that did, a wrong digest is decay.
                Err(_) if frame.chunks(SECTOR).any(|sector| FrameHeader::read(sector) == FoundFrame::Blank) => break,
                Err(reason) => {
                    return Err(damaged(segment.number, format!("the frame at {}: {reason}", segment.end)));
                }
            };
            starts.push(segment.end);
            durable = durable.max(header.durable);
            segment.take(&header, rows, each)?;
            sequence += 1;
        }
        segment.check_rest(&bytes, sequence)?;
        // After a sync that failed, memory may show what no disk holds and no later sync writes: it is written again.
        let unsure = starts.get(usize::try_from(durable - segment.begins).unwrap_or(usize::MAX));
        let unsure = unsure.copied().unwrap_or(segment.end);
        segment.settle(&bytes, unsure)?;
        Ok((segment, sequence))
    }

    /// The header of the frame that follows, in its first sector; none where nothing was written.
    fn header(&self, sector: &[u8], sequence: u64) -> Result<Option<FrameHeader>, OpenError> {
        let at = self.end;
        match FrameHeader::read(sector) {
            FoundFrame::Blank => Ok(None),
            FoundFrame::Bad => Err(damaged(self.number, format!("what stands at {at} is no frame"))),
            FoundFrame::Frame(header)
                if (header.segment, header.offset, header.sequence) != (self.number, at, sequence) =>
            {
                let FrameHeader { segment, offset, sequence: found, .. } = header;
                let reason =
                    format!("at {at} stands frame {found} of segment {segment}, place {offset}, not frame {sequence}");
                Err(damaged(self.number, reason))
            }
            FoundFrame::Frame(header) => Ok(Some(header)),
        }
    }

    /// Takes one frame that was read; its rows are placed from its begin.
    fn take(&mut self, header: &FrameHeader, mut rows: Vec<FrameRow>, each: &mut Each<'_>) -> Result<(), OpenError> {
        for row in &mut rows {
            row.at += self.end;
        }
        each(&self.file, header.kind, &rows)
            .map_err(|reason| damaged(self.number, format!("the frame at {}: {reason}", self.end)))?;
        self.saw(header.kind, &rows);
        self.end += header.frame();
        Ok(())
    }

    /// Refuses a hole that no crash left: what stands behind it tells.
    fn check_rest(&self, bytes: &[u8], sequence: u64) -> Result<(), OpenError> {
        let rest = &bytes[self.end as usize..];
        for (sector, at) in rest.chunks(SECTOR).zip((self.end..).step_by(SECTOR)) {
            let FoundFrame::Frame(header) = FrameHeader::read(sector) else { continue };
            if header.durable > sequence {
                let reason = format!("frame {sequence} is gone, though it was synced before frame {}", header.sequence);
                return Err(damaged(self.number, reason));
            }
            if (header.segment, header.offset) != (self.number, at) {
                return Err(damaged(self.number, format!("the frame of place {} stands at {at}", header.offset)));
            }
        }
        Ok(())
    }

    /// Removes what stands after the last whole frame, writes again what stands from `unsure` on, and syncs.
    fn settle(&mut self, bytes: &[u8], unsure: u64) -> io::Result<()> {
        if bytes[self.end as usize..].iter().any(|byte| *byte != 0) {
            self.file.set_len(self.end)?;
            self.len = self.end.next_multiple_of(GROW).max(GROW);
            self.file.set_len(self.len)?;
        }
        if unsure < self.end {
            self.file.write(unsure, &bytes[unsure as usize..self.end as usize])?;
        }
        self.file.sync()
    }
}

/// Reads ahead: small frames stand close together, and of a large one only the beginnings of its rows are wanted.
struct Window {
    file: Arc<dyn DiskFile>,
    /// Bytes of the file.
    len: u64,
    at: u64,
    bytes: Vec<u8>,
}

impl Window {
    const BYTES: u64 = 32 << 10;

    fn read(&mut self, from: u64, out: &mut [u8]) -> io::Result<()> {
        let end = from + out.len() as u64;
        if from < self.at || end > self.at + self.bytes.len() as u64 {
            let len = Self::BYTES.min(self.len.saturating_sub(from)).max(out.len() as u64);
            self.bytes.resize(len as usize, 0);
            self.at = from;
            self.file.read(from, &mut self.bytes)?;
        }
        out.copy_from_slice(&self.bytes[(from - self.at) as usize..][..out.len()]);
        Ok(())
    }
}
