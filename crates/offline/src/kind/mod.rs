//! What a file is, by what it shows, and the check of that kind.
//!
//! A file that was altered is still what its first bytes or its lines show, and is then refused by the form of that kind:
//! white space, escapes, the order of members and bytes that are no text do not make another kind of it. Which version it
//! is of is looked at before everything else: of another one nothing is said. Of no known kind is only what shows none.

mod other;

use super::backup::{self, Again};
use super::bundles::{self, Input};
use super::members::{Members, named, trimmed};
use super::report::{Failure, Verified, altered, undecided, version};
use super::{Options, Progress, folder, small, statement, verify_folder};
use selfsame_protocol::bundle::{BUNDLE_START, BUNDLE_TYPE, IDENTITY_PROOF_TYPE, require_type};
use selfsame_protocol::checkpoint_pair::PAIR_TYPE;
use selfsame_protocol::equivocation::EQUIVOCATION_TYPE;
use selfsame_protocol::holder::HolderStatus;
use selfsame_protocol::subject_head::SubjectHead;
use selfsame_protocol::tlog_proof::HEADER as RECEIPT_TYPE;
use selfsame_protocol::version::family;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

/// Largest file of the kinds that are read at once.
const MAX_SMALL: u64 = 16 << 20;
/// Bytes that tell the kinds that are not read at once.
const MARK: u64 = 64;
/// How every backup begins, whatever its version.
const BACKUP: &[u8] = b"SFBACK";
/// How every bundle begins, whatever its version.
const BUNDLE: &[u8] = b"{\"bundle\":";
/// The type that a statement with its proof would have named in version 1.
const IDENTITY_PROOF_1: &str = "selfsame/identity-proof/v1";
/// Characters of a root in base64.
const ROOT: usize = 44;
/// Fewest characters of a key id and a signature in base64 by which a line shows that it is meant as a signature.
const SIGNATURE: usize = 40;

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
    /// Who holds a substrate, cosigned.
    Holder,
    /// A signed checkpoint.
    Note,
}

/// The kind that a file shows, and the type that it names, where it names one.
pub(crate) fn recognise(bytes: &[u8]) -> Option<(Kind, Option<String>)> {
    if bytes.starts_with(BACKUP) {
        return Some((Kind::Backup, None));
    }
    let shown = trimmed(bytes);
    if shown.starts_with(b"{") {
        return document(shown);
    }
    let text = String::from_utf8_lossy(shown);
    let first = text.split('\n').next().unwrap_or_default();
    if first.starts_with(family(RECEIPT_TYPE)) {
        return Some((Kind::Receipt, Some(first.into())));
    }
    if HolderStatus::is_meant(&text) {
        return Some((Kind::Holder, None));
    }
    // A subject head stands in a bundle or a proof, and says nothing without it.
    if SubjectHead::is_meant(&text) {
        return None;
    }
    is_note(&text).then_some((Kind::Note, None))
}

/// The kind of a JSON document, by its members as far as they can be read.
fn document(shown: &[u8]) -> Option<(Kind, Option<String>)> {
    let first = Members::of(shown).next()?.name;
    let named = |name: &str| named(shown, name);
    let ours = |name: &str| named(name).is_some_and(|text| text.starts_with("selfsame/"));
    for (kind, name, canonical) in [
        (Kind::Bundle, "bundle", "bundle"),
        (Kind::Equivocation, "equivocation", "equivocation"),
        (Kind::Pair, "pair", "new"),
        (Kind::Statement, "identity", "checkpoints"),
    ] {
        // The member that stands first in the canonical form shows the kind whatever follows; anywhere else a name is
        // anybody's, and a type of ours shows it.
        if first == canonical || ours(name) {
            return Some((kind, named(name)));
        }
    }
    // A statement with its proof in version 1, which named no type.
    if first == "proof" || first == "statement" {
        return Some((Kind::Statement, Some(IDENTITY_PROOF_1.into())));
    }
    let alone = named("record_type").as_deref() == Some("identity_statement") || named("statement_hash").is_some();
    alone.then_some((Kind::Statement, None))
}

