//! The two ledgers: entries, and proofs about them.

use crate::read::{Unreadable, hashes, wire};
use crate::rpc;
use crate::{Client, ClientError};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::ledger::Ledger;
use selfsame_wire::v1;
use tonic::Streaming;

/// Which entry of a ledger is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntrySelector {
    /// The one at this position, from 0.
    Index(u64),
    /// The one with this RFC 6962 leaf hash.
    Hash(Digest),
}

/// An entry of a ledger as a node streams it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Its position, from 0.
    pub index: u64,
    /// Its leaf: canonical JSON.
    pub leaf: bytes::Bytes,
}

/// Entries of a ledger on their way, in order.
pub struct LedgerTail {
    endpoint: String,
    stream: Streaming<v1::TailResponse>,
}

impl LedgerTail {
    /// The next entry; `None` at the end. A tail that follows ends only with an error, and has no time of its own: where
    /// nothing is written nothing comes, and a node that fell silent is noticed by its connection alone.
    pub async fn next(&mut self) -> Result<Option<LedgerEntry>, ClientError> {
        let next = self.stream.message().await.map_err(|status| ClientError::of_status(&self.endpoint, &status))?;
        Ok(next.map(|entry| LedgerEntry { index: entry.index, leaf: entry.leaf }))
    }
}

/// An inclusion proof as a node gives it. It proves nothing before somebody checked it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof {
    /// Tree size.
    pub size: u64,
    /// The leaf.
    pub leaf: Vec<u8>,
    /// Sibling of the leaf first.
    pub hashes: Vec<Digest>,
    /// Signed checkpoint of the size; empty for an older size.
    pub checkpoint: String,
}

/// A consistency proof as a node gives it. It proves nothing before somebody checked it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// Size of the newer tree.
    pub size: u64,
    /// In the order of RFC 6962.
    pub hashes: Vec<Digest>,
    /// Signed checkpoint of the newer size; empty for an older size.
    pub checkpoint: String,
}

impl Client {
    /// One entry's leaf.
    pub async fn leaf(&self, ledger: Ledger, index: u64) -> Result<Vec<u8>, ClientError> {
        let selector = Some(v1::get_entry_request::Selector::Index(index));
        let message = v1::GetEntryRequest { ledger: wire(ledger), selector, stale_ok: false };
        call!(self, get_entry, message, |answer, _| Ok(answer.leaf.to_vec()))
    }

    /// The signed submission of a digest.
    pub async fn submission(&self, digest: &Digest) -> Result<Envelope, ClientError> {
        let message = v1::GetSubmissionRequest { digest: digest.as_bytes().to_vec().into(), stale_ok: false };
        call!(self, get_submission, message, |answer, _| {
            let found = Envelope::from_bytes(&answer.envelope).map_err(|error| Unreadable(error.to_string()))?;
            match found.digest() == *digest {
                true => Ok(found),
                false => Err(Unreadable(format!("the submission {} and not {digest}", found.digest()))),
            }
        })
    }

    /// Streams a ledger from an index; with `follow` it does not end.
    pub async fn tail(&self, ledger: Ledger, from_index: u64, follow: bool) -> Result<LedgerTail, ClientError> {
        let message = v1::TailRequest { ledger: wire(ledger), from_index, follow, stale_ok: false };
        // A stream may last: it has no deadline of its own.
        self.retry(
            |channel| rpc::tail(channel, None, message),
            |stream, endpoint| Ok(LedgerTail { endpoint: endpoint.into(), stream }),
        )
        .await
    }

    /// An inclusion proof; `size` 0 is the present size.
    pub async fn inclusion(&self, ledger: Ledger, index: u64, size: u64) -> Result<InclusionProof, ClientError> {
        let message = v1::GetInclusionProofRequest { ledger: wire(ledger), index, size, stale_ok: false };
        call!(self, get_inclusion_proof, message, |answer, _| {
            Ok(InclusionProof {
                size: answer.size,
                leaf: answer.leaf.to_vec(),
                hashes: hashes(&answer.hashes)?,
                checkpoint: answer.checkpoint,
            })
        })
    }

    /// A consistency proof between two sizes; `new` 0 is the present size.
    pub async fn consistency(&self, ledger: Ledger, old: u64, new: u64) -> Result<ConsistencyProof, ClientError> {
        let message =
            v1::GetConsistencyProofRequest { ledger: wire(ledger), old_size: old, new_size: new, stale_ok: false };
        call!(self, get_consistency_proof, message, |answer, _| {
            Ok(ConsistencyProof {
                size: answer.new_size,
                hashes: hashes(&answer.hashes)?,
                checkpoint: answer.checkpoint,
            })
        })
    }
}
