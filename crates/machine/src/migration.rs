//! One active chip: seal, arrive, abort, and seal by ballot.
//!
//! Zero active chips between seal and arrival is allowed, two never: one entry activates the destination at the next
//! epoch and invalidates the origin's activation, and the set of invalidated activations never shrinks.

use crate::aggregate::{event, load, require_alive, save, subject};
use crate::error::{Stop, refuse};
use crate::fence::{check_session_token, renew};
use crate::registry::usable_chip;
use crate::state::{self, HolderStatus, Migration, MigrationState, Phase, Substrate, invalidated_key, pair_key};
use crate::substrate::propagate;
use crate::txn::Txn;
use crate::view::{Table, View};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::command::{AbortMigration, Arrive, Seal};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::form::MIGRATION_CYCLE;
use selfsame_protocol::ledger::{Ledger, PerLedger};
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::number::Epoch;
use selfsame_protocol::p104::{self, Attestation, Claims, Outcome};
use selfsame_protocol::planted;
use selfsame_protocol::record::{ContinuityEvent, Record, Resolved};
use selfsame_protocol::response::{MigrationAborted, MigrationArrived, MigrationSealed};
use selfsame_protocol::time::U64;

pub fn seal(txn: &mut Txn<'_>, command: &Seal) -> Result<MigrationSealed, Stop> {
    let Seal { substrate_id, migration_id, head, continuity_hash, .. } = command;
    let mut substrate = load(txn, substrate_id)?;
    check_session_token(txn, &mut substrate, &command.fence)?;
    let kept = continuity(&substrate)?;
    let subject = subject(substrate_id);
    let stated = [
        ("the latest cycle identity hash", substrate.head.to_string(), head.to_string()),
        ("the continuity hash", kept.to_string(), continuity_hash.to_string()),
    ];
    let depths =
        PerLedger::try_from_fn(|ledger| state::load_chain(&txn.over, &subject, ledger))?.map(|chain| chain.depth);
    let counted = [
        ("the depth of the Evidence ledger", depths.evidence.to_string(), command.evidence_ledger_depth.to_string()),
        ("the depth of the Reasoning ledger", depths.reasoning.to_string(), command.reasoning_ledger_depth.to_string()),
    ];
    for (what, expected, found) in stated.into_iter().chain(counted) {
        if expected != found {
            let sentence =
                format!("{what} that was stated is not the ledger's: read the substrate again and seal anew");
            return refuse(Code::StateMismatch, &sentence, expected, found);
        }
    }
    let nonce = do_seal(txn, &mut substrate, migration_id, &command.destination, None)?;
    save(txn, &substrate);
    Ok(MigrationSealed { nonce, epoch: substrate.holder.epoch.next(), migration_id: migration_id.clone() })
}

/// Seals a substrate whose chip is lost, by ballot of the organisations.
pub fn force_seal(
    txn: &mut Txn<'_>,
    ballot: &str,
    substrate_id: &SubstrateId,
    migration_id: &str,
    destination: &Digest,
) -> Result<Digest, Stop> {
    let mut substrate = load(txn, substrate_id)?;
    require_alive(&substrate)?;
    renew(txn, &mut substrate)?;
    // Both chips of a migration may be lost: the ballot then sends the substrate elsewhere, and the earlier seal leads to
    // nothing any more. Without this way out a sealed substrate could stop for ever.
    if let Some(superseded) = substrate.migration.take() {
        finish(txn, &substrate, superseded, MigrationState::Superseded);
    }
    if substrate.phase == Phase::Open {
        crate::session::close_now(txn, &mut substrate, true)?;
    }
    let nonce = do_seal(txn, &mut substrate, migration_id, destination, Some(ballot.into()))?;
    save(txn, &substrate);
    Ok(nonce)
}

/// The continuity hash of the last close; refused while a session is open or before the first close.
fn continuity(substrate: &Substrate) -> Result<Digest, Refusal> {
    if substrate.phase != Phase::Closed {
        return Err(Refusal::new(
            Code::SessionAlreadyOpen,
            "a session is open: close it first (`substrate close`), then migrate",
            "",
            "",
        ));
    }
    match &substrate.last_close {
        Some(close) => Ok(close.cross_session_identity_continuity_hash),
        None => Err(Refusal::new(
            Code::MigrationState,
            "no session of this substrate was ever closed: open and close one first, a migration carries its continuity hash",
            "",
            "",
        )),
    }
}

