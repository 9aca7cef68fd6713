//! Watches over one node: its core, and whether its state is the same as everybody's.

use super::core::Core;
use super::peer::Client;
use selfsame_protocol::digest::hex;
use selfsame_wire::raft::v1 as pb;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Stops the core once there is a reason to, and makes a reason of a core that stopped by itself.
pub(super) async fn consensus(core: Arc<Core>) {
    let mut fatal = core.shared.fatal.subscribe();
    let mut metrics = core.raft.metrics();
    loop {
        let (running, leader) = {
            let metrics = metrics.borrow_and_update();
            (metrics.running_state.clone(), metrics.current_leader)
        };
        core.leader.send_if_modified(|known| std::mem::replace(known, leader) != leader);
        if let Err(error) = running
            && !core.stop.is_cancelled()
        {
            core.shared.fatal.set(format!("the consensus core stopped: {error}"));
        }
        if core.shared.fatal.get().is_some() {
            // Joins the core; what it returns is what stopped it, and that is recorded already.
            let _ = core.raft.shutdown().await;
            return;
        }
        tokio::select! {
            biased;
            () = core.stop.cancelled() => return,
            _ = fatal.changed() => {}
            changed = metrics.changed() => if changed.is_err() {
                if !core.stop.is_cancelled() {
                    core.shared.fatal.set("the consensus core is gone");
                }
                return;
            }
        }
    }
}

/// Time after which the state syncs unless somebody else had it synced: a node that was killed applies the work of at
/// most twice as long again.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// Makes what was applied durable behind the log.
pub(super) async fn syncs(core: Arc<Core>) {
    let state = &core.store.state;
    loop {
        let known = state.syncs();
        tokio::select! {
            biased;
            () = core.stop.cancelled() => return,
            () = state.due.notified() => {}
            () = tokio::time::sleep(SYNC_EVERY) => if state.syncs() != known {
                continue;
            },
        }
        if let Err(error) = core.env.executor.here(|| state.sync()) {
            core.shared.fatal.set(error.to_string());
            return;
        }
    }
}

/// Has snapshots written that are wanted.
pub(super) async fn snapshots(core: Arc<Core>) {
    let snapshots = &core.shared.snapshots;
    loop {
        tokio::select! {
            biased;
            () = core.stop.cancelled() => return,
            () = snapshots.wanted.notified() => {}
        }
        // It may have been written meanwhile. A core that stopped has said why.
        if snapshots.is_wanted() && core.raft.trigger().snapshot().await.is_err() {
            return;
        }
    }
}

/// Compares this node's state digest with the other voters' every few seconds.
pub(super) async fn states(core: Arc<Core>) {
    let every = Duration::from_millis(core.settings.digest_every_ms);
    if every.is_zero() {
        return;
    }
    loop {
        tokio::select! {
            biased;
            () = core.stop.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
        if let Some(difference) = compare(&core, every).await {
            if let Err(error) = core.store.quarantine(&difference) {
                tracing::error!(%error, "the quarantine mark could not be written");
            }
            core.shared.fatal.set(difference);
            return;
        }
    }
}

/// Names the difference when a majority of the voters agrees on another digest for the same index.
async fn compare(core: &Core, limit: Duration) -> Option<String> {
    let (index, own) = core.shared.digests.latest()?;
    let membership = core.raft.metrics().borrow().membership_config.membership().clone();
    let voters: Vec<u64> = membership.voter_ids().collect();
    let mut others: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    for id in voters.iter().copied().filter(|id| *id != core.id) {
        let request = pb::StateDigestRequest { index };
        let call = |mut client: Client, sealed| async move { client.state_digest(sealed).await };
        let patience = limit.min(Duration::from_secs(2));
        let address = core.peer_address(id);
        let answer = core.peers.ask("state_digest", id, &address, &request, patience, call).await;
        let answer: Result<pb::StateDigestResponse, _> = answer;
        // A node that lags does not know this index yet, and one that does not answer says nothing: neither is a sign.
        if let Ok(answer) = answer
            && let Some(digest) = answer.digest
        {
            *others.entry(digest.to_vec()).or_default() += 1;
        }
    }
    let (digest, agree) = others.into_iter().max_by_key(|(_, count)| *count)?;
    if digest[..] == own[..] {
        return None;
    }
    tracing::error!(index, own = hex(&own), other = hex(&digest), agree, "state digests differ");
    (agree > voters.len() / 2).then(|| {
        let (own, digest, all) = (hex(&own), hex(&digest), voters.len());
        format!("state digest after index {index} differs from {agree} of {all} voters: own {own}, theirs {digest}")
    })
}
