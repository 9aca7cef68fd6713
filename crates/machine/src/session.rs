//! Sessions: verification before anything else, the verdicts of the nodes, and the close.

use crate::aggregate::{load, require_alive, require_session, save, subject};
use crate::error::{Fatal, Stop, refuse};
use crate::fence::{check_session_token, check_token, epoch_after, renew};
use crate::registry::{self, all};
use crate::state::{self, Phase, RegisteredNode, Substrate, Verification};
use crate::substrate::{self, Birth};
use crate::txn::Txn;
use crate::view::{Table, View};
use crate::{balance, verify};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{CloseSession, GiveVerdict, OpenSession, PreparedBirth, RecoverClose};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::ledger::{Ledger, PerLedger};
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::number::{LogIndex, NodeId};
use selfsame_protocol::p104::{self, Outcome};
use selfsame_protocol::planted;
use selfsame_protocol::record::{
    ClaimLevel, CountedVerdict, Finding, IdentityVerification, QuorumCause, Record, SessionClose, SuppressionReason,
};
use selfsame_protocol::response::{SessionClosed, SessionRecovered, SessionRequested, VerdictCounted};
use selfsame_protocol::subject::Subject;
use selfsame_protocol::time::U64;
use selfsame_protocol::verdict::{self, majority};

pub fn open(txn: &mut Txn<'_>, command: &OpenSession) -> Result<SessionRequested, Stop> {
    let OpenSession { substrate_id, fence: token, continuity_hash, founding, new_lineage } = command;
    let mut substrate = load(txn, substrate_id)?;
    // The first thing that a chip may do after a recovery: its sequence number is then the first of the new epoch.
    let epoch = epoch_after(&substrate, registry::recoveries(&txn.over)?);
    check_token(txn, &mut substrate, token, epoch)?;
    match substrate.phase {
        Phase::Open => {
            return refuse(
                Code::SessionAlreadyOpen,
                "a session is open already: go on in it, or close it first (`substrate close`)",
                "",
                "",
            );
        }
        Phase::Verifying => {
            return refuse(
                Code::VerificationPending,
                "the identity is being verified already: wait for the outcome",
                "",
                "",
            );
        }
        Phase::Closed => {}
    }
    let seq = substrate.holder.seq;
    renew(txn, &mut substrate)?;
    substrate.holder.seq = seq;
    // Should the drift be exceeded, this document founds the new lineage: the outcome must not depend on it then.
    if let Some(founding) = founding {
        substrate::check_founding(founding)?;
    }
    let subject = subject(substrate_id);
    let verification = Verification {
        index: txn.index,
        substrate_id: substrate_id.clone(),
        session: U64(substrate.session.0 + 1),
        presented: *continuity_hash,
        founding: founding.clone(),
        new_lineage: new_lineage.clone(),
        requested: txn.time,
        submission: txn.submission,
        verdicts: Vec::new(),
        depths: PerLedger::try_from_fn(|ledger| {
            state::load_chain(&txn.over, &subject, ledger).map(|chain| U64(chain.depth))
        })?,
    };
    substrate.phase = Phase::Verifying;
    state::save(&mut txn.over, Table::Verifications, substrate_id.clone(), &verification);
    save(txn, &substrate);
    Ok(SessionRequested { verification: verification.index, session: verification.session })
}

