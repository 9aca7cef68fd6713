//! Nodes that answer as a test says. Connections are pipes inside the process, and the clock may stand still.

use bytes::{BufMut as _, Bytes, BytesMut};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt as _};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use selfsame_client::{Client, ClientBuilder};
use selfsame_env::{Listener, Net, Stream};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_wire::code::to_status;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};
use tonic::Status;

/// The messages of an answer, encoded; one unless the method streams.
pub type Answer = Result<Vec<Vec<u8>>, Status>;
/// A message that never comes: the head of the answer stands, and nothing follows.
pub const SILENCE: &[u8] = b"silence";
type Body = StreamBody<BoxStream<'static, Result<Frame<Bytes>, Infallible>>>;
type Asked = (String, String, Bytes);

/// A call as a node receives it.
pub struct Call {
    /// The address that was called.
    pub endpoint: String,
    /// The method's name.
    pub method: String,
    message: Bytes,
}

impl Call {
    /// The message that was sent.
    pub fn message<M: Message + Default>(&self) -> M {
        M::decode(self.message.clone()).unwrap()
    }
}

/// All nodes of a test.
#[derive(Clone)]
pub struct Nodes {
    answer: Arc<dyn Fn(Call) -> BoxFuture<'static, Answer> + Send + Sync>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Nodes {
    pub fn waiting(answer: impl Fn(Call) -> BoxFuture<'static, Answer> + Send + Sync + 'static) -> Nodes {
        Nodes { answer: Arc::new(answer), asked: Arc::default() }
    }

    pub fn new(answer: impl Fn(Call) -> Answer + Send + Sync + 'static) -> Nodes {
        Nodes::waiting(move |call| {
            let answer = answer(call);
            Box::pin(async { answer })
        })
    }

    /// A client of the nodes `a:1` and `b:1`, to which more may be said.
    pub fn builder(&self) -> ClientBuilder {
        Client::builder().endpoints(["a:1", "b:1"]).network(Arc::new(self.clone()))
    }

    pub fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    /// Which endpoints were asked for what so far, with the message.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    async fn serve(self, endpoint: String, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let method = request.uri().path().rsplit('/').next().unwrap().to_owned();
        let body = request.into_body().collect().await.unwrap().to_bytes();
        // One message, not compressed: a zero, its length in four bytes, its bytes.
        let message = body.slice(5..);
        self.asked.lock().unwrap().push((endpoint.clone(), method.clone(), message.clone()));
        let frames = match (self.answer)(Call { endpoint, method, message }).await {
            Err(status) => return Ok(status.into_http::<()>().map(|()| StreamBody::new(stream::empty().boxed()))),
            Ok(messages) => {
                let silent = messages.iter().any(|message| message == SILENCE);
                let messages = messages.into_iter().take_while(|message| message != SILENCE);
                let framed = messages.map(|message| {
                    let mut bytes = BytesMut::new();
                    bytes.put_u8(0);
                    bytes.put_u32(u32::try_from(message.len()).unwrap());
                    bytes.put_slice(&message);
                    Frame::data(bytes.freeze())
                });
                let end = HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())]);
                let end = (!silent).then(|| Frame::trailers(end));
                let frames: Vec<_> = framed.chain(end).map(Ok).collect();
                let rest = if silent { stream::pending().boxed() } else { stream::empty().boxed() };
                stream::iter(frames).chain(rest).boxed()
            }
        };
        let response = Response::builder().header("content-type", "application/grpc");
        Ok(response.body(StreamBody::new(frames)).unwrap())
    }
}

#[tonic::async_trait]
impl Net for Nodes {
    async fn listen(&self, _: &str) -> io::Result<Box<dyn Listener>> {
        Err(io::ErrorKind::Unsupported.into())
    }
    async fn connect(&self, address: &str) -> io::Result<Box<dyn Stream>> {
        let (here, there) = tokio::io::duplex(1 << 20);
        let (nodes, endpoint) = (self.clone(), address.to_owned());
        tokio::spawn(async move {
            let service = service_fn(move |request| nodes.clone().serve(endpoint.clone(), request));
            // A client that leaves ends it.
            let _ = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(there), service).await;
        });
        Ok(Box::new(here))
    }
}

/// One message.
pub fn one(message: &impl Message) -> Answer {
    Ok(vec![message.encode_to_vec()])
}

pub fn refusal(code: Code) -> Answer {
    Err(to_status(&Refusal::new(code, "a rule", "this", "that")))
}
