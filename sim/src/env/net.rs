//! Connections over turmoil's simulated TCP. Must be used on a simulated host.

use crate::trace::Trace;
use async_trait::async_trait;
use selfsame::env::{Listener, Net, Stream};
use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::{TcpListener, TcpStream};

/// The network as a host of the simulation sees it. Addresses are `host:port` with the host's simulated name.
#[derive(Clone, Copy, Debug)]
pub struct SimNet;

fn port(address: &str) -> io::Result<(&str, u16)> {
    let split = address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    split.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, format!("{address:?} is not host:port")))
}

#[async_trait]
impl Net for SimNet {
    async fn listen(&self, address: &str) -> io::Result<Box<dyn Listener>> {
        // A simulated host has one interface, and turmoil binds only its wildcard.
        let listener = TcpListener::bind(("0.0.0.0", port(address)?.1)).await?;
        Ok(Box::new(SimListener { listener, address: address.to_owned() }))
    }
    async fn connect(&self, address: &str) -> io::Result<Box<dyn Stream>> {
        let (host, port) = port(address)?;
        let stream = TcpStream::connect((host, port)).await?;
        Ok(Box::new(Traced { name: name(&stream), stream }))
    }
}

struct SimListener {
    listener: TcpListener,
    address: String,
}

#[async_trait]
impl Listener for SimListener {
    async fn accept(&mut self) -> io::Result<(Box<dyn Stream>, String)> {
        let (stream, from) = self.listener.accept().await?;
        Ok((Box::new(Traced { name: name(&stream), stream }), from.to_string()))
    }
    fn local_addr(&self) -> io::Result<String> {
        Ok(self.address.clone())
    }
}

thread_local! {
    // The simulation runs on one thread; streams must be Send and so cannot hold the trace themselves.
    static WIRE: RefCell<Option<Trace>> = const { RefCell::new(None) };
}

/// Writes every write on every connection into the trace from now on: to find where two runs of one seed part.
pub fn trace_wire(trace: Trace) {
    WIRE.set(Some(trace));
}

fn name(stream: &TcpStream) -> String {
    let address = |address: io::Result<std::net::SocketAddr>| address.map(|a| a.to_string()).unwrap_or_default();
    format!("{} -> {}", address(stream.local_addr()), address(stream.peer_addr()))
}

struct Traced {
    name: String,
    stream: TcpStream,
}

impl AsyncRead for Traced {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Traced {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, data);
        WIRE.with_borrow(|wire| {
            if let (Some(trace), Poll::Ready(Ok(len))) = (wire, &written) {
                let digest = blake3::hash(&data[..*len]).to_hex();
                trace.line(format!("wire {} {len} bytes {}", self.name, &digest[..8]));
            }
        });
        written
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
