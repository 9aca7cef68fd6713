//! Each node's own verdicts: whenever a verification is under way, re-hash the substrate from this disk and say so.

use super::Api;
use crate::raft::Role;
use selfsame_machine::{read, verify};
use selfsame_protocol::command::{Command, Role as AuthorRole, Submission};
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::time::U64;
use std::time::Duration;

/// Pause before a verdict that could not be submitted is tried again.
const RETRY: Duration = Duration::from_millis(200);

/// Runs until the node stops.
pub async fn run(api: Api) {
    let mut applied = api.raft.applied();
    loop {
        applied.borrow_and_update();
        let again = match round(&api).await {
            Ok(again) => again,
            Err(reason) => {
                tracing::warn!(node = api.id, %reason, "verdicts wait");
                true
            }
        };
        let pause = tokio::time::sleep(RETRY);
        tokio::select! {
            changed = applied.changed() => if changed.is_err() { return },
            () = pause, if again => {}
            () = api.env.shutdown.cancelled() => return,
        }
    }
}

/// One look at what is pending; true when something is left to try again.
async fn round(api: &Api) -> Result<bool, String> {
    let found = {
        let api = api.clone();
        // Re-hashing takes as long as the substrate is large: off the threads that serve.
        tokio::task::spawn_blocking(move || findings(&api)).await.map_err(|e| e.to_string())??
    };
    let mut again = false;
    for envelope in found {
        match api.raft.submit(envelope).await {
            Ok(Ok(_)) => {}
            // Decided meanwhile, or counted before: nothing is left to say.
            Ok(Err(refusal)) => tracing::debug!(node = api.id, %refusal, "verdict not needed"),
            Err(refusal) => {
                tracing::debug!(node = api.id, %refusal, "verdict not submitted");
                again = true;
            }
        }
    }
    demote(api).await;
    Ok(again)
}

/// Signed verdicts on everything pending, from one consistent view of this node's disk.
fn findings(api: &Api) -> Result<Vec<Vec<u8>>, String> {
    let view = api.raft.view().map_err(|e| e.to_string())?;
    let pending = verify::pending(&view).map_err(|e| e.to_string())?;
    let mut out = Vec::new();
    for verification in pending {
        if verification.verdicts.iter().any(|v| v.node.0 == api.id) {
            continue;
        }
        let finding = verify::finding(&view, &verification).map_err(|e| e.to_string())?;
        tracing::info!(node = api.id, substrate = verification.substrate_id, outcome = %finding.outcome, check = finding.check, "verdict");
        let request = format!("verdict/{}/{}", verification.substrate_id, verification.index);
        let command =
            Command::Verdict { substrate_id: verification.substrate_id, verification: verification.index, finding };
        let submission = Submission::new(&api.genesis.cluster, &request, AuthorRole::Node, api.key.public(), command);
        out.push(Envelope::sign(&submission, &api.key).to_bytes());
    }
    Ok(out)
}

/// The leader takes quarantined nodes out of the voters. It is tried again at every look until it holds.
async fn demote(api: &Api) {
    let status = api.raft.status();
    if status.role != Role::Leader || status.voters.len() < 2 {
        return;
    }
    let Ok(view) = api.raft.view() else { return };
    let Ok(nodes) = read::nodes(&view) else { return };
    drop(view);
    for node in nodes.iter().filter(|n| n.quarantined.is_some() || n.retired) {
        let U64(id) = node.id;
        if !status.voters.iter().any(|(voter, _)| *voter == id) {
            continue;
        }
        tracing::error!(node = id, "a quarantined or retired node leaves the voters");
        if id == api.id {
            let other = status
                .voters
                .iter()
                .map(|(voter, _)| *voter)
                .find(|voter| !nodes.iter().any(|n| n.id.0 == *voter && !n.counts()));
            if let Some(other) = other
                && let Err(refusal) = api.raft.transfer_leader(other).await
            {
                tracing::warn!(%refusal, "leadership not handed over yet");
            }
        } else if let Err(refusal) = api.raft.remove(id).await {
            tracing::warn!(%refusal, node = id, "not removed yet");
        }
    }
}
