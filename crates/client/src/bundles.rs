//! Bundles of substrates and of runs, part by part.

use super::{Client, ClientError, MAX_MESSAGE, lost};
use selfsame_protocol::digest::Digest;
use selfsame_wire::v1;
use tonic::{Request, Response, Streaming};
use v1::run_service_client::RunServiceClient;
use v1::substrate_service_client::SubstrateServiceClient;

/// A bundle on its way.
pub enum Bundle {
    /// Of a substrate.
    Substrate(Streaming<v1::GetBundleResponse>),
    /// Of a run.
    Run(Streaming<v1::GetRunBundleResponse>),
}

impl Bundle {
    /// The next part of its bytes; `None` at the end. Parts end anywhere.
    pub async fn part(&mut self) -> Result<Option<bytes::Bytes>, ClientError> {
        match self {
            Bundle::Substrate(stream) => Ok(stream.message().await.map_err(lost)?.map(|part| part.data)),
            Bundle::Run(stream) => Ok(stream.message().await.map_err(lost)?.map(|part| part.data)),
        }
    }

    /// All of it.
    pub async fn bytes(mut self) -> Result<Vec<u8>, ClientError> {
        let mut out = Vec::new();
        while let Some(part) = self.part().await? {
            out.extend_from_slice(&part);
        }
        Ok(out)
    }
}

impl Client {
    /// The bundle of a substrate, as it comes.
    pub async fn substrate_bundle(&self, id: &str) -> Result<Bundle, ClientError> {
        let message = v1::GetBundleRequest { substrate_id: id.into() };
        call!(self, SubstrateServiceClient, get_bundle, message).map(Bundle::Substrate)
    }

    /// The bundle of a run, as it comes.
    pub async fn run_bundle(&self, id: &Digest) -> Result<Bundle, ClientError> {
        let message = v1::GetRunBundleRequest { run_id: id.as_bytes().to_vec().into() };
        call!(self, RunServiceClient, get_run_bundle, message).map(Bundle::Run)
    }

    /// The whole bundle of a substrate.
    pub async fn bundle(&self, id: &str) -> Result<Vec<u8>, ClientError> {
        self.substrate_bundle(id).await?.bytes().await
    }
}
