//! Connections over turmoil's simulated TCP. Must be used on a simulated host.

use super::wire::{End, Framer, Wire};
use crate::cluster::PEER_PORT;
use crate::trace::Trace;
use async_trait::async_trait;
use selfsame_env::{Listener, Net, Stream};
use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::{TcpListener, TcpStream};

/// The network as a host of the simulation sees it. Addresses are `host:port` with the host's simulated name.
#[derive(Clone, Default)]
pub struct SimNet {
    wire: Wire,
}

impl SimNet {
    /// Connections that faults reach by `wire`.
    pub fn new(wire: Wire) -> SimNet {
        SimNet { wire }
    }
}

fn port(address: &str) -> io::Result<(&str, u16)> {
    let split = address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    split.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, format!("{address:?} is not host:port")))
}

#[async_trait]
impl Net for SimNet {
    async fn listen(&self, address: &str) -> io::Result<Box<dyn Listener>> {
        // A simulated host has one interface, and turmoil binds only its wildcard.
        let listener = TcpListener::bind(("0.0.0.0", port(address)?.1)).await?;
        Ok(Box::new(SimListener { listener, address: address.to_owned(), wire: self.wire.clone() }))
    }
    async fn connect(&self, address: &str) -> io::Result<Box<dyn Stream>> {
        let (host, port) = port(address)?;
        let stream = TcpStream::connect((host, port)).await?;
        let framer = (port == PEER_PORT).then(Framer::new);
        Ok(Box::new(SimStream::new(stream, self.wire.clone(), framer)?))
    }
}

struct SimListener {
    listener: TcpListener,
    address: String,
    wire: Wire,
}

#[async_trait]
impl Listener for SimListener {
    async fn accept(&mut self) -> io::Result<(Box<dyn Stream>, String)> {
        let (stream, from) = self.listener.accept().await?;
        Ok((Box::new(SimStream::new(stream, self.wire.clone(), None)?), from.to_string()))
    }
    fn local_addr(&self) -> io::Result<String> {
        Ok(self.address.clone())
    }
}

thread_local! {
    // The simulation runs on one thread; streams must be Send and so cannot hold the trace themselves.
    static TRACE: RefCell<Option<Trace>> = const { RefCell::new(None) };
}

/// Writes every write on every connection into the trace from now on: to find where two runs of one seed part.
pub fn trace_wire(trace: Trace) {
    TRACE.set(Some(trace));
}

/// One end of a connection that faults can break.
struct SimStream {
    /// `None` once it is broken.
    inner: Option<TcpStream>,
    wire: Wire,
    hosts: (String, String),
    end: Arc<Mutex<End>>,
    framer: Option<Framer>,
    /// Taken from the writer and not yet given to the connection.
    pending: Vec<u8>,
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "the connection was reset")
}

impl SimStream {
    fn new(inner: TcpStream, wire: Wire, framer: Option<Framer>) -> io::Result<SimStream> {
        let name = |address: std::net::SocketAddr| turmoil::reverse_lookup(address.ip()).unwrap_or_default();
        let hosts = (name(inner.local_addr()?), name(inner.peer_addr()?));
        let end = wire.open(hosts.clone());
        Ok(SimStream { inner: Some(inner), wire, hosts, end, framer, pending: Vec::new() })
    }

    fn alive(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        if self.end.lock().unwrap_or_else(PoisonError::into_inner).reset {
            self.inner = None;
        }
        self.inner.as_mut().map(Pin::new).ok_or_else(broken)
    }

    fn drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.pending.is_empty() {
            let pending = std::mem::take(&mut self.pending);
            let written = self.alive().map(|inner| inner.poll_write(cx, &pending));
            self.pending = pending;
            self.pending.drain(..ready!(written?)?);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for SimStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).reader = Some(cx.waker().clone());
        self.alive()?.poll_read(cx, buf)
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.drain(cx))?;
        TRACE.with_borrow(|trace| {
            if let Some(trace) = trace {
                let digest = blake3::hash(data).to_hex();
                let (from, to) = &self.hosts;
                trace.line(format!("wire {from} -> {to} {} bytes {}", data.len(), &digest[..8]));
            }
        });
        if data.len() > 1 && self.wire.cuts(&self.hosts) {
            // What fits of the first half is sent, and the end of the connection after it.
            let _ = self.alive()?.poll_write(cx, &data[..data.len() / 2])?;
            self.inner = None;
            return Poll::Ready(Err(broken()));
        }
        let Self { framer: Some(framer), pending, wire, hosts, .. } = &mut *self else {
            return self.alive()?.poll_write(cx, data);
        };
        framer.feed(data, pending, wire, hosts);
        if let Poll::Ready(Err(error)) = self.drain(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(data.len()))
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.drain(cx))?;
        self.alive()?.poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.drain(cx))?;
        self.alive()?.poll_shutdown(cx)
    }
}
