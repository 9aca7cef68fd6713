//! `selfsame substrate baseline`: is it the same entity?

use super::context::{Done, Global, read};
use super::trust::Named;
use crate::offline::Failure;
use selfsame_protocol::bundle::{self, End, IdentityProof, Report, Stated};
use selfsame_protocol::canon::{self, Limits};
use selfsame_protocol::p104::Outcome;
use selfsame_protocol::replay::History;
use serde_json::{Value, json};
use std::path::Path;

/// Runs the command.
pub fn main(global: &Global, statement: &Path, file: &Path, named: &Named) -> Done {
    let options = named.options(global, false)?;
    let document = canon::parse(&read(statement)?, &Limits::DOCUMENT)?;
    let text = super::verify::text(read(file)?)?;
    let later = file.display().to_string();
    let check = || -> Result<(Stated, Report, History), Failure> {
        let proof = IdentityProof::read(document)?;
        let baseline = proof.verify(&options.reader(), options.genesis_document.as_ref())?;
        let (report, history) = bundle::verify(text.lines(), options.reader(), |_| {})?;
        let Some(history) = history else {
            let found = "the history of a run";
            return Err(crate::offline::undecided("BUNDLE_TYPE", "the history of a substrate", found));
        };
        bundle::same_entity(&baseline.statement, &history)?;
        Ok((baseline, report, history))
    };
    match check() {
        Ok((baseline, report, history)) => held(global, &later, &baseline, &report, &history),
        Err(failure) => {
            let same = if failure.tampered { json!(false) } else { Value::Null };
            global.failed("Baseline", &later, &failure, json!({"same_entity": same}));
            Err(failure.into())
        }
    }
}

fn held(global: &Global, later: &str, baseline: &Stated, report: &Report, history: &History) -> Done {
    let depth = baseline.statement.identity_lineage_depth;
    let (unknown, open) = match &report.later_entries {
        End::Known { .. } => ("", None),
        End::Unknown { why } => (", later entries unknown", Some(why)),
    };
    let mut lines = vec![format!("holds{unknown}: {later} continues the entity that the baseline describes")];
    // The same entity, and all the same not one to go on with.
    if history.status == Outcome::HashMismatch {
        lines.push(
            "  beware       it was suppressed: the last verification of its identity failed (HASH_MISMATCH)".into(),
        );
    }
    if history.status == Outcome::DriftExceeded {
        lines.push("  beware       its lineage ended: another substrate continues (DRIFT_EXCEEDED)".into());
    }
    lines.push(format!(
        "  checked      every line of the history, and that it leads through the baseline at {depth} cycles"
    ));
    lines.push(format!("  checked      who vouches for both: {}", baseline.signers.join(", ")));
    if let Some(why) = open {
        lines.push(format!("  not checked  that nothing was cut off at the end: {why}"));
    }
    let document = json!({
        "verdict": "holds", "exit_status": 0, "same_entity": true, "baseline_depth": depth,
        "later_depth": history.lineage_depth, "status": history.status, "vouched_by": report.vouched_by,
        "later_entries": report.later_entries,
    });
    global.verdict("Baseline", &lines, document);
    Ok(())
}
