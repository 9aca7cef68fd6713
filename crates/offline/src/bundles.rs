//! Files of many lines, as bundles are: lines are read by one thread, hashed and checked by all cores, and applied in order
//! here. At most a few hundred lines wait at a time. And the two kinds of bundle.

use super::report::{Checked, Failure, Level, Verified, altered, undecided};
use super::threads::start;
use super::{Options, Progress};
use selfsame_protocol::bundle::{self, End, Found, Report, Voucher};
use selfsame_protocol::ledger::PerLedger;
use serde_json::json;
use std::io::{BufRead, Read as _};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Longest line, its line feed not counted: the bound of a document.
const MAX_LINE: u64 = 16 << 20;
/// Lines handed over at once.
const LINES: usize = 32;
/// Bytes of lines handed over at once, when the lines are long.
const BYTES: usize = 256 << 10;
/// Handfuls that wait at each thread, in front of it and behind it.
const AHEAD: usize = 2;

/// A reader of a file or of standard input.
pub type Input = Box<dyn BufRead + Send>;

type Lines = Vec<(u64, Result<String, Failure>)>;

/// The next line without its line feed, `None` at the end. A last line without a line feed was cut.
fn line(input: &mut Input, number: u64) -> Option<Result<String, Failure>> {
    let mut bytes = Vec::new();
    let read = input.take(MAX_LINE + 1).read_until(b'\n', &mut bytes);
    let bad = |expected: String, found: String| Some(Err(altered("BUNDLE_LINE", None, expected, found)));
    match read {
        Err(error) => Some(Err(undecided("FILE_UNREADABLE", format!("line {number}"), error))),
        Ok(0) => None,
        Ok(_) if bytes.pop() != Some(b'\n') => {
            bad(format!("line {number} of at most {MAX_LINE} bytes, ended by a line feed"), "no line feed".into())
        }
        Ok(_) => match String::from_utf8(bytes) {
            Ok(text) => Some(Ok(text)),
            Err(error) => bad(format!("line {number} in UTF-8"), error.to_string()),
        },
    }
}

/// The first line, which decides what follows.
pub fn first(input: &mut Input) -> Result<String, Failure> {
    line(input, 1).unwrap_or_else(|| Err(altered("BUNDLE_LINE", None, "a header", "an empty file")))
}

/// Handfuls of lines from the second on, dealt to the threads in turn, until one cannot be read.
fn deal(mut input: Input, threads: &[SyncSender<Lines>]) {
    let mut number = 2;
    for thread in threads.iter().cycle() {
        let (mut lines, mut bytes) = (Vec::with_capacity(LINES), 0);
        while lines.len() < LINES && bytes < BYTES {
            let Some(line) = line(&mut input, number) else { break };
            bytes += line.as_ref().map_or(BYTES, String::len);
            lines.push((number, line));
            number += 1;
        }
        let last = lines.is_empty() || lines.iter().any(|(_, line)| line.is_err());
        // A thread that is gone met an error, which is found when its turn comes.
        if thread.send(lines).is_err() || last {
            return;
        }
    }
}

/// Prepares every line from the second on, on `threads` threads, and applies the results in order. Gives the number of
/// lines after the first.
pub fn stream<P: Send>(
    input: Input,
    threads: usize,
    prepare: impl Fn(&str, u64) -> P + Sync,
    mut apply: impl FnMut(P) -> Result<(), Failure>,
    progress: Progress<'_>,
) -> Result<u64, Failure> {
    let prepare = &prepare;
    std::thread::scope(|scope| {
        let mut fronts = Vec::new();
        let mut backs: Vec<Receiver<Vec<Result<P, Failure>>>> = Vec::new();
        for _ in 0..threads.max(1) {
            let (front, lines) = sync_channel::<Lines>(AHEAD);
            let (send, back) = sync_channel(AHEAD);
            start(scope, move || {
                for handful in lines {
                    let done = |(number, line): (u64, Result<String, Failure>)| line.map(|text| prepare(&text, number));
                    if send.send(handful.into_iter().map(done).collect()).is_err() {
                        return;
                    }
                }
            })?;
            fronts.push(front);
            backs.push(back);
        }
        start(scope, move || deal(input, &fronts))?;
        let mut count = 0;
        for back in backs.iter().cycle() {
            let Ok(handful) = back.recv() else {
                return Err(undecided("THREAD", "a thread that reads to the end", "one that stopped"));
            };
            if handful.is_empty() {
                break;
            }
            for prepared in handful {
                apply(prepared?)?;
                count += 1;
            }
            progress("lines", count, 0);
        }
        Ok(count)
    })
}

/// With a policy whose log must sign, both checkpoints are signed by their logs.
pub(crate) fn logs_signed(origins: &PerLedger<String>, signers: &[String], options: &Options) -> Result<(), Failure> {
    if !options.require_log || options.policy.is_none() {
        return Ok(());
    }
    match origins.iter().map(|(_, origin)| origin).find(|origin| !signers.contains(origin)) {
        None => Ok(()),
        Some(origin) => Err(undecided("POLICY_LOG", format!("a signature of the log {origin}"), signers.join(", "))),
    }
}

