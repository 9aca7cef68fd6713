//! `selfsame verify`: everything that can be checked with the cluster gone.

use super::context::{CliError, Done, Global, Output, read};
use super::trust::Named;
use super::verdict;
use crate::console::visible;
use clap::Args;
use selfsame_env::{Clock as _, SystemClock};
use selfsame_offline::{self, Age, Failure, MAX_THREADS, Options, Verified};
use selfsame_protocol::bundle::Voucher;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Verify receipts, statements, bundles, checkpoints and exported ledgers from the files alone.
#[derive(Args, Debug)]
#[command(
    after_help = "What a file is shows in its content: a receipt (.tlog-proof), an identity statement, a bundle of a substrate or a run, an\nexported ledger (a folder), a backup, a signed checkpoint, a pair of checkpoints, a holder status, or evidence of equivocation.\n\nWhom do you trust? A file that is consistent in itself may still be a forger's: 0 says that somebody whom you named stands\nbehind all of what it says. Name a policy, a genesis (or a context that is pinned to one), or keys. Of a history, whether\nlater entries were cut off is known when a quorum of organisations says so; otherwise the first line says \"later entries\nunknown\".\n\nExit status: 0 holds, 10 was altered (the first failing check is named), 13 cannot be decided (nobody that you trust vouches\nfor it, something is missing, the policy is not met, another version). All files are checked, and the worst decides: 10,\n13, any other error, 0. A file that cannot be read is one that cannot be decided.\n\nWith -o json one document: the verdict over all, and `files` with one member for each; about a single file its members\nstand at the top as well. With -o jsonl a stream: one line for each file.\n\nExamples:\n  selfsame cluster policy > policy.txt        # compare it with what the organisations publish\n  selfsame substrate bundle UUID history.jsonl && selfsame verify history.jsonl --policy policy.txt\n  selfsame run export sha256:… run.jsonl && selfsame verify run.jsonl --genesis cluster.toml\n  selfsame ledger export ledger && selfsame verify ledger --policy policy.txt"
)]
pub struct Verify {
    /// File or folder; - for standard input. Repeatable.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    named: Named,
    /// Origin of a log that is accepted although the policy names no key of it (for example ledger.example/evidence).
    /// Repeatable.
    #[arg(long = "origin", requires = "policy")]
    origins: Vec<String>,
    /// Demand the log's own signature as well.
    #[arg(long, requires = "policy")]
    require_log: bool,
    /// The entry that a receipt is about, when the receipt does not carry it. Files of another kind are refused beside it.
    #[arg(long, value_name = "FILE")]
    entry: Option<PathBuf>,
    /// How many seconds old what vouches for a holder status may be. Without it the report says of when it is. Files of
    /// another kind are refused beside it.
    #[arg(long, value_name = "SECONDS")]
    max_age: Option<u64>,
    /// Read the record of every entry of a folder too, and not only the members around it.
    #[arg(long)]
    deep: bool,
    /// Threads, 1 to 1024; 0 for one on each core.
    #[arg(long, default_value_t = 0, value_parser = threads)]
    threads: usize,
}

fn threads(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number <= MAX_THREADS);
    number.ok_or_else(|| format!("give 1 to {MAX_THREADS} threads, or 0 for one on each core"))
}

/// Time between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(2);

pub use verdict::status;

/// A failed check as an error of the command line.
pub fn failed(failure: Failure) -> CliError {
    failure.into()
}

/// Text of a file.
pub fn text(bytes: Vec<u8>) -> Result<String, CliError> {
    String::from_utf8(bytes)
        .map_err(|e| CliError::with(10, format!("the file is UTF-8 up to byte {}", e.utf8_error().valid_up_to())))
}

/// What was found out about one file.
struct Found {
    file: String,
    status: u8,
    /// The verdict in words.
    headline: String,
    /// Its lines for people, the verdict first.
    lines: Vec<String>,
    /// Its members for programs.
    members: Map<String, Value>,
    /// What is said on standard error.
    complaint: Option<CliError>,
}

