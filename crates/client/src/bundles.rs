//! Bundles of substrates and of runs, part by part.

use crate::{Client, ClientError, NextStep};
use selfsame_protocol::digest::Digest;
use selfsame_wire::v1;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tonic::Streaming;

/// A bundle on its way: JSON lines that verify without a cluster, as `selfsame_protocol::bundle` does.
pub struct Bundle {
    endpoint: String,
    /// For one part.
    within: Duration,
    parts: Parts,
}

enum Parts {
    Substrate(Streaming<v1::GetBundleResponse>),
    Run(Streaming<v1::GetRunBundleResponse>),
}

impl Bundle {
    /// The next part of its bytes; `None` at the end. Parts end anywhere. One that does not come within the time of an
    /// attempt ends the bundle with an error.
    pub async fn part(&mut self) -> Result<Option<bytes::Bytes>, ClientError> {
        let parts = &mut self.parts;
        let part = timeout(self.within, async {
            match parts {
                Parts::Substrate(stream) => stream.message().await.map(|part| part.map(|part| part.data)),
                Parts::Run(stream) => stream.message().await.map(|part| part.map(|part| part.data)),
            }
        });
        let part = part.await.map_err(|_| ClientError::unreachable(&self.endpoint, "no part of the bundle in time"))?;
        part.map_err(|status| ClientError::of_status(&self.endpoint, &status))
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
        call!(self, get_bundle, message, |stream, endpoint| {
            Ok(Bundle { endpoint: endpoint.into(), within: self.timeouts.attempt, parts: Parts::Substrate(stream) })
        })
    }

    /// The bundle of a run, as it comes.
    pub async fn run_bundle(&self, id: &Digest) -> Result<Bundle, ClientError> {
        let message = v1::GetRunBundleRequest { run_id: id.as_bytes().to_vec().into() };
        call!(self, get_run_bundle, message, |stream, endpoint| {
            Ok(Bundle { endpoint: endpoint.into(), within: self.timeouts.attempt, parts: Parts::Run(stream) })
        })
    }

    /// The whole bundle of a substrate. One that breaks off on its way is asked for anew, at another node.
    pub async fn bundle(&self, id: &str) -> Result<Vec<u8>, ClientError> {
        let (begun, mut tries) = (Instant::now(), 0);
        loop {
            let error = match self.substrate_bundle(id).await?.bytes().await {
                Ok(bytes) => return Ok(bytes),
                Err(error) => error,
            };
            let again = error.next_step() == NextStep::Retry;
            if !again || !self.pause(tries, begun + self.timeouts.after(&error), &error).await {
                return Err(error);
            }
            self.at.fetch_add(1, Ordering::Relaxed);
            tries += 1;
        }
    }
}
