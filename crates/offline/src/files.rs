//! Files that are whole or not there.
//!
//! Whatever this process leaves for others is written under another name in the same directory, synced, put in its place
//! in one step, and its directory is synced. What fails, ends early or is interrupted leaves nothing under the name, so
//! that nobody takes a half for a whole and a repeat is not refused because of it.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::TempPath;

/// Ending of the names under which files are written.
pub(crate) const UNFINISHED: &str = ".unfinished";

/// What would be left behind if the process ended now: for [`abandon`].
static UNDER_WAY: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn under_way() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes what is under way: for a process that ends before its commands do.
pub fn abandon() {
    for path in std::mem::take(&mut *under_way()) {
        // What cannot be removed has a name that says what it is.
        let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
    }
}

/// A directory for the time of a command, removed at its end however it ends.
pub struct Scratch(Option<tempfile::TempDir>);

impl Scratch {
    /// A new one, where the system keeps what is temporary.
    pub fn new(prefix: &str) -> io::Result<Scratch> {
        let dir = tempfile::Builder::new().prefix(prefix).tempdir()?;
        under_way().insert(dir.path().to_owned());
        Ok(Scratch(Some(dir)))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.as_ref().map_or(Path::new(""), tempfile::TempDir::path)
    }

    /// Leaves it there.
    pub fn keep(mut self) -> PathBuf {
        under_way().remove(self.path());
        self.0.take().map(tempfile::TempDir::keep).unwrap_or_default()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(dir) = self.0.take() {
            let path = dir.path().to_owned();
            drop(dir);
            // What still writes into it keeps it there; [`abandon`] tries again at the end.
            if !path.exists() {
                under_way().remove(&path);
            }
        }
    }
}

/// A file that is being written. Dropped, it is gone.
pub struct Unfinished {
    file: File,
    /// Where it stands until it is whole; nowhere for what is no regular file and is written in place, as `/dev/stdout`.
    beside: Option<TempPath>,
    target: PathBuf,
}

/// Whether a name stands for something that cannot be put aside: a device, a pipe, a socket.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes what happened to names in a folder durable. Some file systems do not know this and need not.
fn sync(folder: &Path) -> io::Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        done => done,
    }
}

impl Unfinished {
    /// Begins a file that everybody may read who may read files of this user.
    pub fn of(target: &Path) -> io::Result<Unfinished> {
        Self::begin(target, false)
    }

    /// Begins a file for its owner alone.
    pub fn secret(target: &Path) -> io::Result<Unfinished> {
        Self::begin(target, true)
    }

