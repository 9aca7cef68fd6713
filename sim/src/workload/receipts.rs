//! A client that keeps proofs: it demands receipts with its writes and later, and reads what is published.

use super::Session;
use crate::oracle::Answer;
use rand::Rng;
use selfsame::client::ClientError;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::{EntryRef, Ledger};
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

    /// Asks for the receipt of an entry. True when it was had.
    pub async fn receipt(&mut self, entry: &EntryRef) -> bool {
        match self.client.receipt(entry.ledger, Ok(entry.index.0), WITHIN).await {
            Ok((given, _)) => {
                // The entry that was asked for, and not the one that the answer names.
                self.oracle.receipt(*entry, given.proof);
                true
            }
            Err(error) => {
                self.oracle.no_receipt(why(&error));
                false
            }
        }
    }

    async fn published(&mut self, ledger: Ledger) {
        let invoked = self.oracle.now_ms();
        if let Ok(note) = self.client.checkpoint(ledger).await {
            self.oracle.published(&note, invoked);
        }
    }
}

/// Works until the world stops.
pub async fn run(mut session: Session) -> turmoil::Result {
    let mut promised: Vec<EntryRef> = Vec::new();
    let mut number = 0_u64;
    while !session.stopped() {
        session.pause(600).await;
        match session.random.gen_range(0..4) {
            0 | 1 => {
                number += 1;
                promised.extend(session.proven(&format!("Proof {number}?")).await);
            }
            2 if !promised.is_empty() => {
                let entry = promised[session.random.gen_range(0..promised.len())];
                session.receipt(&entry).await;
            }
            _ => {
                let ledger = Ledger::BOTH[session.random.gen_range(0..2)];
                session.published(ledger).await;
            }
        }
    }
    Ok(())
}
