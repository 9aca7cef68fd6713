//! The witness as C2SP tlog-witness has it.

use super::{Http, text};
use crate::witness::{Witness, WitnessError};
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use selfsame_machine::read;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Ledger;
use selfsame_protocol::merkle::root_at;
use selfsame_protocol::note::Checkpoint;
use selfsame_protocol::witness::{MAX_REQUEST, SIZE_TYPE};
use std::sync::Arc;

/// What this node's own copy has at the size of a checkpoint of one of its own ledgers.
fn own_root(http: &Http, checkpoint: &Checkpoint) -> Option<Digest> {
    let origin = &http.api.genesis.origin;
    let ledger = Ledger::BOTH.into_iter().find(|ledger| checkpoint.origin == format!("{origin}/{ledger}"))?;
    let view = http.api.raft.view().ok()?;
    let (size, _) = read::head(&view, ledger).ok()?;
    if checkpoint.size > size {
        return None;
    }
    root_at(checkpoint.size, &mut |id| read::tile(&view, ledger, id)).ok()
}

/// `POST /witness/add-checkpoint`: the status and body that the format names.
pub async fn add_checkpoint(State(http): State<Http>, body: Body) -> Response {
    let Some(witness) = http.witness.clone() else { return absent() };
    // A copy that failed where a quorum's copies hold must not vouch for anything.
    if let Some(refusal) = http.api.standing() {
        return text(StatusCode::SERVICE_UNAVAILABLE, format!("{refusal}\n"));
    }
    let Ok(body) = to_bytes(body, MAX_REQUEST).await else {
        return text(
            StatusCode::BAD_REQUEST,
            format!("bytes of a request: expected at most {MAX_REQUEST}, found more\n"),
        );
    };
    let executor = http.api.env.executor;
    let judged = executor.run(move || witness.add_checkpoint(&body, &|checkpoint| own_root(&http, checkpoint)));
    match judged.await {
        Ok(Ok(line)) => text(StatusCode::OK, line),
        Ok(Err(WitnessError::Refused(refused))) => {
            let status = StatusCode::from_u16(refused.status()).unwrap_or(StatusCode::BAD_REQUEST);
            match refused.size() {
                Some(size) => {
                    let headers = [(header::CONTENT_TYPE, SIZE_TYPE), (header::CACHE_CONTROL, "no-store")];
                    (status, headers, format!("{size}\n")).into_response()
                }
                None => text(status, format!("{refused}\n")),
            }
        }
        Ok(Err(error @ WitnessError::Broken(_))) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

/// `GET /witness/<lowercase hex SHA-256(origin)>/checkpoint`: the last note that was cosigned.
pub async fn latest(State(http): State<Http>, Path(name): Path<String>) -> Response {
    match http.witness.as_ref().and_then(|witness: &Arc<Witness>| witness.latest(&name)) {
        Some(note) => text(StatusCode::OK, note),
        None => text(StatusCode::NOT_FOUND, "nothing was cosigned of such a log\n".into()),
    }
}

fn absent() -> Response {
    text(StatusCode::NOT_FOUND, "this node is no witness\n".into())
}
