//! As much of etcd's gRPC interface as a measurement needs. The messages are written here, not generated, so that no
//! file of etcd is needed to build; fields that are not named are left at their defaults or skipped.

use prost::Message;
use prost::bytes::Bytes;
use std::fmt;
use std::time::Duration;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

/// Time for one request; as long as a client of selfsame waits.
const ATTEMPT: Duration = Duration::from_secs(25);

#[derive(Clone, PartialEq, Message)]
struct PutRequest {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(bytes = "bytes", tag = "2")]
    value: Bytes,
}

#[derive(Clone, PartialEq, Message)]
struct ResponseHeader {
    #[prost(int64, tag = "3")]
    revision: i64,
}

#[derive(Clone, PartialEq, Message)]
struct PutResponse {
    #[prost(message, optional, tag = "1")]
    header: Option<ResponseHeader>,
}

/// Linearizable, because `serializable` is left at its default.
#[derive(Clone, PartialEq, Message)]
struct RangeRequest {
    #[prost(string, tag = "1")]
    key: String,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(bytes = "bytes", tag = "5")]
    value: Bytes,
}

#[derive(Clone, PartialEq, Message)]
struct RangeResponse {
    #[prost(message, repeated, tag = "2")]
    kvs: Vec<KeyValue>,
}

/// Why a request does not count.
pub enum Failure {
    /// etcd refused, or did not answer.
    Status(Status),
    /// etcd answered something else than what was put.
    WrongAnswer,
}

impl Failure {
    /// A name to count by.
    pub fn name(&self) -> String {
        match self {
            Failure::Status(status) => format!("{:?}", status.code()),
            Failure::WrongAnswer => "WrongAnswer".into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Status(status) => write!(f, "etcd does not answer: {}: {}", self.name(), status.message()),
            Failure::WrongAnswer => write!(f, "etcd answered something else than what was put"),
        }
    }
}

/// A connection to one node.
#[derive(Clone)]
pub struct Etcd(Channel);

impl Etcd {
    /// To a node at `host:port`. Connects when first used.
    pub fn new(address: &str) -> Result<Etcd, String> {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|e| format!("{address}: {e}"))?;
        Ok(Etcd(endpoint.connect_timeout(Duration::from_secs(3)).connect_lazy()))
    }

    async fn call<Q, A>(&self, path: &'static str, message: Q) -> Result<A, Failure>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let mut grpc = Grpc::new(self.0.clone());
        grpc.ready().await.map_err(|e| Failure::Status(Status::unavailable(e.to_string())))?;
        let mut request = Request::new(message);
        request.set_timeout(ATTEMPT);
        let codec = ProstCodec::<Q, A>::default();
        let answer = grpc.unary(request, PathAndQuery::from_static(path), codec).await.map_err(Failure::Status)?;
        Ok(answer.into_inner())
    }

    /// Puts a value; answers when it is committed and applied.
    pub async fn put(&self, key: String, value: Bytes) -> Result<(), Failure> {
        let answer: PutResponse = self.call("/etcdserverpb.KV/Put", PutRequest { key, value }).await?;
        // Every put is a revision of its own.
        if answer.header.is_some_and(|header| header.revision > 0) { Ok(()) } else { Err(Failure::WrongAnswer) }
    }

    /// Reads a key linearizably and compares what is there.
    pub async fn read(&self, key: String, value: &Bytes) -> Result<(), Failure> {
        let answer: RangeResponse = self.call("/etcdserverpb.KV/Range", RangeRequest { key }).await?;
        if answer.kvs.len() == 1 && answer.kvs[0].value == value { Ok(()) } else { Err(Failure::WrongAnswer) }
    }
}
