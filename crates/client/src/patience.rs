//! How long a call waits, and for what.
//!
//! | what happens | it is waited for |
//! |---|---|
//! | no node answers, or none that is ready to take the call | `answer` |
//! | a node works on the call | 25 s for one attempt; a sign of life is asked for meanwhile |
//! | a node took the call and does not know its outcome yet | 60 s, or `answer` when it is more |

use super::{Client, ClientError};
use async_trait::async_trait;
use selfsame_env::{Net, REMEMBER_RESET, Stream, check_address, connector};
use selfsame_protocol::code::Code;
use selfsame_wire::code::from_status;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

/// Time for one attempt, unless [`Client::with_patience`] says otherwise.
const ATTEMPT: Duration = Duration::from_secs(25);
/// Time for all attempts of one call.
const TOTAL: Duration = Duration::from_secs(60);
/// Pause between attempts.
pub(super) const PAUSE: Duration = Duration::from_millis(150);
/// A pause is doubled this many times when somebody is told of it.
const DOUBLED: u32 = 3;
/// Time without a word on a connection in use before it is asked for a sign of life, and time for the sign.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Time to connect.
const CONNECT: Duration = Duration::from_secs(3);

/// Is told why a call waits before it is tried again.
pub type Notice = Arc<dyn Fn(&str) + Send + Sync>;

/// How long a client waits.
#[derive(Clone)]
pub(super) struct Patience {
    /// For one attempt that a node works on.
    pub attempt: Duration,
    /// For all attempts of one call.
    pub total: Duration,
    /// For a node that answers.
    pub answer: Duration,
    notice: Option<Notice>,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { attempt: ATTEMPT, total: TOTAL, answer: TOTAL, notice: None }
    }
}

impl Patience {
    /// With these limits on one attempt and on all.
    pub fn of(attempt: Duration, total: Duration) -> Patience {
        Patience { attempt, total, answer: total, notice: None }
    }

    /// How long after the last progress a call is tried again that ended so.
    pub fn after(&self, error: &ClientError) -> Duration {
        match error.code() {
            // A node has it, and what becomes of it takes its time.
            Some(Code::OutcomeUnknown | Code::NotCosigned | Code::Overloaded) => self.total,
            _ => self.answer,
        }
    }

    /// Waits before the next attempt, the `tries`th, and tells why; `false` when it would begin after `end`.
    pub async fn pause(&self, tries: u32, end: Instant, error: &ClientError) -> bool {
        let pause = if self.notice.is_some() { PAUSE * 2_u32.pow(tries.min(DOUBLED)) } else { PAUSE };
        if Instant::now() + pause >= end {
            return false;
        }
        if let Some(notice) = &self.notice {
            notice(&format!("retrying in {:.1} s: {error}", pause.as_secs_f64()));
        }
        tokio::time::sleep(pause).await;
        true
    }
}

/// A node, and whether a connection to it was had.
pub(super) struct Reach {
    pub channel: Channel,
    address: String,
    connected: Arc<AtomicBool>,
}

/// Notes that a connection was had.
struct Noted(Arc<dyn Net>, Arc<AtomicBool>);

#[async_trait]
impl Net for Noted {
    async fn listen(&self, address: &str) -> io::Result<Box<dyn selfsame_env::Listener>> {
        self.0.listen(address).await
    }
    async fn connect(&self, address: &str) -> io::Result<Box<dyn Stream>> {
        let stream = self.0.connect(address).await?;
        self.1.store(true, Ordering::Relaxed);
        Ok(stream)
    }
}

impl Reach {
    fn new(address: &str, net: Arc<dyn Net>, connect: Duration, sign: Duration) -> Result<Reach, ClientError> {
        let bare = address.strip_prefix("http://").unwrap_or(address);
        check_address(bare).map_err(ClientError::Endpoint)?;
        let endpoint = Endpoint::from_shared(format!("http://{bare}"))
            .map_err(|error| ClientError::Endpoint(format!("{address}: {error}")))?
            .connect_timeout(connect)
            // A connection whose other end vanished without a word is noticed, and the next call opens another.
            .http2_keep_alive_interval(sign)
            .keep_alive_timeout(sign)
            .http2_reset_stream_duration(REMEMBER_RESET);
        let connected = Arc::new(AtomicBool::new(false));
        let net = Arc::new(Noted(net, connected.clone()));
        Ok(Reach { channel: endpoint.connect_with_connector_lazy(connector(net)), address: bare.into(), connected })
    }

