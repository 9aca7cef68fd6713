//! Clients of other nodes' peer service, and who may speak to this one.

use super::auth::{authenticate, verifies};
use super::keys::{PairKey, PeerKeys};
use crate::store::StateStore;
use bytes::Bytes;
use prost::Message;
use selfsame_env::{Env, Executor, Net, REMEMBER_RESET, connector};
use selfsame_machine::Genesis;
use selfsame_machine::state::{self, RegisteredNode};
use selfsame_machine::view::{ReadError, Table};
use selfsame_protocol::keys::{PublicKey, SecretKey};
use selfsame_wire::raft::v1 as pb;
use selfsame_wire::raft::v1::peer_service_client::PeerServiceClient;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Response, Status};

/// Bytes of one message: entries of READ_BYTES and one of a batch (1 MiB and a submission of 4 MiB) beyond it, with
/// room for framing; a forwarded batch is smaller.
pub(super) const MAX_MESSAGE: usize = 16 << 20;
const CONNECT: Duration = Duration::from_secs(1);
/// Time for another node's word on a key.
const KEY_WITHIN: Duration = Duration::from_secs(1);

/// A connection to a node, before anything is known about who answers there.
pub(in crate::raft) type Client = PeerServiceClient<Channel>;

/// One HTTP/2 connection per peer, made when first used and again when lost.
pub(in crate::raft) struct Peers {
    net: Arc<dyn Net>,
    cluster: String,
    genesis: Bytes,
    pub id: u64,
    pairs: PeerKeys,
    state: Arc<StateStore>,
    executor: Executor,
    /// Begins every nonce of this process.
    boot: [u8; 16],
    asked: AtomicU64,
    /// Keys of nodes whose enrolment is not applied here yet, as other nodes gave them.
    learned: Mutex<BTreeMap<u64, PublicKey>>,
    /// Addresses of the process settings; they win over the membership's, which may be old.
    addresses: BTreeMap<u64, String>,
    channels: Mutex<BTreeMap<u64, (String, Client)>>,
}

/// Who asked, and what the answer has to repeat.
pub(super) struct Asker {
    pub node: u64,
    nonce: Bytes,
    /// The key of this node and the asker.
    pair: Arc<PairKey>,
}

impl Peers {
    pub(in crate::raft) fn new(
        env: &Env,
        genesis: &Genesis,
        id: u64,
        key: SecretKey,
        state: Arc<StateStore>,
        addresses: BTreeMap<u64, String>,
    ) -> std::io::Result<Self> {
        let mut boot = [0; 16];
        env.entropy.fill(&mut boot)?;
        let cluster = genesis.cluster.clone();
        let genesis = Bytes::copy_from_slice(genesis.digest().as_bytes());
        Ok(Self {
            net: env.net.clone(),
            pairs: PeerKeys::new(cluster.clone(), genesis.clone(), key),
            cluster,
            genesis,
            id,
            state,
            executor: env.executor,
            boot,
            asked: AtomicU64::new(0),
            learned: Mutex::default(),
            addresses,
            channels: Mutex::default(),
        })
    }

    fn sender(&self, target: u64) -> pb::Sender {
        pb::Sender { cluster: self.cluster.clone(), genesis: self.genesis.clone(), node: self.id, target }
    }

    /// A nonce that this process never used.
    pub(super) fn nonce(&self) -> Bytes {
        let count = self.asked.fetch_add(1, Ordering::Relaxed);
        [&self.boot[..], &count.to_be_bytes()].concat().into()
    }

    /// Authenticates a message to a node under the key of both.
    pub(super) fn authenticate(
        &self,
        what: &str,
        target: u64,
        pair: &PairKey,
        nonce: Bytes,
        part: u64,
        message: &impl Message,
    ) -> pb::Sealed {
        authenticate(what, self.sender(target), nonce, part, message.encode_to_vec(), pair)
    }

    /// Refuses a message of another cluster, genesis, or meant for another node; gives the sender's id.
    fn check(&self, sender: Option<&pb::Sender>) -> Result<u64, Status> {
        let sender = sender.ok_or_else(|| Status::invalid_argument("a peer message names its sender"))?;
        let hex = selfsame_protocol::digest::hex;
        let refuse = |what: &str, expected: &str, found: &str| {
            Err(Status::failed_precondition(format!("{what} differs: expected {expected}, found {found}")))
        };
        if sender.cluster != self.cluster {
            return refuse("cluster", &self.cluster, &sender.cluster.chars().take(100).collect::<String>());
        }
        if sender.genesis != self.genesis {
            return refuse("genesis", &hex(&self.genesis), &hex(&sender.genesis[..sender.genesis.len().min(32)]));
        }
        if sender.target != self.id {
            return refuse("target node", &self.id.to_string(), &sender.target.to_string());
        }
        Ok(sender.node)
    }

