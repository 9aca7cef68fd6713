//! Submissions and both ledgers.

use super::{Api, bytes_of, digest_of, json_of, ledger_of, not_found, refused, shutting_down, unreadable, wire_ref};
use crate::store::StateView;
use futures::StreamExt as _;
use selfsame_machine::read;
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::{Entry, EntryRef};
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::merkle::ProofError;
use selfsame_protocol::time::U64;
use selfsame_wire::v1::{self, ledger_service_server::LedgerService};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

type Answers<T> = Pin<Box<dyn futures::Stream<Item = Result<T, Status>> + Send>>;
/// Envelopes of one stream that are under way at once.
const WINDOW: usize = 256;
/// Bytes of envelopes of one stream that are under way at once; more than the largest message.
const WINDOW_BYTES: u32 = 16 << 20;
/// Entries read at once for a tail.
const SLICE: u64 = 256;

fn proof_error<E: ToString>(error: ProofError<E>) -> Status {
    match error {
        ProofError::OutOfRange { index, size } => refused(Refusal::new(
            Code::NotFound,
            "the tree does not reach so far: it has fewer entries than what was asked for",
            format!("an index below {size}"),
            index,
        )),
        ProofError::MissingTile(tile) => unreadable(format!("tile {} of level {} is missing", tile.index, tile.level)),
        ProofError::Read(error) => unreadable(error.to_string()),
    }
}

fn wire_refusal(refusal: Refusal) -> v1::Refusal {
    let Refusal { code, rule, expected, found } = refusal;
    v1::Refusal { code: code.to_string(), rule, expected, found }
}

/// The entry at an index, or of a hash.
fn entry_of(view: &StateView, ledger: Ledger, selected: Result<u64, Digest>) -> Result<(EntryRef, Vec<u8>), Status> {
    let index = match selected {
        Ok(index) => index,
        Err(hash) => {
            read::index_of(view, ledger, &hash).map_err(unreadable)?.ok_or_else(|| not_found("entry", hash))?
        }
    };
    let leaf = read::leaf(view, ledger, index).map_err(unreadable)?.ok_or_else(|| not_found("entry", index))?;
    Ok((EntryRef { ledger, index: U64(index), hash: Entry::hash_of(&leaf) }, leaf))
}

impl Api {
    /// Receipts of entries, in order; all of them or none.
    async fn proofs(&self, entries: &[EntryRef], within_ms: u32) -> Result<Vec<v1::LogProof>, Refusal> {
        let deadline = Instant::now() + Duration::from_millis(within_ms.into());
        let mut proofs = Vec::with_capacity(entries.len());
        for entry in entries {
            let left = deadline.saturating_duration_since(Instant::now());
            let proof = self.cosigner.receipt(entry.ledger, entry.index.0, left).await?;
            proofs.push(v1::LogProof { entry: Some(wire_ref(entry)), proof });
        }
        Ok(proofs)
    }
}

#[tonic::async_trait]
impl LedgerService for Api {
    async fn submit(&self, request: Request<v1::SubmitRequest>) -> Result<Response<v1::SubmitResponse>, Status> {
        let request = request.into_inner();
        let receipt = self.submit_one(request.envelope).await.map_err(refused)?;
        let (mut proofs, mut proofs_refusal) = (Vec::new(), None);
        if request.proofs_within_ms > 0 {
            // The submission stands whatever comes of its proofs: a refusal of these is no refusal of that.
            match self.proofs(&receipt.entries, request.proofs_within_ms).await {
                Ok(all) => proofs = all,
                Err(refusal) => proofs_refusal = Some(wire_refusal(refusal)),
            }
        }
        Ok(Response::new(v1::SubmitResponse { receipt: json_of(&receipt), proofs, proofs_refusal }))
    }

