//! A front that shows another history than the node behind it has: what an operator with all keys of its organisation
//! can do, and what an audit must catch. Consistent in itself: entries, tiles and checkpoint belong together.

use super::cluster::Failure;
use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use selfsame_env::Net;
use selfsame_env::fetch::Server;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::merkle::{TileId, append_to_tiles, entries_path, leaf_hash, root_at, tile_path, tile_width};
use selfsame_protocol::note::{Checkpoint, Note};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Entries of a full bundle.
const WIDTH: usize = 256;
/// Longest answer of the node behind.
const ANSWER: usize = 32 << 20;

/// A running front. Dropping it ends it.
pub struct Liar {
    /// Where it listens.
    pub address: String,
    /// The note that it shows.
    pub note: Note,
    task: JoinHandle<()>,
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the front answers from, by path.
type Files = BTreeMap<String, Bytes>;

impl Liar {
    /// Puts a front before the node at `node`: entry `index` of `ledger` becomes `entry`, and the checkpoint that follows
    /// from it gets its signatures from `sign`. Everything else is the node's own.
    pub async fn start(
        node: &str,
        net: Arc<dyn Net>,
        ledger: Ledger,
        (index, entry): (usize, Vec<u8>),
        sign: impl Fn(&mut Note),
    ) -> Result<Liar, Failure> {
        let behind = Server::new(node, net.clone())?;
        let honest = Note::parse(&behind.get(&format!("{ledger}/checkpoint"), ANSWER).await?.body)?;
        let head = Checkpoint::parse(&honest.text)?;
        let mut entries = read_entries(&behind, ledger, head.size).await?;
        *entries.get_mut(index).ok_or("the ledger is shorter than that")? = entry;
        let (files, note) = forge(ledger, &head.origin, &entries, sign)?;
        let mut listener = net.listen("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (files, behind) = (Arc::new(files), Arc::new(behind));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (files, behind) = (files.clone(), behind.clone());
                let answer = service_fn(move |request: Request<hyper::body::Incoming>| {
                    answer(files.clone(), behind.clone(), request.uri().path().trim_start_matches('/').to_owned())
                });
                let serving = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
                // A connection that breaks is its caller's to notice.
                tokio::spawn(async move { drop(serving.await) });
            }
        });
        Ok(Liar { address, note, task })
    }
}

async fn read_entries(behind: &Server, ledger: Ledger, size: u64) -> Result<Vec<Vec<u8>>, Failure> {
    let mut entries = Vec::new();
    while (entries.len() as u64) < size {
        let index = (entries.len() / WIDTH) as u64;
        let width = (size - entries.len() as u64).min(WIDTH as u64);
        let body = behind.get(&format!("{ledger}/{}", entries_path(index, width)), ANSWER).await?.body;
        let mut rest = &body[..];
        while let Some((len, after)) = rest.split_first_chunk::<2>() {
            let (entry, after) =
                after.split_at_checked(u16::from_be_bytes(*len).into()).ok_or("a bundle that is cut short")?;
            entries.push(entry.to_vec());
            rest = after;
        }
        if !entries.len().is_multiple_of(WIDTH) && entries.len() as u64 != size {
            return Err("a bundle of another width".into());
        }
    }
    Ok(entries)
}

/// Every file of a ledger with these entries, and its checkpoint.
fn forge(
    ledger: Ledger,
    origin: &str,
    entries: &[Vec<u8>],
    sign: impl Fn(&mut Note),
) -> Result<(Files, Note), Failure> {
    let size = entries.len() as u64;
    let hashes: Vec<_> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    let tiles: BTreeMap<TileId, Vec<u8>> =
        append_to_tiles(0, &hashes, &mut |_| Ok::<_, Infallible>(None))?.into_iter().collect();
    let root = root_at(size, &mut |id| Ok::<_, Infallible>(tiles.get(&id).cloned()))?;
    let mut files = Files::new();
    for (id, bytes) in tiles {
        files.insert(format!("{ledger}/{}", tile_path(id, tile_width(id, size))), bytes.into());
    }
    for (index, bundle) in entries.chunks(WIDTH).enumerate() {
        let mut bytes = Vec::new();
        for entry in bundle {
            bytes.extend_from_slice(&u16::try_from(entry.len())?.to_be_bytes());
            bytes.extend_from_slice(entry);
        }
        files.insert(format!("{ledger}/{}", entries_path(index as u64, bundle.len() as u64)), bytes.into());
    }
    let mut note = Note::new(Checkpoint { origin: origin.into(), size, root }.to_text());
    sign(&mut note);
    for name in ["checkpoint", "node-checkpoint"] {
        files.insert(format!("{ledger}/{name}"), note.to_text().into());
    }
    Ok((files, note))
}

async fn answer(files: Arc<Files>, behind: Arc<Server>, path: String) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, body) = match files.get(&path) {
        Some(bytes) => (200, bytes.clone()),
        None => match behind.get(&path, ANSWER).await {
            Ok(answer) => (answer.status, answer.body),
            Err(error) => (502, error.to_string().into()),
        },
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    Ok(response)
}
