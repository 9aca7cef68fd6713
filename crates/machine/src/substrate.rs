//! Birth, appends, amendments and cycles of a substrate.

use crate::aggregate::{event, load, require_session, save, subject};
use crate::error::{Stop, refuse};
use crate::fence::check_session_token;
use crate::registry;
use crate::state::{self, Holder, HolderStatus, Phase, Substrate, pair_key};
use crate::txn::Txn;
use crate::view::{Table, View};
use selfsame_protocol::amending::{self, MAX_FOUNDING_BYTES};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::command::{Amend, Append, CloseCycle, InitSubstrate};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::form::{MIGRATION_CYCLE, is_founding};
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::names::{OrganisationName, SubstrateId};
use selfsame_protocol::number::Epoch;
use selfsame_protocol::p104::{self, Amendment, Attestation, Claims, Constitution, Thresholds};
use selfsame_protocol::record::{
    Completeness, Content, ContinuityEvent, IdentityPropagation, Record, Resolved, SubstrateIdentity,
};
use selfsame_protocol::response::{AmendmentQueued, CycleClosed, ItemsAppended, SubstrateBorn};
use selfsame_protocol::subject::Subject;
use selfsame_protocol::time::{Timestamp, U64};
use selfsame_protocol::{canon, planted};
use serde_json::Value;
use std::collections::BTreeMap;

/// The two branches whose tension founds a substrate: the canonical document.
pub(crate) fn check_founding(founding: &Value) -> Result<Vec<u8>, Refusal> {
    if let Err(found) = is_founding(founding) {
        let (sentence, expected) =
            ("the founding document does not state two branches", "different objects branch_a and branch_b");
        return Err(Refusal::new(Code::FoundingInvalid, sentence, expected, found));
    }
    let bytes = canon::to_canonical(founding);
    if bytes.len() > MAX_FOUNDING_BYTES {
        let rule = "the founding document is too large: shorten it";
        let expected = format!("at most {MAX_FOUNDING_BYTES} bytes");
        return Err(Refusal::new(Code::LimitExceeded, rule, expected, bytes.len()));
    }
    Ok(bytes)
}

/// What a birth needs, from a command or from a prepared successor.
pub struct Birth<'a> {
    pub substrate_id: &'a SubstrateId,
    pub founding: &'a Value,
    pub initialised: Timestamp,
    pub schema_version: &'a str,
    pub parameters: BTreeMap<String, Value>,
    pub thresholds: Thresholds,
    pub attestation: Option<Attestation>,
    pub organisation: OrganisationName,
}

pub fn init(txn: &mut Txn<'_>, command: &InitSubstrate) -> Result<SubstrateBorn, Stop> {
    let substrate_id = &command.substrate_id;
    let chip = txn.key.id();
    registry::usable_chip(txn, &chip)?;
    if let Some(existing) = state::load::<Substrate>(&txn.over, Table::Substrates, substrate_id.as_bytes())? {
        let refusal = Refusal::new(
            Code::IdentityConflict,
            "a substrate of this id was born before: give the new one another id",
            existing.substrate_identity_hash,
            format!("a second birth by chip {chip}"),
        );
        let record =
            Record::DuplicateRefused { substrate_id: substrate_id.clone(), chip, code: Code::IdentityConflict };
        return Err(Stop::Recorded(
            refusal,
            vec![(Ledger::Reasoning, Subject::Organisation(txn.author.organisation.clone()), record)],
        ));
    }
    let initialised = command.initialisation_timestamp;
    p104::check_birth_time(initialised, txn.time).map_err(|[first, last]| {
        let sentence = "the time of birth is not the ledger's: set the chip's clock, and sign the birth again";
        Refusal::new(Code::LimitExceeded, sentence, format!("{first} to {last}"), initialised)
    })?;
    let organisation = txn.author.organisation.clone();
    let birth = Birth {
        substrate_id,
        founding: &command.founding,
        initialised,
        schema_version: &command.schema_version,
        parameters: command.parameters.clone(),
        thresholds: command.thresholds.clone(),
        attestation: command.attestation.clone(),
        organisation,
    };
    give_birth(txn, birth)
}

