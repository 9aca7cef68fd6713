//! What a file is, by its content, and the check of that kind.

use super::backup::{self, Again};
use super::bundles::{self, Input};
use super::report::{Failure, Verified, altered, undecided};
use super::{Options, Progress, small, statement, verify_folder};
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

/// Largest file of the kinds that are read at once.
const MAX_SMALL: u64 = 16 << 20;

/// Bytes that tell the kind.
const MARK: u64 = 64;

/// Kinds of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Folder with a ledger, or with both.
    Ledger,
    /// Bundle of a substrate or of a run; its first line says which.
    Bundle,
    /// Backup of a node.
    Backup,
    /// Receipt.
    Receipt,
    /// Two checkpoints and a proof.
    Pair,
    /// Evidence of equivocation.
    Equivocation,
    /// Statement, alone or with its proof.
    Statement,
    /// A signed checkpoint.
    Note,
}

/// The kind of a file by its first bytes, 64 of them or all; the members of canonical JSON stand in a known order. `None`
/// when more must be read to tell.
pub fn recognise(start: &[u8]) -> Option<Kind> {
    [
        (&b"{\"bundle\":"[..], Kind::Bundle),
        (b"SFBACK", Kind::Backup),
        (b"c2sp.org/tlog-proof@", Kind::Receipt),
        (b"{\"equivocation\":", Kind::Equivocation),
        (b"{\"new\":", Kind::Pair),
    ]
    .into_iter()
    .find(|(mark, _)| start.starts_with(mark))
    .map(|(_, kind)| kind)
}

/// Verifies a file, a folder, or standard input (`-`).
pub fn verify(path: &Path, options: &Options, progress: Progress<'_>) -> Result<Verified, Failure> {
    let unreadable = |error: std::io::Error| undecided("FILE_UNREADABLE", path.display(), error);
    if path == Path::new("-") {
        return verify_input(Box::new(BufReader::new(std::io::stdin())), options, progress);
    }
    if path.is_dir() {
        let is_node = std::fs::read_dir(path)
            .map_err(unreadable)?
            .flatten()
            .any(|file| file.path().extension().is_some_and(|extension| extension == "redb"));
        if is_node {
            let found = "the data directory of a node: export it with selfsame ledger export";
            return Err(undecided("FILE_KIND", "an exported ledger", found));
        }
        return verify_folder(path, options, progress);
    }
    let open = || File::open(path).map(|file| Box::new(BufReader::with_capacity(256 << 10, file)) as Input);
    verify_again(open().map_err(unreadable)?, Some(&open), options, progress)
}

/// Verifies what a reader gives.
pub fn verify_input(input: Input, options: &Options, progress: Progress<'_>) -> Result<Verified, Failure> {
    verify_again(input, None, options, progress)
}

fn verify_again(
    mut input: Input,
    again: Again<'_>,
    options: &Options,
    progress: Progress<'_>,
) -> Result<Verified, Failure> {
    // A pipe may give a few bytes at a time: the mark is read whole before it is looked at.
    let mut start = Vec::new();
    let read = (&mut input).take(MARK).read_to_end(&mut start);
    read.map_err(|error| undecided("FILE_UNREADABLE", "the file", error))?;
    let mut input: Input = Box::new(std::io::Cursor::new(start.clone()).chain(input));
    if recognise(&start) == Some(Kind::Bundle) {
        let first = bundles::first(&mut input)?;
        return bundles::verify(&first, input, options, progress);
    }
    if recognise(&start) == Some(Kind::Backup) {
        return backup::verify(input, again, options, progress);
    }
    let mut bytes = Vec::new();
    let read = input.take(MAX_SMALL + 1).read_to_end(&mut bytes);
    read.map_err(|error| undecided("FILE_UNREADABLE", "the file", error))?;
    if bytes.len() as u64 > MAX_SMALL {
        return Err(undecided("FILE_KIND", "a bundle, or another file of at most 16 MiB", "a larger file"));
    }
    match recognise(&bytes) {
        Some(Kind::Receipt) => small::receipt(&bytes, options),
        Some(Kind::Equivocation) => small::equivocation(&bytes, options),
        Some(Kind::Pair) => small::pair(&bytes, options),
        _ if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') => {
            statement::statement(&bytes, options)
        }
        _ => {
            let text = std::str::from_utf8(&bytes)
                .map_err(|error| altered("FILE_KIND", None, "UTF-8", error))
                .map_err(|failure| Failure { tampered: false, ..failure })?;
            match small::is_note(text) {
                true => small::note(text, options),
                false => Err(undecided(
                    "FILE_KIND",
                    "a bundle, receipt, statement, checkpoint, pair of checkpoints or exported ledger",
                    "neither a bundle, a statement nor a signed note",
                )),
            }
        }
    }
}