/// What kind of file it is, in words.
pub(super) fn kind(name: &str) -> String {
    match name {
        "substrate_bundle" => "the history of a substrate".into(),
        "run_bundle" => "the history of a run".into(),
        "statement" => "an identity statement".into(),
        "equivocation" => "evidence that somebody signed two histories".into(),
        "checkpoint_pair" => "a pair of checkpoints".into(),
        "ledger" => "an exported ledger".into(),
        "holder_status" => "a holder status".into(),
        other => format!("a {other}"),
    }
}

/// The verdict in words: on whose word, whether its end is known, and whether it is about somebody who is gone.
fn headline(verified: &Verified, options: &Options) -> String {
    let nobody = options.reader().voucher() == Voucher::Nobody;
    let whose = if nobody { "consistent in itself, nobody that you trust vouches for it" } else { "holds" };
    let end = match &verified.end {
        Some(end) if !end.is_known() => ", later entries unknown",
        _ => "",
    };
    let said = |name: &str| verified.detail.get(name).and_then(Value::as_str);
    let state = match (verified.file_kind, said("status"), said("state")) {
        ("substrate_bundle" | "statement", Some("HASH_MISMATCH"), _) => ", SUPPRESSED (HASH_MISMATCH)",
        ("substrate_bundle" | "statement", Some("DRIFT_EXCEEDED"), _) => ", LINEAGE ENDED (DRIFT_EXCEEDED)",
        ("holder_status", _, Some("suppressed")) => ", SUPPRESSED",
        ("holder_status", _, Some("ended")) => ", LINEAGE ENDED",
        ("holder_status", _, Some("retired")) => ", CHIP RETIRED",
        _ => "",
    };
    format!("{whose}{end}{state}")
}

/// Options that ask something which such a file cannot answer.
fn unanswered(kind: &str, options: &Options) -> Vec<&'static str> {
    let mut open = Vec::new();
    if options.max_age.is_some() && kind != "holder_status" {
        open.push("--max-age is for holder statuses, which alone have an age");
    }
    if options.entry.is_some() && kind != "receipt" {
        open.push("--entry is for receipts, which alone are about one entry");
    }
    open
}

/// A file that holds, and cannot answer what was asked of it besides: no verdict is given, so that nobody takes it for one
/// about the whole question.
fn misfit(file: String, kind_name: &str, open: &[&str]) -> Found {
    let message = format!(
        "{}: this is {}. {}. Leave it out, or give such files in a command of their own",
        visible(&file),
        kind(kind_name),
        open.join("; ")
    );
    let complaint = CliError::usage(&message);
    let (status, headline) = (complaint.status, verdict::word(complaint.status));
    let members =
        json!({"file_kind": kind_name, "checked": {}, "not_checked": [{"check": "all", "why": open.join("; ")}]});
    let members = members.as_object().cloned().unwrap_or_default();
    Found { lines: vec![format!("{headline}: {message}")], file, status, headline, members, complaint: Some(complaint) }
}

fn held(file: String, verified: &Verified, options: &Options) -> Found {
    let mut members = json!(verified).as_object().cloned().unwrap_or_default();
    let headline = headline(verified, options);
    let mut lines = vec![format!("{headline}: {file}, {}", kind(verified.file_kind))];
    lines.extend(verdict::extent(&verified.checked));
    // What a history leaves open stands in words.
    let open = members.get("not_checked").and_then(Value::as_array).cloned().unwrap_or_default();
    lines.extend(open.iter().filter_map(Value::as_str).map(|what| format!("  not checked  {what}")));
    members.entry("not_checked").or_insert_with(|| verdict::not_checked(&verified.checked));
    Found { file, status: 0, headline, lines, members, complaint: None }
}

fn failure(file: String, failure: Failure) -> Found {
    let mut lines = verdict::failed(&file, &failure);
    lines.push("  not checked  what comes after this check".into());
    let rest = json!([{"check": "what comes after", "why": format!("the check {} failed before it", failure.check)}]);
    let members = json!({"failure": failure, "checked": {}, "not_checked": rest});
    let mut complaint = CliError::from(failure);
    complaint.message = format!("{}: {}", visible(&file), complaint.message);
    let members = members.as_object().cloned().unwrap_or_default();
    let (status, headline) = (complaint.status, verdict::word(complaint.status));
    Found { file, status, headline, lines, members, complaint: Some(complaint) }
}