fn do_seal(
    txn: &mut Txn<'_>,
    substrate: &mut Substrate,
    migration_id: &str,
    destination: &Digest,
    ballot: Option<String>,
) -> Result<Digest, Stop> {
    let continuity_hash = continuity(substrate)?;
    if substrate.constitution.thresholds.migration_attestation && !substrate.complete {
        return refuse(
            Code::IdentityIncomplete,
            "this substrate was born without attestation, and its rules let no such one migrate",
            "",
            "",
        );
    }
    if *destination == substrate.holder.chip {
        return refuse(
            Code::WrongDestination,
            "the destination holds the substrate already: name another chip",
            "",
            destination,
        );
    }
    usable_chip(txn, destination)?;
    let key = pair_key(&substrate.substrate_id, migration_id);
    if txn.over.get(Table::Migrations, &key)?.is_some() {
        return refuse(
            Code::MigrationIdReused,
            "this migration id was used before in this substrate: give the migration another id",
            "",
            migration_id,
        );
    }
    let head = substrate.head;
    let bound = if planted!("nonce_not_bound_to_head") { substrate.substrate_identity_hash } else { head };
    let nonce = p104::migration_nonce(&txn.genesis.cluster, &substrate.substrate_id, migration_id, txn.index, &bound);
    let subject = subject(&substrate.substrate_id);
    let depths =
        PerLedger::try_from_fn(|ledger| state::load_chain(&txn.over, &subject, ledger))?.map(|chain| U64(chain.depth));
    let record = Record::MigrationSeal {
        migration_id: migration_id.into(),
        origin: substrate.holder.chip,
        destination: *destination,
        epoch: substrate.holder.epoch,
        head,
        continuity_hash,
        evidence_ledger_depth: depths.evidence,
        reasoning_ledger_depth: depths.reasoning,
        nonce,
        seal_index: txn.index,
        ballot: ballot.clone(),
        evidence_ledger: txn.anchor(),
    };
    txn.push(Ledger::Reasoning, &subject, record)?;
    let migration = Migration {
        migration_id: migration_id.into(),
        origin: substrate.holder.chip,
        destination: *destination,
        epoch: substrate.holder.epoch,
        head,
        continuity_hash,
        nonce,
        seal_index: txn.index,
        state: MigrationState::Sealed,
        ballot,
    };
    state::save(&mut txn.over, Table::Migrations, key, &migration);
    substrate.holder.status = HolderStatus::Sealed;
    substrate.migration = Some(migration);
    Ok(nonce)
}

/// The migration under way, when it has this id.
fn under_way(substrate: &Substrate, migration_id: &str) -> Result<Migration, Refusal> {
    require_alive(substrate)?;
    match &substrate.migration {
        Some(migration) if migration.migration_id == migration_id => Ok(migration.clone()),
        Some(other) => Err(Refusal::new(
            Code::MigrationState,
            "another migration is under way: finish or abort that one, or name it",
            &other.migration_id,
            migration_id,
        )),
        None => Err(Refusal::new(
            Code::MigrationState,
            "no migration of this id is under way: it is over, or was never begun (`migrate status`)",
            "",
            migration_id,
        )),
    }
}

fn activation(
    txn: &Txn<'_>,
    substrate: &Substrate,
    migration: &Migration,
    attestation: &Attestation,
) -> Result<Digest, Stop> {
    let claims = Claims::Activation {
        cluster: txn.genesis.cluster.clone(),
        substrate_id: substrate.substrate_id.clone(),
        migration_id: migration.migration_id.clone(),
        nonce: migration.nonce,
        epoch: substrate.holder.epoch.next(),
        continuity_hash: migration.continuity_hash,
        head: migration.head,
    };
    if attestation.chip != txn.key {
        return refuse(
            Code::AttestationInvalid,
            "the attestation is another chip's: attest with the key that signs",
            txn.key,
            attestation.chip,
        );
    }
    if let Err(found) = attestation.verify(&claims)
        && !planted!("attestation_not_verified")
    {
        return refuse(
            Code::AttestationInvalid,
            "the attestation is not of this activation: attest the nonce, epoch and hashes that the seal names",
            "a valid attestation",
            found,
        );
    }
    Ok(attestation.hash())
}

/// Activates a chip at the next epoch and invalidates the activation before, in the same entry.
fn activate(txn: &mut Txn<'_>, substrate: &mut Substrate, attestation_hash: Digest) {
    // No activation has the epoch 0.
    let epoch = if planted!("activation_before_invalidation") { Epoch(0) } else { substrate.holder.epoch };
    let old = invalidated_key(&substrate.substrate_id, &substrate.holder.chip, epoch);
    txn.over.put(Table::Invalidated, old, txn.index.0.to_be_bytes());
    let holder = &mut substrate.holder;
    let stays = planted!("epoch_reuse_after_abort") && holder.chip == txn.key.id();
    holder.status = HolderStatus::Active;
    holder.chip = txn.key.id();
    holder.key = txn.key;
    holder.attestation_hash = Some(attestation_hash);
    holder.epoch = Epoch(holder.epoch.0 + u64::from(!stays));
    holder.seq = U64(0);
    holder.since = txn.index;
    substrate.migration = None;
    event(substrate, ContinuityEvent::Migration);
}