    type SubmitStreamStream = Answers<v1::SubmitStreamResponse>;
    async fn submit_stream(
        &self,
        request: Request<Streaming<v1::SubmitStreamRequest>>,
    ) -> Result<Response<Self::SubmitStreamStream>, Status> {
        let room = Arc::new(Semaphore::new(WINDOW_BYTES as usize));
        // Reads the next envelope only when it fits: a fast sender cannot fill the memory.
        let requests = request.into_inner().enumerate().then(move |(position, request)| {
            let room = room.clone();
            async move {
                let bytes = request.as_ref().map_or(0, |request| request.envelope.len());
                let share = u32::try_from(bytes).unwrap_or(WINDOW_BYTES).min(WINDOW_BYTES);
                (position, request, room.acquire_many_owned(share).await)
            }
        });
        let api = self.clone();
        let answers = requests.map(move |(position, request, share)| {
            let api = api.clone();
            async move {
                let result = match api.submit_one(request?.envelope).await {
                    Ok(receipt) => v1::submit_stream_response::Result::Receipt(json_of(&receipt)),
                    Err(refusal) => v1::submit_stream_response::Result::Refusal(wire_refusal(refusal)),
                };
                drop(share);
                Ok(v1::SubmitStreamResponse { position: position as u64, result: Some(result) })
            }
        });
        Ok(Response::new(Box::pin(answers.buffered(WINDOW))))
    }

    type TailStream = Answers<v1::TailResponse>;
    async fn tail(&self, request: Request<v1::TailRequest>) -> Result<Response<Self::TailStream>, Status> {
        let request = request.into_inner();
        let ledger = ledger_of(request.ledger)?;
        self.read(request.stale_ok, |_| Ok(())).await?;
        let (send, receive) = mpsc::channel(64);
        let api = self.clone();
        tokio::spawn(async move {
            if let Err(status) = follow(&api, ledger, request.from_index, request.follow, &send).await {
                // The reader may be gone; then nobody wants the error either.
                let _ = send.send(Err(status)).await;
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receive))))
    }

    async fn get_entry(&self, request: Request<v1::GetEntryRequest>) -> Result<Response<v1::GetEntryResponse>, Status> {
        let request = request.into_inner();
        let ledger = ledger_of(request.ledger)?;
        self.read(request.stale_ok, |view| {
            let selected = match request.selector {
                Some(v1::get_entry_request::Selector::Index(index)) => Ok(index),
                Some(v1::get_entry_request::Selector::Hash(hash)) => Err(digest_of(&hash, "entry hash")?),
                None => {
                    return Err(refused(Refusal::new(
                        Code::Malformed,
                        "the request does not say which entry",
                        "an index or a hash",
                        "neither",
                    )));
                }
            };
            let (entry, leaf) = entry_of(&view, ledger, selected)?;
            Ok(Response::new(v1::GetEntryResponse { entry: Some(wire_ref(&entry)), leaf: leaf.into() }))
        })
        .await
    }

    async fn get_inclusion_proof(
        &self,
        request: Request<v1::GetInclusionProofRequest>,
    ) -> Result<Response<v1::GetInclusionProofResponse>, Status> {
        let request = request.into_inner();
        let ledger = ledger_of(request.ledger)?;
        self.read(request.stale_ok, |view| {
            let (current, root) = read::head(&view, ledger).map_err(unreadable)?;
            let size = if request.size == 0 { current } else { request.size };
            if size > current {
                return Err(proof_error(ProofError::<String>::OutOfRange { index: size, size: current }));
            }
            let hashes = read::inclusion(&view, ledger, request.index, size).map_err(proof_error)?;
            let leaf = read::leaf(&view, ledger, request.index)
                .map_err(unreadable)?
                .ok_or_else(|| not_found("entry", request.index))?;
            Ok(Response::new(v1::GetInclusionProofResponse {
                index: request.index,
                size,
                leaf: leaf.into(),
                hashes: hashes.iter().map(bytes_of).collect(),
                root: if size == current { bytes_of(&root) } else { bytes::Bytes::new() },
                checkpoint: if size == current { self.checkpoint(&view, ledger)? } else { String::new() },
            }))
        })
        .await
    }

    async fn get_consistency_proof(
        &self,
        request: Request<v1::GetConsistencyProofRequest>,
    ) -> Result<Response<v1::GetConsistencyProofResponse>, Status> {
        let request = request.into_inner();
        let ledger = ledger_of(request.ledger)?;
        self.read(request.stale_ok, |view| {
            let (current, _) = read::head(&view, ledger).map_err(unreadable)?;
            let new_size = if request.new_size == 0 { current } else { request.new_size };
            if new_size > current {
                return Err(proof_error(ProofError::<String>::OutOfRange { index: new_size, size: current }));
            }
            let hashes = read::consistency(&view, ledger, request.old_size, new_size).map_err(proof_error)?;
            let checkpoint = if new_size == current { self.checkpoint(&view, ledger)? } else { String::new() };
            Ok(Response::new(v1::GetConsistencyProofResponse {
                old_size: request.old_size,
                new_size,
                hashes: hashes.iter().map(bytes_of).collect(),
                checkpoint,
            }))
        })
        .await
    }

    async fn get_checkpoint(
        &self,
        request: Request<v1::GetCheckpointRequest>,
    ) -> Result<Response<v1::GetCheckpointResponse>, Status> {
        let request = request.into_inner();
        let ledger = ledger_of(request.ledger)?;
        self.read(request.stale_ok, |view| {
            let checkpoint = match request.of_node {
                true => self.checkpoint(&view, ledger)?,
                false => self.cosigner.checkpoint(ledger).map_err(refused)?.text.clone(),
            };
            Ok(Response::new(v1::GetCheckpointResponse { checkpoint }))
        })
        .await
    }

    async fn get_receipt(
        &self,
        request: Request<v1::GetReceiptRequest>,
    ) -> Result<Response<v1::GetReceiptResponse>, Status> {
        use v1::get_receipt_request::Selector;
        let request = request.into_inner();
        let ledger = ledger_of(request.ledger)?;
        let read = self.read(false, |view| {
            let selected = match request.selector {
                Some(Selector::Index(index)) => Ok(index),
                Some(Selector::Hash(hash)) => Err(digest_of(&hash, "entry hash")?),
                None => {
                    return Err(refused(Refusal::new(
                        Code::Malformed,
                        "the request does not say which entry",
                        "an index or a hash",
                        "neither",
                    )));
                }
            };
            entry_of(&view, ledger, selected)
        });
        let (entry, leaf) = read.await?;
        let proofs = self.proofs(std::slice::from_ref(&entry), request.within_ms).await.map_err(refused)?;
        Ok(Response::new(v1::GetReceiptResponse { proof: proofs.into_iter().next(), leaf: leaf.into() }))
    }

    async fn get_submission(
        &self,
        request: Request<v1::GetSubmissionRequest>,
    ) -> Result<Response<v1::GetSubmissionResponse>, Status> {
        let request = request.into_inner();
        let digest = digest_of(&request.digest, "submission digest")?;
        self.read(request.stale_ok, |view| {
            let envelope =
                read::envelope(&view, &digest).map_err(unreadable)?.ok_or_else(|| not_found("submission", digest))?;
            Ok(Response::new(v1::GetSubmissionResponse { envelope: envelope.into() }))
        })
        .await
    }
}

