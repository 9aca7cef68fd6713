//! The peers' way to this node's cosign handler, and this node's way to theirs. What is signed, and when, is not decided here.

use super::client::{Client, Peers};
use pb::signature_line::Result as Wire;
use selfsame_protocol::code::{Code, Refusal};
use selfsame_wire::raft::v1 as pb;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tonic::Status;

/// Texts or notes of one request.
const MOST: usize = 4;

/// A signature line without its newline (empty when there is none to add), or why there is none.
pub type SignatureLine = Result<String, Refusal>;

/// What a node's cosign handler does for other nodes. Both give one line for each text, in order.
#[tonic::async_trait]
pub trait CosignHandler: Send + Sync {
    /// Cosigns texts that it recomputes from its own state.
    async fn cosign(self: Arc<Self>, texts: Vec<String>) -> Vec<SignatureLine>;
    /// Takes notes that enough organisations cosigned; the publisher signs them.
    async fn publish(self: Arc<Self>, notes: Vec<String>) -> Vec<SignatureLine>;
}

/// The way to a cosign handler for as long as somebody else keeps it: it uses this node, and neither may keep the other from
/// ending.
#[derive(Clone, Default)]
pub(in crate::raft) struct CosignHandlerSlot(Arc<Mutex<Option<Weak<dyn CosignHandler>>>>);

impl CosignHandlerSlot {
    pub(in crate::raft) fn put(&self, cosign_handler: &Arc<dyn CosignHandler>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::downgrade(cosign_handler));
    }

    pub(super) fn get(&self) -> Result<Arc<dyn CosignHandler>, Status> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        kept.as_ref().and_then(Weak::upgrade).ok_or_else(|| Status::unavailable("this node does not cosign yet"))
    }
}

impl Peers {
    /// Asks another node for cosignatures. A word of explanation when it gave no answer.
    pub(in crate::raft) async fn ask_cosign(
        &self,
        node: u64,
        address: &str,
        texts: &[String],
        limit: Duration,
    ) -> Result<Vec<SignatureLine>, String> {
        let request = pb::CosignRequest { texts: texts.to_vec() };
        let call = |mut client: Client, sealed| async move { client.cosign(sealed).await };
        let answer = self.ask("cosign", node, address, &request, limit, call).await;
        let answer: Result<pb::CosignResponse, _> = answer;
        lines(answer.map_err(|status| status.message().to_owned())?.lines, texts.len())
    }

    /// Hands notes to another node and gives the lines that it adds.
    pub(in crate::raft) async fn ask_publish(
        &self,
        node: u64,
        address: &str,
        notes: &[String],
        limit: Duration,
    ) -> Result<Vec<SignatureLine>, String> {
        let request = pb::PublishRequest { notes: notes.to_vec() };
        let call = |mut client: Client, sealed| async move { client.publish(sealed).await };
        let answer = self.ask("publish", node, address, &request, limit, call).await;
        let answer: Result<pb::PublishResponse, _> = answer;
        lines(answer.map_err(|status| status.message().to_owned())?.lines, notes.len())
    }
}

fn lines(given: Vec<pb::SignatureLine>, expected: usize) -> Result<Vec<SignatureLine>, String> {
    if given.len() != expected {
        return Err(format!("{expected} lines were asked for, {} came", given.len()));
    }
    let one = |line: pb::SignatureLine| match line.result {
        Some(Wire::Line(line)) => Ok(Ok(line)),
        Some(Wire::Refusal(json)) => match serde_json::from_slice(&json) {
            Ok(refusal) => Ok(Err(refusal)),
            Err(error) => Err(format!("a refusal that does not decode: {error}")),
        },
        None => Err("an empty answer".to_owned()),
    };
    given.into_iter().map(one).collect()
}

pub(super) fn wire(lines: Vec<SignatureLine>) -> Vec<pb::SignatureLine> {
    let one = |line: SignatureLine| match line {
        Ok(line) => Wire::Line(line),
        Err(refusal) => Wire::Refusal(serde_json::to_vec(&refusal).unwrap_or_default().into()),
    };
    lines.into_iter().map(|line| pb::SignatureLine { result: Some(one(line)) }).collect()
}

/// No peer may make this node work on any number of texts.
pub(super) fn few(texts: &[String]) -> Result<(), Status> {
    if texts.len() <= MOST {
        return Ok(());
    }
    let expected = format!("at most {MOST} texts");
    let refusal = Refusal::new(Code::LimitExceeded, "the peer asked for too many texts at once", expected, texts.len());
    Err(Status::invalid_argument(refusal.to_string()))
}