    fn begin(target: &Path, secret: bool) -> io::Result<Unfinished> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        if target.file_name().is_none() || target.is_dir() {
            return Err(io::Error::new(ErrorKind::IsADirectory, "the name of a file is needed, and this is a folder"));
        }
        if is_special(target) {
            let file = OpenOptions::new().write(true).open(target)?;
            return Ok(Unfinished { file, beside: None, target: target.into() });
        }
        // The file that a link names is the one that is replaced, and the link stays.
        let target = fs::canonicalize(target).unwrap_or_else(|_| target.into());
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if secret {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let beside = folder(&target).join(format!(".selfsame-{}-{number}{UNFINISHED}", std::process::id()));
            match options.open(&beside) {
                Ok(file) => {
                    let beside = TempPath::try_from_path(beside)?;
                    under_way().insert(beside.to_path_buf());
                    return Ok(Unfinished { file, beside: Some(beside), target });
                }
                // Left by a process of the same number that was killed.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Where the bytes stand now.
    pub fn path(&self) -> &Path {
        self.beside.as_deref().unwrap_or(&self.target)
    }

    /// Gives the file its name, which nothing has yet.
    pub fn place_new(self) -> io::Result<()> {
        self.place(|beside, target| beside.persist_noclobber(target).map_err(|failed| failed.error))
    }

    /// Gives the file its name, in the place of what has it.
    pub fn replace(self) -> io::Result<()> {
        if let Ok(found) = fs::metadata(&self.target)
            && self.beside.is_some()
        {
            self.file.set_permissions(found.permissions())?;
        }
        self.place(|beside, target| beside.persist(target).map_err(|failed| failed.error))
    }

    fn place(self, put: impl FnOnce(TempPath, &Path) -> io::Result<()>) -> io::Result<()> {
        if self.beside.is_none() {
            return Ok(());
        }
        self.file.sync_all()?;
        let folder = folder(&self.target).to_owned();
        self.put(put)?;
        sync(&folder)
    }

    fn put(mut self, put: impl FnOnce(TempPath, &Path) -> io::Result<()>) -> io::Result<()> {
        let Some(beside) = self.beside.take() else { return Ok(()) };
        let name = beside.to_path_buf();
        let placed = put(beside, &self.target);
        under_way().remove(&name);
        placed
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(beside) = self.beside.take() {
            under_way().remove(&*beside);
        }
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn taken() -> io::Error {
    io::Error::new(ErrorKind::AlreadyExists, "exists already; it is left as it is: choose another name")
}

/// Refuses a name that is taken, before work is done that could not be kept.
pub fn unused(path: &Path) -> io::Result<()> {
    // A link that leads nowhere takes the name too.
    if fs::symlink_metadata(path).is_ok() { Err(taken()) } else { Ok(()) }
}

/// Like [`replace`], but what a machine that loses its power leaves is decided by [`sync_all`] later.
pub(crate) fn replace_unsynced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    written(Unfinished::of(path)?, bytes)?.put(|beside, target| beside.persist(target).map_err(|failed| failed.error))
}

/// Makes files below a folder durable, with all names from the folder's own on.
pub fn sync_all(root: &Path, paths: &[PathBuf]) -> io::Result<()> {
    let mut folders = BTreeSet::from([root, folder(root)]);
    for path in paths {
        File::open(path)?.sync_all()?;
        folders.extend(path.ancestors().skip(1).take_while(|one| *one != root));
    }
    folders.into_iter().try_for_each(sync)
}

fn written(mut file: Unfinished, bytes: &[u8]) -> io::Result<Unfinished> {
    file.write_all(bytes)?;
    Ok(file)
}

fn named(error: io::Error) -> io::Error {
    if error.kind() == ErrorKind::AlreadyExists { taken() } else { error }
}

/// Writes a file that does not exist yet.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    unused(path)?;
    written(Unfinished::of(path)?, bytes)?.place_new().map_err(named)
}

/// Writes a file that does not exist yet, for its owner alone.
pub fn write_new_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    unused(path)?;
    written(Unfinished::secret(path)?, bytes)?.place_new().map_err(named)
}

/// Writes a file, in the place of one that may be there. What is no regular file, as `/dev/stdout`, is written to.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    written(Unfinished::of(path)?, bytes)?.replace()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_has_its_name_only_when_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let mut file = Unfinished::of(&path).unwrap();
        file.write_all(b"half").unwrap();
        assert!(!path.exists() && file.path().exists());
        drop(file);
        assert!(names(dir.path()).is_empty(), "dropped, nothing is left");
        write_new(&path, b"whole").unwrap();
        assert_eq!(names(dir.path()), ["file"]);
        assert_eq!(write_new(&path, b"other").unwrap_err().kind(), ErrorKind::AlreadyExists);
        let mut late = Unfinished::of(&path).unwrap();
        late.write_all(b"other").unwrap();
        assert_eq!(late.place_new().unwrap_err().kind(), ErrorKind::AlreadyExists, "also when it came meanwhile");
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        replace(&path, b"new").unwrap();
        assert_eq!((fs::read(&path).unwrap(), names(dir.path())), (b"new".to_vec(), vec!["file".to_owned()]));
    }

    #[test]
    fn folders_and_missing_folders_are_named_and_nothing_is_left() {
        let dir = tempfile::tempdir().unwrap();
        assert!(write_new(&dir.path().join("no/such/folder"), b"").is_err());
        assert!(replace(dir.path(), b"").is_err());
        assert!(names(dir.path()).is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_devices_are_written_to_and_rights_are_kept() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        write_new_secret(&file, b"old").unwrap();
        symlink(&file, &link).unwrap();
        replace(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let nowhere = dir.path().join("nowhere");
        symlink(dir.path().join("absent"), &nowhere).unwrap();
        assert!(write_new(&nowhere, b"").is_err());
        replace(Path::new("/dev/null"), b"data").unwrap();
        assert!(is_special(Path::new("/dev/null")), "a device is never replaced by a file");
        assert_eq!(write_new(Path::new("/dev/null"), b"").unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(names(dir.path()), ["file", "link", "nowhere"]);
    }

    #[test]
    fn what_is_under_way_can_be_abandoned() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let file = Unfinished::of(&path).unwrap();
        let scratch = Scratch::new("selfsame-test-").unwrap();
        let made = scratch.path().to_owned();
        // Only what this test made: others run beside it.
        assert!(under_way().contains(file.path()) && under_way().contains(&made));
        drop((file, scratch));
        assert!(names(dir.path()).is_empty() && !made.exists());
        assert!(!under_way().contains(&made));
    }
}
