//! Whether this node may serve: it may not once the cluster quarantined it, or once it cannot continue.

use super::Api;
use selfsame_machine::state::{self, RegisteredNode};
use selfsame_machine::view::{ReadError, Table, View};
use selfsame_protocol::code::{Code, Refusal};
use tokio::sync::watch;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// Names under which `grpc.health.v1.Health` answers; the empty one is the whole server.
const SERVICES: [&str; 6] = [
    "",
    "selfsame.v1.LedgerService",
    "selfsame.v1.RunService",
    "selfsame.v1.SubstrateService",
    "selfsame.v1.ClusterService",
    "selfsame.v1.GovernanceService",
];

/// The refusal of a quarantined node, by the state that it applied.
pub fn quarantine(view: &dyn View, id: u64) -> Result<Option<Refusal>, ReadError> {
    let node: Option<RegisteredNode> = state::load(view, Table::Nodes, &id.to_be_bytes())?;
    Ok(node.and_then(|node| node.quarantined).map(|at| {
        let found = format!("node {id}, quarantined in Reasoning entry {at}");
        Refusal::new(
            Code::Quarantined,
            "this node's copy failed a verification, so it serves nothing: ask another node",
            "",
            found,
        )
    }))
}

/// Follows the state until the node stops: tells health checks and the write path when this node must not serve.
pub async fn run(api: Api, reporter: HealthReporter, serving_status: watch::Sender<Option<Refusal>>) {
    let (mut applied, mut fatal, mut leader) = (api.raft.applied(), api.raft.fatal(), api.raft.leader());
    let mut alarm = api.cosigner.alarm();
    report(&reporter, ServingStatus::Serving).await;
    loop {
        applied.borrow_and_update();
        let stopped = fatal.borrow_and_update().clone();
        let differs = alarm.borrow_and_update().clone();
        let reason = match stopped {
            // What this node would serve is not the history that it signed, or that others published.
            _ if differs.is_some() => differs,
            Some(reason) => {
                Some(Refusal::new(Code::Quarantined, "this node stopped taking part: ask another one", "", reason))
            }
            // A view that cannot be read is the next reader's error, with its reason; it is no quarantine.
            None => api.raft.read(|view| quarantine(&view, api.id)).flatten().unwrap_or_default(),
        };
        if *serving_status.borrow() != reason {
            match &reason {
                Some(refusal) => tracing::error!(node = api.id, %refusal, "this node does not serve any more"),
                None => tracing::info!(node = api.id, "this node serves"),
            }
            let status = if reason.is_some() { ServingStatus::NotServing } else { ServingStatus::Serving };
            report(&reporter, status).await;
            api.metrics.quarantined(reason.is_some());
            serving_status.send_replace(reason);
        }
        tokio::select! {
            changed = applied.changed() => if changed.is_err() { break },
            changed = fatal.changed() => if changed.is_err() { break },
            changed = alarm.changed() => if changed.is_err() { break },
            changed = leader.changed() => match changed {
                Ok(()) => api.metrics.leader_changed(),
                Err(_) => break,
            },
            () = api.env.shutdown.cancelled() => break,
        }
    }
    report(&reporter, ServingStatus::NotServing).await;
}

async fn report(reporter: &HealthReporter, status: ServingStatus) {
    for service in SERVICES {
        reporter.set_service_status(service, status).await;
    }
}