pub fn verdict(txn: &mut Txn<'_>, command: &GiveVerdict) -> Result<VerdictCounted, Stop> {
    let GiveVerdict { substrate_id, verification: LogIndex(index), finding } = command;
    let index = *index;
    let finding = &verdict::recorded(finding);
    let Some(id) = txn.author.node else {
        return refuse(Code::RoleDenied, "only a node gives verdicts: this key belongs to no node", "", "");
    };
    let node = match state::load::<RegisteredNode>(&txn.over, Table::Nodes, &id.0.to_be_bytes())? {
        Some(node) if node.counts() || planted!("quarantine_ignored") => node,
        Some(_) => {
            return refuse(
                Code::Quarantined,
                "the verdict of a node that was retired or quarantined does not count",
                "a node in service",
                format!("node {id}"),
            );
        }
        None => {
            return refuse(
                Code::UnknownNode,
                "there is no node of this id: its organisation enrols it first (`governance enrol-node`)",
                "",
                id,
            );
        }
    };
    let mut substrate = load(txn, substrate_id)?;
    let pending = state::load::<Verification>(&txn.over, Table::Verifications, substrate_id.as_bytes())?;
    let Some(mut verification) = pending.filter(|v| v.index.0 == index) else {
        // Late, but a failing copy is still a failing copy.
        return match substrate.decided {
            Some((decided, outcome)) if decided.0 == index => {
                if finding.outcome == Outcome::HashMismatch && outcome != Outcome::HashMismatch {
                    quarantine(txn, node, finding, substrate_id)?;
                    recount(txn)?;
                }
                Ok(VerdictCounted { outcome: Some(outcome) })
            }
            _ => refuse(
                Code::VerificationUnknown,
                "no such verification is under way: it was decided, or never asked for",
                "",
                index,
            ),
        };
    };
    if verification.verdicts.iter().any(|v| v.node == id) {
        return refuse(
            Code::VerificationUnknown,
            "this node gave its verdict before: a verdict is not changed",
            "",
            format!("a second verdict of node {id}"),
        );
    }
    // A copy may fail in any way. One that holds says what follows from the state, and nothing else: no majority makes a
    // substrate VERIFIED that is not.
    let holds = verify::holds(&substrate, &verification);
    if finding.outcome != Outcome::HashMismatch && holds.as_ref() != Some(finding) {
        return refuse(
            Code::StateMismatch,
            "the verdict is not what follows from the ledger: verify the substrate again",
            holds.map_or_else(|| Outcome::HashMismatch.to_string(), |holds| format!("{holds:?}")),
            format!("{finding:?}"),
        );
    }
    verification.verdicts.push(CountedVerdict {
        node: id,
        organisation: node.organisation.clone(),
        finding: finding.clone(),
    });
    let (nodes, electorate) = electorate(txn)?;
    match decide(&verification, &electorate) {
        None => {
            state::save(&mut txn.over, Table::Verifications, substrate_id.clone(), &verification);
            Ok(VerdictCounted { outcome: None })
        }
        Some(decisive) => {
            txn.over.remove(Table::Verifications, substrate_id.clone());
            let outcome = decisive.outcome;
            if settle(txn, &mut substrate, &verification, &decisive, &nodes)? {
                recount(txn)?;
            }
            Ok(VerdictCounted { outcome: Some(outcome) })
        }
    }
}

/// Every node, and the ids of those whose verdicts count.
fn electorate(txn: &Txn<'_>) -> Result<(Vec<RegisteredNode>, Vec<NodeId>), Stop> {
    let nodes: Vec<RegisteredNode> = all(&txn.over, Table::Nodes)?;
    let electorate = nodes.iter().filter(|n| n.counts()).map(|n| n.id).collect();
    Ok((nodes, electorate))
}

/// Decides every verification that waited for a node which has just left the electorate: nobody else would speak again.
pub fn recount(txn: &mut Txn<'_>) -> Result<(), Stop> {
    loop {
        let (nodes, electorate) = electorate(txn)?;
        if electorate.is_empty() {
            return Ok(());
        }
        let pending: Vec<Verification> = all(&txn.over, Table::Verifications)?;
        let decided = pending.into_iter().find_map(|v| decide(&v, &electorate).map(|finding| (v, finding)));
        let Some((verification, decisive)) = decided else { return Ok(()) };
        txn.over.remove(Table::Verifications, verification.substrate_id.clone());
        let mut substrate = load(txn, &verification.substrate_id)?;
        settle(txn, &mut substrate, &verification, &decisive, &nodes)?;
    }
}