impl Found {
    /// Its document: file, verdict, and what is known.
    fn document(&self) -> Map<String, Value> {
        let mut document = self.members.clone();
        document.insert("file".into(), json!(self.file));
        document.insert("verdict".into(), json!(verdict::name(self.status)));
        document.insert("exit_status".into(), json!(self.status));
        document.insert("headline".into(), json!(self.headline));
        document
    }

    /// Its rows for people: what stands in the lines is not said twice.
    fn rows(&self) -> Map<String, Value> {
        let said = ["checked", "not_checked", "failure", "file_kind"];
        let rows = self.members.iter().filter(|(name, _)| !said.contains(&name.as_str()));
        rows.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// The one document about all files. About a single one its members stand at the top as well.
fn document(found: &[Found], status: u8) -> Value {
    let files: Vec<_> = found.iter().map(Found::document).collect();
    let mut document = match &files[..] {
        [only] => only.clone(),
        _ => Map::new(),
    };
    document.insert("verdict".into(), json!(verdict::name(status)));
    document.insert("exit_status".into(), json!(status));
    document.entry("headline").or_insert_with(|| json!(verdict::word(status)));
    document.insert("files".into(), json!(files));
    Value::Object(document)
}

/// The first line about several files.
fn summary(found: &[Found], status: u8) -> String {
    let same = found.iter().filter(|one| one.status == status).count();
    format!("{}: {same} of {} files", verdict::word(status), found.len())
}

/// Runs the command.
pub fn main(global: &Global, command: &Verify) -> Done {
    let mut options = command.named.options(global, false)?;
    options.policy = options.policy.map(|policy| policy.with_origins(command.origins.clone()));
    options.require_log = command.require_log;
    options.deep = command.deep;
    options.entry = command.entry.as_deref().map(read).transpose()?;
    options.max_age = command.max_age.map(|most| Age { most, now: SystemClock.now_ms() / 1_000 });
    options.threads = command.threads;
    if options.policy.is_none() && options.genesis.is_none() && options.keys.is_empty() && !options.consistency_only {
        global.say("nobody is named whom you trust: without --policy, --genesis or --trust no file holds");
    }
    let mut found = Vec::new();
    for path in &command.files {
        let one = check(global, path, &options);
        if global.output == Output::Jsonl {
            global.print("Verification", Value::Object(one.document()));
        }
        found.push(one);
    }
    let status = verdict::worst(found.iter().map(|one| one.status));
    match global.output {
        Output::Jsonl => {}
        Output::Json => global.print("Verification", document(&found, status)),
        // The verdict of each file alone.
        Output::Table if global.quiet => global.print("Verification", document(&found, status)),
        Output::Table => {
            if found.len() > 1 {
                global.verdict("Verification", &[summary(&found, status), String::new()], json!({}));
            }
            for (number, one) in found.iter().enumerate() {
                let between = if number > 0 { vec![String::new()] } else { Vec::new() };
                global.verdict("Verification", &[between, one.lines.clone()].concat(), Value::Object(one.rows()));
            }
        }
    }
    let complaints: Vec<_> = found.into_iter().filter_map(|one| one.complaint).collect();
    let message = complaints.iter().map(|one| one.message.as_str()).collect::<Vec<_>>().join("\n");
    if status == 0 { Ok(()) } else { Err(CliError::with(status, message)) }
}

fn check(global: &Global, path: &Path, options: &Options) -> Found {
    let file = path.display().to_string();
    let mut said = Instant::now();
    let mut progress = |what: &str, done: u64, of: u64| {
        if said.elapsed() >= PROGRESS {
            said = Instant::now();
            let of = if of > 0 { format!(" of {of}") } else { String::new() };
            global.say(&format!("{}: {what}, {done}{of}", visible(&file)));
        }
    };
    match selfsame_offline::verify(path, options, &mut progress) {
        Ok(verified) => match &unanswered(verified.file_kind, options)[..] {
            [] => held(file, &verified, options),
            open => misfit(file, verified.file_kind, open),
        },
        Err(failed) => failure(file, failed),
    }
}
