//! Both ledgers as C2SP tlog-tiles.

use super::{Http, text};
use crate::store::StateView;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use selfsame_machine::state::leaves;
use selfsame_machine::view::View as _;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::merkle::TileId;
use selfsame_protocol::merkle::layout::{TilePath, WIDTH, push_entry};

/// Reads for one request from one view of the state, or says why there is no answer.
fn read<T>(
    http: &Http,
    ledger: &str,
    work: impl FnOnce(&StateView, Ledger) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let ledger: Ledger = ledger.parse().map_err(|_| absent("a ledger is evidence or reasoning"))?;
    if let Some(refusal) = http.api.serving_status() {
        return Err(Failure(StatusCode::SERVICE_UNAVAILABLE, refusal.to_string()));
    }
    http.api.raft.read(|view| work(&view, ledger)).map_err(unreadable)?
}

/// Why there is no answer.
struct Failure(StatusCode, String);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        text(self.0, format!("{}\n", self.1))
    }
}

fn unreadable(error: impl std::fmt::Display) -> Failure {
    Failure(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

fn absent(what: &str) -> Failure {
    Failure(StatusCode::NOT_FOUND, what.into())
}

/// The published checkpoint: cosigned by enough organisations, or none.
pub async fn checkpoint(State(http): State<Http>, Path(ledger): Path<String>) -> Response {
    let ledger = match read(&http, &ledger, |_, ledger| Ok(ledger)) {
        Ok(ledger) => ledger,
        Err(failure) => return failure.into_response(),
    };
    match http.api.cosigner.checkpoint(ledger) {
        Ok(note) => text(StatusCode::OK, note.text.clone()),
        Err(refusal) => Failure(StatusCode::SERVICE_UNAVAILABLE, refusal.to_string()).into_response(),
    }
}

/// What this node applied, signed with its own key alone: what an auditor holds against what others say.
pub async fn node_checkpoint(State(http): State<Http>, Path(ledger): Path<String>) -> Response {
    let note = read(&http, &ledger, |view, ledger| {
        http.api.checkpoint(view, ledger).map_err(|status| unreadable(status.message()))
    });
    match note {
        Ok(note) => text(StatusCode::OK, note),
        Err(failure) => failure.into_response(),
    }
}

/// A tile of hashes or of entries.
pub async fn tile(State(http): State<Http>, Path((ledger, path)): Path<(String, String)>) -> Response {
    let found = read(&http, &ledger, |view, ledger| {
        let wanted =
            TilePath::parse(&path).ok_or_else(|| absent("a tile is <L>/<N>[.p/<W>] or entries/<N>[.p/<W>]"))?;
        read_tile(view, ledger, wanted)
    });
    match found {
        Err(failure) => failure.into_response(),
        Ok(bytes) => {
            let headers = [
                (header::CONTENT_TYPE, "application/octet-stream"),
                // An append-only log never changes what it once served.
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ];
            (headers, bytes).into_response()
        }
    }
}

fn read_tile(view: &StateView, ledger: Ledger, wanted: TilePath) -> Result<Vec<u8>, Failure> {
    let short = || absent("the tile is not that wide yet");
    let Some(level) = wanted.level else {
        let from = wanted.index.checked_mul(WIDTH).ok_or_else(short)?;
        let to = from.checked_add(wanted.width).ok_or_else(short)?;
        let rows = view
            .scan(leaves(ledger), &from.to_be_bytes(), &to.to_be_bytes(), wanted.width as usize)
            .map_err(unreadable)?;
        if rows.len() as u64 != wanted.width {
            return Err(short());
        }
        let mut out = Vec::new();
        for (_, leaf) in rows {
            push_entry(&mut out, &leaf).ok_or_else(|| unreadable("an entry is longer than 65535 bytes"))?;
        }
        return Ok(out);
    };
    let id = TileId { level, index: wanted.index };
    let mut hashes = selfsame_machine::read::tile(view, ledger, id).map_err(unreadable)?.ok_or_else(short)?;
    let bytes = wanted.width as usize * 32;
    if hashes.len() < bytes {
        return Err(short());
    }
    hashes.truncate(bytes);
    Ok(hashes)
}
