//! A client that keeps proofs: it demands receipts with its writes and later, and reads what is published.

use super::session::Session;
use crate::history::Answer;
use rand::Rng;
use selfsame_client::ClientError;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::EntryRef;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::note::{Checkpoint, Note};
use selfsame_protocol::time::U64;
use std::time::Duration;

/// Longest wait for a receipt: less than one attempt of a call.
const WITHIN: Duration = Duration::from_millis(1_500);

fn why(error: &ClientError) -> String {
    match error {
        ClientError::Refused(refusal) => format!("refused {}", refusal.code),
        _ => "unknown".into(),
    }
}

impl Session {
    /// Submits and waits for the receipts of the entries; gives the entries when it was accepted.
    async fn proven(&mut self, text: &str) -> Vec<EntryRef> {
        let envelope = self.declaration(0, text);
        let call = self.oracle.invoked(&self.name, "declare", Digest::of(&envelope.to_bytes()));
        let answer = self.client.submit_proven(&envelope, WITHIN).await;
        let (receipt, proofs) = match answer {
            Ok(accepted) => {
                if let Some(refusal) = accepted.refusal {
                    self.oracle.no_receipt(format!("refused {}", refusal.code));
                }
                (Ok(accepted.receipt), accepted.proofs)
            }
            Err(error) => (Err(error), Vec::new()),
        };
        let answer = Answer::of(receipt);
        self.oracle.answered(call, answer.clone());
        proofs.into_iter().for_each(|proof| self.oracle.receipt(proof.entry, proof.proof));
        match answer {
            Answer::Ok(receipt) => receipt.entries,
            _ => Vec::new(),
        }
    }

    /// Asks for the receipt of an entry, of which the hash may be known.
    async fn receipt(&mut self, ledger: Ledger, index: u64, hash: Option<Digest>) {
        match self.client.receipt(ledger, Ok(index), WITHIN).await {
            Ok((given, _)) => {
                // The entry that was asked for, and not the one that the answer names.
                let hash = hash.unwrap_or(given.entry.hash);
                self.oracle.receipt(EntryRef { ledger, index: U64(index), hash }, given.proof);
            }
            Err(error) => self.oracle.no_receipt(why(&error)),
        }
    }

    /// Reads what is published; gives the size of the tree.
    async fn published(&mut self, ledger: Ledger) -> Option<u64> {
        let invoked = self.oracle.now_ms();
        let text = self.client.checkpoint(ledger).await.ok()?;
        self.oracle.published(&text, invoked);
        let note = Note::parse(text.as_bytes()).ok()?;
        Checkpoint::parse(&note.text).ok().map(|checkpoint| checkpoint.size)
    }
}

/// Works until the world stops.
pub async fn run(mut session: Session) -> turmoil::Result {
    let mut promised: Vec<EntryRef> = Vec::new();
    let mut number = 0_u64;
    while !session.stopped() {
        session.pause(400).await;
        match session.random.gen_range(0..4) {
            0 | 1 => {
                number += 1;
                promised.extend(session.proven(&format!("Proof {number}?")).await);
            }
            2 if !promised.is_empty() => {
                let EntryRef { ledger, index, hash } = promised[session.random.gen_range(0..promised.len())];
                session.receipt(ledger, index.0, Some(hash)).await;
            }
            _ => {
                let ledger = Ledger::BOTH[session.random.gen_range(0..2)];
                // Somebody else's entry: what was written is not what matters to whoever keeps proofs.
                if let Some(size) = session.published(ledger).await.filter(|size| *size > 0) {
                    let index = session.random.gen_range(0..size);
                    session.receipt(ledger, index, None).await;
                }
            }
        }
    }
    Ok(())
}
