//! Messages that nobody sends any more: requests between nodes that arrive again or late, and plain garbage.

use crate::cluster::{CLIENT_PORT, PEER_PORT};
use crate::env::{SimNet, Wire};
use crate::random::Stream;
use crate::time::SimTime;
use prost::Message as _;
use rand::{Rng, RngCore};
use selfsame_wire::raft::v1 as pb;
use selfsame_wire::raft::v1::peer_service_client::PeerServiceClient;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status};

/// Younger requests are repeated, not replayed.
const OLD_MS: u64 = 2_000;
/// Time for one request.
const PATIENCE: Duration = Duration::from_secs(1);

/// One request on a stream of entries of its own, and its answer.
pub async fn append_to(
    peer: &mut PeerServiceClient<Channel>,
    sealed: pb::Sealed,
) -> Result<Response<pb::Sealed>, Status> {
    let mut answers = peer.append(tokio_stream::iter([sealed])).await?.into_inner();
    answers.message().await?.map(Response::new).ok_or_else(|| Status::unavailable("no answer"))
}

/// Which requests come back.
#[derive(Clone, Debug)]
pub enum Interference {
    /// All, at once.
    Duplicate {
        /// Sender.
        from: String,
        /// Receiver.
        to: String,
    },
    /// One of every so many is taken out of its connection and comes later.
    Reorder {
        /// Sender.
        from: String,
        /// Receiver.
        to: String,
        /// One of so many.
        every: u64,
    },
    /// Any that are old.
    Replay,
}

/// Somebody between the nodes.
pub struct Interceptor {
    /// What was said.
    pub wire: Wire,
    /// Simulated time.
    pub now: SimTime,
    /// Choices.
    pub random: Stream,
    /// Set when it must leave.
    pub stop: Rc<Cell<bool>>,
    /// Messages that were answered.
    pub fired: Rc<Cell<u64>>,
}

type Clients = BTreeMap<String, PeerServiceClient<Channel>>;

fn client(clients: &mut Clients, to: &str) -> PeerServiceClient<Channel> {
    let make = || {
        let endpoint = Endpoint::from_shared(format!("http://{to}:{PEER_PORT}"));
        let endpoint = endpoint.unwrap_or_else(|error| panic!("{to}: {error}")).connect_timeout(PATIENCE);
        PeerServiceClient::new(
            endpoint.connect_with_connector_lazy(selfsame_env::connector(Arc::new(SimNet::default()))),
        )
    };
    clients.entry(to.to_owned()).or_insert_with(make).clone()
}

/// Sends a request again, as the kind that it is; true when it was answered. The path of a request is not known, its content
/// says it: only a leader's ballot is committed, and only a candidate's is not.
async fn send(mut client: PeerServiceClient<Channel>, body: Vec<u8>) -> bool {
    let Some(sealed) = body.get(5..).and_then(|message| pb::Sealed::decode(message).ok()) else { return false };
    let body = sealed.body.clone();
    let call = async {
        if let Ok(request) = pb::AppendRequest::decode(body.clone())
            && let Some(vote) = &request.vote
            && vote.committed
        {
            return append_to(&mut client, sealed).await.is_ok();
        }
        if let Ok(request) = pb::VoteRequest::decode(body.clone())
            && request.vote.is_some()
        {
            return client.vote(sealed).await.is_ok();
        }
        if let Ok(request) = pb::SubmitRequest::decode(body.clone())
            && !request.submissions.is_empty()
        {
            return client.submit(sealed).await.is_ok();
        }
        if let Ok(request) = pb::StateDigestRequest::decode(body)
            && request.index > 0
        {
            return client.state_digest(sealed).await.is_ok();
        }
        false
    };
    tokio::time::timeout(PATIENCE, call).await.unwrap_or(false)
}

