//! Watches over one node: its core, and whether its state is the same as everybody's.

use super::node::Inner;
use super::peer::Client;
use selfsame_protocol::digest::hex;
use selfsame_wire::raft::v1 as pb;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Stops the core once there is a reason to, and makes a reason of a core that stopped by itself.
pub(super) async fn core(inner: Arc<Inner>) {
    let mut fatal = inner.shared.fatal.subscribe();
    let mut metrics = inner.raft.metrics();
    loop {
        let (running, leader) = {
            let metrics = metrics.borrow_and_update();
            (metrics.running_state.clone(), metrics.current_leader)
        };
        inner.leader.send_if_modified(|known| std::mem::replace(known, leader) != leader);
        if let Err(error) = running
            && !inner.stop.is_cancelled()
        {
            inner.shared.fatal.set(format!("the consensus core stopped: {error}"));
        }
        if inner.shared.fatal.get().is_some() {
            // Joins the core; what it returns is what stopped it, and that is recorded already.
            let _ = inner.raft.shutdown().await;
            return;
        }
        tokio::select! {
            biased;
            () = inner.stop.cancelled() => return,
            _ = fatal.changed() => {}
            changed = metrics.changed() => if changed.is_err() {
                if !inner.stop.is_cancelled() {
                    inner.shared.fatal.set("the consensus core is gone");
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
pub(super) async fn syncs(inner: Arc<Inner>) {
    let state = &inner.store.state;
    loop {
        let known = state.syncs();
        tokio::select! {
            biased;
            () = inner.stop.cancelled() => return,
            () = state.due.notified() => {}
            () = tokio::time::sleep(SYNC_EVERY) => if state.syncs() != known {
                continue;
            },
        }
        if let Err(error) = inner.env.executor.here(|| state.sync()) {
            inner.shared.fatal.set(error.to_string());
            return;
        }
    }
}

/// Has snapshots written that are wanted.
pub(super) async fn snapshots(inner: Arc<Inner>) {
    let snapshots = &inner.shared.snapshots;
    loop {
        tokio::select! {
            biased;
            () = inner.stop.cancelled() => return,
            () = snapshots.wanted.notified() => {}
        }
        // It may have been written meanwhile. A core that stopped has said why.
        if snapshots.is_wanted() && inner.raft.trigger().snapshot().await.is_err() {
            return;
        }
    }
}

/// Compares this node's state digest with the other voters' every few seconds.
pub(super) async fn states(inner: Arc<Inner>) {
    let every = Duration::from_millis(inner.settings.digest_every_ms);
    if every.is_zero() {
        return;
    }
    loop {
        tokio::select! {
            biased;
            () = inner.stop.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
        if let Some(difference) = compare(&inner, every).await {
            if let Err(error) = inner.store.quarantine(&difference) {
                tracing::error!(%error, "the quarantine mark could not be written");
            }
            inner.shared.fatal.set(difference);
            return;
        }
    }
}

/// Names the difference when a majority of the voters agrees on another digest for the same index.
async fn compare(inner: &Inner, limit: Duration) -> Option<String> {
    let (index, own) = inner.shared.digests.latest()?;
    let membership = inner.raft.metrics().borrow().membership_config.membership().clone();
    let voters: Vec<u64> = membership.voter_ids().collect();
    let mut others: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    for id in voters.iter().copied().filter(|id| *id != inner.id) {
        let request = pb::StateDigestRequest { index };
        let call = |mut client: Client, sealed| async move { client.state_digest(sealed).await };
        let patience = limit.min(Duration::from_secs(2));
        let address = inner.peer_address(id);
        let answer = inner.peers.ask("state_digest", id, &address, &request, patience, call).await;
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