/// Sends entries from an index on; with `wait` it goes on when new ones are applied, until the reader leaves.
async fn follow(
    api: &Api,
    ledger: Ledger,
    from: u64,
    wait: bool,
    send: &mpsc::Sender<Result<v1::TailResponse, Status>>,
) -> Result<(), Status> {
    let mut applied = api.raft.applied();
    let mut next = from;
    loop {
        applied.borrow_and_update();
        let slice = api.look(|view| {
            api.serving(&view)?;
            let (size, _) = read::head(&view, ledger).map_err(unreadable)?;
            let mut slice = Vec::new();
            for index in next..size.min(next.saturating_add(SLICE)) {
                let leaf =
                    read::leaf(&view, ledger, index).map_err(unreadable)?.ok_or_else(|| not_found("entry", index))?;
                slice.push(v1::TailResponse { index, leaf: leaf.into() });
            }
            Ok(slice)
        })?;
        let full = slice.len() as u64 == SLICE;
        next += slice.len() as u64;
        for item in slice {
            if send.send(Ok(item)).await.is_err() {
                return Ok(());
            }
        }
        if full {
            continue;
        }
        if !wait {
            return Ok(());
        }
        tokio::select! {
            changed = applied.changed() => if changed.is_err() { return Err(shutting_down()) },
            () = send.closed() => return Ok(()),
            // Said aloud, so that the reader goes to another node instead of waiting for entries that never come.
            () = api.env.shutdown.cancelled() => return Err(shutting_down()),
        }
    }
}
