//! Files of the static layout below one folder.

use super::report::{Failure, undecided};
use selfsame_protocol::merkle::layout::{TilePath, WIDTH};
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Largest checkpoint read.
const MAX_CHECKPOINT: u64 = 1 << 20;
/// Largest entry bundle: 256 entries of 65,535 bytes with their lengths.
const MAX_BUNDLE: u64 = WIDTH * (2 + 65_535);

/// The folder of one log.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at a path; nothing is read yet.
    pub fn new(path: impl Into<PathBuf>) -> Folder {
        Folder(path.into())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The file of a tile or bundle.
    pub fn file(&self, tile: TilePath) -> PathBuf {
        self.0.join(tile.path())
    }

    /// The checkpoint's text.
    pub fn checkpoint(&self) -> Result<String, Failure> {
        let mut bytes = Vec::new();
        read(&self.0.join("checkpoint"), MAX_CHECKPOINT, &mut bytes)?;
        String::from_utf8(bytes).map_err(|error| super::altered("CHECKPOINT_FORM", None, "UTF-8", error.utf8_error()))
    }

    /// Reads a tile or a bundle of entries into `out`, which is emptied first. A wider one that stands in its place is cut
    /// by the caller.
    pub fn read(&self, tile: TilePath, out: &mut Vec<u8>) -> Result<(), Failure> {
        let most = if tile.level.is_some() { WIDTH * 32 } else { MAX_BUNDLE };
        read(&self.file(tile), most, out)
    }
}

/// Opens a file that is one, or a link to one. Whatever else has its name (a pipe, a socket, a device) is an error before
/// it is opened: opening it may wait for ever, and reading it never end.
pub fn open(path: &Path) -> io::Result<(File, u64)> {
    let of = |found: &Metadata| if found.is_dir() { "a folder" } else { "a pipe, a socket or a device" };
    let regular = |found: Metadata| match found.is_file() {
        true => Ok(found.len()),
        false => Err(io::Error::other(format!("no regular file: {}", of(&found)))),
    };
    regular(std::fs::metadata(path)?)?;
    let file = File::open(path)?;
    let length = regular(file.metadata()?)?;
    Ok((file, length))
}

fn read(path: &Path, most: u64, out: &mut Vec<u8>) -> Result<(), Failure> {
    out.clear();
    let mut attempt = || -> io::Result<u64> {
        let (mut file, length) = open(path)?;
        if length <= most {
            // Once, and with room for the end: reading does not grow the buffer step by step.
            out.reserve(usize::try_from(length).unwrap_or(0).saturating_add(1));
            (&mut file).take(most + 1).read_to_end(out)?;
        }
        Ok(length)
    };
    match attempt() {
        Ok(length) if length <= most && out.len() as u64 <= most => Ok(()),
        Ok(length) => Err(super::altered(
            "FILE_LENGTH",
            None,
            format!("{} of at most {most} bytes", path.display()),
            format!("{length} bytes"),
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(undecided("FILE_MISSING", path.display(), "no such file"))
        }
        Err(error) => Err(undecided("FILE_UNREADABLE", path.display(), error)),
    }
}
