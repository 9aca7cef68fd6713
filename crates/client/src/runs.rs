//! Declared runs: what they are, who attests them, and what became of them.

use crate::read::{digest, entry, hashes, json};
use crate::{Client, ClientError};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::EntryRef;
use selfsame_protocol::record::Record;
use selfsame_protocol::run::ElementDigests;
use selfsame_wire::v1;

/// A declared run as a node gives it. The node need not be believed: the declaration's own id is the run id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredRun {
    /// Its identity.
    pub run_id: Digest,
    /// The declaration: canonical JSON.
    pub declaration: Vec<u8>,
    /// Digests of the five elements.
    pub elements: ElementDigests,
    /// Who attests it.
    pub attestations: Vec<RunAttestation>,
    /// The Evidence entry of the declaration.
    pub entry: EntryRef,
}

/// One organisation's attestation of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunAttestation {
    /// The organisation.
    pub organisation: String,
    /// The Evidence entry of its first attestation.
    pub entry: EntryRef,
}

/// What organisations say about one external reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// Every organisation that tied the reference to a run.
    pub ties: Vec<RunTie>,
    /// Whether they are two or more, and all of them name one run.
    pub agreed: bool,
}

/// An organisation that tied a reference to a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunTie {
    /// The organisation.
    pub organisation: String,
    /// The run.
    pub run_id: Digest,
    /// Evidence index since which the organisation attests the run.
    pub since_index: u64,
}

fn id(digest: &Digest) -> bytes::Bytes {
    digest.as_bytes().to_vec().into()
}

impl Client {
    /// A declared run.
    pub async fn run(&self, run_id: &Digest) -> Result<DeclaredRun, ClientError> {
        let message = v1::GetRunRequest { run_id: id(run_id), stale_ok: false };
        call!(self, get_run, message, |answer, _| {
            let attestation = |one: &v1::RunAttestation| {
                Ok(RunAttestation { organisation: one.organisation.clone(), entry: entry(one.entry.as_ref())? })
            };
            Ok(DeclaredRun {
                run_id: digest(&answer.run_id)?,
                declaration: answer.declaration.to_vec(),
                elements: json(&answer.elements)?,
                attestations: answer.attestations.iter().map(attestation).collect::<Result<_, _>>()?,
                entry: entry(answer.entry.as_ref())?,
            })
        })
    }

    /// Which organisation ties a reference to which run, and whether they agree.
    pub async fn agreement(&self, request: &str) -> Result<Agreement, ClientError> {
        let message = v1::GetAgreementRequest { request: request.into(), stale_ok: false };
        call!(self, get_agreement, message, |answer, _| {
            let tie = |one: v1::Agreement| {
                let run_id = digest(&one.run_id)?;
                Ok(RunTie { organisation: one.organisation, run_id, since_index: one.since_index })
            };
            let ties = answer.agreements.into_iter().map(tie).collect::<Result<_, _>>()?;
            Ok(Agreement { ties, agreed: answer.agreed })
        })
    }

    /// Names the elements in which two declared runs differ.
    pub async fn compare(&self, first: &Digest, second: &Digest) -> Result<Vec<String>, ClientError> {
        let message = v1::CompareRunsRequest { first: id(first), second: id(second), stale_ok: false };
        call!(self, compare_runs, message, |answer, _| {
            Ok(answer.differences.into_iter().map(|difference| difference.element).collect())
        })
    }

    /// Executions of a run.
    pub async fn outcomes(&self, run_id: &Digest) -> Result<Vec<Record>, ClientError> {
        let (mut records, mut from_depth) = (Vec::new(), 0);
        loop {
            let message = v1::ListOutcomesRequest { run_id: id(run_id), stale_ok: false, from_depth };
            let read = |answer: v1::ListOutcomesResponse, _: &str| {
                let page =
                    answer.outcomes.iter().map(|outcome| json(&outcome.record)).collect::<Result<Vec<_>, _>>()?;
                Ok((page, answer.next_depth))
            };
            let (page, next_depth) = call!(self, list_outcomes, message, read)?;
            records.extend(page);
            if next_depth <= from_depth {
                return Ok(records);
            }
            from_depth = next_depth;
        }
    }

    /// Declared runs whose ids begin with these bytes, 4 or more of them, in order; at most 16 are told.
    pub async fn runs_beginning_with(&self, prefix: &[u8]) -> Result<Vec<Digest>, ClientError> {
        let message = v1::FindRunsRequest { prefix: prefix.to_vec().into(), stale_ok: false };
        call!(self, find_runs, message, |answer, _| hashes(&answer.run_ids))
    }
}
