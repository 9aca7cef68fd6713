//! Files of one data directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// One flat directory. There is no rename: files carry their own mark of completeness, so that no step depends on the
/// order in which a file system makes names durable.
pub trait Disk: Send + Sync + std::fmt::Debug {
    /// Opens a file; with `create` makes it durable in the directory when it does not exist.
    fn open(&self, name: &str, create: bool) -> io::Result<Arc<dyn DiskFile>>;
    /// Whether a file exists.
    fn exists(&self, name: &str) -> io::Result<bool>;
    /// Removes a file; one that does not exist is no error. Open handles keep reading it.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Names of all files, sorted.
    fn list(&self) -> io::Result<Vec<String>>;
    /// How long whoever overlaps a sync with other work waits before it asks for it. Nothing on a real disk, where the
    /// sync itself takes its time; a simulated one returns at once, and nothing could happen meanwhile.
    fn sync_takes(&self) -> Duration {
        Duration::ZERO
    }
}

/// A file with positioned reads and writes. Durable only after [`DiskFile::sync`].
pub trait DiskFile: Send + Sync + std::fmt::Debug {
    /// Bytes.
    fn len(&self) -> io::Result<u64>;
    /// Whether the file has no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Fills `out` from `offset`; fails past the end.
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
    /// Writes at `offset`, growing the file.
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()>;
    /// Cuts or grows with zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Returns after everything written before is durable. After an error the content is unknown: the node must stop.
    fn sync(&self) -> io::Result<()>;
}

const LOCK: &str = "lock";

/// A directory of the file system, held by one process at a time.
#[derive(Debug)]
pub struct DirDisk {
    root: PathBuf,
    // Held for its advisory lock, which the kernel drops with the process, however it ends.
    _lock: File,
}

impl DirDisk {
    /// Opens (and makes) the directory; fails when another process holds it.
    pub fn open(root: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(root)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(root.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { root: root.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                let text = format!("data directory {} is in use by another process", root.display());
                Err(io::Error::new(io::ErrorKind::ResourceBusy, text))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn path(&self, name: &str) -> io::Result<PathBuf> {
        if name.is_empty()
            || name == LOCK
            || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
            || name.starts_with('.')
        {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{name:?} is not a plain file name")));
        }
        Ok(self.root.join(name))
    }
}

impl Disk for DirDisk {
    fn open(&self, name: &str, create: bool) -> io::Result<Arc<dyn DiskFile>> {
        let path = self.path(name)?;
        let existed = path.exists();
        let file = OpenOptions::new().read(true).write(true).create(create).truncate(false).open(path)?;
        if !existed {
            File::open(&self.root)?.sync_all()?;
        }
        Ok(Arc::new(OsFile(file)))
    }
    fn exists(&self, name: &str) -> io::Result<bool> {
        self.path(name)?.try_exists()
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        match std::fs::remove_file(self.path(name)?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.root)? {
            let entry = entry?;
            if let (true, Ok(name)) = (entry.file_type()?.is_file(), entry.file_name().into_string())
                && name != LOCK
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }
}

/// A directory that may be another process': its files are read, and nothing is ever changed.
#[derive(Debug)]
pub struct ReadDir(PathBuf);

impl ReadDir {
    /// The directory at a path; nothing is read yet.
    pub fn new(root: &Path) -> ReadDir {
        ReadDir(root.to_owned())
    }
}

fn read_only() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "this directory is only read")
}

impl Disk for ReadDir {
    fn open(&self, name: &str, _: bool) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(ReadFile(File::open(self.0.join(name))?)))
    }
    fn exists(&self, name: &str) -> io::Result<bool> {
        self.0.join(name).try_exists()
    }
    fn remove(&self, _: &str) -> io::Result<()> {
        Err(read_only())
    }
    fn list(&self) -> io::Result<Vec<String>> {
        let names = std::fs::read_dir(&self.0)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
        let mut names: Vec<String> = names.filter_map(io::Result::transpose).collect::<io::Result<_>>()?;
        names.sort();
        Ok(names)
    }
}

#[derive(Debug)]
struct ReadFile(File);

impl DiskFile for ReadFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, offset)
    }
    fn write(&self, _: u64, _: &[u8]) -> io::Result<()> {
        Err(read_only())
    }
    fn set_len(&self, _: u64) -> io::Result<()> {
        Err(read_only())
    }
    fn sync(&self) -> io::Result<()> {
        Err(read_only())
    }
}

#[derive(Debug)]
struct OsFile(File);

impl DiskFile for OsFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, offset)
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_all_at(data, offset)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}