    /// The key of this node and another, whose public key is given.
    fn pair(&self, node: u64, key: &PublicKey) -> Result<Arc<PairKey>, Status> {
        self.pairs.with(key).map_err(|error| Status::unauthenticated(format!("node {node}: {error}")))
    }

    /// The key of this node and another.
    pub(super) async fn pair_with(&self, node: u64) -> Result<Arc<PairKey>, Status> {
        self.pair(node, &self.key_of(node).await?)
    }

    /// Gives the key of this node and another under which that one authenticated this message.
    fn verify(&self, what: &str, sealed: &pb::Sealed, node: u64, key: &PublicKey) -> Result<Arc<PairKey>, Status> {
        let pair = self.pair(node, key)?;
        if verifies(what, sealed, &pair) {
            return Ok(pair);
        }
        Err(Status::unauthenticated(format!("{what}: the tag is not that of node {node}, whose key is {key}")))
    }

    /// The key of an enrolled node as applied here; refused when it was retired.
    pub(super) fn enrolled(&self, node: u64) -> Result<Option<PublicKey>, Status> {
        let found: Result<Option<RegisteredNode>, ReadError> =
            self.executor.here(|| state::load(&self.state.view()?, Table::Nodes, &node.to_be_bytes()));
        let found = found.map_err(|error| Status::unavailable(error.to_string()))?;
        match found {
            Some(found) if found.retired => Err(Status::unauthenticated(format!("node {node} was retired"))),
            found => Ok(found.map(|found| found.key)),
        }
    }

    /// The key of a node. One whose enrolment is not applied here yet (this node lags, or joins) is asked of the nodes
    /// that are known.
    async fn key_of(&self, node: u64) -> Result<PublicKey, Status> {
        if let Some(key) = self.enrolled(node)? {
            return Ok(key);
        }
        if let Some(key) = self.learned.lock().unwrap_or_else(PoisonError::into_inner).get(&node) {
            return Ok(*key);
        }
        for other in self.addresses.keys().copied().filter(|other| *other != self.id && *other != node) {
            let Ok(Some(known)) = self.enrolled(other) else { continue };
            let request = pb::NodeKeyRequest { node };
            let call = |mut client: Client, sealed| async move { client.node_key(sealed).await };
            let answer: Result<pb::NodeKeyResponse, _> =
                self.ask_known("node_key", other, "", &known, &request, KEY_WITHIN, call).await;
            if let Ok(answer) = answer
                && let Ok(key) = <[u8; 32]>::try_from(&answer.key[..])
            {
                let key = PublicKey::from_bytes(key);
                self.learned.lock().unwrap_or_else(PoisonError::into_inner).insert(node, key);
                return Ok(key);
            }
        }
        Err(Status::unauthenticated(format!("node {node} is not enrolled as far as node {} knows", self.id)))
    }

    /// Opens a request: everything about its sender is checked before its body is read.
    pub(super) async fn open<M: Message + Default>(
        &self,
        what: &str,
        sealed: &pb::Sealed,
    ) -> Result<(Asker, M), Status> {
        let node = self.check(sealed.sender.as_ref())?;
        let key = self.key_of(node).await?;
        let pair = self.verify(what, sealed, node, &key)?;
        Ok((Asker { node, nonce: sealed.nonce.clone(), pair }, decode(sealed)?))
    }

    /// Opens a later message of the stream that `asker` began.
    pub(super) async fn open_part<M: Message + Default>(
        &self,
        what: &str,
        asker: &Asker,
        part: u64,
        sealed: &pb::Sealed,
    ) -> Result<M, Status> {
        let (other, message) = self.open(what, sealed).await?;
        if other.node != asker.node || other.nonce != asker.nonce || sealed.part != part {
            return Err(Status::invalid_argument(format!("{what}: part {part} is not of the stream that was begun")));
        }
        Ok(message)
    }

    /// Authenticates an answer.
    pub(super) fn answer(&self, what: &str, asker: &Asker, message: &impl Message) -> Response<pb::Sealed> {
        let what = format!("{what}/answer");
        Response::new(self.authenticate(&what, asker.node, &asker.pair, asker.nonce.clone(), 0, message))
    }

