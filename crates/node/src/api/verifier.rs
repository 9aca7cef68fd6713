//! Each node's own verdicts: whenever a verification is under way, re-hash the substrate from this disk and say so.

use super::Api;
use super::cluster::tips;
use crate::raft::RaftRole;
use futures::stream::{self, StreamExt as _};
use selfsame_machine::{read, verify};
use selfsame_protocol::command::{Command, GiveVerdict, Role as AuthorRole, Submission};
use selfsame_protocol::envelope::Envelope;
use std::time::Duration;

/// Pause before a verdict that could not be submitted is tried again.
const RETRY: Duration = Duration::from_millis(200);
/// Verdicts submitted at once.
const AT_ONCE: usize = 128;

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
        let (api, executor) = (api.clone(), api.env.executor);
        // Re-hashing takes as long as the substrate is large: off the threads that serve.
        executor.run(move || findings(&api)).await.map_err(|e| e.to_string())??
    };
    let mut again = false;
    // One after the other they would wait for as many log entries as there are sessions to open.
    let mut answers = stream::iter(found).map(|envelope| api.raft.submit(envelope)).buffer_unordered(AT_ONCE);
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(Ok(_)) => {}
            // Decided meanwhile, or counted before: nothing is left to say.
            Ok(Err(refusal)) => tracing::debug!(node = api.id, %refusal, "verdict not needed"),
            Err(refusal) => {
                tracing::debug!(node = api.id, %refusal, "verdict not submitted");
                again = true;
            }
        }
    }
    Ok(demote(api).await || again)
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
        tracing::info!(node = api.id, substrate = %verification.substrate_id, outcome = %finding.outcome, check = finding.check, "verdict");
        api.metrics.verdict(finding.outcome);
        let request = format!("verdict/{}/{}", verification.substrate_id, verification.index);
        let command = Command::Verdict(GiveVerdict {
            substrate_id: verification.substrate_id,
            verification: verification.index,
            finding,
        });
        let submission = Submission::new(&api.genesis.cluster, &request, AuthorRole::Node, api.key.public(), command);
        out.push(Envelope::sign(&submission, &api.key).to_bytes());
    }
    Ok(out)
}

/// The leader takes the vote of quarantined nodes and removes retired ones. True when that has to be tried again.
async fn demote(api: &Api) -> bool {
    let status = api.raft.status();
    if status.role != RaftRole::Leader || status.voters.len() < 2 {
        return false;
    }
    let found = api.raft.read(|view| read::nodes(&view).map(|nodes| (view, nodes)));
    let Ok((view, nodes)) = found.flatten() else { return false };
    let counts = |id: u64| nodes.iter().all(|node| node.id.0 != id || node.counts());
    let mut again = false;
    for node in nodes.iter().filter(|node| !node.counts()) {
        let id = node.id.0;
        let has = |list: &[(u64, String)]| list.iter().any(|(member, _)| *member == id);
        let result = if has(&status.voters) && id == api.id {
            // A leader cannot judge itself out: it hands over, and the next leader does it.
            match status.voters.iter().map(|(voter, _)| *voter).find(|voter| counts(*voter)) {
                Some(other) => api.raft.transfer_leader(other).await,
                None => continue,
            }
        } else if has(&status.voters) {
            // A retired node keeps its vote until others stand in for it: without it one organisation would hold a quorum.
            // A quarantined one loses it all the same: its copy is known to be bad.
            let before = api.voters();
            let mut after = before.clone();
            after.remove(&id);
            if node.retired && !matches!(api.env.executor.here(|| tips(&view, &before, &after)), Ok(None)) {
                tracing::debug!(node = id, "a retired node keeps its vote until another organisation has one more");
                continue;
            }
            tracing::error!(node = id, "a quarantined or retired node loses its vote");
            api.raft.demote(id).await
        } else if has(&status.learners) && node.retired {
            api.raft.remove(id).await
        } else {
            continue;
        };
        if let Err(refusal) = result {
            tracing::warn!(%refusal, node = id, "membership not changed yet");
            again = true;
        }
    }
    again
}
