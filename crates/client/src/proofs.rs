//! What a caller can take away and show to others: receipts, published checkpoints, holder statuses.

use super::{Client, ClientError, MAX_MESSAGE, entry, json, wire};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::EntryRef;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::response::SubmitResponse;
use selfsame_wire::v1;
use std::time::Duration;
use tonic::{Request, Response};
use v1::ledger_service_client::LedgerServiceClient;
use v1::substrate_service_client::SubstrateServiceClient;

/// Proof that an entry stands in a checkpoint that enough organisations cosigned.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The entry.
    pub entry: EntryRef,
    /// c2sp.org/tlog-proof@v1.
    pub proof: String,
}

/// An accepted submission with what was had of its proofs.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// What the cluster decided.
    pub receipt: SubmitResponse,
    /// Proofs of its entries, in order; empty when they were not had in time.
    pub proofs: Vec<Proof>,
    /// Why there are none.
    pub refusal: Option<Refusal>,
}

fn proof(given: v1::LogProof) -> Result<Proof, ClientError> {
    Ok(Proof { entry: entry(given.entry.as_ref())?, proof: given.proof })
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

impl Client {
    /// Submits an envelope and waits for the proofs of its entries, at most `within`. The submission stands whether the
    /// proofs are had or not.
    pub async fn submit_proven(&self, envelope: &Envelope, within: Duration) -> Result<Accepted, ClientError> {
        let message =
            v1::SubmitRequest { envelope: envelope.to_bytes().into(), proofs_within_ms: millis(within).max(1) };
        let answer = call!(self, LedgerServiceClient, submit, message)?;
        let refusal = answer.proofs_refusal.map(|r| {
            let code = Code::from_name(&r.code).unwrap_or(Code::NotCosigned);
            Refusal { code, rule: r.rule, expected: r.expected, found: r.found }
        });
        let proofs = answer.proofs.into_iter().map(proof).collect::<Result<_, _>>()?;
        Ok(Accepted { receipt: json(&answer.receipt)?, proofs, refusal })
    }

    /// The receipt of an entry by index or by hash, with the entry's leaf; waits at most `within` for a checkpoint that
    /// holds it.
    pub async fn receipt(
        &self,
        ledger: Ledger,
        selected: Result<u64, Digest>,
        within: Duration,
    ) -> Result<(Proof, Vec<u8>), ClientError> {
        use v1::get_receipt_request::Selector;
        let selector = Some(match selected {
            Ok(index) => Selector::Index(index),
            Err(hash) => Selector::Hash(hash.as_bytes().to_vec().into()),
        });
        let message = v1::GetReceiptRequest { ledger: wire(ledger), selector, within_ms: millis(within) };
        let answer = call!(self, LedgerServiceClient, get_receipt, message)?;
        let given = answer.proof.ok_or_else(|| ClientError::Answer("a receipt without its proof".into()))?;
        Ok((proof(given)?, answer.leaf.to_vec()))
    }

    /// A ledger's published checkpoint: cosigned by enough organisations.
    pub async fn checkpoint(&self, ledger: Ledger) -> Result<String, ClientError> {
        self.checkpoint_of(ledger, false).await
    }

    /// The checkpoint of what the answering node applied, under its own key alone.
    pub async fn node_checkpoint(&self, ledger: Ledger) -> Result<String, ClientError> {
        self.checkpoint_of(ledger, true).await
    }

    async fn checkpoint_of(&self, ledger: Ledger, of_node: bool) -> Result<String, ClientError> {
        let message = v1::GetCheckpointRequest { ledger: wire(ledger), stale_ok: false, of_node };
        Ok(call!(self, LedgerServiceClient, get_checkpoint, message)?.checkpoint)
    }

    /// Who holds a substrate now, as a note that enough organisations cosigned.
    pub async fn holder(&self, id: &str) -> Result<String, ClientError> {
        let message = v1::GetHolderRequest { substrate_id: id.into() };
        Ok(call!(self, SubstrateServiceClient, get_holder, message)?.note)
    }
}
