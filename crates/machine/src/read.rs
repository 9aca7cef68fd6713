//! Reads for the API: typed, over any view.

use crate::genesis::Genesis;
use crate::registry::{self, all};
use crate::state::{
    self, Ballot, BallotStatus, Chip, HolderStatus as Holding, META_CLOCK, META_GENESIS, Migration, Organisation,
    Publication, RegisteredNode, Run, Substrate, pair_key, prefix_end,
};
use crate::trees::{frontier, tile_key};
use crate::view::{ReadError, Table, View};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::constitution::ClusterConstitution;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::holder::{HolderState, HolderStatus, Tree};
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::merkle::{ProofError, TileId, consistency_proof, inclusion_proof, root_at};
use selfsame_protocol::number::Epoch;
use selfsame_protocol::p104::{IdentityStatement, Outcome};
use selfsame_protocol::quorum::{KnownCosigner, Quorum};
use selfsame_protocol::record::OrganisationRun;
use selfsame_protocol::subject::Subject;
use selfsame_protocol::time::{Timestamp, U64};
use std::collections::BTreeSet;

pub use crate::balance::Majority;

/// The consensus identity, once initialised.
pub fn genesis(view: &dyn View) -> Result<Option<Genesis>, ReadError> {
    state::load(view, Table::Meta, META_GENESIS)
}

/// A substrate's state. After a recovery its holder stands at the epoch that the next write must name.
pub fn substrate(view: &dyn View, id: &str) -> Result<Option<Substrate>, ReadError> {
    let Some(mut substrate) = state::load::<Substrate>(view, Table::Substrates, id.as_bytes())? else {
        return Ok(None);
    };
    let epoch = epoch(view, &substrate)?;
    if epoch != substrate.holder.epoch {
        substrate.holder.epoch = epoch;
        substrate.holder.seq = U64(0);
    }
    Ok(Some(substrate))
}

/// The epoch that the next write of a substrate must name: that of its activation, unless a recovery came after it.
pub fn epoch(view: &dyn View, substrate: &Substrate) -> Result<Epoch, ReadError> {
    Ok(crate::fence::epoch_after(substrate, registry::recoveries(view)?))
}

/// The constitution in force in the cluster; `None` before the genesis.
pub fn constitution(view: &dyn View) -> Result<Option<ClusterConstitution>, ReadError> {
    registry::in_force(view)
}

/// A ballot, open or ended.
pub fn ballot(view: &dyn View, id: &str) -> Result<Option<Ballot>, ReadError> {
    state::load(view, Table::Proposals, id.as_bytes())
}

/// Ballots in order of their ids, from the one after `after` on; with `open`, only those that were not ended.
pub fn ballots(view: &dyn View, open: bool, after: &str, limit: usize) -> Result<Vec<(String, Ballot)>, ReadError> {
    let rows = if open {
        let ids = registry::all_open(view)?.into_keys().filter(|id| id.as_str() > after).take(limit);
        ids.map(|id| Ok((id.clone().into_bytes(), view.get(Table::Proposals, id.as_bytes())?.unwrap_or_default())))
            .collect::<Result<Vec<_>, ReadError>>()?
    } else {
        // Names have no zero byte: the least key above `after`.
        view.scan(Table::Proposals, &[after.as_bytes(), &[0]].concat(), &prefix_end(&[]), limit)?
    };
    rows.into_iter()
        .map(|(key, value)| {
            let ballot = serde_json::from_slice(&value).map_err(|e| state::undecodable(Table::Proposals, &key, e))?;
            Ok((String::from_utf8_lossy(&key).into_owned(), ballot))
        })
        .collect()
}

/// Whether a ballot takes votes now: it is open, and its time is not over by the ledger.
pub fn takes_votes(view: &dyn View, ballot: &Ballot) -> Result<bool, ReadError> {
    let (entries, _) = head(view, Ledger::Reasoning)?;
    let running = ballot.running(entries, clock(view)?).is_ok();
    Ok(ballot.status == BallotStatus::Open && running)
}

/// The ledgers' time: that of the last batch.
pub fn clock(view: &dyn View) -> Result<Timestamp, ReadError> {
    Ok(Timestamp::from_millis(state::load_u64(view, Table::Meta, META_CLOCK)?.unwrap_or(0)))
}

/// The organisation that would hold a quorum alone if exactly these nodes voted.
pub fn majority(view: &dyn View, voters: &BTreeSet<u64>) -> Result<Option<Majority>, ReadError> {
    let mut nodes = nodes(view)?;
    nodes.retain(|node| voters.contains(&node.id.0));
    for node in &mut nodes {
        (node.retired, node.quarantined) = (false, None);
    }
    Ok(crate::balance::majority(&nodes, &organisations(view)?))
}

/// A declared run.
pub fn run(view: &dyn View, id: &Digest) -> Result<Option<Run>, ReadError> {
    state::load(view, Table::Runs, id.as_bytes())
}

