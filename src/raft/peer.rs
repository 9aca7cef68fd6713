//! Clients of other nodes' peer service.

use crate::env::{Net, REMEMBER_RESET, connector};
use crate::wire::raft::v1 as pb;
use crate::wire::raft::v1::peer_service_client::PeerServiceClient;
use selfsame_machine::Genesis;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

/// Bytes of one message: entries of READ_BYTES and one of a batch (1 MiB and a submission of 4 MiB) beyond it, with
/// room for framing; a forwarded batch is smaller.
pub(super) const MAX_MESSAGE: usize = 16 << 20;
const CONNECT: Duration = Duration::from_secs(1);

/// One HTTP/2 connection per peer, made when first used and again when lost.
pub(super) struct Peers {
    net: Arc<dyn Net>,
    cluster: String,
    genesis: Vec<u8>,
    pub id: u64,
    /// Addresses of the process settings; they win over the membership's, which may be old.
    addresses: BTreeMap<u64, String>,
    channels: Mutex<BTreeMap<u64, (String, PeerServiceClient<Channel>)>>,
}

impl Peers {
    pub(super) fn new(net: Arc<dyn Net>, genesis: &Genesis, id: u64, addresses: BTreeMap<u64, String>) -> Self {
        let digest = genesis.digest().as_bytes().to_vec();
        Self { net, cluster: genesis.cluster.clone(), genesis: digest, id, addresses, channels: Mutex::default() }
    }

    pub(super) fn sender(&self, target: u64) -> Option<pb::Sender> {
        Some(pb::Sender { cluster: self.cluster.clone(), genesis: self.genesis.clone().into(), node: self.id, target })
    }

    /// Refuses a request of another cluster, genesis, or meant for another node; gives the sender's id.
    pub(super) fn check(&self, sender: Option<&pb::Sender>) -> Result<u64, Status> {
        let sender = sender.ok_or_else(|| Status::invalid_argument("a peer request names its sender"))?;
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

    /// The client of a node; `known` is its address in the membership.
    pub(super) fn client(&self, target: u64, known: &str) -> Result<PeerServiceClient<Channel>, Status> {
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
