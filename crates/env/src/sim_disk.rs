//! A disk that can lose what was not synced, fail and fill up: for tests and the simulator.
//!
//! Each file has a live image, which reads see, and a durable one. A crash keeps, of every un-synced write, a random
//! subset of its 512-byte sectors: sectors are atomic, writes are not, and order between syncs is not kept. [`Loss`]
//! names other ways to lose power, and a [`Trap`] waits for one operation on one file and spoils it.

use super::{Disk, DiskFile};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

mod trap;

pub use trap::{Effect, Loss, Op, PageRule, Target, Trap};

const SECTOR: usize = 512;
/// Under which the first write of each fault is counted that finds no room.
pub const FULL: &str = "D6_enospc";
/// The block in which a misdirected write lands.
const BLOCK: u64 = 4096;

/// A directory in memory.
#[derive(Clone, Debug, Default)]
pub struct SimDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, Arc<Mutex<Image>>>,
    faults: Faults,
    generation: u64,
    traps: Vec<Trap>,
    /// Traps that went off, until the world has seen them.
    hits: Vec<&'static str>,
    /// Power went off by itself; nothing works until [`SimDisk::crash`].
    off: Option<Loss>,
    /// Syncs since somebody asked.
    syncs: u64,
    lying: bool,
    sync_takes: Duration,
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

    /// Arms a trap. Power loss disarms all.
    pub fn arm(&self, trap: Trap) {
        lock(&self.0).traps.push(trap);
    }

    /// Disarms all traps and lifts all faults.
    pub fn disarm(&self) {
        let mut state = lock(&self.0);
        state.traps.clear();
        state.faults = Faults::default();
    }

    /// Disarms the traps of one label.
    pub fn disarm_only(&self, label: &str) {
        lock(&self.0).traps.retain(|trap| trap.label != label);
    }

    /// Labels of the traps that went off since the last call.
    pub fn take_hits(&self) -> Vec<&'static str> {
        std::mem::take(&mut lock(&self.0).hits)
    }

    /// How power went off by a trap, until the crash is made.
    pub fn off(&self) -> Option<Loss> {
        lock(&self.0).off
    }

    /// Syncs since the last call.
    pub fn take_syncs(&self) -> u64 {
        std::mem::take(&mut lock(&self.0).syncs)
    }

    /// Whether syncs return without making anything durable. Stays over crashes: it is the drive that lies.
    pub fn set_lying(&self, lying: bool) {
        lock(&self.0).lying = lying;
    }

    /// Sets how long syncs take that overlap with other work.
    pub fn set_sync_takes(&self, time: Duration) {
        lock(&self.0).sync_takes = time;
    }

    /// Bytes that all files together hold.
    pub fn used(&self) -> u64 {
        lock(&self.0).files.values().map(|file| lock(file).live.len() as u64).sum()
    }

    /// Power loss. `random` decides the fate of each un-synced sector. Handles opened before fail for ever after, so
    /// that a process that should be dead cannot write.
    pub fn crash(&self, random: impl FnMut() -> u64) {
        self.crash_with(Loss::Mixed, random);
    }

    /// A crash that loses what `loss` says.
    pub fn crash_with(&self, loss: Loss, mut random: impl FnMut() -> u64) {
        let mut state = lock(&self.0);
        state.generation += 1;
        state.off = None;
        state.traps.clear();
        state.faults = Faults::default();
        if loss == Loss::Nothing {
            return;
        }
        for file in state.files.values_mut() {
            let mut image = lock(file);
            let mut after = std::mem::take(&mut image.durable);
            for (offset, data) in loss.kept(std::mem::take(&mut image.unsynced), &mut random) {
                if let Ok(offset) = usize::try_from(offset) {
                    put(&mut after, offset, &data);
                }
            }
            let fresh = Image { live: after.clone(), durable: after, unsynced: Vec::new() };
            drop(image);
            *file = Arc::new(Mutex::new(fresh));
        }
    }

    /// Cuts a file or makes it longer by bytes of one value, in both images.
    pub fn resize(&self, name: &str, len: u64, fill: u8) {
        let state = lock(&self.0);
        if let (Some(file), Ok(len)) = (state.files.get(name), usize::try_from(len)) {
            let mut image = lock(file);
            image.live.resize(len, fill);
            image.durable.resize(len, fill);
            image.unsynced.clear();
        }
    }

    /// Puts the files of another disk, and only those, in the place of this one's. Handles opened before fail.
    pub fn replace(&self, by: &SimDisk) {
        let files = std::mem::take(&mut lock(&by.durable_copy().0).files);
        let mut state = lock(&self.0);
        state.generation += 1;
        state.files = files;
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

    /// As [`SimDisk::durable_copy`], with one file alone.
    pub fn durable_copy_of(&self, name: &str) -> SimDisk {
        let copied = SimDisk::new();
        if let Some(file) = lock(&self.0).files.get(name) {
            let bytes = lock(file).durable.clone();
            let image = Image { live: bytes.clone(), durable: bytes, unsynced: Vec::new() };
            lock(&copied.0).files.insert(name.to_owned(), Arc::new(Mutex::new(image)));
        }
        copied
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
    fn sync_takes(&self) -> Duration {
        lock(&self.0).sync_takes
    }
    fn open(&self, name: &str, create: bool) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = lock(&self.0);
        if state.off.is_some() {
            return Err(powerless());
        }
        let image = match (state.files.get(name), create) {
            (Some(image), _) => image.clone(),
            (None, true) => state.files.entry(name.to_owned()).or_default().clone(),
            (None, false) => return Err(io::Error::new(io::ErrorKind::NotFound, format!("no file {name}"))),
        };
        Ok(Arc::new(SimFile { name: name.to_owned(), image, disk: self.clone(), generation: state.generation }))
    }
    fn exists(&self, name: &str) -> io::Result<bool> {
        Ok(lock(&self.0).files.contains_key(name))
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = lock(&self.0);
        if state.off.is_some() {
            return Err(powerless());
        }
        state.files.remove(name);
        Ok(())
    }
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(lock(&self.0).files.keys().cloned().collect())
    }
}