/// Appends the birth record and creates the substrate, held by the author's chip.
pub fn give_birth(txn: &mut Txn<'_>, birth: Birth<'_>) -> Result<SubstrateBorn, Stop> {
    let founding_tension_hash = p104::founding_tension_hash(&check_founding(birth.founding)?);
    if let Some(attestation) = &birth.attestation {
        if attestation.chip != txn.key {
            return refuse(
                Code::AttestationInvalid,
                "the attestation is another chip's: attest with the key that signs",
                txn.key,
                attestation.chip,
            );
        }
        let claims = Claims::Birth {
            substrate_id: birth.substrate_id.clone(),
            founding_tension_hash,
            initialisation_timestamp: birth.initialised,
            schema_version_at_init: birth.schema_version.into(),
        };
        if let Err(found) = attestation.verify(&claims) {
            return refuse(
                Code::AttestationInvalid,
                "the attestation is not of this birth: attest the id, founding document, time and schema that are sent",
                "a valid attestation",
                found,
            );
        }
    }
    let attestation_hash = birth.attestation.as_ref().map(Attestation::hash);
    let substrate_identity_hash = p104::substrate_identity_hash(
        birth.substrate_id,
        &founding_tension_hash,
        birth.initialised,
        attestation_hash.as_ref(),
        birth.schema_version,
    );
    let chip = txn.key.id();
    let recoveries = registry::recoveries(&txn.over)?;
    let constitution = Constitution {
        founding_tension_hash,
        schema_version: birth.schema_version.into(),
        parameters: birth.parameters,
        thresholds: birth.thresholds,
        amendment_head: None,
        amendments: U64(0),
        chip: Some(chip),
        recovery_count: U64(recoveries),
    };
    amending::check_size("the constitution would be too large", &constitution)?;
    let record = SubstrateIdentity {
        substrate_id: birth.substrate_id.clone(),
        founding_tension_hash,
        initialisation_timestamp: birth.initialised,
        governance_chip_attestation_hash: attestation_hash,
        schema_version_at_init: birth.schema_version.into(),
        substrate_identity_hash,
        completeness: if attestation_hash.is_some() { Completeness::Complete } else { Completeness::Incomplete },
        founding: birth.founding.clone(),
        organisation: birth.organisation.clone(),
        attestation: birth.attestation,
        chip: txn.key,
        constitution: constitution.clone(),
        evidence_ledger: txn.anchor(),
    };
    txn.push(Ledger::Reasoning, &subject(birth.substrate_id), Record::SubstrateIdentity(Box::new(record)))?;
    let substrate = Substrate {
        substrate_id: birth.substrate_id.clone(),
        organisation: birth.organisation,
        founding_tension_hash,
        substrate_identity_hash,
        schema_version: birth.schema_version.into(),
        initialisation_timestamp: birth.initialised,
        complete: attestation_hash.is_some(),
        holder: Holder {
            status: HolderStatus::Active,
            chip,
            key: txn.key,
            attestation_hash,
            epoch: Epoch::first(recoveries),
            seq: U64(0),
            since: txn.index,
        },
        lineage_depth: U64(0),
        head: substrate_identity_hash,
        constitution,
        session: U64(0),
        phase: Phase::Closed,
        last_close: None,
        queued: Vec::new(),
        status: None,
        decided: None,
        events: Vec::new(),
        suppressed: None,
        successor: None,
        migration: None,
    };
    save(txn, &substrate);
    Ok(SubstrateBorn {
        substrate_id: substrate.substrate_id,
        founding_tension_hash,
        substrate_identity_hash,
        complete: substrate.complete,
        epoch: substrate.holder.epoch,
    })
}

