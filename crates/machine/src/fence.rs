//! The right to write for a substrate: one chip, one epoch, the next sequence number.

use crate::aggregate::{require_alive, subject};
use crate::error::{Stop, refuse};
use crate::registry;
use crate::state::{self, HolderStatus, Substrate, invalidated_key};
use crate::txn::Txn;
use crate::view::Table;
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::command::FencingToken;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::number::Epoch;
use selfsame_protocol::planted;
use selfsame_protocol::record::Record;
use selfsame_protocol::subject::Subject;
use selfsame_protocol::time::U64;

/// The epoch at which a substrate's activation stands after `recoveries`: 2^32 more for each that it has not gone through.
/// No epoch of before a recovery can be reached again by counting.
pub(crate) fn epoch_after(substrate: &Substrate, recoveries: u64) -> Epoch {
    let missed = recoveries.saturating_sub(substrate.constitution.recovery_count.0);
    substrate.holder.epoch.after_recoveries(missed)
}

/// Takes the activation through the recoveries that it has missed, and records it. The activation of before is
/// invalidated like one that a migration ended.
pub fn renew(txn: &mut Txn<'_>, substrate: &mut Substrate) -> Result<(), Stop> {
    let recoveries = registry::recoveries(&txn.over)?;
    if recoveries <= substrate.constitution.recovery_count.0 {
        return Ok(());
    }
    let (ended, epoch) = (substrate.holder.epoch, epoch_after(substrate, recoveries));
    let record = Record::HolderRecovery { recovery_count: U64(recoveries), chip: substrate.holder.chip, ended, epoch };
    txn.push(Ledger::Reasoning, &subject(&substrate.substrate_id), record)?;
    let old = invalidated_key(&substrate.substrate_id, &substrate.holder.chip, ended);
    txn.over.put(Table::Invalidated, old, txn.index.0.to_be_bytes());
    substrate.holder.epoch = epoch;
    substrate.holder.seq = U64(0);
    substrate.constitution.recovery_count = U64(recoveries);
    Ok(())
}

/// Checks the token of a write within a session. After a recovery it lets nothing through before identity was verified anew.
pub(crate) fn check_session_token(txn: &Txn<'_>, substrate: &mut Substrate, token: &FencingToken) -> Result<(), Stop> {
    let recoveries = registry::recoveries(&txn.over)?;
    let renewed = epoch_after(substrate, recoveries);
    let behind = renewed != substrate.holder.epoch;
    check_token(txn, substrate, token, renewed)?;
    if behind {
        let rule = "the cluster was recovered and this substrate was not verified since: close an open session with `substrate recover-close`, then open one";
        return refuse(
            Code::SessionNotOpen,
            rule,
            format!("verified since recovery {recoveries}"),
            "not verified since",
        );
    }
    Ok(())
}

/// Checks a token: accepts exactly the current activation's chip, its epoch and the next sequence number, and takes the
/// number. No clock and no lease decides anything. `epoch` is the holder's, recoveries included.
pub fn check_token(txn: &Txn<'_>, substrate: &mut Substrate, token: &FencingToken, epoch: Epoch) -> Result<(), Stop> {
    require_alive(substrate)?;
    let chip = txn.key.id();
    let holder = &substrate.holder;
    let stale = token.epoch != epoch && !planted!("fence_by_chip_id_only");
    if (chip != holder.chip || stale) && !planted!("no_fence") {
        let key = invalidated_key(&substrate.substrate_id, &chip, token.epoch);
        if let Some(at) = state::load_u64(&txn.over, Table::Invalidated, &key)? {
            return refuse(
                Code::ChipInvalidated,
                "this activation was invalidated for good when the substrate moved on: write with the chip that holds it now",
                format!("chip {} at epoch {epoch}", holder.chip),
                format!("chip {chip} at epoch {}, invalidated at log index {at}", token.epoch),
            );
        }
        if chip != holder.chip {
            // Somebody with another chip claims to be this substrate: refused, and the claim is recorded in the chain of
            // its organisation.
            let refusal = Refusal::new(
                Code::ChipNotActive,
                "this chip does not hold the substrate: write with the one that does, or migrate first",
                holder.chip,
                chip,
            );
            let record =
                Record::DuplicateRefused { substrate_id: substrate.substrate_id.clone(), chip, code: refusal.code };
            let chain = Subject::Organisation(txn.author.organisation.clone());
            return Err(Stop::Recorded(refusal, vec![(Ledger::Reasoning, chain, record)]));
        }
        return refuse(
            Code::StaleEpoch,
            "the epoch is not the present one: read the holder again (`substrate holder`) and sign with its epoch",
            epoch,
            token.epoch,
        );
    }
    if holder.status == HolderStatus::Sealed && !planted!("accept_while_sealed") {
        return refuse(
            Code::Sealed,
            "the substrate is sealed for a migration: the destination arrives (`migrate arrive`), or the origin aborts it (`migrate abort`)",
            "",
            "",
        );
    }
    let next = if epoch == holder.epoch { holder.seq.0.saturating_add(1) } else { 1 };
    if token.seq.0 != next {
        return refuse(
            Code::StaleSequence,
            "the sequence number is not the next one: another write came first or this one was sent before; read the holder and sign again",
            next,
            token.seq,
        );
    }
    substrate.holder.seq = token.seq;
    Ok(())
}