fn powerless() -> io::Error {
    io::Error::other("the power is off")
}

struct SimFile {
    name: String,
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

    /// The effect of the trap that this operation steps into.
    fn trap(&self, op: Op, data: &[u8]) -> Option<Effect> {
        let mut state = lock(&self.disk.0);
        let at = state.traps.iter_mut().position(|trap| trap.steps_in(&self.name, op, data))?;
        let trap = state.traps.remove(at);
        state.hits.push(trap.label);
        Some(trap.effect)
    }

    fn power_off(&self, loss: Loss) -> io::Error {
        let mut state = lock(&self.disk.0);
        state.generation += 1;
        state.off = Some(loss);
        powerless()
    }

    fn store(&self, offset: u64, data: &[u8], kept: bool) -> io::Result<()> {
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
        if kept {
            image.unsynced.push((offset, data.to_vec()));
        }
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let mut guard = lock(&self.image);
        let image = &mut *guard;
        // Only what was written since: after a failed sync the lost writes stay lost, though reads still show them.
        for (offset, data) in image.unsynced.drain(..) {
            put(&mut image.durable, position(offset)?, &data);
        }
        Ok(())
    }

    fn room(&self, grow: u64) -> io::Result<()> {
        let mut state = lock(&self.disk.0);
        let Some(capacity) = state.faults.capacity else { return Ok(()) };
        let used: u64 = state.files.values().map(|file| lock(file).live.len() as u64).sum();
        if used + grow <= capacity {
            return Ok(());
        }
        if !state.hits.contains(&FULL) {
            state.hits.push(FULL);
        }
        Err(io::Error::from(io::ErrorKind::StorageFull))
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
        match self.trap(Op::Read, &[]) {
            Some(Effect::Fail(code)) => return Err(io::Error::from_raw_os_error(code)),
            Some(Effect::PowerOff { loss, .. }) => return Err(self.power_off(loss)),
            None | Some(Effect::Flip(_) | Effect::Misdirect(_) | Effect::Lose) => {}
        }
        let image = lock(&self.image);
        let from = position(offset)?;
        let bytes = image.live.get(from..from.saturating_add(out.len()));
        out.copy_from_slice(bytes.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?);
        Ok(())
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.alive()?;
        match self.trap(Op::Write, data) {
            None => self.store(offset, data, true),
            Some(Effect::Fail(code)) => Err(io::Error::from_raw_os_error(code)),
            Some(Effect::PowerOff { after, loss }) => {
                if after {
                    self.store(offset, data, true)?;
                }
                Err(self.power_off(loss))
            }
            Some(Effect::Flip(at)) => {
                let mut spoilt = data.to_vec();
                let bits = (spoilt.len() as u64 * 8).max(1);
                if let Some(byte) = spoilt.get_mut(position(at % bits / 8)?) {
                    *byte ^= 1 << (at % 8);
                }
                self.store(offset, &spoilt, true)
            }
            Some(Effect::Misdirect(to)) => {
                let blocks = (lock(&self.image).live.len() as u64).saturating_sub(data.len() as u64) / BLOCK;
                self.store(to % blocks.max(1) * BLOCK, data, true)
            }
            // The page cache has it, the platter never gets it.
            Some(Effect::Lose) => self.store(offset, data, false),
        }
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
        lock(&self.disk.0).syncs += 1;
        match self.trap(Op::Sync, &[]) {
            Some(Effect::Fail(code)) => {
                // The kernel marks the pages clean: the next sync succeeds without them.
                lock(&self.image).unsynced.clear();
                return Err(io::Error::from_raw_os_error(code));
            }
            Some(Effect::PowerOff { after, loss }) => {
                if after {
                    self.flush()?;
                }
                return Err(self.power_off(loss));
            }
            None | Some(Effect::Flip(_) | Effect::Misdirect(_) | Effect::Lose) => {}
        }
        if lock(&self.disk.0).lying { Ok(()) } else { self.flush() }
    }
}
