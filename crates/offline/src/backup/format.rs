//! The bytes of a backup.
//!
//! ```text
//! file     = "SFBACK01" ‖ u32be len ‖ header JSON ‖ snapshot ‖ BLAKE3 of all before (32)
//! snapshot = "SFSNAP01" …      the state of one node, as `store::snapshot` writes it, byte for byte
//! ```
//! The digest at the end finds damage; it convinces nobody, because whoever alters a file makes it anew. What convinces
//! are the cosigned checkpoints in the header.

use crate::members::named;
use crate::report::{Failure, altered, undecided, version};
use selfsame_protocol::canon::{self, Limits};
use selfsame_protocol::digest::hex;
use selfsame_protocol::note::MAX_NOTE;
use selfsame_protocol::number::NodeId;
use selfsame_protocol::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, Read, Write};

/// How a backup begins.
pub const MAGIC: &[u8; 8] = b"SFBACK01";
/// Value of the member `backup`.
pub const TYPE: &str = "selfsame/backup/v1";
/// Two notes, whose line ends take two bytes in JSON, and room for names.
const MAX_HEADER: usize = 4 * MAX_NOTE + (64 << 10);
/// Bytes copied at once.
const BLOCK: usize = 256 << 10;

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupHeader {
    /// [`TYPE`].
    pub backup: String,
    /// Published checkpoints that the state holds.
    pub checkpoints: PublishedCheckpoints,
    /// Cluster id.
    pub cluster: String,
    /// Digest of the consensus identity.
    pub genesis: String,
    /// The node whose state it is.
    pub node: NodeId,
    /// When it was taken, by the clock of the machine.
    pub taken: Timestamp,
}

/// The newest published checkpoint of each ledger whose entries the state holds all; absent when there was none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedCheckpoints {
    /// Of the Evidence ledger.
    pub evidence: Option<String>,
    /// Of the Reasoning ledger.
    pub reasoning: Option<String>,
}

/// Writes a backup; gives the number of bytes. `progress` is told the bytes of the snapshot that are written.
pub fn write(
    out: &mut dyn Write,
    header: &BackupHeader,
    snapshot: &mut dyn Read,
    mut progress: impl FnMut(u64),
) -> io::Result<u64> {
    let header = selfsame_protocol::canon::to_canonical_of(header);
    let length = u32::try_from(header.len()).map_err(|_| io::Error::other("a header of more than 4 GiB"))?;
    let mut hasher = blake3::Hasher::new();
    let mut written = 0;
    let mut put = |bytes: &[u8]| {
        hasher.update(bytes);
        written += bytes.len() as u64;
        out.write_all(bytes)
    };
    put(MAGIC)?;
    put(&length.to_be_bytes())?;
    put(&header)?;
    let (mut block, mut copied) = (vec![0; BLOCK], 0);
    loop {
        let read = snapshot.read(&mut block)?;
        if read == 0 {
            break;
        }
        put(&block[..read])?;
        copied += read as u64;
        progress(copied);
    }
    out.write_all(hasher.finalize().as_bytes())?;
    Ok(written + 32)
}

/// A backup being read from its beginning to its end, hashed on the way.
pub struct BackupSource<'a> {
    input: &'a mut dyn BufRead,
    hasher: blake3::Hasher,
    /// Bytes read so far.
    pub at: u64,
}

impl<'a> BackupSource<'a> {
    /// Before the first byte.
    pub fn new(input: &'a mut dyn BufRead) -> BackupSource<'a> {
        BackupSource { input, hasher: blake3::Hasher::new(), at: 0 }
    }

    fn raw(&mut self, length: usize) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::with_capacity(length.min(BLOCK));
        let read = self.input.take(length as u64).read_to_end(&mut bytes);
        read.map_err(|error| undecided("FILE_UNREADABLE", "the backup", error))?;
        self.at += bytes.len() as u64;
        if bytes.len() < length {
            let found = format!("the end after {} bytes", self.at);
            return Err(altered("BACKUP_FORM", None, format!("{} more bytes", length - bytes.len()), found));
        }
        Ok(bytes)
    }

    /// The next bytes.
    pub fn take(&mut self, length: usize) -> Result<Vec<u8>, Failure> {
        let bytes = self.raw(length)?;
        self.hasher.update(&bytes);
        Ok(bytes)
    }

    /// A length of four bytes, at most `most`.
    pub fn length(&mut self, most: usize, what: &str) -> Result<usize, Failure> {
        let found = self.take(4)?.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
        if found > most {
            return Err(altered("BACKUP_FORM", None, format!("{what} of at most {most} bytes"), found));
        }
        Ok(found)
    }

    /// Bytes that stand there in every file. Their number of two digits may be that of another version, of which nothing
    /// is said.
    pub fn mark(&mut self, mark: &[u8; 8], what: &str) -> Result<(), Failure> {
        let found = self.take(mark.len())?;
        if found == mark {
            return Ok(());
        }
        let (expected, shown) = (format!("{what} that begins with {}", hex(mark)), hex(&found));
        let (name, number) = found.split_at_checked(6).unwrap_or_default();
        match mark.starts_with(name) && number.iter().all(u8::is_ascii_digit) {
            true => Err(undecided("UNSUPPORTED_VERSION", expected, shown)),
            false => Err(altered("BACKUP_FORM", None, expected, shown)),
        }
    }

    /// The header.
    pub fn header(&mut self) -> Result<BackupHeader, Failure> {
        self.mark(MAGIC, "a backup")?;
        let length = self.length(MAX_HEADER, "a header")?;
        let bytes = self.take(length)?;
        version(&[TYPE], named(&bytes, "backup").as_deref())?;
        let limits = Limits { max_bytes: MAX_HEADER, max_depth: 4, wide: false };
        let header: BackupHeader = canon::decode_exact(&bytes, &limits)
            .map_err(|error| altered("BACKUP_HEADER", None, "canonical JSON with the members of a header", error))?;
        match header.backup == TYPE {
            true => Ok(header),
            false => Err(altered("BACKUP_HEADER", None, TYPE, header.backup)),
        }
    }

    /// The digest over everything before, and nothing behind it.
    pub fn end(mut self) -> Result<(), Failure> {
        let found = self.hasher.finalize();
        let stored = self.raw(32)?;
        if found.as_bytes()[..] != stored[..] {
            return Err(altered("BACKUP_DIGEST", None, hex(&stored), found.to_hex()));
        }
        let rest = self.input.fill_buf().map_err(|error| undecided("FILE_UNREADABLE", "the backup", error))?;
        if rest.is_empty() { Ok(()) } else { Err(altered("BACKUP_FORM", None, format!("{} bytes", self.at), "more")) }
    }
}