    /// Lets a call go on as long as there is a connection, and until `end` where there is none.
    async fn until<T>(&self, end: Instant, call: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
        let mut call = std::pin::pin!(call);
        tokio::select! {
            biased;
            answer = &mut call => return answer,
            () = tokio::time::sleep_until(end) => {}
        }
        if self.connected.load(Ordering::Relaxed) { call.await } else { Err(Status::unavailable("no connection")) }
    }

    /// What a call failed with at this node: its refusal, or no answer.
    pub fn failed(&self, status: &Status) -> ClientError {
        if let Some(refusal) = from_status(status) {
            return ClientError::Refused(refusal);
        }
        self.connected.store(false, Ordering::Relaxed);
        if status.code() == tonic::Code::Unimplemented {
            let reason = "what answers there is no node, or one of another version";
            return ClientError::Unreachable(format!("{}: {reason} ({})", self.address, status.message()));
        }
        let mut reason = status.message().to_owned();
        // The innermost reason is the one that says something.
        let mut source = std::error::Error::source(status);
        while let Some(inner) = source {
            reason = inner.to_string();
            source = inner.source();
        }
        ClientError::Unreachable(format!("{}: {reason}", self.address))
    }
}

impl Client {
    /// A client of the nodes at `host:port` addresses. Connects when first used.
    pub fn new(endpoints: &[String], net: Arc<dyn Net>) -> Result<Client, ClientError> {
        Self::of(endpoints, net, Patience::default(), CONNECT, KEEP_ALIVE)
    }

    /// A client that gives up when no node answers within `answer`, and tells `notice` each time it tries again. What a
    /// node works on takes its time all the same.
    pub fn answered_within(
        endpoints: &[String],
        net: Arc<dyn Net>,
        answer: Duration,
        notice: Notice,
    ) -> Result<Client, ClientError> {
        let default = Patience::default();
        let patience = Patience { answer, total: default.total.max(answer), notice: Some(notice), ..default };
        // Every node has its turn, and one that fell silent is given up within the time.
        let nodes = u32::try_from(endpoints.len()).unwrap_or(u32::MAX).max(1);
        Self::of(endpoints, net, patience, CONNECT.min(answer / nodes), KEEP_ALIVE.min(answer / 2))
    }

    fn of(
        endpoints: &[String],
        net: Arc<dyn Net>,
        patience: Patience,
        connect: Duration,
        sign: Duration,
    ) -> Result<Client, ClientError> {
        if endpoints.is_empty() {
            return Err(ClientError::Endpoint("at least one host:port is needed".into()));
        }
        let reach = |address: &String| Reach::new(address, net.clone(), connect, sign);
        let nodes = endpoints.iter().map(reach).collect::<Result<Vec<_>, _>>()?;
        Ok(Client { nodes: Arc::new(nodes), at: Arc::default(), patience })
    }

    /// The same client with other limits on one attempt and on all attempts of one call.
    pub fn with_patience(self, attempt: Duration, total: Duration) -> Client {
        Client { patience: Patience::of(attempt, total), ..self }
    }

    /// The node whose turn it is.
    pub(super) fn node(&self) -> (usize, &Reach) {
        let at = self.at.load(Ordering::Relaxed) % self.nodes.len();
        (at, &self.nodes[at])
    }

    pub(super) async fn retry<T, F: Future<Output = Result<T, Status>>>(
        &self,
        call: impl Fn(Channel) -> F,
    ) -> Result<T, ClientError> {
        let begun = Instant::now();
        // A node that says CORRUPT has a damaged disk; the others have their own copies. What answers something else
        // than a node does may be no node. Each of the others is asked once.
        let mut others = self.nodes.len() - 1;
        for tries in 0.. {
            let (at, node) = self.node();
            let attempt = call(node.channel.clone());
            let ended = match self.patience.notice {
                Some(_) => node.until(begun + self.patience.answer, attempt).await,
                None => attempt.await,
            };
            let status = match ended {
                Ok(answer) => return Ok(answer),
                Err(status) => status,
            };
            let error = node.failed(&status);
            let again = match error.code() {
                Some(code) => code.retryable(),
                None => matches!(
                    status.code(),
                    tonic::Code::Unavailable
                        | tonic::Code::DeadlineExceeded
                        | tonic::Code::Cancelled
                        | tonic::Code::Unknown
                ),
            };
            let elsewhere = error.code().is_none_or(|code| code == Code::Corrupt);
            if !again && elsewhere && others > 0 {
                others -= 1;
                self.at.store(at + 1, Ordering::Relaxed);
                continue;
            }
            if !again || !self.patience.pause(tries, begun + self.patience.after(&error), &error).await {
                return Err(error);
            }
            self.at.store(at + 1, Ordering::Relaxed);
        }
        Err(ClientError::Unreachable("no attempt is left".into()))
    }
}
