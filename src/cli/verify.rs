//! `selfsame verify`: everything that can be checked with the cluster gone.

use super::context::{CliError, Done, Global, read};
use clap::Args;
use selfsame_protocol::bundle::{self, BundleError};
use selfsame_protocol::canon;
use selfsame_protocol::equivocation::Evidence;
use selfsame_protocol::note::{Note, TYPE_ED25519, Vkey};
use selfsame_protocol::p104::{IdentityStatement, StatementSignature};
use serde_json::json;
use std::path::PathBuf;

/// Verify a bundle, a statement or a checkpoint from the file alone.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit status: 0 holds, 10 was altered (the first failing check is named), 13 cannot be decided.\n\nExample:\n  selfsame substrate bundle UUID history.jsonl && selfsame verify history.jsonl"
)]
pub struct Verify {
    /// File; - for standard input.
    file: PathBuf,
    /// Verifier key that you trust (name+id+key). Repeatable. Without any, the keys inside a bundle are used, which shows
    /// that nothing was altered but not who vouches for it.
    #[arg(long = "trust")]
    trust: Vec<String>,
}

/// Entries between two lines of progress: a few seconds.
const PROGRESS: u64 = 50_000;

/// The keys of `--trust` flags.
pub fn trusted(flags: &[String]) -> Result<Vec<Vkey>, CliError> {
    flags.iter().map(|key| Vkey::parse(key)).collect::<Result<_, _>>().map_err(CliError::usage)
}

/// A failed check as exit status 10, or 13 when nothing can be decided.
pub fn failed(error: BundleError) -> CliError {
    CliError::with(if error.tampered { 10 } else { 13 }, error)
}

/// Text of a file.
pub fn text(bytes: Vec<u8>) -> Result<String, CliError> {
    String::from_utf8(bytes)
        .map_err(|e| CliError::with(10, format!("the file is UTF-8 up to byte {}", e.utf8_error().valid_up_to())))
}

/// Evidence of equivocation: names the keys that signed both sides.
fn equivocation(global: &Global, bytes: &[u8], keys: &[Vkey]) -> Done {
    let verdict = Evidence::from_bytes(bytes).and_then(|evidence| evidence.verify(keys)).map_err(failed)?;
    global.print("Equivocation", json!(verdict));
    Ok(())
}

/// Runs the command.
pub fn main(global: &Global, command: &Verify) -> Done {
    let keys = trusted(&command.trust)?;
    let text = text(read(&command.file)?)?;
    if text.starts_with("{\"bundle\":") {
        let total = text.lines().count().saturating_sub(1) as u64;
        let progress = |done: u64| {
            if done.is_multiple_of(PROGRESS) {
                global.say(&format!("{done} of {total} entries"));
            }
        };
        let (report, _) = bundle::verify(text.lines(), &keys, progress).map_err(failed)?;
        if !report.keys_from_reader {
            global.say("no --trust key was given: the keys inside the bundle were used");
        }
        global.print("Verification", json!(report));
        return Ok(());
    }
    if text.starts_with("{\"equivocation\":") || text.starts_with("{\"holders\":") {
        return equivocation(global, text.as_bytes(), &keys);
    }
    if text.trim_start().starts_with('{') {
        let document = canon::parse(text.as_bytes(), &canon::Limits::DOCUMENT)?;
        let inner = document.get("statement").cloned().unwrap_or_else(|| document.clone());
        let statement: IdentityStatement =
            canon::decode(inner).map_err(|e| CliError::with(13, format!("neither a bundle nor a statement: {e}")))?;
        bundle::verify_statement(&statement).map_err(failed)?;
        let signatures = &document["proof"]["signatures"];
        let signatures: Vec<StatementSignature> = match signatures.is_null() {
            true => Vec::new(),
            false => canon::decode(signatures.clone())
                .map_err(|e| CliError::with(10, format!("STATEMENT_SIGNATURE: the signatures do not read: {e}")))?,
        };
        let own: Vec<Vkey> =
            signatures.iter().map(|s| Vkey { name: s.name.clone(), kind: TYPE_ED25519, key: s.key }).collect();
        let known = if keys.is_empty() { &own } else { &keys };
        let signers = bundle::statement_signers(&statement, &signatures, known).map_err(failed)?;
        if keys.is_empty() {
            global.say("no --trust key was given: the keys beside the signatures were used");
        }
        global.print("Verification", json!({"statement_hash": statement.statement_hash, "status": statement.identity_continuity_status, "signers": signers, "keys_from_reader": !keys.is_empty()}));
        return Ok(());
    }
    let note = Note::parse(text.as_bytes())
        .map_err(|e| CliError::with(13, format!("neither a bundle, a statement nor a signed note: {e}")))?;
    if keys.is_empty() {
        return Err(CliError::with(13, "a checkpoint is verified with --trust keys"));
    }
    let verified =
        note.verify(&keys).map_err(|e| CliError::with(if e.expected == "one of a known key" { 13 } else { 10 }, e))?;
    global.print(
        "Verification",
        json!({"text": note.text, "signers": verified.iter().map(|v| &v.name).collect::<Vec<_>>()}),
    );
    Ok(())
}
