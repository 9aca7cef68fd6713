//! A network that somebody sits in: addresses that lead to an impostor, and a host that does not hear certain words.
//!
//! A simulation runs on one thread, and one seed in one process: what is tampered with is a thing of the thread.

use super::SimNet;
use async_trait::async_trait;
use selfsame_env::{Listener, Net, Stream};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

#[derive(Default)]
struct Tampered {
    redirected: BTreeMap<String, String>,
    /// Beginning of the listening address, and the bytes that it does not hear.
    deaf: Option<(String, Vec<u8>)>,
}

thread_local! {
    static TAMPERED: RefCell<Tampered> = RefCell::default();
}

/// Lets connections to an address lead to another one, or to itself again.
pub fn redirect(address: &str, to: Option<&str>) {
    TAMPERED.with_borrow_mut(|tampered| match to {
        Some(to) => tampered.redirected.insert(address.into(), to.into()),
        None => tampered.redirected.remove(address),
    });
}

/// Lets a host break every connection on which it is told `words`; `None` heals it. One host at a time.
pub fn deafen(host: &str, words: Option<&[u8]>) {
    TAMPERED.with_borrow_mut(|tampered| tampered.deaf = words.map(|words| (format!("{host}:"), words.to_vec())));
}

/// The simulated network of a node, as tampered with.
#[derive(Clone)]
pub struct TamperedNet(pub SimNet);

#[async_trait]
impl Net for TamperedNet {
    async fn listen(&self, address: &str) -> io::Result<Box<dyn Listener>> {
        Ok(Box::new(Heard { listener: self.0.listen(address).await?, address: address.to_owned() }))
    }
    async fn connect(&self, address: &str) -> io::Result<Box<dyn Stream>> {
        let to = TAMPERED.with_borrow(|tampered| tampered.redirected.get(address).cloned());
        self.0.connect(to.as_deref().unwrap_or(address)).await
    }
}

struct Heard {
    listener: Box<dyn Listener>,
    address: String,
}

#[async_trait]
impl Listener for Heard {
    async fn accept(&mut self) -> io::Result<(Box<dyn Stream>, String)> {
        let (stream, from) = self.listener.accept().await?;
        Ok((Box::new(Deaf { stream, address: self.address.clone(), tail: Vec::new() }), from))
    }
    fn local_addr(&self) -> io::Result<String> {
        self.listener.local_addr()
    }
}

struct Deaf {
    stream: Box<dyn Stream>,
    address: String,
    /// The end of what was read before: words may come in two pieces.
    tail: Vec<u8>,
}

impl Deaf {
    fn hears(&mut self, new: &[u8]) -> bool {
        TAMPERED.with_borrow(|tampered| {
            let Some((host, words)) = &tampered.deaf else { return true };
            if !self.address.starts_with(host) {
                return true;
            }
            self.tail.extend_from_slice(new);
            let found = self.tail.windows(words.len()).any(|window| window == words);
            self.tail.drain(..self.tail.len().saturating_sub(words.len()));
            !found
        })
    }
}

impl AsyncRead for Deaf {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if matches!(read, Poll::Ready(Ok(()))) && !self.hears(&buf.filled()[before..]) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        read
    }
}

impl AsyncWrite for Deaf {
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
