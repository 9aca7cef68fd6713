//! Both ledgers as C2SP tlog-tiles.

use super::{Http, text};
use crate::store::StateView;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use selfsame_machine::read;
use selfsame_machine::state::leaves;
use selfsame_machine::view::View as _;
use selfsame_protocol::entry::Ledger;
use selfsame_protocol::merkle::TileId;

/// Hashes or entries of a full tile.
const WIDTH: u64 = 256;

/// What a tile path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted {
    /// The level; `None` for entries.
    level: Option<u8>,
    index: u64,
    /// 1 to 256.
    width: u64,
}

/// Reads `<L>/<N>[.p/<W>]` and `entries/<N>[.p/<W>]`, in the one spelling that the format has.
fn parse(path: &str) -> Option<Wanted> {
    let (level, rest) = path.split_once('/')?;
    let level = match level {
        "entries" => None,
        // Eight levels of eight bits hold every index.
        _ => Some(canonical(level)?).filter(|level| *level < 8).map(|level| Some(level as u8))?,
    };
    let (index, width) = match rest.split_once(".p/") {
        Some((index, width)) => (index, canonical(width).filter(|width| (1..WIDTH).contains(width))?),
        None => (rest, WIDTH),
    };
    let mut groups = index.split('/').peekable();
    let (mut number, mut first) = (0_u64, true);
    while let Some(group) = groups.next() {
        let digits = match groups.peek() {
            Some(_) => group.strip_prefix('x')?,
            None => group,
        };
        let value: u64 =
            Some(digits).filter(|d| d.len() == 3 && d.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?;
        // A leading group of zeros would be a second spelling of the same index.
        if first && value == 0 && groups.peek().is_some() {
            return None;
        }
        first = false;
        number = number.checked_mul(1000)?.checked_add(value)?;
    }
    Some(Wanted { level, index: number, width })
}

fn canonical(text: &str) -> Option<u64> {
    text.parse::<u64>().ok().filter(|value| value.to_string() == text)
}

/// A view for one request, or the answer that says why there is none.
fn open(http: &Http, ledger: &str) -> Result<(StateView, Ledger), Failure> {
    let ledger: Ledger = ledger.parse().map_err(|_| absent("a ledger is evidence or reasoning"))?;
    if let Some(refusal) = http.api.standing() {
        return Err(Failure(StatusCode::SERVICE_UNAVAILABLE, refusal.to_string()));
    }
    Ok((http.api.raft.view().map_err(unreadable)?, ledger))
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
    let ledger = match open(&http, &ledger) {
        Ok((_, ledger)) => ledger,
        Err(failure) => return failure.into_response(),
    };
    match http.api.cosigner.checkpoint(ledger) {
        Ok(note) => text(StatusCode::OK, note.text.clone()),
        Err(refusal) => Failure(StatusCode::SERVICE_UNAVAILABLE, refusal.to_string()).into_response(),
    }
}

/// What this node applied, signed with its own key alone: what an auditor holds against what others say.
pub async fn node_checkpoint(State(http): State<Http>, Path(ledger): Path<String>) -> Response {
    let opened = open(&http, &ledger);
    let note = opened
        .and_then(|(view, ledger)| http.api.checkpoint(&view, ledger).map_err(|status| unreadable(status.message())));
    match note {
        Ok(note) => text(StatusCode::OK, note),
        Err(failure) => failure.into_response(),
    }
}

/// A tile of hashes or of entries.
pub async fn tile(State(http): State<Http>, Path((ledger, path)): Path<(String, String)>) -> Response {
    let opened = open(&http, &ledger).and_then(|(view, ledger)| {
        let wanted = parse(&path).ok_or_else(|| absent("a tile is <L>/<N>[.p/<W>] or entries/<N>[.p/<W>]"))?;
        read_tile(&view, ledger, wanted)
    });
    match opened {
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

fn read_tile(view: &StateView, ledger: Ledger, wanted: Wanted) -> Result<Vec<u8>, Failure> {
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
            let len = u16::try_from(leaf.len()).map_err(|_| unreadable("an entry is longer than 65535 bytes"))?;
            out.extend_from_slice(&len.to_be_bytes());
            out.extend_from_slice(&leaf);
        }
        return Ok(out);
    };
    let id = TileId { level, index: wanted.index };
    let mut hashes = read::tile(view, ledger, id).map_err(unreadable)?.ok_or_else(short)?;
    let bytes = wanted.width as usize * 32;
    if hashes.len() < bytes {
        return Err(short());
    }
    hashes.truncate(bytes);
    Ok(hashes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_protocol::merkle::{entries_path, tile_path};

    #[test]
    fn paths_read_back_and_have_one_spelling() {
        for index in [0, 1, 255, 999, 1_000, 67_000, 1_234_067, u64::MAX / 256] {
            for width in [1, 17, 255, 256] {
                for level in [0, 7] {
                    let path = tile_path(TileId { level, index }, width);
                    let wanted = Wanted { level: Some(level), index, width };
                    assert_eq!(parse(path.strip_prefix("tile/").unwrap()), Some(wanted), "{path}");
                }
                let path = entries_path(index, width);
                assert_eq!(
                    parse(path.strip_prefix("tile/").unwrap()),
                    Some(Wanted { level: None, index, width }),
                    "{path}"
                );
            }
        }
        for bad in [
            "",
            "0",
            "0/",
            "0/0",
            "0/0000",
            "0/x000/001",
            "8/000",
            "00/000",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/01",
            "0/000.p/",
            "0/+01",
            "0/x001",
            "0/001/067",
            "entries",
            "0/x99/000",
            "0/x001/é01",
            "0/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
