//! HTTP/1.1 beside the gRPC API: health, metrics, and both ledgers in the form that other people's verifiers read.
//!
//! ```text
//! GET /livez                          200 while the process can continue
//! GET /readyz[?verbose]               200 while this node can answer clients; verbose names every check
//! GET /metrics                        OpenMetrics text
//! GET /<ledger>/checkpoint            C2SP checkpoint, cosigned by enough organisations
//! GET /<ledger>/node-checkpoint       what this node applied, signed with its key alone
//! GET /<ledger>/tile/<L>/<N>[.p/<W>]  C2SP tile
//! GET /<ledger>/tile/entries/<N>[.p/<W>]
//! POST /witness/add-checkpoint        C2SP tlog-witness
//! GET /witness/<hex>/checkpoint       the last note cosigned of the log whose origin has this SHA-256
//! ```
//! Ledger reads come from this node's applied state and are not linearizable: whoever follows a log compares
//! checkpoints anyway, and tiles never change.

mod health;
mod tiles;
mod witness;

use crate::api::Api;
use crate::metrics::{Moment, Published};
use crate::raft::RaftRole;
use crate::scrub::Scrubbed;
use crate::witness::Witness;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use selfsame_env::{Listener, Stream};
use selfsame_machine::read;
use selfsame_protocol::ledger::PerLedger;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What the handlers read.
#[derive(Clone)]
pub struct Http {
    /// The node's services.
    pub api: Api,
    /// The scrub at start.
    pub scrubbed: watch::Receiver<Scrubbed>,
    /// The node as a witness.
    pub witness: Option<Arc<Witness>>,
}

/// Serves until `stop`; requests under way are answered first.
pub async fn serve(state: Http, listener: Box<dyn Listener>, stop: CancellationToken) {
    let router = Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics))
        .route("/{ledger}/checkpoint", get(tiles::checkpoint))
        .route("/{ledger}/node-checkpoint", get(tiles::node_checkpoint))
        .route("/{ledger}/tile/{*path}", get(tiles::tile))
        .route("/witness/add-checkpoint", post(witness::add_checkpoint))
        .route("/witness/{log}/checkpoint", get(witness::latest))
        .with_state(state);
    let served = axum::serve(Port(listener), router).with_graceful_shutdown(stop.cancelled_owned()).await;
    if let Err(error) = served {
        tracing::error!(%error, "HTTP ended");
    }
}

/// The node's own listener in the form that axum serves.
struct Port(Box<dyn Listener>);

impl axum::serve::Listener for Port {
    type Io = Box<dyn Stream>;
    type Addr = String;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match self.0.accept().await {
                Ok(connection) => return connection,
                Err(error) => {
                    tracing::warn!(%error, "accepting a connection failed");
                    // Running out of file descriptors fails at once every time; do not spin on it.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<String> {
        self.0.local_addr()
    }
}

/// A text answer that no cache may keep.
fn text(status: StatusCode, body: String) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, body).into_response()
}

async fn metrics(State(http): State<Http>) -> Response {
    let status = http.api.raft.status();
    let entries =
        http.api.raft.read(|view| PerLedger::try_from_fn(|ledger| read::head(&view, ledger).map(|(size, _)| size)));
    let entries = match entries.flatten() {
        Ok(entries) => entries,
        Err(error) => return text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    };
    let now = http.api.env.clock.now_ms() / 1_000;
    let published = PerLedger::from_fn(|ledger| {
        http.api.cosigner.published(ledger).map(|note| Published {
            size: note.checkpoint.size,
            age_s: now.saturating_sub(note.time),
            organisations: note.organisations.len() as u64,
        })
    });
    let moment = Moment {
        leads: status.role == RaftRole::Leader,
        term: status.term,
        commit: status.commit.unwrap_or_default(),
        applied: status.applied,
        entries,
        published,
    };
    match http.api.metrics.render(moment) {
        Ok(body) => {
            let kind = [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")];
            (kind, body).into_response()
        }
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}