/// The verdicts of those whose verdicts count.
fn counted(verification: &Verification, electorate: &[NodeId]) -> Vec<CountedVerdict> {
    verification.verdicts.iter().filter(|verdict| electorate.contains(&verdict.node)).cloned().collect()
}

/// The finding on which more than half of the electorate agree in outcome, or that nobody can agree any more.
fn decide(verification: &Verification, electorate: &[NodeId]) -> Option<Finding> {
    let quorum = if planted!("verdict_quorum_of_one") { 1 } else { majority(electorate.len()) };
    verdict::decide(&counted(verification, electorate), electorate.len(), quorum)
}

fn quarantine(
    txn: &mut Txn<'_>,
    mut node: RegisteredNode,
    finding: &Finding,
    substrate_id: &SubstrateId,
) -> Result<(), Stop> {
    let record = Record::NodeQuarantine {
        node: node.id,
        organisation: node.organisation.clone(),
        finding: finding.clone(),
        substrate_id: substrate_id.clone(),
    };
    let entry = txn.push(Ledger::Reasoning, &Subject::Cluster, record)?;
    node.quarantined = Some(entry.index);
    state::save(&mut txn.over, Table::Nodes, node.id.0.to_be_bytes(), &node);
    // A copy that failed is put out of service whoever gains by it: to let it go on would be worse. It is said aloud.
    balance::warn(txn, QuorumCause::NodeQuarantine)
}

/// Commits the outcome: its record, and what follows from it. `true` when a node was quarantined for its verdict.
fn settle(
    txn: &mut Txn<'_>,
    substrate: &mut Substrate,
    verification: &Verification,
    decisive: &Finding,
    nodes: &[RegisteredNode],
) -> Result<bool, Stop> {
    let id = substrate.substrate_id.clone();
    let subject = subject(&id);
    let outcome = decisive.outcome;
    let thresholds = substrate.constitution.thresholds.clone();
    let close = substrate.last_close.clone();
    let window = thresholds.verification_window_ms.0;
    let in_window = window == 0
        || close.as_ref().is_some_and(|c| {
            verification.requested.millis().saturating_sub(c.session_close_timestamp.millis()) <= window
        });
    let electorate: Vec<NodeId> = nodes.iter().filter(|node| node.counts()).map(|node| node.id).collect();
    let notice = (outcome == Outcome::Verified && in_window)
        .then(|| {
            close
                .as_ref()
                .map(|c| p104::continuation_notice(&c.session_close_timestamp.to_string(), substrate.lineage_depth.0))
        })
        .flatten();
    let full = outcome == Outcome::Verified && substrate.complete;
    let record = IdentityVerification {
        session: verification.session,
        outcome,
        detail: decisive.check.clone(),
        retrieved: close.as_ref().map(|c| c.cross_session_identity_continuity_hash),
        recomputed: decisive.recomputed,
        presented: verification.presented,
        drift: decisive.drift,
        lineage_depth: substrate.lineage_depth,
        evidence_ledger_depth: verification.depths.evidence,
        thresholds: thresholds.clone(),
        // Of nodes that left meanwhile nothing counts: whoever reads the record repeats the decision with what it holds.
        verdicts: counted(verification, &electorate),
        continuing_from: close.map(|c| c.session_close_timestamp),
        notice,
        claim_level: if full { ClaimLevel::Full } else { ClaimLevel::Reduced },
        continuity_events: std::mem::take(&mut substrate.events),
    };
    txn.push(Ledger::Reasoning, &subject, Record::IdentityVerification(Box::new(record)))?;
    substrate.status = Some(outcome);
    substrate.decided = Some((verification.index, outcome));
    substrate.session = verification.session;
    substrate.phase = Phase::Closed;
    match outcome {
        Outcome::Verified | Outcome::InsufficientDepth => substrate.phase = Phase::Open,
        Outcome::HashMismatch => {
            let record = Record::TamperingDetection {
                session: verification.session,
                finding: decisive.clone(),
                head: substrate.head,
            };
            txn.push(Ledger::Reasoning, &subject, record)?;
            let entry =
                txn.push(Ledger::Reasoning, &subject, Record::Suppression { reason: SuppressionReason::HashMismatch })?;
            substrate.suppressed = Some(entry.index);
        }
        Outcome::DriftExceeded => new_lineage(txn, substrate, verification, decisive.drift)?,
    }
    save(txn, substrate);
    let mut quarantined = false;
    if outcome != Outcome::HashMismatch {
        for verdict in verification.verdicts.iter().filter(|v| v.finding.outcome == Outcome::HashMismatch) {
            // A node that left the electorate since its verdict is out of service already.
            if let Some(node) = nodes.iter().find(|n| n.id == verdict.node && n.counts()) {
                quarantine(txn, node.clone(), &verdict.finding, &id)?;
                quarantined = true;
            }
        }
    }
    Ok(quarantined)
}

