//! Who holds a substrate, cosigned.

use super::vouch;
use crate::Options;
use crate::report::{Checked, Failure, Level, Verified, altered};
use selfsame_protocol::holder::{self, HolderError, HolderStatus, Standing};
use selfsame_protocol::note::Note;
use selfsame_protocol::time::Timestamp;
use serde_json::{Value, json};

fn failed(error: HolderError) -> Failure {
    Failure { tampered: !error.undecidable(), ..altered(error.check, None, error.expected, error.found) }
}

/// A holder status. Of its age nothing is said unless the reader says how old it may be, and what time it is.
pub fn holder(bytes: &[u8], options: &Options) -> Result<Verified, Failure> {
    let form = |error| altered("HOLDER_FORM", None, "a cosigned holder status", error);
    let note = Note::parse(bytes).map_err(form)?;
    let age = options.max_age.as_ref();
    let Standing { status, cosigners } = match &options.policy {
        Some(policy) => holder::by_policy(&note, policy, age).map_err(failed)?,
        None if vouch::is_nobody(options) => {
            let status = HolderStatus::parse(&note.text).map_err(form)?;
            vouch::somebody(options)?;
            Standing { status, cosigners: Vec::new() }
        }
        None => holder::by_keys(&note, &options.keys, age).map_err(failed)?,
    };
    let times: Vec<u64> = cosigners.iter().filter_map(|cosigner| cosigner.time).collect();
    let newest = times.iter().max().copied();
    let shown = |time: u64| Timestamp::from_millis(time.saturating_mul(1_000));
    let names: Vec<&str> = cosigners.iter().map(|cosigner| cosigner.name.as_str()).collect();
    let (cosignatures, freshness) = match (newest, age) {
        (None, _) => (Level::not(vouch::NOBODY), Level::not(vouch::NOBODY)),
        (Some(_), Some(age)) => (
            Level::held(format!("cosigned by {}", names.join(", "))),
            Level::held(format!("it was so at most {} seconds ago, by the clocks of its cosigners", age.most)),
        ),
        (Some(newest), None) => (
            Level::held(format!("cosigned by {}", names.join(", "))),
            Level::not(format!(
                "whether it is still so: no greatest age was given, and the newest is of {}",
                shown(newest)
            )),
        ),
    };
    let tree = |tree: &holder::Tree| json!({"size": tree.size, "root": tree.root});
    let voices: Vec<Value> = cosigners.iter().map(|one| json!({"name": one.name, "time": one.time})).collect();
    Ok(Verified {
        file_kind: "holder_status",
        checked: Checked {
            structure: Level::held("a note over a substrate, its state, chip and epoch, and both trees"),
            chain: Level::not("a status has no entries: the substrate's bundle has them"),
            tree: Level::not("a status names two trees and has no entries"),
            cosignatures,
            attestation: freshness,
        },
        detail: json!({
            "origin": status.origin, "substrate_id": status.substrate_id, "state": status.state.as_str(),
            "chip": status.chip, "epoch": status.epoch, "evidence": tree(&status.evidence),
            "reasoning": tree(&status.reasoning), "cosigners": voices,
        }),
    })
}
