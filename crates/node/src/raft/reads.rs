//! One read index for all reads that wait for one.

use super::node::Inner;
use selfsame_protocol::code::Refusal;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

type Index = Result<u64, Refusal>;

/// Reads that wait for the next round to a quorum.
#[derive(Default)]
pub(super) struct Reads(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    /// Whether somebody fetches for those that wait.
    served: bool,
    next: Vec<oneshot::Sender<Index>>,
}

impl Reads {
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

impl Inner {
    /// An index behind everything that was committed when this was called. A round that is under way may have begun
    /// before that, so a read waits for the next one, together with all others that come meanwhile.
    pub(super) async fn read_index(self: &Arc<Self>) -> Index {
        let (answer, receiver) = oneshot::channel();
        if self.reads.wait(answer) {
            let inner = self.clone();
            // Not part of the caller, who may give up.
            tokio::spawn(async move {
                loop {
                    let waiting = inner.reads.take();
                    if waiting.is_empty() {
                        return;
                    }
                    let index = inner.fetch_read_index().await;
                    for answer in waiting {
                        let _ = answer.send(index.clone());
                    }
                }
            });
        }
        receiver.await.map_err(|gone| self.stopped(gone))?
    }

    async fn fetch_read_index(&self) -> Index {
        let leader = self.raft.metrics().borrow().current_leader.filter(|leader| *leader != self.id);
        match leader {
            None => self.leader_read_index().await,
            Some(leader) => self.ask_read_index(leader).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_is_served_by_a_round_that_begins_after_it() {
        let reads = Reads::default();
        let ask = || oneshot::channel().0;
        assert!(reads.wait(ask()), "the first serves");
        assert_eq!(reads.take().len(), 1);
        assert!(!reads.wait(ask()) && !reads.wait(ask()), "a round is under way");
        assert_eq!(reads.take().len(), 2, "the next round is for both");
        assert!(reads.take().is_empty());
        assert!(reads.wait(ask()), "whoever served went");
    }
}
