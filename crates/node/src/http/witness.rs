//! The witness as C2SP tlog-witness has it.

use super::{Http, text};
use crate::witness::{Own, Witness, WitnessError};
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use selfsame_machine::read;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::note::{Checkpoint, Vkey};
use selfsame_protocol::witness::{MAX_REQUEST, SIZE_TYPE};
use std::sync::Arc;

impl Http {
    fn ledger_of(&self, origin: &str) -> Option<Ledger> {
        Ledger::BOTH.into_iter().find(|ledger| self.api.genesis.ledger_origin(*ledger) == origin)
    }
}

impl Own for Http {
    fn keys(&self, origin: &str) -> Option<Vec<Vkey>> {
        let ledger = self.ledger_of(origin)?;
        // A cluster without a publisher has no log key, and a key that cannot be read is none.
        Some(self.api.cosigner.log_key(ledger).ok().flatten().into_iter().collect())
    }

    fn root(&self, checkpoint: &Checkpoint) -> Option<Digest> {
        let ledger = self.ledger_of(&checkpoint.origin)?;
        let root = self.api.raft.read(|view| {
            let (size, _) = read::head(&view, ledger).ok()?;
            if checkpoint.size > size { None } else { read::root(&view, ledger, checkpoint.size).ok() }
        });
        root.ok()?
    }
}

/// `POST /witness/add-checkpoint`: the status and body that the format names.
pub async fn add_checkpoint(State(http): State<Http>, body: Body) -> Response {
    let Some(witness) = http.witness.clone() else { return absent() };
    // A copy that failed where a quorum's copies hold must not vouch for anything.
    if let Some(refusal) = http.api.serving_status() {
        return text(StatusCode::SERVICE_UNAVAILABLE, format!("{refusal}\n"));
    }
    let Ok(body) = to_bytes(body, MAX_REQUEST).await else {
        return text(
            StatusCode::BAD_REQUEST,
            format!("bytes of a request: expected at most {MAX_REQUEST}, found more\n"),
        );
    };
    let executor = http.api.env.executor;
    let judged = executor.run(move || witness.add_checkpoint(&body, &http));
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