pub fn append(txn: &mut Txn<'_>, command: &Append) -> Result<ItemsAppended, Stop> {
    let Append { substrate_id, fence: token, items } = command;
    let mut substrate = load(txn, substrate_id)?;
    check_session_token(txn, &mut substrate, token)?;
    require_session(&substrate)?;
    let subject = subject(substrate_id);
    let max = txn.genesis.limits.max_item_bytes;
    for item in items {
        references(txn, &subject, &item.evidence, &item.runs)?;
        let content = Content { data: item.data.clone(), evidence: item.evidence.clone(), runs: item.runs.clone() };
        let record = match item.ledger {
            Ledger::Evidence => Record::Evidence(content),
            Ledger::Reasoning => Record::Reasoning(content),
        };
        let entry = txn.push(item.ledger, &subject, record)?;
        let bytes =
            txn.over.get(state::leaves(item.ledger), &entry.index.0.to_be_bytes())?.map_or(0, |leaf| leaf.len());
        if bytes > max + 2_048 {
            return refuse(
                Code::LimitExceeded,
                "an item is too large: give less content, or its digest",
                format!("at most {max} bytes"),
                bytes,
            );
        }
    }
    save(txn, &substrate);
    Ok(ItemsAppended { count: items.len() as u64, seq: substrate.holder.seq })
}

/// Referential integrity of what a chip writes; the refusal stands in the substrate's own Reasoning chain.
fn references(txn: &Txn<'_>, subject: &Subject, evidence: &[Digest], runs: &[Digest]) -> Result<(), Stop> {
    let checked = evidence
        .iter()
        .try_for_each(|hash| txn.require_evidence(hash))
        .and_then(|()| runs.iter().try_for_each(|run| txn.require_run(run)));
    checked.map_err(|stop| match stop {
        Stop::Refused(refusal) => {
            let record = Record::WriteRefusal {
                code: refusal.code,
                rule: refusal.rule.clone(),
                expected: refusal.expected.clone(),
                found: refusal.found.clone(),
            };
            Stop::Recorded(refusal, vec![(Ledger::Reasoning, subject.clone(), record)])
        }
        other => other,
    })
}

pub fn amend(txn: &mut Txn<'_>, command: &Amend) -> Result<AmendmentQueued, Stop> {
    let Amend { substrate_id, fence: token, amendment } = command;
    let mut substrate = load(txn, substrate_id)?;
    check_session_token(txn, &mut substrate, token)?;
    require_session(&substrate)?;
    if let Err((refusal, drift)) = check_amendment(&substrate, amendment) {
        let record = Record::AmendmentRefusal {
            code: refusal.code,
            rule: refusal.rule.clone(),
            amendment: amendment.clone(),
            drift,
        };
        return Err(Stop::Recorded(refusal, vec![(Ledger::Reasoning, subject(substrate_id), record)]));
    }
    substrate.queued.push(amendment.clone());
    save(txn, &substrate);
    let amendment_hash = p104::tagged(p104::TAG_AMENDMENT, amendment);
    Ok(AmendmentQueued { queued: substrate.queued.len() as u64, amendment_hash })
}

fn check_amendment(substrate: &Substrate, amendment: &Amendment) -> Result<(), (Refusal, u32)> {
    if let Err(refused) = amending::check(&substrate.constitution, amendment)
        && !planted!("amendment_touches_founding")
    {
        return Err(refused);
    }
    let mut constitution = substrate.constitution.clone();
    for amendment in substrate.queued.iter().chain([amendment]) {
        constitution.enact(amendment);
    }
    amending::check_room(substrate.queued.len(), amendment, &constitution).map_err(|refusal| (refusal, 0))
}

