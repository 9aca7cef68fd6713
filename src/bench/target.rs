//! Where the load goes: a running cluster, or one that is started for the measurement.

use crate::demo::cluster::{Cluster, Failure, Keys, free_ports, fresh_key};
use selfsame_client::{Client, ClientError, Signer};
use selfsame_offline::files::Scratch;
use selfsame_protocol::command::{Command, EnrolChip, Role};
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::p104::Technology;
use std::collections::BTreeMap;
use tokio_util::sync::CancellationToken;

/// Connections that the writers of a measurement share.
pub const CONNECTIONS: usize = 16;
/// Substrates prepared or looked at together.
pub const AT_ONCE: usize = 128;

/// What a measurement is given.
pub struct Site {
    /// A running cluster: its client addresses, and a root key of one of its organisations. Without it a local one is
    /// started.
    pub remote: Option<(Vec<String>, SecretKey)>,
    /// Cancelled when the measurement is to end early.
    pub stop: CancellationToken,
}

impl Site {
    /// Does the work, or ends it early. What was started for it is stopped by the caller either way.
    pub async fn unless_stopped<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::select! {
            result = work => result,
            () = self.stop.cancelled() => Err("interrupted".into()),
        }
    }
}

/// Where the load goes and who may prepare it.
pub struct BenchTarget {
    /// Client addresses, host:port.
    pub endpoints: Vec<String>,
    /// Cluster id.
    pub name: String,
    root: SecretKey,
    /// The nodes, when they are of this process.
    pub local: Option<Cluster>,
    /// Holds the files of those nodes until the end.
    _dir: Option<Scratch>,
}

impl BenchTarget {
    /// The running cluster, or three nodes of this process with files in a temporary directory.
    pub async fn new(site: &Site) -> Result<BenchTarget, Failure> {
        let Some((endpoints, root)) = site.remote.clone() else {
            let dir = Scratch::new("selfsame-bench-")?;
            let keys = Keys::fresh()?;
            let genesis = Cluster::genesis("bench", &keys)?;
            let cluster = Cluster::start(dir.path(), genesis, keys, &free_ports(3)?, BTreeMap::new()).await?;
            cluster.leader().await?;
            return Ok(BenchTarget { _dir: Some(dir), ..BenchTarget::of(cluster) });
        };
        let name = Client::builder().endpoints(&endpoints).build()?.genesis().await?.cluster;
        Ok(BenchTarget { endpoints, name, root, local: None, _dir: None })
    }

    /// Measures on it, and stops what was started for that, whatever came of it.
    pub async fn during<T>(
        site: Site,
        measure: impl AsyncFnOnce(&BenchTarget) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let target = BenchTarget::new(&site).await?;
        let result = site.unless_stopped(measure(&target)).await;
        target.stop().await;
        result
    }

    /// Nodes of this process.
    pub fn of(cluster: Cluster) -> BenchTarget {
        let (endpoints, name) = (cluster.endpoints(), cluster.genesis.cluster.clone());
        let root = cluster.keys.roots[0].clone();
        BenchTarget { endpoints, name, root, local: Some(cluster), _dir: None }
    }

    /// That many clients, each with connections of its own, which begin at the nodes in turn.
    pub fn clients(&self, count: usize) -> Result<Vec<Client>, ClientError> {
        let client = |i: usize| {
            let mut endpoints = self.endpoints.clone();
            let by = i % endpoints.len();
            endpoints.rotate_left(by);
            Client::builder().endpoints(endpoints).build()
        };
        (0..count).map(client).collect()
    }

    /// A client of each node, which asks no other.
    pub fn each(&self) -> Result<Vec<Client>, ClientError> {
        self.endpoints.iter().map(|one| Client::builder().endpoints([one]).build()).collect()
    }

    /// A chip with this key, which the organisation enrols if that was not done before.
    pub async fn chip(&self, client: &Client, key: SecretKey) -> Result<Signer, Failure> {
        let chip = Signer { cluster: self.name.clone(), role: Role::Chip, key };
        let enrol = Command::EnrolChip(EnrolChip { chip: chip.key.public(), technology: Technology::Software });
        client.submit(&self.organisation().sign_content(enrol)).await?;
        Ok(chip)
    }

    /// A chip with a new key.
    pub async fn fresh_chip(&self, client: &Client) -> Result<Signer, Failure> {
        self.chip(client, fresh_key()?).await
    }

    /// Signs in the name of the organisation.
    pub fn organisation(&self) -> Signer {
        Signer { cluster: self.name.clone(), role: Role::Root, key: self.root.clone() }
    }

    /// Stops the nodes of this process.
    pub async fn stop(mut self) {
        if let Some(mut cluster) = self.local.take() {
            cluster.stop().await;
        }
    }
}