/// A UUID that nobody chose: derived from the lineage that ended and the submission that asked.
fn derived_uuid(prior: &SubstrateId, submission: &Digest) -> SubstrateId {
    let hash =
        selfsame_protocol::digest::framed(&[b"selfsame/new-lineage/v1", prior.as_bytes(), submission.hex().as_bytes()]);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_bytes()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80; // version 8: custom (RFC 9562)
    bytes[8] = bytes[8] & 0x3f | 0x80; // variant
    SubstrateId::from_bytes(bytes)
}

fn new_lineage(
    txn: &mut Txn<'_>,
    substrate: &mut Substrate,
    verification: &Verification,
    drift: u32,
) -> Result<(), Stop> {
    let holder = substrate.holder.key;
    let Some(founding) = verification.founding.clone() else {
        return Err(Stop::Fatal(Fatal::Invariant("drift without a presented founding document".into())));
    };
    let prepared = verification.new_lineage.clone();
    // Never the id of a substrate that exists: whoever asks can compute the derived id beforehand, and let it be born.
    let mut fresh = prepared.as_ref().map(|p| p.substrate_id.clone());
    let mut seed = substrate.substrate_id.clone();
    let fresh = loop {
        let candidate = fresh.take().unwrap_or_else(|| {
            seed = derived_uuid(&seed, &verification.submission);
            seed.clone()
        });
        if txn.over.get(Table::Substrates, candidate.as_bytes())?.is_none() {
            break candidate;
        }
    };
    let record = Record::NewIdentityLineage {
        prior_substrate_id: substrate.substrate_id.clone(),
        prior_head: substrate.head,
        prior_founding_tension_hash: substrate.founding_tension_hash,
        drift,
        tolerance: substrate.constitution.thresholds.drift_tolerance,
        new_substrate_id: fresh.clone(),
    };
    txn.push(Ledger::Reasoning, &subject(&substrate.substrate_id), record)?;
    substrate.successor = Some(fresh.clone());
    // The birth belongs to the chip that asked, not to the node whose verdict happened to decide.
    let deciding = std::mem::replace(&mut txn.key, holder);
    // One that was prepared too long ago has another time than the ledger: it is born now, unattested.
    let in_time = |p: &PreparedBirth| p104::check_birth_time(p.initialisation_timestamp, txn.time).is_ok();
    let usable = prepared.filter(|p| p.substrate_id == fresh && in_time(p));
    let mut birth = Birth {
        substrate_id: &fresh,
        founding: &founding,
        initialised: usable.as_ref().map_or(txn.time, |p| p.initialisation_timestamp),
        schema_version: &substrate.schema_version,
        parameters: substrate.constitution.parameters.clone(),
        thresholds: substrate.constitution.thresholds.clone(),
        attestation: usable.and_then(|p| p.attestation),
        organisation: substrate.organisation.clone(),
    };
    // An attestation that does not verify leaves the new birth incomplete; it does not undo the outcome.
    if let Some(attestation) = &birth.attestation {
        let claims = p104::Claims::Birth {
            substrate_id: fresh.clone(),
            founding_tension_hash: p104::founding_tension_hash(&selfsame_protocol::canon::to_canonical(&founding)),
            initialisation_timestamp: birth.initialised,
            schema_version_at_init: substrate.schema_version.clone(),
        };
        if attestation.chip != holder || attestation.verify(&claims).is_err() {
            birth.attestation = None;
        }
    }
    let born = substrate::give_birth(txn, birth);
    txn.key = deciding;
    born.map(|_| ())
}

