//! A small HTTP/1.1 client over the node's own network: what witnesses and auditors ask each other.
//!
//! Plain HTTP only; an address with `https` is refused by name. Whoever needs TLS puts a proxy beside the node: nothing
//! that is read here is believed because of the connection.

use crate::{Net, Stream, check_address};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// Time for one request, connecting included.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FetchError {
    /// The address is not one that can be asked.
    #[error("{address:?} is not http://host:port[/prefix]: {reason}")]
    Address {
        /// The address.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody answered, or the answer broke off.
    #[error("{url}: {reason}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// Reason.
        reason: String,
    },
    /// The answer is longer than what was asked for can be.
    #[error("{url}: the answer has more than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// The limit in bytes.
        limit: usize,
    },
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Content type, empty when there is none.
    pub kind: String,
    /// Body.
    pub body: Bytes,
}

/// One server, asked over one connection that is opened when it is needed and kept. Requests wait for each other.
pub struct Server {
    net: Arc<dyn Net>,
    authority: String,
    prefix: String,
    connection: Mutex<Option<SendRequest<Full<Bytes>>>>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.url(""))
    }
}

/// Whether an address is one that can be asked.
pub fn check(address: &str) -> Result<(), FetchError> {
    split(address).map(drop)
}

/// Host and port, and the prefix with a slash in front or empty.
fn split(address: &str) -> Result<(&str, &str), FetchError> {
    let bad = |reason: &str| {
        let (address, reason) = (address.chars().take(200).collect(), reason.into());
        Err(FetchError::Address { address, reason })
    };
    let bare = match address.split_once("://") {
        Some(("http", rest)) => rest,
        Some(_) => return bad("only plain http is spoken"),
        None => address,
    };
    let bare = bare.trim_end_matches('/');
    let (authority, prefix) = bare.split_at(bare.find('/').unwrap_or(bare.len()));
    if authority.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok()).is_none() {
        return bad("a port is needed");
    }
    if !bare.bytes().all(|b| b.is_ascii_graphic() && !b"?#@".contains(&b)) {
        return bad("only visible ASCII without ?, # and @");
    }
    match check_address(authority) {
        Ok(()) => Ok((authority, prefix)),
        Err(reason) => bad(&reason),
    }
}

impl Server {
    /// The server at `http://host:port[/prefix]` or `host:port[/prefix]`. Connects when first asked.
    pub fn new(address: &str, net: Arc<dyn Net>) -> Result<Server, FetchError> {
        let (authority, prefix) = split(address)?;
        Ok(Server { net, authority: authority.into(), prefix: prefix.into(), connection: Mutex::new(None) })
    }

    /// The whole address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{}/{path}", self.authority, self.prefix)
    }

    /// Asks for a path below the prefix; at most `limit` bytes are read.
    pub async fn get(&self, path: &str, limit: usize) -> Result<Answer, FetchError> {
        self.ask(Method::GET, path, Bytes::new(), limit).await
    }

    /// Sends a text to a path below the prefix.
    pub async fn post(&self, path: &str, body: String, limit: usize) -> Result<Answer, FetchError> {
        self.ask(Method::POST, path, body.into(), limit).await
    }

    async fn ask(&self, method: Method, path: &str, body: Bytes, limit: usize) -> Result<Answer, FetchError> {
        let failed = |reason: String| FetchError::Unreachable { url: self.url(path), reason };
        let asked = tokio::time::timeout(PATIENCE, async {
            let mut connection = self.connection.lock().await;
            // A kept connection may have been closed by the other end meanwhile: then one more try with a new one.
            if let Some(mut kept) = connection.take()
                && let Ok(answer) = self.send(&mut kept, &method, path, &body, limit).await
            {
                *connection = answer.is_ok().then_some(kept);
                return answer;
            }
            let stream = self.net.connect(&self.authority).await.map_err(|error| failed(error.to_string()))?;
            let mut fresh = self.open(stream).await.map_err(|error| failed(error.to_string()))?;
            let answer = self.send(&mut fresh, &method, path, &body, limit).await.map_err(failed)?;
            // The rest of an answer that was too long is not read: such a connection is closed.
            *connection = answer.is_ok().then_some(fresh);
            answer
        });
        asked.await.unwrap_or_else(|_| Err(failed(format!("no answer within {PATIENCE:?}"))))
    }

    async fn open(&self, stream: Box<dyn Stream>) -> Result<SendRequest<Full<Bytes>>, hyper::Error> {
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // Ends when the sender is dropped; its error reaches the request that waits.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }

    /// The outer error is the connection's, which must not be used again.
    async fn send(
        &self,
        sender: &mut SendRequest<Full<Bytes>>,
        method: &Method,
        path: &str,
        body: &Bytes,
        limit: usize,
    ) -> Result<Result<Answer, FetchError>, String> {
        sender.ready().await.map_err(|error| error.to_string())?;
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/{path}", self.prefix))
            .header(HOST, &self.authority)
            .header(USER_AGENT, concat!("selfsame/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(body.clone()))
            .map_err(|error| error.to_string())?;
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind: &HeaderValue| kind.to_str().ok());
        let kind = kind.unwrap_or_default().to_owned();
        match Limited::new(response.into_body(), limit).collect().await {
            Ok(body) => Ok(Ok(Answer { status, kind, body: body.to_bytes() })),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                Ok(Err(FetchError::TooLarge { url: self.url(path), limit }))
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TcpNet;

    #[test]
    fn addresses_have_a_port_and_plain_http() {
        let url =
            |address| Server::new(address, Arc::new(TcpNet)).map(|server| server.url("x")).map_err(|e| e.to_string());
        assert_eq!(url("127.0.0.1:80").unwrap(), "http://127.0.0.1:80/x");
        assert_eq!(url("http://a.example:80/").unwrap(), "http://a.example:80/x");
        assert_eq!(url("http://[::1]:80/log/one/").unwrap(), "http://[::1]:80/log/one/x");
        for (bad, part) in [
            ("https://a.example:443", "only plain http"),
            ("a.example", "a port"),
            ("", "a port"),
            ("http://a.example:99999/", "a port"),
            ("http://a.example:0/", "from 1 to 65535"),
            ("http://:80/", "host is missing"),
            ("http://::1:80/", "brackets"),
            ("http://user@a.example:80/", "without"),
            ("http://a.example:80/x y", "visible ASCII"),
        ] {
            assert!(url(bad).unwrap_err().contains(part), "{bad}");
        }
    }
}
