//! `selfsame audit`: comparing what the nodes of a cluster serve, once or for ever.

use super::context::{CliError, Done, Global};
use super::trust::trusted;
use super::verdict;
use crate::console::{self, visible};
use clap::Args;
use selfsame_audit::{Alarm, AuditReport, Follower, Memory, NodeSource, compare};
use selfsame_env::{Clock as _, SystemClock, TcpNet};
use selfsame_node::config;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::equivocation::Evidence;
use selfsame_protocol::note::Vkey;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Compare what each node serves, entry by entry, and prove it if somebody signed two histories.
#[derive(Args, Debug)]
#[command(
    long_about = "Compare what each node serves, entry by entry, and prove it if somebody signed two histories.\n\n\
        An auditor needs no node and no right: only the HTTP addresses of the nodes and the keys that it trusts. Of each\n\
        node and ledger it reads the checkpoint and verifies its signatures, reads every entry and hashes it, compares every\n\
        tile with the hashes, and holds the root against what was signed. Then it holds every checkpoint against every\n\
        other: equal sizes must have equal roots, and a larger tree must contain the smaller one.\n\n\
        Two checkpoints that exclude each other are written to an evidence file. It verifies by itself, offline:\n  \
        selfsame verify FILE --trust KEY\n\n\
        With --follow the auditor stays. It keeps what it has verified in a file, hashes each new entry once, and prints\n\
        a line for each look: entries verified, entries by which each node is behind, and the age of the newest\n\
        cosignature. A fork, a node that goes back, or entries that are not what was signed end it with status 10.",
    after_help = "Exit status: 0 everything holds, 10 a fork, a rollback or altered data, 13 no known key signed a checkpoint,\n3 a node did not answer.\n\nExamples:\n  selfsame audit http://node1.aurora.example:7301 http://node2.borealis.example:7301 --cluster cluster.toml\n  selfsame audit node1.aurora.example:7301 node2.borealis.example:7301 --cluster cluster.toml --follow --memory audit.memory\n\nTry several addresses from several networks: a node that lies shows its lie only to some."
)]
pub struct Audit {
    /// HTTP address of a node, http://host:port[/prefix] or host:port. Plain HTTP only: nothing is believed because of
    /// the connection.
    #[arg(required = true)]
    address: Vec<String>,
    /// Verifier key that you trust (name+id+key). Repeatable.
    #[arg(long = "trust")]
    trust: Vec<String>,
    /// The cluster's cluster.toml: its keys are trusted.
    #[arg(long)]
    cluster: Option<PathBuf>,
    /// Directory for evidence files.
    #[arg(long, default_value = ".")]
    evidence: PathBuf,
    /// Stay, and look again and again.
    #[arg(long)]
    follow: bool,
    /// File in which a following auditor keeps what it has verified. Keep it: without it a fork of the past is not seen.
    #[arg(long, default_value = "selfsame-audit.memory")]
    memory: PathBuf,
    /// Seconds between two looks.
    #[arg(long, default_value_t = 10)]
    every: u64,
}

/// Entries between two lines of progress: some seconds.
const PROGRESS: u64 = 1 << 16;

/// The keys of `--trust` and `--cluster`.
fn keys(command: &Audit) -> Result<Vec<Vkey>, CliError> {
    let mut keys = trusted(&command.trust)?;
    if let Some(path) = &command.cluster {
        keys.extend(selfsame_audit::keys_of(&config::load_genesis(path)?));
    }
    if keys.is_empty() {
        return Err(CliError::with(13, "nothing can be decided without keys: give --trust or --cluster"));
    }
    Ok(keys)
}

/// Writes evidence to a file named by its digest; an existing one is the same.
pub fn write(folder: &Path, evidence: &Evidence) -> Result<PathBuf, CliError> {
    let mut bytes = evidence.to_bytes();
    let path = folder.join(format!("equivocation-{}.json", &Digest::of(&bytes).hex()[..16]));
    bytes.push(b'\n');
    super::context::write(&path, &bytes)?;
    Ok(path)
}

