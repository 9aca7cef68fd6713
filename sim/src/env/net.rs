//! Connections over turmoil's simulated TCP. Must be used on a simulated host.

use async_trait::async_trait;
use selfsame::env::{Listener, Net, Stream};
use std::io;
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
        Ok(Box::new(TcpStream::connect((host, port)).await?))
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
        Ok((Box::new(stream), from.to_string()))
    }
    fn local_addr(&self) -> io::Result<String> {
        Ok(self.address.clone())
    }
}