/// Sends requests again until it must leave.
pub async fn interfere(mut interceptor: Interceptor, how: Interference) {
    let mut clients = Clients::new();
    if let Interference::Reorder { from, to, every } = &how {
        interceptor.wire.steal(from, to, *every);
    }
    let mut next = interceptor.wire.next();
    while !interceptor.stop.get() {
        let wait = match &how {
            Interference::Duplicate { .. } => 2,
            Interference::Reorder { .. } => 5,
            Interference::Replay => interceptor.random.gen_range(5..100),
        };
        tokio::time::sleep(Duration::from_millis(wait)).await;
        let fresh = interceptor.wire.since(next);
        next += fresh.len() as u64;
        let again = match &how {
            Interference::Duplicate { from, to } => {
                fresh.into_iter().filter(|it| it.from == *from && it.to == *to).collect::<Vec<_>>()
            }
            Interference::Reorder { from, to, .. } => {
                fresh.into_iter().filter(|it| it.stolen && it.from == *from && it.to == *to).collect()
            }
            Interference::Replay => {
                let old = interceptor.wire.before(interceptor.now.ms().saturating_sub(OLD_MS));
                (old > 0)
                    .then(|| interceptor.wire.kept(interceptor.random.gen_range(0..old)))
                    .flatten()
                    .into_iter()
                    .collect()
            }
        };
        for request in again {
            let (client, fired) = (client(&mut clients, &request.to), interceptor.fired.clone());
            let late = match &how {
                Interference::Reorder { .. } => interceptor.random.gen_range(20..600),
                Interference::Duplicate { .. } | Interference::Replay => 0,
            };
            tokio::task::spawn_local(async move {
                tokio::time::sleep(Duration::from_millis(late)).await;
                if send(client, request.body).await {
                    fired.set(fired.get() + 1);
                }
            });
        }
    }
    if let Interference::Reorder { from, to, .. } = &how {
        interceptor.wire.steal(from, to, 0);
        // What was taken out still arrives.
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
}

const PATHS: [&str; 6] = [
    "/selfsame.raft.v1.PeerService/Append",
    "/selfsame.raft.v1.PeerService/Vote",
    "/selfsame.raft.v1.PeerService/Snapshot",
    "/selfsame.raft.v1.PeerService/Submit",
    "/selfsame.v1.LedgerService/Submit",
    "/selfsame.v1.SubstrateService/OpenSession",
];

fn frame(length: usize, kind: u8, flags: u8, stream: u32, body: &[u8]) -> Vec<u8> {
    let mut frame = (length as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(body);
    frame
}

/// The header block of a call, all literals.
fn call(path: &str) -> Vec<u8> {
    let mut block = vec![0x83, 0x86];
    let mut literal = |name: &[u8], value: &str| {
        block.extend(name);
        block.push(value.len() as u8);
        block.extend(value.as_bytes());
    };
    literal(&[0x04], path);
    literal(&[0x01], "n");
    literal(b"\x00\x0ccontent-type", "application/grpc");
    literal(b"\x00\x02te", "trailers");
    block
}

fn noise(random: &mut Stream, most: usize) -> Vec<u8> {
    let mut bytes = vec![0; random.gen_range(1..=most)];
    random.fill_bytes(&mut bytes);
    bytes
}

/// Bytes that no honest program sends.
fn nonsense(random: &mut Stream) -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(0, 4, 0, 0, &[]));
    let path = PATHS[random.gen_range(0..PATHS.len())];
    let headers = call(path);
    match random.gen_range(0..8) {
        0 => return noise(random, 4_096),
        1 => return b"GET / HTTP/1.1\r\nhost: n\r\n\r\n".to_vec(),
        // A frame that announces as much as a frame can.
        2 => bytes.extend(frame(0xff_ffff, 0, 0, 1, &[0; 60_000])),
        // Headers that do not decode.
        3 => {
            let junk = noise(random, 300);
            bytes.extend(frame(junk.len(), 1, 4, 1, &junk));
        }
        // Frames of any kind.
        4 => {
            for _ in 0..8 {
                let junk = noise(random, 60);
                bytes.extend(frame(junk.len(), random.r#gen(), random.r#gen(), random.r#gen(), &junk));
            }
        }
        // A message that announces 4 GiB.
        5 => {
            bytes.extend(frame(headers.len(), 1, 4, 1, &headers));
            bytes.extend(frame(1_005, 0, 0, 1, &[[0, 0xff, 0xff, 0xff, 0xff].to_vec(), vec![7; 1_000]].concat()));
        }
        // A message of the announced length, of any bytes, and the same after its first field.
        6 | 7 => {
            bytes.extend(frame(headers.len(), 1, 4, 1, &headers));
            let junk = noise(random, 600);
            let mut body = vec![0];
            body.extend((junk.len() as u32).to_be_bytes());
            body.extend(&junk);
            bytes.extend(frame(body.len(), 0, 1, 1, &body));
        }
        _ => {}
    }
    bytes
}

/// Sends nonsense to both ports of a node until it must leave.
pub async fn garbage(mut interceptor: Interceptor, to: String) {
    while !interceptor.stop.get() {
        let port = if interceptor.random.gen_bool(0.5) { PEER_PORT } else { CLIENT_PORT };
        let bytes = nonsense(&mut interceptor.random);
        let sent = async {
            let mut stream = turmoil::net::TcpStream::connect((to.as_str(), port)).await?;
            stream.write_all(&bytes).await?;
            interceptor.fired.set(interceptor.fired.get() + 1);
            // Whatever it answers: until it closes, or is patient for too long.
            let mut answer = [0; 4_096];
            while stream.read(&mut answer).await? > 0 {}
            std::io::Result::Ok(())
        };
        // However it takes it: only the node's own fate matters.
        let _ = tokio::time::timeout(Duration::from_millis(200), sent).await;
        tokio::time::sleep(Duration::from_millis(interceptor.random.gen_range(1..60))).await;
    }
}
