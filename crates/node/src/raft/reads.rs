//! One read index for all reads that wait for one.

use super::core::Core;
use super::peer::Client;
use selfsame_protocol::code::{Code, Refusal};
use selfsame_wire::raft::v1 as pb;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

type Index = Result<u64, Refusal>;

/// Reads that wait for the next round to a quorum.
#[derive(Default)]
struct Rounds(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    /// Whether somebody fetches for those that wait.
    served: bool,
    next: Vec<oneshot::Sender<Index>>,
}

impl Rounds {
    /// True when nobody serves yet: the caller must.
    fn wait(&self, answer: oneshot::Sender<Index>) -> bool {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.next.push(answer);
        !std::mem::replace(&mut waiting.served, true)
    }

    /// Those for whom the next round is; none when whoever serves may go.
    fn take(&self) -> Vec<oneshot::Sender<Index>> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.served = !waiting.next.is_empty();
        std::mem::take(&mut waiting.next)
    }
}

/// Read indexes of one node.
pub(super) struct Reads {
    core: Arc<Core>,
    rounds: Rounds,
}

impl Reads {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core, rounds: Rounds::default() }
    }

    /// An index behind everything that was committed when this was called. A round that is under way may have begun
    /// before that, so a read waits for the next one, together with all others that come meanwhile.
    pub(super) async fn read_index(self: &Arc<Self>) -> Index {
        let (answer, receiver) = oneshot::channel();
        if self.rounds.wait(answer) {
            let reads = self.clone();
            // Not part of the caller, who may give up.
            tokio::spawn(async move {
                loop {
                    let waiting = reads.rounds.take();
                    if waiting.is_empty() {
                        return;
                    }
                    let index = reads.fetch().await;
                    for answer in waiting {
                        let _ = answer.send(index.clone());
                    }
                }
            });
        }
        receiver.await.map_err(|gone| self.core.stopped(gone))?
    }

    async fn fetch(&self) -> Index {
        let core = &self.core;
        let leader = core.raft.metrics().borrow().current_leader.filter(|leader| *leader != core.id);
        match leader {
            None => self.of_this_leader().await,
            Some(leader) => self.ask(leader).await,
        }
    }

    /// The read index, confirmed by a quorum; only the leader can give it.
    pub(super) async fn of_this_leader(&self) -> Index {
        let core = &self.core;
        core.alive()?;
        let limit = core.settings.request_timeout();
        let mut silent = core.silent.subscribe();
        let spoke = tokio::time::timeout(limit, silent.wait_for(|silent| !silent)).await.is_ok();
        if !spoke {
            return Err(core.no_leader());
        }
        match tokio::time::timeout(limit, core.raft.get_read_log_id()).await {
            Ok(Ok((read, _))) => Ok(read.map_or(0, |id| id.index)),
            Ok(Err(error)) => Err(core.refused(error)),
            Err(_) => Err(core.no_leader()),
        }
    }

    async fn ask(&self, leader: u64) -> Index {
        use pb::read_index_response::Result as Wire;
        let refuse = |reason: &str| {
            Refusal::new(
                Code::NoLeader,
                "the leader could not be asked for the present state: try again",
                format!("an answer of node {leader}"),
                reason,
            )
        };
        let core = &self.core;
        let call = |mut client: Client, sealed| async move { client.read_index(sealed).await };
        let (address, limit) = (core.peer_address(leader), core.settings.request_timeout());
        let answer = core.peers.ask("read_index", leader, &address, &pb::ReadIndexRequest {}, limit, call).await;
        let answer: Result<pb::ReadIndexResponse, _> = answer;
        match answer.map_err(|status| refuse(status.message()))?.result {
            Some(Wire::Index(index)) => Ok(index),
            Some(Wire::Refusal(json)) => {
                Err(serde_json::from_slice(&json).unwrap_or_else(|_| refuse("a refusal that does not decode")))
            }
            None => Err(refuse("an empty answer")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_is_served_by_a_round_that_begins_after_it() {
        let rounds = Rounds::default();
        let ask = || oneshot::channel().0;
        assert!(rounds.wait(ask()), "the first serves");
        assert_eq!(rounds.take().len(), 1);
        assert!(!rounds.wait(ask()) && !rounds.wait(ask()), "a round is under way");
        assert_eq!(rounds.take().len(), 2, "the next round is for both");
        assert!(rounds.take().is_empty());
        assert!(rounds.wait(ask()), "whoever served went");
    }
}
