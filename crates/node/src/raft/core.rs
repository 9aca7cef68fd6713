//! What every part of a replicating node works with: the consensus core, the peers and the store, and what is known about
//! them at this moment.

use super::peer::Peers;
use super::settings::RaftSettings;
use super::storage::StateMachineParts;
use super::types::Raft;
use crate::store::Store;
use openraft::ServerState;
use openraft::error::RaftError;
use selfsame_env::Env;
use selfsame_protocol::code::{Code, Refusal};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(super) struct Core {
    pub id: u64,
    pub raft: Raft,
    pub peers: Arc<Peers>,
    pub shared: Arc<StateMachineParts>,
    pub store: Store,
    pub settings: RaftSettings,
    pub env: Env,
    pub stop: CancellationToken,
    /// True while leadership is being handed over: nothing may renew the lease.
    pub silent: watch::Sender<bool>,
    pub leader: watch::Sender<Option<u64>>,
}

impl Core {
    /// Refuses when the node stopped for good or is stopping.
    pub(super) fn alive(&self) -> Result<(), Refusal> {
        if let Some(reason) = self.shared.fatal.get() {
            return Err(Refusal::new(Code::Quarantined, "this node stopped taking part: ask another one", "", reason));
        }
        if self.stop.is_cancelled() {
            return Err(Refusal::new(Code::ShuttingDown, "this node is stopping: ask another one", "", ""));
        }
        Ok(())
    }

    pub(super) fn leads(&self) -> bool {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow();
        metrics.current_leader == Some(self.id) && metrics.state == ServerState::Leader
    }

    pub(super) fn voters(&self) -> BTreeSet<u64> {
        self.raft.metrics().borrow().membership_config.membership().voter_ids().collect()
    }

    pub(super) fn peer_address(&self, id: u64) -> String {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow();
        metrics.membership_config.membership().get_node(&id).map(|member| member.peer_addr.clone()).unwrap_or_default()
    }

    /// The refusal of a node that does not lead.
    pub(super) fn no_leader(&self) -> Refusal {
        let leader = self.raft.metrics().borrow().current_leader;
        let found = leader.map_or("no leader is known".to_owned(), |leader| format!("node {leader} leads"));
        let sentence = format!("node {} does not lead: try again, or ask the leader", self.id);
        Refusal::new(Code::NoLeader, &sentence, "", found)
    }

    /// The refusal of a write that may have taken effect.
    pub(super) fn unknown(&self, reason: impl ToString) -> Refusal {
        Refusal::new(
            Code::OutcomeUnknown,
            "no quorum confirmed the write, and it is not known whether it took effect: send the same request again",
            "",
            reason,
        )
    }

    /// The refusal of a node whose core does not answer any more.
    pub(super) fn stopped(&self, error: impl ToString) -> Refusal {
        match self.alive() {
            Err(refusal) => refusal,
            Ok(()) => Refusal::new(Code::ShuttingDown, "this node is stopping: ask another one", "", error),
        }
    }

    /// The refusal of a core that answered with an error to something else than a write.
    pub(super) fn refused<E: std::error::Error>(&self, error: RaftError<u64, E>) -> Refusal {
        match error {
            RaftError::APIError(error) => {
                Refusal::new(Code::NoLeader, "no leader with a quorum answers now: try again", "", error)
            }
            RaftError::Fatal(error) => self.stopped(error),
        }
    }
}
