//! Connections, and the adapters that let tonic run over them.

use async_trait::async_trait;
use futures::Stream as FuturesStream;
use hyper_util::rt::TokioIo;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// A byte stream in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The network of a node.
#[async_trait]
pub trait Net: Send + Sync {
    /// Listens on `host:port`; port 0 takes a free one.
    async fn listen(&self, address: &str) -> io::Result<Box<dyn Listener>>;
    /// Connects to `host:port`.
    async fn connect(&self, address: &str) -> io::Result<Box<dyn Stream>>;
}

/// An open port.
#[async_trait]
pub trait Listener: Send + Sync {
    /// The next connection, with the address of its other end.
    async fn accept(&mut self) -> io::Result<(Box<dyn Stream>, String)>;
    /// The address that others can connect to.
    fn local_addr(&self) -> io::Result<String>;
}

/// The system's TCP, without Nagle's delay: consensus messages are small and waited for.
#[derive(Clone, Copy, Debug)]
pub struct TcpNet;

#[async_trait]
impl Net for TcpNet {
    async fn listen(&self, address: &str) -> io::Result<Box<dyn Listener>> {
        Ok(Box::new(TcpListener::bind(address).await?))
    }
    async fn connect(&self, address: &str) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }
}

#[async_trait]
impl Listener for TcpListener {
    async fn accept(&mut self) -> io::Result<(Box<dyn Stream>, String)> {
        let (stream, from) = TcpListener::accept(self).await?;
        stream.set_nodelay(true)?;
        Ok((Box::new(stream), from.to_string()))
    }
    fn local_addr(&self) -> io::Result<String> {
        TcpListener::local_addr(self).map(|address| address.to_string())
    }
}

/// An accepted connection in the form that tonic serves.
pub struct Connection {
    stream: Box<dyn Stream>,
    from: String,
}

impl tonic::transport::server::Connected for Connection {
    type ConnectInfo = String;
    fn connect_info(&self) -> String {
        self.from.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, data)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The stream of accepted connections, for `serve_with_incoming`.
pub type Incoming = Pin<Box<dyn FuturesStream<Item = io::Result<Connection>> + Send>>;

/// Turns a listener into [`Incoming`]. A failed accept is skipped: one broken handshake must not close the port.
pub fn incoming(listener: Box<dyn Listener>) -> Incoming {
    Box::pin(futures::stream::unfold(listener, |mut listener| async move {
        loop {
            match listener.accept().await {
                Ok((stream, from)) => return Some((Ok(Connection { stream, from }), listener)),
                Err(error) => {
                    tracing::warn!(%error, "accepting a connection failed");
                    // Running out of file descriptors fails at once every time; do not spin on it.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }))
}

/// How long a connection remembers a call that was given up: always, up to a bounded number of them. HTTP/2 would forget
/// it after a second of the operating system's clock, which no environment replaces: what happens to an answer that
/// comes late would depend on the speed of the machine.
pub const REMEMBER_RESET: Duration = Duration::MAX;

/// A connector for tonic's `connect_with_connector` that dials over `net`.
pub fn connector(net: Arc<dyn Net>) -> Connector {
    Connector(net)
}

type Dialled = Pin<Box<dyn Future<Output = io::Result<TokioIo<Box<dyn Stream>>>> + Send>>;

/// Dials the host and port of a URI over a [`Net`].
#[derive(Clone)]
pub struct Connector(Arc<dyn Net>);

impl tower::Service<tonic::codegen::http::Uri> for Connector {
    type Response = TokioIo<Box<dyn Stream>>;
    type Error = io::Error;
    type Future = Dialled;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, uri: tonic::codegen::http::Uri) -> Self::Future {
        let net = self.0.clone();
        Box::pin(async move {
            let authority = uri.authority().map(|authority| authority.to_string());
            let address = authority.ok_or_else(|| io::Error::other(format!("{uri} names no host and port")))?;
            Ok(TokioIo::new(net.connect(&address).await?))
        })
    }
}