/// Whether text shows that it is meant as a signed note: a line of a signature, or a root on its third line.
fn is_note(text: &str) -> bool {
    let base64 = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
    let root = text.lines().nth(2).is_some_and(|line| line.len() == ROOT && base64(line));
    root || text.lines().any(|line| {
        let fields = line.strip_prefix("— ").and_then(|rest| rest.rsplit_once(' '));
        fields.is_some_and(|(_, signature)| signature.len() >= SIGNATURE && base64(signature))
    })
}

/// Verifies a file, a folder, or standard input (`-`). Anything else that has a name is not opened.
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
    let input = |file| Box::new(BufReader::with_capacity(256 << 10, file)) as Input;
    if is_stream(path) {
        return verify_input(input(File::open(path).map_err(unreadable)?), options, progress);
    }
    let open = || folder::open(path).map(|(file, _)| input(file));
    verify_again(open().map_err(unreadable)?, Some(&open), options, progress)
}

/// Whether a name stands for what the caller's own process has open: standard input, or the pipe of a command in its place.
/// It is read as it comes, and once. Nobody else can give a file such a name.
fn is_stream(path: &Path) -> bool {
    let named = path == Path::new("/dev/stdin") || path.parent() == Some(Path::new("/dev/fd"));
    named && !path.metadata().is_ok_and(|found| found.is_file())
}

/// Verifies what a reader gives.
pub fn verify_input(input: Input, options: &Options, progress: Progress<'_>) -> Result<Verified, Failure> {
    verify_again(input, None, options, progress)
}

/// The header of a bundle: its version, and whether its type stands there in its one spelling.
fn header(first: &[u8], named: Option<&str>) -> Result<(), Failure> {
    let Some(named) = named else { return Ok(()) };
    let strictly = format!("{BUNDLE_START}{named}\"");
    if named == BUNDLE_TYPE && !first.starts_with(strictly.as_bytes()) {
        let found: String = String::from_utf8_lossy(first).chars().take(80).collect();
        return Err(altered("BUNDLE_LINE", None, format!("a file that begins with {strictly}"), found));
    }
    require_type(&strictly)
}

fn verify_again(
    mut input: Input,
    again: Again<'_>,
    options: &Options,
    progress: Progress<'_>,
) -> Result<Verified, Failure> {
    let unreadable = |error: std::io::Error| undecided("FILE_UNREADABLE", "the file", error);
    // A pipe may give a few bytes at a time: the mark is read whole before it is looked at.
    let mut bytes = Vec::new();
    (&mut input).take(MARK).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.starts_with(BUNDLE) {
        let mut input: Input = Box::new(std::io::Cursor::new(bytes).chain(input));
        let first = bundles::first(&mut input)?;
        header(first.as_bytes(), recognise(first.as_bytes()).and_then(|(_, named)| named).as_deref())?;
        return bundles::verify(&first, input, options, progress);
    }
    if bytes.starts_with(BACKUP) {
        return backup::verify(Box::new(std::io::Cursor::new(bytes).chain(input)), again, options, progress);
    }
    input.take(MAX_SMALL + 1 - MARK).read_to_end(&mut bytes).map_err(unreadable)?;
    let Some((kind, named)) = recognise(&bytes) else { return Err(other::of(&bytes, MAX_SMALL)) };
    match kind {
        // Something stands in front of the type, or none can be read.
        Kind::Bundle => {
            header(&bytes, named.as_deref())?;
            Err(altered("BUNDLE_LINE", None, "a header whose first member is its type", "none"))
        }
        Kind::Receipt => {
            version(&[RECEIPT_TYPE], named.as_deref())?;
            small::receipt(&bytes, options)
        }
        Kind::Equivocation => {
            version(&[EQUIVOCATION_TYPE], named.as_deref())?;
            small::equivocation(&bytes, options)
        }
        Kind::Pair => {
            version(&[PAIR_TYPE], named.as_deref())?;
            small::pair(&bytes, options)
        }
        Kind::Statement => {
            version(&[IDENTITY_PROOF_TYPE], named.as_deref())?;
            statement::statement(&bytes, options)
        }
        Kind::Holder => small::holder(&bytes, options),
        Kind::Note | Kind::Ledger | Kind::Backup => small::note(&bytes, options),
    }
}
