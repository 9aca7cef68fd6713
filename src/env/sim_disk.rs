//! A disk that can lose what was not synced, fail and fill up: for tests and the simulator.
//!
//! Each file has a live image, which reads see, and a durable one. A crash keeps, of every un-synced write, a random
//! subset of its 512-byte sectors: sectors are atomic, writes are not, and order between syncs is not kept.

use super::{Disk, DiskFile};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const SECTOR: usize = 512;

/// A directory in memory.
#[derive(Clone, Debug, Default)]
pub struct SimDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, Arc<Mutex<Image>>>,
    faults: Faults,
    generation: u64,
}

/// What goes wrong.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// The sync that fails with EIO, counted from 1 and downwards; the one after it works again unless set again.
    pub fail_sync_in: Option<u64>,
    /// Syncs answer without keeping anything: what a disk that lies about its cache does.
    pub lying: bool,
    /// Bytes that all files together may hold; more is ENOSPC.
    pub capacity: Option<u64>,
}

#[derive(Debug, Default)]
struct Image {
    live: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<(u64, Vec<u8>)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn put(bytes: &mut Vec<u8>, at: usize, data: &[u8]) {
    if bytes.len() < at + data.len() {
        bytes.resize(at + data.len(), 0);
    }
    bytes[at..at + data.len()].copy_from_slice(data);
}

impl SimDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        lock(&self.0).faults = faults;
    }

    /// Power loss. `random` decides the fate of each un-synced sector. Handles opened before fail for ever after, so
    /// that a process that should be dead cannot write.
    pub fn crash(&self, mut random: impl FnMut() -> u64) {
        let mut state = lock(&self.0);
        state.generation += 1;
        for file in state.files.values_mut() {
            let mut image = lock(file);
            let mut after = std::mem::take(&mut image.durable);
            for (offset, data) in std::mem::take(&mut image.unsynced) {
                let Ok(offset) = usize::try_from(offset) else { continue };
                let mut at = 0;
                while at < data.len() {
                    // Sectors are positions of the disk, not of the write.
                    let end = (at + SECTOR - (offset + at) % SECTOR).min(data.len());
                    if random().is_multiple_of(2) {
                        put(&mut after, offset + at, &data[at..end]);
                    }
                    at = end;
                }
            }
            let fresh = Image { live: after.clone(), durable: after, unsynced: Vec::new() };
            drop(image);
            *file = Arc::new(Mutex::new(fresh));
        }
        state.faults = Faults::default();
    }

    /// Flips one bit of a file, in both images: decay, not a crash.
    pub fn flip_bit(&self, name: &str, offset: u64, bit: u8) {
        let state = lock(&self.0);
        if let (Some(file), Ok(offset)) = (state.files.get(name), usize::try_from(offset)) {
            let mut guard = lock(file);
            let image = &mut *guard;
            for bytes in [&mut image.live, &mut image.durable] {
                if let Some(byte) = bytes.get_mut(offset) {
                    *byte ^= 1 << (bit % 8);
                }
            }
        }
    }

    /// A disk of its own with the durable images only: what is left when no un-synced write survives.
    pub fn durable_copy(&self) -> SimDisk {
        self.copy(|image| image.durable.clone())
    }

    /// A disk of its own with the images that reads see now.
    pub fn live_copy(&self) -> SimDisk {
        self.copy(|image| image.live.clone())
    }

    fn copy(&self, bytes: impl Fn(&Image) -> Vec<u8>) -> SimDisk {
        let copied = SimDisk::new();
        for (name, file) in &lock(&self.0).files {
            let bytes = bytes(&lock(file));
            let image = Image { live: bytes.clone(), durable: bytes, unsynced: Vec::new() };
            lock(&copied.0).files.insert(name.clone(), Arc::new(Mutex::new(image)));
        }
        copied
    }

    /// The live bytes of a file.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        let file = lock(&self.0).files.get(name).cloned();
        file.map(|file| lock(&file).live.clone()).unwrap_or_default()
    }
}