pub fn close_cycle(txn: &mut Txn<'_>, command: &CloseCycle) -> Result<CycleClosed, Stop> {
    let CloseCycle { substrate_id, fence: token, cycle_id, goalvector, prior_identity_hash: prior } = command;
    let mut substrate = load(txn, substrate_id)?;
    check_session_token(txn, &mut substrate, token)?;
    require_session(&substrate)?;
    if *prior != substrate.head && !planted!("no_prev_check") {
        return refuse(
            Code::StateMismatch,
            "the cycle does not continue the latest one: read the substrate again and sign with its head",
            substrate.head,
            prior,
        );
    }
    if cycle_id.starts_with(MIGRATION_CYCLE) {
        return refuse(
            Code::CycleIdReused,
            "cycle ids under migration/ are kept for migrations: give the cycle another id",
            "",
            cycle_id,
        );
    }
    let subject = subject(substrate_id);
    references(txn, &subject, &goalvector.evidence, &goalvector.runs)?;
    let mut amendments = Vec::new();
    for amendment in std::mem::take(&mut substrate.queued) {
        let (amendment_hash, prior_amendment) = substrate.constitution.enact(&amendment);
        txn.push(Ledger::Reasoning, &subject, Record::Amendment { amendment_hash, prior_amendment, amendment })?;
        amendments.push(amendment_hash);
    }
    if !amendments.is_empty() {
        event(&mut substrate, ContinuityEvent::Amendment);
    }
    let goalvector = Resolved::GoalVector(goalvector.clone());
    let cycle = propagate(txn, &mut substrate, cycle_id, goalvector, amendments, None)?;
    save(txn, &substrate);
    Ok(CycleClosed {
        cycle_identity_hash: cycle,
        sequence: substrate.lineage_depth,
        constitutional_state_hash: substrate.constitution.hash(),
    })
}

/// Appends the identity propagation record of a cycle and moves the substrate's head.
pub fn propagate(
    txn: &mut Txn<'_>,
    substrate: &mut Substrate,
    cycle_id: &str,
    goalvector: Resolved,
    amendments: Vec<Digest>,
    migration: Option<(Digest, Digest)>,
) -> Result<Digest, Stop> {
    let used = pair_key(&substrate.substrate_id, cycle_id);
    if txn.over.get(Table::Cycles, &used)?.is_some() {
        return refuse(
            Code::CycleIdReused,
            "this cycle id was used before in this substrate: give the cycle another id",
            "",
            cycle_id,
        );
    }
    let subject = subject(&substrate.substrate_id);
    let sequence = U64(substrate.lineage_depth.0 + 1);
    let depth = U64(state::load_chain(&txn.over, &subject, Ledger::Reasoning)?.depth);
    let resolution = goalvector.hash();
    let constitutional_state_hash = substrate.constitution.hash();
    let hash = p104::cycle_identity_hash(
        &substrate.head,
        &resolution,
        &constitutional_state_hash,
        depth,
        txn.time,
        migration.as_ref().map(|(a, b)| (a, b)),
    );
    let cycle_kind = goalvector.kind();
    let record = IdentityPropagation {
        cycle_id: cycle_id.into(),
        sequence,
        founding_tension_hash: substrate.founding_tension_hash,
        prior_identity_hash: substrate.head,
        goalvector_resolution_hash: resolution,
        goalvector,
        constitutional_state_hash,
        constitution: substrate.constitution.clone(),
        reasoning_ledger_depth: depth,
        cycle_timestamp: txn.time,
        amendments,
        cycle_kind,
        origin_attestation_hash: migration.map(|(origin, _)| origin),
        destination_attestation_hash: migration.map(|(_, destination)| destination),
        cycle_identity_hash: hash,
        evidence_ledger: txn.anchor(),
    };
    txn.push(Ledger::Reasoning, &subject, Record::IdentityPropagation(Box::new(record)))?;
    txn.over.put(Table::Cycles, used, sequence.0.to_be_bytes());
    substrate.lineage_depth = sequence;
    substrate.head = hash;
    Ok(hash)
}