/// Every node that was ever enrolled, tombstones included.
pub fn nodes(view: &dyn View) -> Result<Vec<RegisteredNode>, ReadError> {
    all(view, Table::Nodes)
}

/// Every organisation that is or was a member.
pub fn organisations(view: &dyn View) -> Result<Vec<Organisation>, ReadError> {
    all(view, Table::Organisations)
}

/// Every chip, retired ones included.
pub fn chips(view: &dyn View) -> Result<Vec<Chip>, ReadError> {
    all(view, Table::Chips)
}

/// A migration of a substrate.
pub fn migration(view: &dyn View, substrate: &str, id: &str) -> Result<Option<Migration>, ReadError> {
    state::load(view, Table::Migrations, &pair_key(substrate, id))
}

/// Which organisation ties a reference to which run, in order of organisation.
pub fn agreement(view: &dyn View, request: &str) -> Result<Vec<OrganisationRun>, ReadError> {
    let prefix = pair_key(request, "");
    let rows = view.scan(Table::References, &prefix, &prefix_end(&prefix), 100_000)?;
    rows.into_iter()
        .map(|(key, value)| {
            let run_id = <[u8; 32]>::try_from(value.as_slice())
                .map(Digest::from_bytes)
                .map_err(|_| state::undecodable(Table::References, &key, "not a digest"))?;
            let organisation = state::organisation_of(Table::References, &key, prefix.len())?;
            Ok(OrganisationRun { organisation, run_id })
        })
        .collect()
}

/// Size and root of a ledger.
pub fn head(view: &dyn View, ledger: Ledger) -> Result<(u64, Digest), ReadError> {
    let frontier = frontier(view, ledger)?;
    Ok((frontier.size(), frontier.root()))
}

/// The leaf at an index.
pub fn leaf(view: &dyn View, ledger: Ledger, index: u64) -> Result<Option<Vec<u8>>, ReadError> {
    view.get(state::leaves(ledger), &index.to_be_bytes())
}

/// The index of an entry hash.
pub fn index_of(view: &dyn View, ledger: Ledger, hash: &Digest) -> Result<Option<u64>, ReadError> {
    state::load_u64(view, Table::EntryHashes, &state::hash_key(ledger, hash))
}

/// Ledger indexes of a subject's entries from a depth on, at most `limit`.
pub fn subject_indexes(
    view: &dyn View,
    subject: &Subject,
    ledger: Ledger,
    from: u64,
    limit: usize,
) -> Result<Vec<u64>, ReadError> {
    let start = state::subject_key(subject, ledger, from);
    let end = prefix_end(&state::subject_prefix(subject, ledger));
    let rows = view.scan(Table::Subjects, &start, &end, limit)?;
    rows.iter()
        .map(|(key, value)| {
            <[u8; 8]>::try_from(value.as_slice())
                .map(u64::from_be_bytes)
                .map_err(|_| state::undecodable(Table::Subjects, key, "not a counter"))
        })
        .collect()
}

/// The number of a subject's entries.
pub fn subject_depth(view: &dyn View, subject: &Subject, ledger: Ledger) -> Result<u64, ReadError> {
    Ok(state::load_chain(view, subject, ledger)?.depth)
}

/// A tile's hashes.
pub fn tile(view: &dyn View, ledger: Ledger, tile: TileId) -> Result<Option<Vec<u8>>, ReadError> {
    view.get(Table::Tiles, &tile_key(ledger, tile))
}

/// Inclusion proof of an entry in the tree of a size.
pub fn inclusion(view: &dyn View, ledger: Ledger, index: u64, size: u64) -> Result<Vec<Digest>, ProofError<ReadError>> {
    inclusion_proof(index, size, &mut |id| tile(view, ledger, id))
}

/// Consistency proof between two sizes.
pub fn consistency(view: &dyn View, ledger: Ledger, old: u64, new: u64) -> Result<Vec<Digest>, ProofError<ReadError>> {
    consistency_proof(old, new, &mut |id| tile(view, ledger, id))
}

/// Root of a ledger's first `size` entries, from its tiles.
pub fn root(view: &dyn View, ledger: Ledger, size: u64) -> Result<Digest, ProofError<ReadError>> {
    root_at(size, &mut |id| tile(view, ledger, id))
}

/// How checkpoints are published, as the constitution says; the threshold is always named.
pub fn publication(view: &dyn View) -> Result<Publication, ReadError> {
    Ok(constitution(view)?.map_or_else(Publication::default, |constitution| Publication {
        threshold: Some(constitution.cosignatures() as u64),
        publisher: constitution.publisher,
    }))
}

/// Whose cosignatures count now, and how many organisations it takes: nodes that are neither retired nor quarantined.
pub fn quorum(view: &dyn View, genesis: &Genesis) -> Result<Quorum, ReadError> {
    let threshold = constitution(view)?.map_or(usize::MAX, |constitution| constitution.cosignatures());
    let cosigners = nodes(view)?.into_iter().filter(RegisteredNode::counts).map(|node| KnownCosigner {
        vkey: selfsame_protocol::cosigning::vkey(&genesis.cosigner_name(node.id.0), node.cosigner),
        organisation: node.organisation.into(),
    });
    Ok(Quorum { cosigners: cosigners.collect(), threshold })
}