/// A bundle of a substrate or of a run.
pub fn verify(first: &str, input: Input, options: &Options, progress: Progress<'_>) -> Result<Verified, Failure> {
    let mut verifier = bundle::Verifier::new(first, options.reader())?;
    let heads = verifier.heads().clone();
    let prepare = |text: &str, number| bundle::prepare(text, number, &heads);
    stream(input, options.threads(), prepare, |line| verifier.apply(line), progress)?;
    let (report, _) = verifier.finish()?;
    logs_signed(&heads.map(|head| head.origin), &report.signers, options)?;
    let checked = match &report.found {
        Found::Substrate(found) => Checked {
            chain: Level::held(format!(
                "{} entries and {} cycles from the birth on; {} entries of governance from the genesis on",
                report.entries, found.lineage_depth, report.governance_entries
            )),
            attestation: Level::held(
                "birth, arrivals and aborts by their chips; not the signatures under other entries of the substrate, whose \
                 submissions are not in the file",
            ),
            ..common(&report)
        },
        Found::Run(_) => Checked {
            chain: Level::held(format!(
                "{} entries from the declaration on, whose identity was recomputed; {} entries of governance from the genesis on",
                report.entries, report.governance_entries
            )),
            attestation: Level::held(format!("{} submissions by keys that had the right then", report.submissions)),
            ..common(&report)
        },
    };
    let file_kind = match &report.found {
        Found::Substrate(_) => "substrate_bundle",
        Found::Run(_) => "run_bundle",
    };
    let mut detail = json!(report);
    if let Some(members) = detail.as_object_mut() {
        members.insert("not_checked".into(), json!(not_checked(&report)));
    }
    Ok(Verified { file_kind, checked, end: Some(report.later_entries), detail })
}

/// What is said of both kinds alike.
fn common(report: &Report) -> Checked {
    let (entries, governance, submissions) = (report.entries, report.governance_entries, report.submissions);
    Checked {
        structure: Level::held(format!(
            "{entries} entries, {governance} of governance and {submissions} submissions read whole, in canonical form"
        )),
        chain: Level::not("see the kind"),
        tree: Level::held(format!("{} inclusion proofs", entries + governance)),
        cosignatures: vouched(report.vouched_by, &report.signers),
        attestation: Level::not("see the kind"),
    }
}

/// Who signed, and on whose word that counts.
pub fn vouched(by: Voucher, signers: &[String]) -> Level {
    let names = signers.join(", ");
    match by {
        Voucher::Policy => Level::held(format!("the policy's quorum: {names}")),
        Voucher::Genesis => Level::held(format!("the quorum that follows from your genesis: {names}")),
        Voucher::Keys => Level::held(format!("keys that you named: {names}")),
        Voucher::Nobody => {
            Level::not("nobody that you trust vouches for it: no policy, no genesis and no key was given")
        }
    }
}

/// What a bundle leaves open, in words.
fn not_checked(report: &Report) -> Vec<String> {
    let mut open = vec![format!(
        "what was recorded behind entry {} of Evidence and entry {} of Reasoning, where the trees of this file end",
        report.evidence_size, report.reasoning_size
    )];
    if let End::Unknown { why } = &report.later_entries {
        open.push(format!("that the last entries in these trees are all here: {why}"));
    }
    match &report.found {
        Found::Substrate(_) => open.push(
            "the signatures of chips and nodes under the substrate's own entries: their submissions are not in the file"
                .into(),
        ),
        Found::Run(found) => {
            open.push("that a model really produced the outputs, whose digests stand here without the outputs".into());
            if found.disagreements > 0 {
                open.push("the other run of each disagreement: its own bundle has the declaration".into());
            }
        }
    }
    if !report.genesis_from_reader && !report.later_entries.is_known() {
        open.push(format!(
            "that {} is the genesis of the cluster that you mean: compare it, or give --genesis",
            report.genesis
        ));
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &[u8], threads: usize) -> (Result<u64, String>, Vec<u64>) {
        let mut seen = Vec::new();
        let input: Input = Box::new(std::io::Cursor::new(text.to_vec()));
        let prepare = |text: &str, number: u64| (number, text.len());
        let apply = |(number, length): (u64, usize)| {
            seen.push(number);
            if length == 3 { Err(altered("BAD", None, "", number)) } else { Ok(()) }
        };
        (stream(input, threads, prepare, apply, &mut |_, _, _| {}).map_err(|f| f.check), seen)
    }

    #[test]
    fn lines_are_applied_in_order_whatever_the_number_of_threads() {
        let text: String = (0..1_000).map(|n| format!("{}\n", "x".repeat(4 + n % 7))).collect();
        for threads in [1, 2, 3, 8] {
            let (done, seen) = run(text.as_bytes(), threads);
            assert_eq!((done, seen), (Ok(1_000), (2..1_002).collect::<Vec<_>>()));
        }
        for at in [0, 31, 32, 500, 999] {
            let mut lines: Vec<&str> = text.lines().collect();
            lines[at] = "bad";
            let (done, seen) = run((lines.join("\n") + "\n").as_bytes(), 3);
            assert_eq!((done, seen.len()), (Err("BAD".into()), at + 1));
        }
        assert_eq!(run(b"", 2).0, Ok(0));
        assert_eq!(run(b"four\nfour", 2), (Err("BUNDLE_LINE".into()), vec![2]));
        assert_eq!(run(b"four\n\xff\n", 2), (Err("BUNDLE_LINE".into()), vec![2]));
    }
}
