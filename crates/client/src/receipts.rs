//! What a caller can take away and show to others: receipts, published checkpoints, holder statuses.

use crate::read::{Unreadable, entry, wire};
use crate::retry::Timeouts;
use crate::submission::{answer_to, outgoing};
use crate::{Client, ClientError, EntrySelector, rpc};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::entry::EntryRef;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::merkle::leaf_hash;
use selfsame_protocol::response::SubmitResponse;
use selfsame_wire::v1;
use std::time::Duration;
use tokio::time::Instant;

/// A receipt: it proves, without the cluster, that an entry stands in a checkpoint that enough organisations cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The entry.
    pub entry: EntryRef,
    /// The proof, c2sp.org/tlog-proof@v1. `selfsame_protocol::tlog_proof` checks it.
    pub proof: String,
}

/// An accepted submission with what was had of its receipts.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// What the cluster decided.
    pub response: SubmitResponse,
    /// Receipts of its entries, in order; empty when they were not had in time.
    pub receipts: Vec<Receipt>,
    /// Why there are none.
    pub refusal: Option<Refusal>,
}

fn receipt(given: v1::LogProof) -> Result<Receipt, Unreadable> {
    Ok(Receipt { entry: entry(given.entry.as_ref())?, proof: given.proof })
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

impl Client {
    /// Submits an envelope and waits for the receipts of its entries, at most `within`, 30 s at most. The submission
    /// stands whether they are had or not.
    pub async fn submit_with_receipts(&self, envelope: &Envelope, within: Duration) -> Result<Accepted, ClientError> {
        let message = v1::SubmitRequest { envelope: outgoing(envelope)?, proofs_within_ms: millis(within).max(1) };
        call!(self, submit_with_receipts, message, |answer, _| {
            let refusal = answer.proofs_refusal.map(|r| {
                let code = Code::from_name(&r.code).unwrap_or(Code::NotCosigned);
                Refusal { code, rule: r.rule, expected: r.expected, found: r.found }
            });
            let receipts = answer.proofs.into_iter().map(receipt).collect::<Result<Vec<_>, _>>()?;
            let response = answer_to(envelope, &answer.receipt)?;
            if let Some(other) = receipts.iter().find(|receipt| !response.entries.contains(&receipt.entry)) {
                let (ledger, index) = (other.entry.ledger, other.entry.index);
                return Err(Unreadable(format!("a receipt of {ledger} {index}, which is no entry of this submission")));
            }
            Ok(Accepted { response, receipts, refusal })
        })
    }

    /// The receipt of an entry, with the entry's leaf, which has the hash that the answer names. What the receipt proves its
    /// reader checks: the ledger by the checkpoint's origin, the place by its index. For a checkpoint that holds the entry `within` is waited, in all and
    /// whatever node is asked, be it shorter or longer than the time of a call; after that the call ends with NOT_COSIGNED.
    /// A node that does not answer or is not ready is waited for as by every other call.
    pub async fn receipt(
        &self,
        ledger: Ledger,
        selected: EntrySelector,
        within: Duration,
    ) -> Result<(Receipt, Vec<u8>), ClientError> {
        use v1::get_receipt_request::Selector;
        let selector = Some(match selected {
            EntrySelector::Index(index) => Selector::Index(index),
            EntrySelector::Hash(hash) => Selector::Hash(hash.as_bytes().to_vec().into()),
        });
        let (begun, deadline) = (Instant::now(), self.timeouts.attempt);
        let call = |channel| {
            // A node that waits as long as the attempt may take would answer too late.
            let left = within.saturating_sub(begun.elapsed()).min(deadline / 2);
            let (selector, within_ms) = (selector.clone(), millis(left));
            let message = v1::GetReceiptRequest { ledger: wire(ledger), selector, within_ms };
            rpc::get_receipt(channel, Some(deadline), message)
        };
        let timeouts = Timeouts { cosigned: Some(within), ..self.timeouts };
        Client { timeouts, ..self.clone() }
            .retry(call, |answer, _| match answer.proof {
                Some(given) => {
                    let given = receipt(given)?;
                    let EntryRef { ledger: of, index, hash } = given.entry;
                    let asked = match selected {
                        EntrySelector::Index(wanted) => index.0 == wanted,
                        EntrySelector::Hash(wanted) => hash == wanted,
                    };
                    match of == ledger && asked && leaf_hash(&answer.leaf) == hash {
                        true => Ok((given, answer.leaf.to_vec())),
                        false => Err(Unreadable(format!("the receipt of another entry: {of} {index}, {hash}"))),
                    }
                }
                None => Err(Unreadable("a receipt without its proof".into())),
            })
            .await
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
        call!(self, get_checkpoint, message, |answer, _| Ok(answer.checkpoint))
    }

    /// Who holds a substrate now, as a note that enough organisations cosigned.
    pub async fn holder(&self, id: &str) -> Result<String, ClientError> {
        let message = v1::GetHolderRequest { substrate_id: id.into() };
        call!(self, get_holder, message, |answer, _| Ok(answer.note))
    }
}
