//! The stream on which a leader sends entries to one follower.
//!
//! One request is under way at a time, as consensus has it, so that an answer needs no number: the stream costs a frame
//! each way where a call of its own costs headers, trailers and a task as well.

use super::client::Client;
use selfsame_wire::raft::v1 as pb;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status, Streaming};

/// The stream, begun with the first request and again after one that failed.
#[derive(Default)]
pub(super) struct AppendStream(Option<OpenStream>);

struct OpenStream {
    requests: mpsc::Sender<pb::Sealed>,
    answers: Streaming<pb::Sealed>,
}

impl AppendStream {
    /// Sends a request and waits for its answer. Whoever gives up waiting drops the stream: an answer that comes late must
    /// not meet the next request.
    pub(super) async fn ask(&mut self, client: Client, request: pb::Sealed) -> Result<Response<pb::Sealed>, Status> {
        if let Some(open) = self.0.take() {
            // The other end may have gone since the last answer. A request that it did take is one that it may take twice.
            if let Ok(answer) = self.on(open, request.clone()).await {
                return Ok(answer);
            }
        }
        let open = OpenStream::with(client, request).await?;
        self.answer(open).await
    }

    async fn on(&mut self, open: OpenStream, request: pb::Sealed) -> Result<Response<pb::Sealed>, Status> {
        open.requests.send(request).await.map_err(|_| ended())?;
        self.answer(open).await
    }

    async fn answer(&mut self, mut open: OpenStream) -> Result<Response<pb::Sealed>, Status> {
        let answer = open.answers.message().await?.ok_or_else(ended)?;
        self.0 = Some(open);
        Ok(Response::new(answer))
    }
}

impl OpenStream {
    /// A stream whose first request is this one: nothing waits for the stream itself.
    async fn with(mut client: Client, request: pb::Sealed) -> Result<OpenStream, Status> {
        let (requests, receiver) = mpsc::channel(1);
        requests.send(request).await.map_err(|_| ended())?;
        let answers = client.append(ReceiverStream::new(receiver)).await?.into_inner();
        Ok(OpenStream { requests, answers })
    }
}

fn ended() -> Status {
    Status::unavailable("the node ended its stream")
}
