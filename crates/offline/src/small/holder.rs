//! Who holds a substrate, cosigned.

use super::vouch::{self, Voices};
use crate::Options;
use crate::report::{Checked, Failure, Level, Verified, altered};
use selfsame_protocol::bundle::Voucher;
use selfsame_protocol::holder::{self, CosignedStatus, HolderError, HolderStatus};
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::note::Note;
use selfsame_protocol::time::Timestamp;
use serde_json::{Value, json};

fn failed(error: HolderError) -> Failure {
    Failure { tampered: !error.undecidable(), ..altered(error.check, None, error.expected, error.found) }
}

/// Seconds since 1970 as a date, where there is one: a cosigner may state any number.
fn date(seconds: u64) -> String {
    let time = Timestamp::from_millis(seconds.saturating_mul(1_000));
    match time.seconds() == seconds {
        true => time.to_string(),
        false => format!("{seconds} seconds after 1970, behind the year 9999"),
    }
}

/// A holder status. Of its age nothing is said unless the reader says how old it may be, and what time it is.
pub fn holder(bytes: &[u8], options: &Options) -> Result<Verified, Failure> {
    let form = |error| altered("HOLDER_FORM", None, "a cosigned holder status", error);
    let note = Note::parse(bytes).map_err(form)?;
    let unverified = HolderStatus::parse(&note.text).map_err(form)?;
    let age = options.max_age.as_ref();
    let standing = match vouch::policy(options)? {
        Some(policy) => {
            let standing = holder::by_policy(&note, &policy, age)
                .map_err(|error| vouch::of_genesis(failed(error), options, "HOLDER_QUORUM"));
            vouch::judged(standing, options, &format!("{}/{}", unverified.origin, Ledger::Evidence))?
        }
        None if options.reader().voucher() == Voucher::Keys => {
            holder::by_keys(&note, &options.keys, age).map_err(failed)?
        }
        None => CosignedStatus { status: unverified, cosigners: Vec::new() },
    };
    options.reader().named()?;
    let since = standing.since();
    let CosignedStatus { status, cosigners } = standing;
    let voices = Voices::none(options).cosigned_by(cosigners.iter().map(|cosigner| cosigner.name.clone()));
    let freshness = match (since, age) {
        (None, _) => vouch::nobody(),
        (Some(_), Some(age)) => {
            let clocks = match options.reader().voucher() {
                Voucher::Keys => "by the clock of a cosigner that you named",
                Voucher::Policy | Voucher::Genesis | Voucher::Nobody => "by the clocks of enough of its cosigners",
            };
            Level::held(format!("it was so at most {} seconds ago, {clocks}", age.most))
        }
        (Some(since), None) => Level::not(format!(
            "whether it is still so: no greatest age was given. The cosignatures that count are of {} or later; what is newer \
             may be of one cosigner alone",
            date(since)
        )),
    };
    let tree = |tree: &holder::Tree| json!({"size": tree.size, "root": tree.root});
    let times: Vec<Value> =
        cosigners.iter().map(|one| json!({"date": one.time.map(date), "name": one.name, "time": one.time})).collect();
    Ok(Verified {
        file_kind: "holder_status",
        checked: Checked {
            structure: Level::held("a note over a substrate, its state, chip and epoch, and both trees"),
            chain: Level::not("a status has no entries: the substrate's bundle has them"),
            tree: Level::not("a status names two trees and has no entries"),
            cosignatures: voices.cosignatures(),
            attestation: freshness,
        },
        end: None,
        detail: voices.beside(json!({
            "origin": status.origin, "substrate_id": status.substrate_id, "state": status.state.as_str(),
            "chip": status.chip, "epoch": status.epoch.0, "evidence": tree(&status.evidence),
            "reasoning": tree(&status.reasoning), "cosigners": times,
        })),
    })
}