impl Disk for SimDisk {
    fn open(&self, name: &str, create: bool) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = lock(&self.0);
        let image = match (state.files.get(name), create) {
            (Some(image), _) => image.clone(),
            (None, true) => state.files.entry(name.to_owned()).or_default().clone(),
            (None, false) => return Err(io::Error::new(io::ErrorKind::NotFound, format!("no file {name}"))),
        };
        Ok(Arc::new(SimFile { image, disk: self.clone(), generation: state.generation }))
    }
    fn exists(&self, name: &str) -> io::Result<bool> {
        Ok(lock(&self.0).files.contains_key(name))
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        lock(&self.0).files.remove(name);
        Ok(())
    }
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(lock(&self.0).files.keys().cloned().collect())
    }
}

struct SimFile {
    image: Arc<Mutex<Image>>,
    disk: SimDisk,
    generation: u64,
}

impl std::fmt::Debug for SimFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SimFile(generation {})", self.generation)
    }
}

impl SimFile {
    fn alive(&self) -> io::Result<()> {
        let now = lock(&self.disk.0).generation;
        if now == self.generation {
            return Ok(());
        }
        Err(io::Error::other(format!("handle of generation {} used after crash {now}", self.generation)))
    }

    fn room(&self, grow: u64) -> io::Result<()> {
        let state = lock(&self.disk.0);
        let Some(capacity) = state.faults.capacity else { return Ok(()) };
        let used: u64 = state.files.values().map(|file| lock(file).live.len() as u64).sum();
        if used + grow > capacity { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { Ok(()) }
    }
}

fn position(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
}

impl DiskFile for SimFile {
    fn len(&self) -> io::Result<u64> {
        self.alive()?;
        Ok(lock(&self.image).live.len() as u64)
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.alive()?;
        let image = lock(&self.image);
        let from = position(offset)?;
        let bytes = image.live.get(from..from.saturating_add(out.len()));
        out.copy_from_slice(bytes.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?);
        Ok(())
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.alive()?;
        let end = position(offset)?.saturating_add(data.len());
        let grow = end.saturating_sub(lock(&self.image).live.len());
        if grow > 0 {
            self.room(grow as u64)?;
        }
        let mut image = lock(&self.image);
        if image.live.len() < end {
            image.live.resize(end, 0);
        }
        image.live[end - data.len()..end].copy_from_slice(data);
        image.unsynced.push((offset, data.to_vec()));
        Ok(())
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.alive()?;
        let grow = len.saturating_sub(lock(&self.image).live.len() as u64);
        if grow > 0 {
            self.room(grow)?;
        }
        let mut image = lock(&self.image);
        let len = position(len)?;
        image.live.resize(len, 0);
        // Sizes are kept by a journalled file system's own ordering; contents beyond are zeros until synced.
        image.durable.resize(len, 0);
        image.unsynced.retain(|(offset, _)| *offset < len as u64);
        for (offset, data) in &mut image.unsynced {
            data.truncate(len.saturating_sub(usize::try_from(*offset).unwrap_or(len)));
        }
        Ok(())
    }
    fn sync(&self) -> io::Result<()> {
        self.alive()?;
        if let Some(left) = &mut lock(&self.disk.0).faults.fail_sync_in {
            *left = left.saturating_sub(1);
            if *left == 0 {
                // The kernel drops the error after reporting it once: a second sync would succeed without the data.
                *left = u64::MAX;
                lock(&self.image).unsynced.clear();
                return Err(io::Error::from_raw_os_error(5));
            }
        }
        if lock(&self.disk.0).faults.lying {
            return Ok(());
        }
        let mut guard = lock(&self.image);
        let image = &mut *guard;
        // Only what was written since: after a failed sync the lost writes stay lost, though reads still show them.
        for (offset, data) in image.unsynced.drain(..) {
            put(&mut image.durable, position(offset)?, &data);
        }
        Ok(())
    }
}
