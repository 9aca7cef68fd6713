//! What a client is made with.

use crate::retry::LONGEST;
use crate::retry::{NodeChannel, Notice, Timeouts};
use crate::{Client, ClientError};
use selfsame_env::{Net, TcpNet};
use std::sync::Arc;
use std::time::Duration;

/// Time to connect.
const CONNECT: Duration = Duration::from_secs(3);
/// Time without a word on a connection in use before it is asked for a sign of life, and time for the sign.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Makes a [`Client`]: endpoints, and how long it waits. Everything but the endpoints has a default.
///
/// The members are private: how connections are secured (TLS), and who the caller is, will be set here too. Today
/// connections are plaintext, and a node knows who acts by the signature of each submission.
///
/// ```
/// use selfsame_client::Client;
/// use std::time::Duration;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), selfsame_client::ClientError> {
/// let client = Client::builder()
///     .endpoints(["node1.example:7201", "node2.example:7201", "node3.example:7201"])
///     .attempt_timeout(Duration::from_secs(10))
///     .call_timeout(Duration::from_secs(30))
///     .on_retry(|reason| eprintln!("{reason}"))
///     .build()?;
/// # let _ = client;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ClientBuilder {
    endpoints: Vec<String>,
    network: Arc<dyn Net>,
    timeouts: Timeouts,
    notice: Option<Notice>,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        ClientBuilder { endpoints: Vec::new(), network: Arc::new(TcpNet), timeouts: Timeouts::default(), notice: None }
    }
}

impl ClientBuilder {
    /// Client addresses of nodes, `host:port` or `http://host:port`, beside those that were given before. The first is
    /// asked first, and the next when one cannot answer. One is needed; with all of them a call outlives any node.
    pub fn endpoints<E: Into<String>>(mut self, endpoints: impl IntoIterator<Item = E>) -> Self {
        self.endpoints.extend(endpoints.into_iter().map(Into::into));
        self
    }

    /// Time for one attempt that a node works on, its answer included; 25 s by default.
    pub fn attempt_timeout(mut self, time: Duration) -> Self {
        self.timeouts.attempt = time.min(LONGEST);
        self
    }

    /// Time for all attempts of one call, and of a stream for the next answer; 60 s by default. Zero means one attempt,
    /// and one at each other endpoint where a node has lost what is asked for, or what answers is no node.
    pub fn call_timeout(mut self, time: Duration) -> Self {
        self.timeouts.call = time.min(LONGEST);
        self
    }

    /// Gives a call up earlier when no node answers, or none is ready to take it, for this time. What a node works on
    /// takes its time all the same. Without it the time of the whole call counts for that too.
    pub fn ready_timeout(mut self, time: Duration) -> Self {
        self.timeouts.ready = Some(time.min(LONGEST));
        self
    }

    /// Is told, in words, why a call waits before it is tried again. With it the pauses grow.
    pub fn on_retry(mut self, notice: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.notice = Some(Arc::new(notice));
        self
    }

    /// The network, in the place of the system's TCP: for simulations.
    pub fn network(mut self, network: Arc<dyn Net>) -> Self {
        self.network = network;
        self
    }

    /// The client. It connects when it is first used. Fails with [`ClientError::InvalidEndpoint`] when no endpoint was
    /// given, or one is no address, and with [`ClientError::NoRuntime`] outside of a tokio runtime.
    pub fn build(self) -> Result<Client, ClientError> {
        let ClientBuilder { endpoints, network, mut timeouts, notice } = self;
        if endpoints.is_empty() {
            let reason = "at least one host:port is needed".into();
            return Err(ClientError::InvalidEndpoint { endpoint: String::new(), reason });
        }
        tokio::runtime::Handle::try_current().map_err(|_| ClientError::NoRuntime)?;
        let (mut connect, mut keep_alive) = (CONNECT, KEEP_ALIVE);
        if let Some(ready) = timeouts.ready {
            timeouts.call = timeouts.call.max(ready);
            // Every node has its turn, and one that fell silent is given up within the time.
            let nodes = u32::try_from(endpoints.len()).unwrap_or(u32::MAX).max(1);
            (connect, keep_alive) = (connect.min(ready / nodes), keep_alive.min(ready / 2));
        }
        let channel = |address: &String| NodeChannel::new(address, network.clone(), connect, keep_alive);
        let nodes = endpoints.iter().map(channel).collect::<Result<Vec<_>, _>>()?;
        Ok(Client { nodes: Arc::new(nodes), at: Arc::default(), timeouts, notice })
    }
}

impl Client {
    /// Begins a client: endpoints, timeouts, and what is told while it waits.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_needs_a_runtime() {
        assert_eq!(Client::builder().endpoints(["127.0.0.1:1"]).build().err(), Some(ClientError::NoRuntime));
    }

    #[tokio::test]
    async fn what_is_no_endpoint_is_named() {
        let none = Client::builder().build().err();
        assert!(matches!(none, Some(ClientError::InvalidEndpoint { endpoint, .. }) if endpoint.is_empty()));
        let bad = Client::builder().endpoints(["127.0.0.1:1", "nowhere"]).build().err();
        assert!(matches!(bad, Some(ClientError::InvalidEndpoint { endpoint, .. }) if endpoint == "nowhere"));
    }
}