pub fn close(txn: &mut Txn<'_>, command: &CloseSession) -> Result<SessionClosed, Stop> {
    let CloseSession { substrate_id, fence: token, head } = command;
    let mut substrate = load(txn, substrate_id)?;
    check_session_token(txn, &mut substrate, token)?;
    require_session(&substrate)?;
    if *head != substrate.head {
        return refuse(
            Code::StateMismatch,
            "the head that was stated is not the latest: read the substrate again and sign with its head",
            substrate.head,
            head,
        );
    }
    if !substrate.queued.is_empty() {
        return refuse(
            Code::AmendmentsQueued,
            "amendments wait to be enacted: close the cycle first (`substrate cycle`), then the session",
            "no queued amendment",
            substrate.queued.len(),
        );
    }
    let record = close_now(txn, &mut substrate, false)?;
    save(txn, &substrate);
    Ok(SessionClosed {
        continuity_hash: record.cross_session_identity_continuity_hash,
        session: record.session,
        session_close_timestamp: record.session_close_timestamp,
    })
}

pub(crate) fn recover_close(txn: &mut Txn<'_>, command: &RecoverClose) -> Result<SessionRecovered, Stop> {
    let mut substrate = load(txn, &command.substrate_id)?;
    let others = "another organisation owns this substrate: its operator key closes an abandoned session";
    registry::owned(txn, &substrate.organisation, others)?;
    require_alive(&substrate)?;
    require_session(&substrate)?;
    let record = close_now(txn, &mut substrate, true)?;
    save(txn, &substrate);
    Ok(SessionRecovered { continuity_hash: record.cross_session_identity_continuity_hash, session: record.session })
}

/// Closes the open session: the same record in both ledgers, in one entry. Queued amendments of an unfinished cycle are
/// dropped with it.
pub fn close_now(txn: &mut Txn<'_>, substrate: &mut Substrate, recovered: bool) -> Result<SessionClose, Stop> {
    let subject = subject(&substrate.substrate_id);
    let PerLedger { evidence, reasoning } =
        PerLedger::try_from_fn(|ledger| state::load_chain(&txn.over, &subject, ledger))?;
    let depth = U64(evidence.depth + u64::from(planted!("depth_off_by_one")));
    let record = SessionClose {
        session: substrate.session,
        latest_cycle_identity_hash: substrate.head,
        evidence_ledger_depth: depth,
        reasoning_ledger_depth: U64(reasoning.depth),
        session_close_timestamp: txn.time,
        schema_version: substrate.schema_version.clone(),
        cross_session_identity_continuity_hash: p104::continuity_hash(
            &substrate.head,
            depth,
            U64(reasoning.depth),
            txn.time,
            &substrate.schema_version,
        ),
        evidence_head: evidence.hash,
        reasoning_head: reasoning.hash,
        recovered,
        evidence_ledger: txn.anchor(),
    };
    for ledger in Ledger::BOTH.into_iter().skip(usize::from(planted!("close_in_one_ledger_only"))) {
        txn.push(ledger, &subject, Record::SessionClose(record.clone()))?;
    }
    substrate.queued.clear();
    substrate.phase = Phase::Closed;
    substrate.last_close = Some(record.clone());
    Ok(record)
}
