//! `selfsame verify`: everything that can be checked with the cluster gone.

use super::context::{CliError, Done, Global, Output, read};
use crate::offline::{self, Failure, Options, Verified};
use clap::Args;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::note::Vkey;
use selfsame_protocol::policy::Policy;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Verify receipts, statements, bundles, checkpoints and exported ledgers from the files alone.
#[derive(Args, Debug)]
#[command(
    after_help = "What a file is shows in its content: a receipt (.tlog-proof), an identity statement, a bundle of a substrate or a run, an\nexported ledger (a folder), a signed checkpoint, a pair of checkpoints, or evidence of equivocation.\n\nExit status: 0 holds, 10 was altered (the first failing check is named), 13 cannot be decided (something is missing, a key\nis not known, the policy is not met). With several files 10 outweighs 13.\n\nExamples:\n  selfsame substrate bundle UUID history.jsonl && selfsame verify history.jsonl\n  selfsame run export sha256:… run.jsonl && selfsame verify run.jsonl --policy policy.txt\n  selfsame cluster policy > policy.txt && selfsame ledger export ledger && selfsame verify ledger --policy policy.txt"
)]
pub struct Verify {
    /// File or folder; - for standard input. Repeatable.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Policy file (c2sp.org/tlog-policy) of the logs and cosigners that you trust.
    #[arg(long, env = "SELFSAME_POLICY")]
    policy: Option<PathBuf>,
    /// Verifier key that you trust (name+id+key). Repeatable. Without any, and without a policy, the keys inside a bundle
    /// are used, which shows that nothing was altered but not who vouches for it.
    #[arg(long = "trust")]
    trust: Vec<String>,
    /// Origin of a log that is accepted although the policy names no key of it (for example ledger.example/evidence).
    /// Repeatable.
    #[arg(long = "origin", requires = "policy")]
    origins: Vec<String>,
    /// The cluster.toml that you trust, or the digest of its genesis (sha256:…, see `cluster genesis`): a bundle of a run must
    /// begin with exactly this one. Without it the genesis in the file is used, and its digest is shown.
    #[arg(long, value_name = "FILE|DIGEST")]
    genesis: Option<String>,
    /// Demand the log's own signature as well, where a policy is given.
    #[arg(long)]
    require_log: bool,
    /// The entry that a receipt is about, when the receipt does not carry it.
    #[arg(long, value_name = "FILE")]
    entry: Option<PathBuf>,
    /// Read the record of every entry of a folder too, and not only the members around it.
    #[arg(long)]
    deep: bool,
    /// Threads; 0 for one on each core.
    #[arg(long, default_value_t = 0)]
    threads: usize,
}

/// Time between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(2);

/// The keys of `--trust` flags.
pub fn trusted(flags: &[String]) -> Result<Vec<Vkey>, CliError> {
    flags.iter().map(|key| Vkey::parse(key)).collect::<Result<_, _>>().map_err(CliError::usage)
}

/// The policy of a file.
pub fn policy(file: Option<&Path>) -> Result<Option<Policy>, CliError> {
    let parse = |path: &Path| {
        let named = |error| CliError::usage(format!("{}: {error}", path.display()));
        Policy::parse(&read(path)?).map_err(named)
    };
    file.map(parse).transpose()
}

/// The digest of a genesis, given as such or as the file of the cluster.
fn genesis(given: &str) -> Result<Digest, CliError> {
    if given.starts_with("sha256:") {
        return given.parse().map_err(CliError::usage);
    }
    Ok(crate::config::load_genesis(Path::new(given))?.digest())
}

/// Exit status of a failed check: 10, or 13 when nothing can be decided.
pub const fn status(failure: &Failure) -> u8 {
    if failure.tampered { 10 } else { 13 }
}

/// A failed check as an error of the command line.
pub fn failed(failure: Failure) -> CliError {
    CliError::with(status(&failure), failure)
}

/// Text of a file.
pub fn text(bytes: Vec<u8>) -> Result<String, CliError> {
    String::from_utf8(bytes)
        .map_err(|e| CliError::with(10, format!("the file is UTF-8 up to byte {}", e.utf8_error().valid_up_to())))
}

/// One document for a file that holds.
fn held(file: &str, verified: &Verified) -> Value {
    let mut document = json!({"file": file, "verdict": "holds"});
    if let (Some(document), Value::Object(members)) = (document.as_object_mut(), json!(verified)) {
        document.extend(members);
    }
    document
}

/// Runs the command.
pub fn main(global: &Global, command: &Verify) -> Done {
    let options = Options {
        policy: policy(command.policy.as_deref())?.map(|policy| policy.with_origins(command.origins.clone())),
        keys: trusted(&command.trust)?,
        genesis: command.genesis.as_deref().map(genesis).transpose()?,
        require_log: command.require_log,
        deep: command.deep,
        entry: command.entry.as_deref().map(read).transpose()?,
        threads: command.threads,
    };
    if options.policy.is_none() && options.keys.is_empty() {
        global.say(
            "no --policy and no --trust key was given: keys inside a file are used, which is said where it matters",
        );
    }
    let mut failures = Vec::new();
    for path in &command.files {
        let file = path.display().to_string();
        let mut said = Instant::now();
        let mut progress = |what: &str, done: u64, of: u64| {
            if said.elapsed() >= PROGRESS {
                said = Instant::now();
                let of = if of > 0 { format!(" of {of}") } else { String::new() };
                global.say(&format!("{file}: {what}, {done}{of}"));
            }
        };
        match offline::verify(path, &options, &mut progress) {
            Ok(verified) => global.print("Verification", held(&file, &verified)),
            Err(failure) => {
                if global.output != Output::Table {
                    let verdict = if failure.tampered { "altered" } else { "cannot be decided" };
                    global.print("Verification", json!({"file": file, "verdict": verdict, "failure": failure}));
                }
                failures.push((file, failure));
            }
        }
    }
    let worst = failures.iter().map(|(_, failure)| status(failure)).min();
    match worst {
        None => Ok(()),
        Some(status) => {
            let lines: Vec<String> = failures.iter().map(|(file, failure)| format!("{file}: {failure}")).collect();
            Err(CliError::with(status, lines.join("\nselfsame: ")))
        }
    }
}
