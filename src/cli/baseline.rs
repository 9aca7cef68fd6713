//! `selfsame substrate baseline`: is it the same entity?

use super::context::{CliError, Done, Global, read};
use super::trust::Named;
use crate::console::visible;
use selfsame_offline::{self, Failure, Options};
use selfsame_protocol::bundle::{self, End, IdentityProof, Report, Stated, Voucher};
use selfsame_protocol::canon::{self, Limits};
use selfsame_protocol::p104::Outcome;
use selfsame_protocol::replay::History;
use serde_json::json;
use std::path::Path;

/// Exit status of another entity: that of a history that does not match.
const NOT_THE_SAME: u8 = 10;

/// Which of the two files a failure is about.
enum Wrong {
    Statement(Failure),
    Later(Failure),
    /// Both are genuine, and this is not the entity of the baseline.
    Differs(Failure),
}

/// Runs the command.
pub fn main(global: &Global, statement: &Path, file: &Path, named: &Named) -> Done {
    let options = named.options(global, false)?;
    let check = || -> Result<(Stated, Report, History), Wrong> {
        let of = |path: &Path, wanted, failure| unlike(path, &options, wanted, failure);
        let proof = text(statement).and_then(|text| proof(&text));
        let proof = proof.map_err(|failure| Wrong::Statement(of(statement, "statement", failure)))?;
        let baseline = proof.verify(&options.reader(), options.genesis_document.as_ref()).map_err(Wrong::Statement)?;
        let text = text(file).map_err(|failure| Wrong::Later(of(file, "substrate_bundle", failure)))?;
        let (report, history) = match bundle::verify(&text, options.reader(), |_| {}) {
            Ok((report, Some(history))) => (report, history),
            Ok((_, None)) => return Err(Wrong::Later(kind("substrate_bundle", "run_bundle"))),
            Err(failure) if failure.check == "BUNDLE_LINE" => {
                return Err(Wrong::Later(of(file, "substrate_bundle", failure)));
            }
            Err(failure) => return Err(Wrong::Later(failure)),
        };
        bundle::same_entity(&baseline.statement, &history).map_err(Wrong::Differs)?;
        Ok((baseline, report, history))
    };
    let (earlier, later) = (statement.display().to_string(), file.display().to_string());
    let (file, failure) = match check() {
        Ok((baseline, report, history)) => return held(global, &later, &baseline, &report, &history),
        Err(Wrong::Differs(failure)) => return differs(global, &earlier, &later, &failure),
        Err(Wrong::Statement(failure)) => (earlier, failure),
        Err(Wrong::Later(failure)) => (later, failure),
    };
    global.failed("Baseline", &file, &failure, json!({"same_entity": null, "file": file}));
    let mut error = CliError::from(failure);
    error.message = format!("{}: {}", visible(&file), error.message);
    Err(error)
}

/// Whether it is a stream that the user gave, which is read once and not again. Other devices are no file.
fn is_stream(path: &Path) -> bool {
    path == Path::new("-") || path == Path::new("/dev/stdin") || path.starts_with("/dev/fd")
}

/// A text that is read once: a file, or standard input. What else there is in a file system is `unlike`'s to name.
fn text(path: &Path) -> Result<String, Failure> {
    let unreadable = |found: String| selfsame_offline::undecided("FILE_UNREADABLE", path.display(), found);
    if !is_stream(path) && !path.is_file() {
        return Err(unreadable("no file".into()));
    }
    let bytes = read(path).map_err(|error| unreadable(error.message))?;
    String::from_utf8(bytes).map_err(|_| selfsame_offline::undecided("FILE_KIND", "a text in UTF-8", "other bytes"))
}

/// A statement with its proof.
fn proof(text: &str) -> Result<IdentityProof, Failure> {
    let form = |error| selfsame_offline::altered("STATEMENT_FORM", None, "a statement with its proof", error);
    IdentityProof::read(canon::parse(text.as_bytes(), &Limits::DOCUMENT).map_err(form)?)
}

