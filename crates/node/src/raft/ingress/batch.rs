//! Groups what is queued into log entries, and hands the answers back.

use super::forward::Attempt;
use super::queue::{Answers, Ingress, Queued, Waiter};
use bytes::Bytes;
use selfsame_protocol::code::{Code, Refusal};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Groups what is queued into log entries until the node stops.
pub(in crate::raft) async fn batcher(ingress: Arc<Ingress>, mut queue: mpsc::Receiver<Queued>) {
    let core = ingress.core.clone();
    loop {
        let first = tokio::select! {
            biased;
            () = core.stop.cancelled() => break,
            first = queue.recv() => first,
        };
        let Some(first) = first else { break };
        ingress.admission.first_waits(Some(first.since));
        // While all proposals are in flight the queue fills, and the next entry carries more: group commit.
        let Ok(permit) = ingress.inflight.clone().acquire_owned().await else { break };
        ingress.admission.proposed(first.since.elapsed(), queue.len());
        let (mut bytes, mut last, mut next) = (0, first.since, Some(first));
        let mut batch: Vec<Queued> = Vec::new();
        while let Some(queued) = next {
            last = queued.since;
            if !queued.is_given_up() {
                bytes += queued.bytes.len();
                batch.push(queued);
            }
            let full = batch.len() >= core.settings.max_batch || bytes >= core.settings.max_batch_bytes;
            next = if full { None } else { queue.try_recv().ok() };
        }
        // The next in the queue came after the last that was taken.
        ingress.admission.first_waits(Some(last).filter(|_| !queue.is_empty()));
        if batch.is_empty() {
            continue;
        }
        let submissions: Vec<Bytes> = batch.iter().map(|queued| queued.bytes.clone()).collect();
        let deadline = Instant::now() + core.settings.request_timeout();
        // On the leader entries enter the log in queue order; the answer is awaited apart.
        let early = match core.leads() {
            true => core.raft.client_write_ff(core.proposal(submissions)).await.ok(),
            false => None,
        };
        let core = core.clone();
        tokio::spawn(async move {
            let first = match early {
                Some(answer) => core.applied(answer, deadline).await,
                None => Err(Attempt::NotLeader),
            };
            match first {
                Ok(outcomes) => answer(batch, Ok(outcomes)),
                Err(Attempt::Unknown(refusal)) => answer(batch, Err(refusal)),
                Err(Attempt::NotLeader) => {
                    let (theirs, ours): (Vec<_>, Vec<_>) =
                        batch.into_iter().partition(|queued| matches!(queued.from, Waiter::Node));
                    answer(theirs, Err(core.no_leader()));
                    if !ours.is_empty() {
                        let submissions: Vec<Bytes> = ours.iter().map(|queued| queued.bytes.clone()).collect();
                        let answers = core.deliver(&submissions, deadline).await;
                        answer(ours, answers);
                    }
                }
            }
            drop(permit);
        });
    }
    queue.close();
    while let Some(queued) = queue.recv().await {
        let refusal = Refusal::new(Code::ShuttingDown, "this node is stopping: ask another one", "", "");
        let _ = queued.answer.send(Err(refusal));
    }
}

// A receiver that is gone gave up waiting; its submission is answered from the state when it asks again.
fn answer(batch: Vec<Queued>, answers: Answers) {
    match answers {
        Ok(outcomes) => {
            for (queued, outcome) in batch.into_iter().zip(outcomes) {
                let _ = queued.answer.send(Ok(outcome));
            }
        }
        Err(refusal) => {
            for queued in batch {
                let _ = queued.answer.send(Err(refusal.clone()));
            }
        }
    }
}