fn finish(txn: &mut Txn<'_>, substrate: &Substrate, mut migration: Migration, state: MigrationState) {
    migration.state = state;
    state::save(
        &mut txn.over,
        Table::Migrations,
        pair_key(&substrate.substrate_id, &migration.migration_id),
        &migration,
    );
}

pub fn arrive(txn: &mut Txn<'_>, command: &Arrive) -> Result<MigrationArrived, Stop> {
    let Arrive { substrate_id, migration_id, attestation, continuity_hash, head } = command;
    let mut substrate = load(txn, substrate_id)?;
    let migration = under_way(&substrate, migration_id)?;
    renew(txn, &mut substrate)?;
    let chip = txn.key.id();
    if chip != migration.destination {
        return refuse(
            Code::WrongDestination,
            "this chip is not the destination that the seal names: arrive with that one",
            migration.destination,
            chip,
        );
    }
    usable_chip(txn, &chip)?;
    for (what, expected, found) in
        [("continuity hash", migration.continuity_hash, continuity_hash), ("head", migration.head, head)]
    {
        if expected != *found {
            let sentence =
                format!("the {what} is not the one that was sealed: verify the bundle again before arriving");
            return refuse(Code::StateMismatch, &sentence, expected, found);
        }
    }
    let outcome = Outcome::decide(true, 0, substrate.lineage_depth.0, &substrate.constitution.thresholds);
    if outcome != Outcome::Verified {
        return refuse(
            Code::NotVerified,
            "the substrate is not verified deeply enough to be activated: close more cycles before migrating",
            Outcome::Verified,
            outcome,
        );
    }
    let destination_attestation_hash = activation(txn, &substrate, &migration, attestation)?;
    let origin_attestation_hash = substrate.holder.attestation_hash;
    let record = Record::MigrationIdentityAttestation {
        migration_id: migration_id.clone(),
        origin: migration.origin,
        destination: chip,
        origin_attestation_hash,
        destination_attestation_hash,
        attestation: attestation.clone(),
        continuity_hash: migration.continuity_hash,
        nonce: migration.nonce,
        epoch: substrate.holder.epoch.next(),
    };
    let goalvector = Resolved::Migration(Box::new(record.clone()));
    txn.push(Ledger::Reasoning, &subject(substrate_id), record)?;
    activate(txn, &mut substrate, destination_attestation_hash);
    substrate.constitution.chip = Some(chip);
    // An origin without attestation (incomplete birth, attestation not required) contributes the empty tree's digest.
    let origin = origin_attestation_hash.unwrap_or_else(|| Digest::of(b""));
    let cycle_id = format!("{MIGRATION_CYCLE}{migration_id}");
    let cycle = propagate(
        txn,
        &mut substrate,
        &cycle_id,
        goalvector,
        Vec::new(),
        Some((origin, destination_attestation_hash)),
    )?;
    finish(txn, &substrate, migration, MigrationState::Arrived);
    save(txn, &substrate);
    Ok(MigrationArrived { epoch: substrate.holder.epoch, chip, cycle_identity_hash: cycle })
}

pub fn abort(txn: &mut Txn<'_>, command: &AbortMigration) -> Result<MigrationAborted, Stop> {
    let AbortMigration { substrate_id, migration_id, attestation } = command;
    let mut substrate = load(txn, substrate_id)?;
    let migration = under_way(&substrate, migration_id)?;
    renew(txn, &mut substrate)?;
    let chip = txn.key.id();
    if chip != migration.origin {
        return refuse(
            Code::ChipNotActive,
            "only the chip that was sealed can abort the migration: sign with it",
            migration.origin,
            chip,
        );
    }
    usable_chip(txn, &chip)?;
    let attestation_hash = activation(txn, &substrate, &migration, attestation)?;
    activate(txn, &mut substrate, attestation_hash);
    let record = Record::MigrationAbort {
        migration_id: migration_id.clone(),
        chip,
        epoch: substrate.holder.epoch,
        attestation: attestation.clone(),
        attestation_hash,
    };
    txn.push(Ledger::Reasoning, &subject(substrate_id), record)?;
    finish(txn, &substrate, migration, MigrationState::Aborted);
    save(txn, &substrate);
    Ok(MigrationAborted { epoch: substrate.holder.epoch, chip })
}