/// Why a file is not what is wanted here: what `verify` says of it, that it is of another kind, or else `failure`. Standard
/// input is not read twice.
fn unlike(path: &Path, options: &Options, wanted: &str, failure: Failure) -> Failure {
    if is_stream(path) {
        return failure;
    }
    match selfsame_offline::verify(path, options, &mut |_, _, _| {}) {
        Err(failure) => failure,
        // It holds, without what is wanted here, as a statement without its proof.
        Ok(verified) if verified.file_kind == wanted => Failure { tampered: false, ..failure },
        Ok(verified) => kind(wanted, verified.file_kind),
    }
}

fn kind(wanted: &str, found: &str) -> Failure {
    selfsame_offline::undecided("FILE_KIND", super::verify::kind(wanted), super::verify::kind(found))
}

/// Both files are what was signed, and the answer is no.
fn differs(global: &Global, earlier: &str, later: &str, failure: &Failure) -> Done {
    let (sentence, advice) = match failure.check.as_str() {
        "OTHER_LINEAGE" => (
            "is the history of another entity: both files are genuine, and were born apart",
            "give the history of the substrate that the baseline names; a successor after a drift is another entity too",
        ),
        "ROLLED_BACK" => (
            "ends before the baseline: both files are genuine, and this history is older, or was set back",
            "get a newer history (selfsame substrate bundle); if there is none, the substrate was set back",
        ),
        _ => ("has another past than the baseline, although both were born as one", "do not go on with it"),
    };
    let check = &failure.check;
    let lines = [
        format!("NOT THE SAME: {later} {sentence}. The check {check} fails"),
        format!("  baseline     {earlier}"),
        format!("  expected     {}", failure.expected),
        format!("  found        {}", failure.found),
        format!("  what to do   {advice}"),
    ];
    let members = json!({
        "verdict": "not the same", "exit_status": NOT_THE_SAME, "same_entity": false, "file": later,
        "failure": {"check": check, "expected": failure.expected, "found": failure.found},
    });
    global.verdict("Baseline", &lines, members);
    Err(CliError::with(NOT_THE_SAME, format!("{}: not the entity of the baseline ({check})", visible(later))))
}

fn held(global: &Global, later: &str, baseline: &Stated, report: &Report, history: &History) -> Done {
    let depth = baseline.statement.identity_lineage_depth;
    let (unknown, open) = match &report.later_entries {
        End::Known { .. } => ("", None),
        End::Unknown { why } => (", later entries unknown", Some(why)),
    };
    // The same entity, and all the same not one to go on with: the verdict is that of its last verification.
    let (status, word, verdict, beware) = match history.status {
        Outcome::HashMismatch => (
            10,
            "SUPPRESSED",
            "suppressed",
            Some("the last verification of its identity failed (HASH_MISMATCH): it is suppressed for ever"),
        ),
        Outcome::DriftExceeded => (
            11,
            "LINEAGE ENDED",
            "lineage ended",
            Some("its founding tension drifted (DRIFT_EXCEEDED): another substrate continues"),
        ),
        Outcome::Verified | Outcome::InsufficientDepth => (0, "holds", "holds", None),
    };
    let vouched = if report.vouched_by == Voucher::Nobody { ", and nobody that you trust vouches for it" } else { "" };
    let mut lines = vec![format!("{word}{unknown}: {later} continues the entity that the baseline describes{vouched}")];
    lines.extend(beware.map(|what| format!("  beware       {what}")));
    lines.push(format!(
        "  checked      every line of the history, and that it leads through the baseline at {depth} cycles"
    ));
    lines.push(format!("  checked      who vouches for both: {}", baseline.signers.join(", ")));
    if let Some(why) = open {
        lines.push(format!("  not checked  that nothing was cut off at the end: {why}"));
    }
    let document = json!({
        "verdict": verdict, "exit_status": status, "same_entity": true, "baseline_depth": depth,
        "later_depth": history.lineage_depth, "status": history.status, "vouched_by": report.vouched_by,
        "later_entries": report.later_entries,
    });
    global.verdict("Baseline", &lines, document);
    match beware {
        None => Ok(()),
        Some(what) => Err(CliError::with(status, format!("{}: {what}", visible(later)))),
    }
}