/// Runs the command.
pub async fn main(global: &Global, command: Audit) -> Done {
    let keys = keys(&command)?;
    let net = Arc::new(TcpNet);
    let source = |address: &String| NodeSource::new(address, net.clone()).map_err(CliError::usage);
    let sources = command.address.iter().map(source).collect::<Result<Vec<_>, _>>()?;
    if command.follow {
        return follow(global, &command, sources, keys).await;
    }
    let progress = |address: &str, ledger, done: u64| {
        if done.is_multiple_of(PROGRESS) && done > 0 {
            global.say(&format!("{address} {ledger}: {done} entries"));
        }
    };
    let report = compare(&sources, &keys, &progress).await;
    finish(global, &command.evidence, &report)
}

fn finish(global: &Global, folder: &Path, report: &AuditReport) -> Done {
    let mut said = Vec::new();
    let mut conflicts = Vec::new();
    for conflict in &report.conflicts {
        let who = match &conflict.guilty[..] {
            [] => "no key signed both sides: one of the two parties is wrong".into(),
            guilty => format!("guilty: {}", guilty.join(", ")),
        };
        let (a, b) = (conflict.a.addresses.join(", "), conflict.b.addresses.join(", "));
        let kind = conflict.kind.as_str();
        let (kept, file) = evidence(folder, &conflict.evidence);
        said.push(format!("{kind} in {}: {a} against {b}; {who}; {kept}", conflict.ledger));
        let mut value = json!(conflict);
        value["file"] = json!(file);
        conflicts.push(value);
    }
    for checked in &report.checked {
        if let Some(problem) = &checked.problem {
            said.push(format!("{} {}: {problem}", checked.address, checked.ledger));
        }
    }
    let status = report.status();
    let nodes: BTreeSet<&str> = report.checked.iter().map(|checked| checked.address.as_str()).collect();
    let entries: u64 = report.checked.iter().map(|checked| checked.entries.0).sum();
    let first = match status {
        0 => format!("holds: {} nodes serve one history, and it is the one that was signed", nodes.len()),
        10 => "ALTERED: the nodes do not serve one history that was signed".into(),
        _ => "CANNOT BE DECIDED: something could not be checked".into(),
    };
    let mut lines = vec![first, format!("  checked      {entries} entries, hashed one by one")];
    lines
        .extend(said.iter().map(|line| format!("  {:<12} {line}", if status == 10 { "found" } else { "not checked" })));
    let verdict = if status == 3 { "cannot be decided" } else { verdict::name(status) };
    // Neither yes nor no where it cannot be decided.
    let holds = matches!(status, 0 | 10).then_some(status == 0);
    global.verdict(
        "Audit",
        &lines,
        json!({"verdict": verdict, "exit_status": status, "holds": holds, "checked": report.checked, "conflicts": conflicts}),
    );
    if status == 0 { Ok(()) } else { Err(CliError::with(status, visible_lines(&said))) }
}

fn visible_lines(lines: &[String]) -> String {
    lines.iter().map(|line| visible(line)).collect::<Vec<_>>().join("\n")
}

/// Where evidence was kept. A file that cannot be written changes no verdict: what was found is found.
fn evidence(folder: &Path, evidence: &Evidence) -> (String, Option<PathBuf>) {
    match write(folder, evidence) {
        Ok(file) => (format!("evidence in {}", file.display()), Some(file)),
        Err(error) => {
            (format!("the evidence could not be kept ({}): run it again with another --evidence", error.message), None)
        }
    }
}

async fn follow(global: &Global, command: &Audit, sources: Vec<NodeSource>, keys: Vec<Vkey>) -> Done {
    let memory = Memory::open(&command.memory).map_err(|error| CliError::with(10, error))?;
    let mut follower = Follower::new(sources, keys, memory);
    loop {
        match follower.look(SystemClock.now_ms() / 1000).await {
            Ok(steps) => steps.iter().for_each(|step| global.print("AuditStep", json!(step))),
            Err(Alarm::Memory(error)) => return Err(CliError::with(1, error)),
            Err(alarm) => {
                let mut message = alarm.to_string();
                if let Alarm::Fork { evidence: Some(found), .. } = &alarm {
                    message.push_str(&format!("; {}", evidence(&command.evidence, found).0));
                }
                let line = format!("ALTERED: {message}");
                let document = json!({"verdict": verdict::name(10), "exit_status": 10, "alarm": message});
                global.verdict("AuditAlarm", &[line], document);
                return Err(CliError::with(10, visible(&message)));
            }
        }
        if !console::is_read() {
            global.say("nobody reads the looks any more: the audit ends; until now everything held");
            return Ok(());
        }
        tokio::time::sleep(Duration::from_secs(command.every)).await;
    }
}