/// What the holder of a substrate may do.
pub fn holder_state(view: &dyn View, substrate: &Substrate) -> Result<HolderState, ReadError> {
    let chip: Option<Chip> = state::load(view, Table::Chips, substrate.holder.chip.as_bytes())?;
    let retired = match &chip {
        None => true,
        Some(chip) => {
            // The chips of an organisation that left are out of service with it.
            let owner: Option<Organisation> = state::load(view, Table::Organisations, chip.organisation.as_bytes())?;
            chip.retired || owner.is_none_or(|owner| owner.removed.is_some())
        }
    };
    Ok(match substrate.holder.status {
        _ if substrate.suppressed.is_some() => HolderState::Suppressed,
        _ if substrate.successor.is_some() => HolderState::Ended,
        _ if retired => HolderState::Retired,
        Holding::Sealed => HolderState::Sealed,
        Holding::Active => HolderState::Active,
    })
}

/// Who holds a substrate in this state; `None` for an unknown one.
pub fn holder(view: &dyn View, genesis: &Genesis, id: &str) -> Result<Option<HolderStatus>, ReadError> {
    let Some(substrate) = substrate(view, id)? else { return Ok(None) };
    let tree = |ledger| head(view, ledger).map(|(size, root)| Tree { size, root });
    Ok(Some(HolderStatus {
        origin: genesis.origin.clone(),
        substrate_id: substrate.substrate_id.clone(),
        state: holder_state(view, &substrate)?,
        chip: substrate.holder.chip,
        epoch: substrate.holder.epoch,
        evidence: tree(Ledger::Evidence)?,
        reasoning: tree(Ledger::Reasoning)?,
    }))
}

/// A submission's envelope.
pub fn envelope(view: &dyn View, digest: &Digest) -> Result<Option<Vec<u8>>, ReadError> {
    view.get(Table::Submissions, digest.as_bytes())
}

/// Refuses reads of evidence before identity was verified, and after it was found broken.
pub fn gate(substrate: &Substrate) -> Result<(), Refusal> {
    crate::aggregate::gate(substrate)
}

/// The identity statement at a time (P104 `[0041]`). A `regulated` one demands a VERIFIED, attested, unsuppressed
/// substrate of sufficient depth.
pub fn statement(
    view: &dyn View,
    id: &str,
    time: Timestamp,
    regulated: bool,
) -> Result<Result<IdentityStatement, Refusal>, ReadError> {
    let Some(substrate) = substrate(view, id)? else {
        let sentence = "there is no substrate of this id here: check the id";
        return Ok(Err(Refusal::new(Code::UnknownSubstrate, sentence, "", id)));
    };
    let subject = Subject::Substrate(substrate.substrate_id.clone());
    let minimum = substrate.constitution.thresholds.minimum_lineage_depth;
    let status = substrate.status.unwrap_or(Outcome::InsufficientDepth);
    if regulated {
        let refused = |rule: &str, expected: String, found: String| {
            Ok(Err(Refusal::new(Code::RegulatedClaimDenied, rule, expected, found)))
        };
        if status != Outcome::Verified {
            return refused(
                "no regulated claim can be made: the substrate's continuity is not verified; open a session first",
                Outcome::Verified.to_string(),
                status.to_string(),
            );
        }
        if !substrate.complete {
            let sentence = "no regulated claim can ever be made: the substrate was born without attestation";
            return refused(sentence, String::new(), String::new());
        }
        if substrate.lineage_depth < minimum {
            return refused(
                "no regulated claim can be made yet: the lineage is not deep enough; close more cycles",
                minimum.to_string(),
                substrate.lineage_depth.to_string(),
            );
        }
    }
    let mut statement = IdentityStatement {
        record_type: "identity_statement".into(),
        substrate_id: substrate.substrate_id.clone(),
        founding_tension_hash: substrate.founding_tension_hash,
        substrate_identity_hash: substrate.substrate_identity_hash,
        identity_lineage_depth: substrate.lineage_depth.0,
        latest_cycle_identity_hash: substrate.head,
        cross_session_continuity_hash: substrate.last_close.as_ref().map(|c| c.cross_session_identity_continuity_hash),
        evidence_ledger_depth: subject_depth(view, &subject, Ledger::Evidence)?,
        reasoning_ledger_depth: subject_depth(view, &subject, Ledger::Reasoning)?,
        constitutional_state_hash: substrate.constitution.hash(),
        governance_chip_attestation_hash: substrate.holder.attestation_hash,
        identity_continuity_status: status,
        statement_timestamp: time,
        statement_hash: Digest::from_bytes([0; 32]),
    };
    statement.statement_hash = statement.expected_hash();
    Ok(Ok(statement))
}
