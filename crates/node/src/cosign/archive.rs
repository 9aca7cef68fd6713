//! Published notes are kept: an old note is what convicts those who sign another history later.
//!
//! ```text
//! files  = published-0, published-1: one is written until it is full, then the other begins anew
//! record = magic[8] ‖ u64be number ‖ u32be length ‖ note ‖ BLAKE3 of all before[32]
//! ```
//! A record that does not read is skipped up to the next magic, so that one bad sector costs one note.

use selfsame_env::{Disk, DiskFile};
use std::io;
use std::sync::Arc;

const FILES: [&str; 2] = ["published-0", "published-1"];
const MAGIC: &[u8; 8] = b"ssnote01";
const HEAD: usize = 20;
/// Bytes at which a file is full: some thousand notes of a few organisations.
const FULL: u64 = 4 << 20;
/// Largest note kept; far more than all organisations' lines.
const MOST: usize = 1 << 20;

/// The two files.
#[derive(Debug)]
pub struct Archive {
    disk: Arc<dyn Disk>,
    active: usize,
    number: u64,
    full: u64,
}

impl Archive {
    /// Opens the files and gives every note that reads, oldest first.
    pub fn open(disk: Arc<dyn Disk>) -> io::Result<(Archive, Vec<String>)> {
        Self::open_sized(disk, FULL)
    }

    /// Every note that reads in the files of a node that may be running, oldest first. Changes nothing.
    pub fn peek(disk: &dyn Disk) -> io::Result<Vec<String>> {
        let mut all = Vec::new();
        for name in FILES {
            if disk.exists(name)? {
                all.extend(records(&read_all(&*disk.open(name, false)?)?));
            }
        }
        all.sort();
        Ok(all.into_iter().map(|(_, note)| note).collect())
    }

    fn open_sized(disk: Arc<dyn Disk>, full: u64) -> io::Result<(Archive, Vec<String>)> {
        let mut all = Vec::new();
        for (at, name) in FILES.into_iter().enumerate() {
            let file = disk.open(name, true)?;
            all.extend(records(&read_all(&*file)?).into_iter().map(|(number, note)| (number, at, note)));
        }
        all.sort();
        let (number, active) = all.last().map_or((0, 0), |(number, at, _)| (*number, *at));
        Ok((Archive { disk, active, number, full }, all.into_iter().map(|(_, _, note)| note).collect()))
    }

    /// Every note that reads, oldest first.
    pub fn notes(&self) -> io::Result<Vec<String>> {
        Ok(Self::open_sized(self.disk.clone(), self.full)?.1)
    }

    /// Keeps a note; durable when this returns.
    pub fn keep(&mut self, note: &str) -> io::Result<()> {
        if note.len() > MOST {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("a note of {} bytes", note.len())));
        }
        let mut file = self.disk.open(FILES[self.active], true)?;
        if file.len()? >= self.full {
            self.active = 1 - self.active;
            file = self.disk.open(FILES[self.active], true)?;
            file.set_len(0)?;
        }
        self.number += 1;
        let length = u32::try_from(note.len()).unwrap_or(u32::MAX);
        let mut record = [&MAGIC[..], &self.number.to_be_bytes(), &length.to_be_bytes(), note.as_bytes()].concat();
        let digest = blake3::hash(&record);
        record.extend_from_slice(digest.as_bytes());
        file.write(file.len()?, &record)?;
        file.sync()
    }
}

fn read_all(file: &dyn DiskFile) -> io::Result<Vec<u8>> {
    // A file of ours ends at most one note after it is full; more is not ours to read.
    let len = usize::try_from(file.len()?.min(FULL + 2 * MOST as u64)).unwrap_or_default();
    let mut bytes = vec![0; len];
    file.read(0, &mut bytes)?;
    Ok(bytes)
}

fn record(bytes: &[u8]) -> Option<(u64, String, usize)> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (number, rest) = rest.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok().filter(|length| *length <= MOST)?;
    let (note, rest) = rest.split_at_checked(length)?;
    let digest = rest.get(..32)?;
    let end = HEAD + length;
    if blake3::hash(&bytes[..end]).as_bytes()[..] != *digest {
        return None;
    }
    Some((u64::from_be_bytes(*number), String::from_utf8(note.to_vec()).ok()?, end + 32))
}

fn records(bytes: &[u8]) -> Vec<(u64, String)> {
    let (mut out, mut at) = (Vec::new(), 0);
    while at + HEAD <= bytes.len() {
        match record(&bytes[at..]) {
            Some((number, note, length)) => {
                out.push((number, note));
                at += length;
            }
            None => match bytes[at + 1..].windows(MAGIC.len()).position(|window| window == MAGIC) {
                Some(offset) => at += 1 + offset,
                None => break,
            },
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_env::sim_disk::SimDisk;

    #[test]
    fn notes_come_back_in_order_and_the_oldest_make_room() {
        let disk: Arc<dyn Disk> = Arc::new(SimDisk::new());
        let (mut archive, none) = Archive::open_sized(disk.clone(), 200).unwrap();
        assert!(none.is_empty());
        let note = |n: u32| format!("note {n:03}\n");
        for n in 0..40 {
            archive.keep(&note(n)).unwrap();
            let (again, notes) = Archive::open_sized(disk.clone(), 200).unwrap();
            assert_eq!(notes.last(), Some(&note(n)));
            assert!(notes.windows(2).all(|pair| pair[0] < pair[1]), "{notes:?}");
            assert!((1..=8).contains(&notes.len()));
            archive = again;
        }
    }

    #[test]
    fn a_bad_sector_costs_one_note_and_a_torn_end_none() {
        let disk: Arc<dyn Disk> = Arc::new(SimDisk::new());
        let (mut archive, _) = Archive::open(disk.clone()).unwrap();
        for n in 0..3 {
            archive.keep(&format!("note {n}")).unwrap();
        }
        let file = disk.open(FILES[0], false).unwrap();
        file.write(file.len().unwrap() / 2, &[0xff]).unwrap();
        file.write(file.len().unwrap(), b"ssnote01half").unwrap();
        let (mut archive, notes) = Archive::open(disk.clone()).unwrap();
        assert_eq!(notes, ["note 0", "note 2"]);
        archive.keep("note 3").unwrap();
        assert_eq!(archive.notes().unwrap(), ["note 0", "note 2", "note 3"]);
    }
}