    /// Asks a node, and believes only an answer to this very request under that node's key; `known` is its address in
    /// the membership.
    pub(in crate::raft) async fn ask<Q: Message, A: Message + Default, F>(
        &self,
        what: &str,
        target: u64,
        known: &str,
        request: &Q,
        limit: Duration,
        call: impl FnOnce(Client, pb::Sealed) -> F,
    ) -> Result<A, Status>
    where
        F: Future<Output = Result<Response<pb::Sealed>, Status>>,
    {
        let key = self.key_of(target).await?;
        self.ask_known(what, target, known, &key, request, limit, call).await
    }

    #[allow(clippy::too_many_arguments, reason = "one more than ask, which is what callers see")]
    async fn ask_known<Q: Message, A: Message + Default, F>(
        &self,
        what: &str,
        target: u64,
        known: &str,
        key: &PublicKey,
        request: &Q,
        limit: Duration,
        call: impl FnOnce(Client, pb::Sealed) -> F,
    ) -> Result<A, Status>
    where
        F: Future<Output = Result<Response<pb::Sealed>, Status>>,
    {
        let client = self.client(target, known)?;
        let pair = self.pair(target, key)?;
        let nonce = self.nonce();
        let sealed = self.authenticate(what, target, &pair, nonce.clone(), 0, request);
        let answer = within(limit, call(client, sealed)).await?;
        self.believe(what, target, &nonce, key, &answer)
    }

    /// Opens the answer of a node to a request under a nonce. Whoever answers in another's place loses the connection:
    /// the next request dials again, and finds the node once it is back at its address.
    fn believe<A: Message + Default>(
        &self,
        what: &str,
        target: u64,
        nonce: &Bytes,
        key: &PublicKey,
        answer: &pb::Sealed,
    ) -> Result<A, Status> {
        let opened = self.open_answer(what, target, nonce, key, answer);
        if opened.is_err() {
            self.channels.lock().unwrap_or_else(PoisonError::into_inner).remove(&target);
        }
        opened
    }

    fn open_answer<A: Message + Default>(
        &self,
        what: &str,
        target: u64,
        nonce: &Bytes,
        key: &PublicKey,
        answer: &pb::Sealed,
    ) -> Result<A, Status> {
        let node = self.check(answer.sender.as_ref())?;
        if node != target || answer.nonce != *nonce {
            return Err(Status::unauthenticated(format!(
                "{what}: an answer to something else than node {target} was asked"
            )));
        }
        self.verify(&format!("{what}/answer"), answer, node, key)?;
        decode(answer)
    }

    /// Opens the answer of a node to a stream of messages under a nonce.
    pub(super) async fn open_stream_answer<A: Message + Default>(
        &self,
        what: &str,
        target: u64,
        nonce: &Bytes,
        answer: &pb::Sealed,
    ) -> Result<A, Status> {
        let key = self.key_of(target).await?;
        self.believe(what, target, nonce, &key, answer)
    }

    /// The client of a node; `known` is its address in the membership.
    pub(super) fn client(&self, target: u64, known: &str) -> Result<Client, Status> {
        let address = self.addresses.get(&target).map_or(known, String::as_str);
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, client)) = channels.get(&target)
            && at == address
        {
            return Ok(client.clone());
        }
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|error| Status::invalid_argument(format!("address {address:?} of node {target}: {error}")))?
            .connect_timeout(CONNECT)
            .http2_keep_alive_interval(Duration::from_secs(5))
            .keep_alive_timeout(Duration::from_secs(5))
            .http2_reset_stream_duration(REMEMBER_RESET)
            .initial_stream_window_size(4 << 20)
            .initial_connection_window_size(8 << 20);
        let channel = endpoint.connect_with_connector_lazy(connector(self.net.clone()));
        let client = PeerServiceClient::new(channel)
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE);
        channels.insert(target, (address.to_owned(), client.clone()));
        Ok(client)
    }
}

/// Waits for an answer at most `limit`.
pub(super) async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<tonic::Response<T>, Status>>,
) -> Result<T, Status> {
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => answer.map(tonic::Response::into_inner),
        Err(_) => Err(Status::new(Code::DeadlineExceeded, format!("no answer in {} ms", limit.as_millis()))),
    }
}

fn decode<M: Message + Default>(sealed: &pb::Sealed) -> Result<M, Status> {
    M::decode(sealed.body.clone()).map_err(|error| Status::invalid_argument(error.to_string()))
}
