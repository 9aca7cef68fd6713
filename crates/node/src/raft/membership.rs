//! Changes of who takes part. All of them are asked of the leader.

use super::core::Core;
use super::node::RaftNode;
use super::peer::Client;
use super::types::MemberAddress;
use openraft::ChangeMembers;
use selfsame_protocol::code::{Code, Refusal};
use selfsame_wire::raft::v1 as pb;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::timeout;

impl RaftNode {
    /// Adds a node without a vote; returns when the change is committed. Ids must never be reused.
    pub async fn add_learner(&self, id: u64, member: MemberAddress) -> Result<(), Refusal> {
        self.change(ChangeMembers::AddNodes(BTreeMap::from([(id, member)])), true).await
    }

    /// Gives a learner a vote.
    pub async fn promote(&self, id: u64) -> Result<(), Refusal> {
        self.change(ChangeMembers::AddVoterIds(BTreeSet::from([id])), true).await
    }

    /// Removes a node, voter or learner.
    pub async fn remove(&self, id: u64) -> Result<(), Refusal> {
        let voter = self.core.voters().contains(&id);
        let change = match voter {
            true => ChangeMembers::RemoveVoters(BTreeSet::from([id])),
            false => ChangeMembers::RemoveNodes(BTreeSet::from([id])),
        };
        // Without `retain` a removed voter does not stay as a learner.
        self.change(change, false).await
    }

    /// Takes the vote of a node, which stays as a learner. Refused unless a majority of the voters that would remain
    /// holds everything this leader has applied: otherwise the change could not complete and the cluster would stand.
    pub async fn demote(&self, id: u64) -> Result<(), Refusal> {
        let core = &self.core;
        if !core.leads() {
            return Err(core.no_leader());
        }
        let metrics = core.raft.metrics().borrow().clone();
        let applied = metrics.last_applied.map(|at| at.index);
        let replication = metrics.replication.unwrap_or_default();
        let remaining: Vec<u64> = core.voters().into_iter().filter(|voter| *voter != id).collect();
        let matched = |voter: &u64| replication.get(voter).copied().flatten().map(|at| at.index);
        let able = remaining.iter().filter(|voter| **voter == core.id || matched(voter) >= applied).count();
        let needed = remaining.len() / 2 + 1;
        if able < needed {
            let rule =
                "too few of the remaining voters have caught up, and the cluster would stand: wait, and try again";
            return Err(Refusal::new(Code::NoLeader, rule, format!("at least {needed} of {}", remaining.len()), able));
        }
        self.change(ChangeMembers::RemoveVoters(BTreeSet::from([id])), true).await
    }

    async fn change(&self, change: ChangeMembers<u64, MemberAddress>, retain: bool) -> Result<(), Refusal> {
        let core = &self.core;
        core.alive()?;
        if !core.leads() {
            return Err(core.no_leader());
        }
        match timeout(core.settings.request_timeout(), core.raft.change_membership(change, retain)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(core.refused(error)),
            Err(_) => Err(core.unknown("no quorum answered in time")),
        }
    }

    /// Hands leadership to another voter. Proposals and reads wait meanwhile, about one lease (`election_max_ms`).
    ///
    /// Followers refuse to vote while they believe in a leader, so the leader falls silent: it lets proposals drain,
    /// stops its heartbeats, waits until its lease has run out everywhere, and asks the target to stand before anybody
    /// else's longer wait ends.
    pub async fn transfer_leader(&self, to: u64) -> Result<(), Refusal> {
        let core = &self.core;
        core.alive()?;
        if !core.leads() {
            return Err(core.no_leader());
        }
        if to == core.id {
            return Ok(());
        }
        if !core.voters().contains(&to) {
            return Err(Refusal::new(
                Code::UnknownNode,
                "this node is no voter: promote it first, or name a voter",
                format!("{:?}", core.voters()),
                to,
            ));
        }
        let drained = self.ingress.drained().await?;
        core.silent.send_replace(true);
        core.raft.runtime_config().heartbeat(false);
        let result = hand_over(core, to).await;
        core.raft.runtime_config().heartbeat(true);
        core.silent.send_replace(false);
        drop(drained);
        result
    }
}

async fn hand_over(core: &Core, to: u64) -> Result<(), Refusal> {
    let lease = Duration::from_millis(core.settings.election_max_ms);
    let caught_up = |metrics: &openraft::RaftMetrics<u64, MemberAddress>| {
        let matched = metrics.replication.as_ref().and_then(|all| all.get(&to).copied().flatten());
        matched.map(|id| id.index) >= metrics.last_log_index
    };
    let failed = |what: &str| {
        Refusal::new(
            Code::NoLeader,
            "leadership was not handed over in time, and stays where it was or is decided anew",
            format!("node {to}"),
            what,
        )
    };
    let wait = core.raft.wait(Some(lease)).metrics(caught_up, "target caught up").await;
    wait.map_err(|error| failed(&error.to_string()))?;
    // The lease of the last message counts from its arrival; a heartbeat may just have left.
    tokio::time::sleep(lease + Duration::from_millis(core.settings.heartbeat_ms.min(50))).await;
    let call = |mut client: Client, sealed| async move { client.elect(sealed).await };
    let asked = core.peers.ask("elect", to, &core.peer_address(to), &pb::ElectRequest {}, lease, call).await;
    let _: pb::ElectResponse = asked.map_err(|status| failed(status.message()))?;
    let wait =
        core.raft.wait(Some(lease * 2)).metrics(|metrics| metrics.current_leader == Some(to), "new leader").await;
    wait.map(|_| ()).map_err(|error| failed(&error.to_string()))
}
