//! How long a call waits, for what, and which node is asked.
//!
//! | what happens | it is waited for |
//! |---|---|
//! | no node answers, or none that is ready to take the call | `ready`, or `call` when it is not set |
//! | a node works on the call | `attempt` for one attempt; a sign of life is asked for meanwhile |
//! | a node took the call and does not know its outcome yet | `call` |
//! | an entry is not cosigned yet | what the caller asked for, or `call` |

use crate::error::too_large;
use crate::read::Unreadable;
use crate::rpc::Attempt;
use crate::{Client, ClientError};
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

/// Time for one attempt.
const ATTEMPT: Duration = Duration::from_secs(25);
/// Time for all attempts of one call.
const CALL: Duration = Duration::from_secs(60);
/// The longest that may be named; more is cut to it, and hardly anybody waits so long.
pub(crate) const LONGEST: Duration = Duration::from_secs(365 * 24 * 3_600);
/// Pause between attempts.
const PAUSE: Duration = Duration::from_millis(150);
/// A pause is doubled this many times when somebody is told of it.
const DOUBLED: u32 = 3;

/// Is told why a call waits before it is tried again.
pub(crate) type Notice = Arc<dyn Fn(&str) + Send + Sync>;

/// How long a client waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// For one attempt that a node works on.
    pub attempt: Duration,
    /// For all attempts of one call.
    pub call: Duration,
    /// For a node that answers and is ready, when that is less. What is more than `call` counts for connecting alone: an
    /// attempt is not given up before it had a connection's time.
    pub ready: Option<Duration>,
    /// For a checkpoint that enough organisations cosigned, when the caller names a time for that.
    pub cosigned: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts { attempt: ATTEMPT, call: CALL, ready: None, cosigned: None }
    }
}

impl Timeouts {
    /// For a node that answers: never more than for the whole call.
    pub fn ready(&self) -> Duration {
        self.ready.map_or(self.call, |ready| ready.min(self.call))
    }

    /// How long after the last progress a call is tried again that ended so.
    pub fn after(&self, error: &ClientError) -> Duration {
        match error.code() {
            // A node has it, and what becomes of it takes its time.
            Some(Code::OutcomeUnknown | Code::Overloaded) => self.call,
            Some(Code::NotCosigned) => self.cosigned.unwrap_or(self.call),
            _ => self.ready(),
        }
    }
}

/// A node, and whether a connection to it was had.
pub(crate) struct NodeChannel {
    pub channel: Channel,
    /// `host:port`.
    pub address: String,
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

impl NodeChannel {
    pub fn new(
        address: &str,
        net: Arc<dyn Net>,
        connect: Duration,
        keep_alive: Duration,
    ) -> Result<NodeChannel, ClientError> {
        let invalid = |reason: String| ClientError::InvalidEndpoint { endpoint: address.into(), reason };
        let bare = address.strip_prefix("http://").unwrap_or(address);
        check_address(bare).map_err(invalid)?;
        let endpoint = Endpoint::from_shared(format!("http://{bare}"))
            .map_err(|error| invalid(format!("{address}: {error}")))?
            .connect_timeout(connect)
            // A connection whose other end vanished without a word is noticed, and the next call opens another.
            .http2_keep_alive_interval(keep_alive)
            .keep_alive_timeout(keep_alive)
            .http2_reset_stream_duration(REMEMBER_RESET);
        let connected = Arc::new(AtomicBool::new(false));
        let net = Arc::new(Noted(net, connected.clone()));
        Ok(NodeChannel {
            channel: endpoint.connect_with_connector_lazy(connector(net)),
            address: bare.into(),
            connected,
        })
    }

    /// Lets a call go on as long as there is a connection, and until `end` where there is none.
    async fn until<T>(&self, end: Instant, mut call: Attempt<T>) -> Result<T, Status> {
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
        if too_large(status) {
            return ClientError::invalid(&self.address, Unreadable(status.message().into()));
        }
        self.connected.store(false, Ordering::Relaxed);
        if status.code() == tonic::Code::Unimplemented {
            let reason = "what answers there is no node, or one of another version";
            return ClientError::unreachable(&self.address, format!("{reason} ({})", status.message()));
        }
        let mut reason = status.message().to_owned();
        // The innermost reason is the one that says something.
        let mut source = std::error::Error::source(status);
        while let Some(inner) = source {
            reason = inner.to_string();
            source = inner.source();
        }
        ClientError::unreachable(&self.address, reason)
    }
}

impl Client {
    /// The same client, on the same connections, with other limits on one attempt and on all attempts of one call. What
    /// was said with [`ready_timeout`](crate::ClientBuilder::ready_timeout) stays, and where it is more than `call`, a node
    /// that is not ready is waited for as long as `call`. Zero for `call` means one attempt.
    pub fn with_timeouts(self, attempt: Duration, call: Duration) -> Client {
        let (attempt, call) = (attempt.min(LONGEST), call.min(LONGEST));
        Client { timeouts: Timeouts { attempt, call, ..self.timeouts }, ..self }
    }

    /// The node whose turn it is.
    pub(crate) fn node(&self) -> (usize, &NodeChannel) {
        let at = self.at.load(Ordering::Relaxed) % self.nodes.len();
        (at, &self.nodes[at])
    }

    /// Waits before the next attempt, the `tries`th, and tells why; `false` when it would begin after `end`.
    pub(crate) async fn pause(&self, tries: u32, end: Instant, error: &ClientError) -> bool {
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

    /// Makes a call at one node after the other until one answers, and reads the answer with the endpoint that gave it.
    pub(crate) async fn retry<T, U>(
        &self,
        call: impl Fn(Channel) -> Attempt<T>,
        read: impl FnOnce(T, &str) -> Result<U, Unreadable>,
    ) -> Result<U, ClientError> {
        let begun = Instant::now();
        // A node that says CORRUPT has a damaged disk; the others have their own copies. What answers something else
        // than a node does may be no node. Each of the others is asked once.
        let mut others = self.nodes.len() - 1;
        let mut tries = 0;
        // What one node said of a write counts for more than that the last one that was asked is gone.
        let mut unknown = None;
        loop {
            let (at, node) = self.node();
            let attempt = call(node.channel.clone());
            let ended = match self.timeouts.ready {
                Some(ready) => node.until(begun + ready, attempt).await,
                None => attempt.await,
            };
            let status = match ended {
                Ok(answer) => {
                    return read(answer, &node.address).map_err(|error| {
                        // Another node may be of another version: whoever asks again asks that one.
                        self.at.store(at + 1, Ordering::Relaxed);
                        ClientError::invalid(&node.address, error)
                    });
                }
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
            } else if !again || !self.pause(tries, begun + self.timeouts.after(&error), &error).await {
                return Err(match error {
                    ClientError::Unreachable { .. } => unknown.unwrap_or(error),
                    error => error,
                });
            }
            if error.code() == Some(Code::OutcomeUnknown) {
                unknown = Some(error);
            }
            self.at.store(at + 1, Ordering::Relaxed);
            tries += 1;
        }
    }
}
