//! Hosts that are no members, or members that lie, on the peer port: forged leaders and impostors of nodes that are
//! down. And a leader that does not hear one organisation.

use super::byzantine::{Adversary, Attack, Shared, attack};
use super::{Fault, Kind};
use crate::env::{SimNet, tamper};
use crate::oracle::Answer;
use crate::world::{World, host};
use bytes::Bytes;
use rand::Rng;
use selfsame::env::{Listener, Net as _, connector, incoming};
use selfsame::wire::raft::v1 as pb;
use selfsame::wire::raft::v1::peer_service_client::PeerServiceClient;
use selfsame::wire::raft::v1::peer_service_server::{PeerService, PeerServiceServer};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::Command;
use selfsame_protocol::digest::Digest;
use std::sync::Arc;
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status, Streaming};

/// B4: a host that leads although nobody elected it, with different entries for different followers.
pub const EQUIVOCATING_LEADER: Kind = Kind {
    name: "B4_equivocating_leader",
    most: 2,
    for_ms: (1_000, 2_000),
    draw: |random, _| attack(EQUIVOCATING_LEADER.name, |adversary| Box::pin(forged_leader(adversary)), random),
};

/// The address on which peers reach a node.
pub fn peer_address(node: u64) -> String {
    format!("{}:7000", host(node))
}

/// A raw client of a node's peer service.
pub fn dial(address: &str) -> PeerServiceClient<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap_or_else(|error| panic!("{error}"));
    let endpoint = endpoint.connect_timeout(Duration::from_secs(1)).timeout(Duration::from_secs(2));
    PeerServiceClient::new(endpoint.connect_with_connector_lazy(connector(Arc::new(SimNet))))
        .max_encoding_message_size(64 << 20)
}

impl Adversary {
    /// Records what a node said to something that is not a submission. An answer is a success of the attack.
    pub fn told<T: std::fmt::Debug>(&mut self, what: &'static str, answer: Result<Response<T>, Status>) {
        let call = self.oracle.invoked(&self.name, what, Digest::of(what.as_bytes()));
        let answer = match answer {
            Ok(answer) => {
                self.succeeded(format!("{what}: answered with {:?}", answer.into_inner()));
                return;
            }
            Err(status) => match status.code() {
                tonic::Code::Unauthenticated => Answer::Refused(Code::BadSignature),
                tonic::Code::InvalidArgument | tonic::Code::OutOfRange => Answer::Refused(Code::Malformed),
                tonic::Code::FailedPrecondition => Answer::Refused(Code::WrongCluster),
                tonic::Code::DataLoss => Answer::Refused(Code::Corrupt),
                _ => Answer::Unknown(format!("{}: {}", status.code(), status.message())),
            },
        };
        self.oracle.answered(call, answer);
    }

    /// A sender as everybody can write one: cluster and genesis are no secrets.
    pub fn sender(&self, node: u64, target: u64) -> Option<pb::Sender> {
        let genesis = self.genesis.digest().as_bytes().to_vec().into();
        Some(pb::Sender { cluster: self.genesis.cluster.clone(), genesis, node, target })
    }
}

async fn forged_leader(mut adversary: Adversary) {
    let adversary = &mut adversary;
    let nodes = adversary.genesis.nodes.len() as u64;
    for _ in 0..2 {
        for status in adversary.client.statuses().await.into_iter().flatten() {
            let target = status.node_id;
            let claimed = target % nodes + 1;
            let sender = adversary.sender(claimed, target);
            let mut peer = dial(&peer_address(target));
            let term = status.term + 5;
            let vote = Some(pb::Ballot { term, node: claimed, committed: true });
            let last = status.last_log_index;
            let previous = Some(pb::LogPosition { term: status.term, node: status.leader_id, index: last });
            let at = Some(pb::LogPosition { term, node: claimed, index: last + 1 });
            // Each follower gets an entry of its own.
            let submissions = vec![Bytes::from(format!("for node {target}"))];
            let payload = Some(pb::log_entry::Payload::Proposal(pb::Proposal { time_ms: target, submissions }));
            let entries = vec![pb::LogEntry { position: at, payload }];
            let request = pb::AppendRequest { sender: sender.clone(), vote, previous, commit: at, entries };
            let answer = peer.append(request).await;
            adversary.told("B4 append", answer);
            let vote = Some(pb::Ballot { term, node: claimed, committed: false });
            let answer = peer.vote(pb::VoteRequest { sender: sender.clone(), vote, last_log: at }).await;
            adversary.told("B4 vote", answer);
            let answer = peer.elect(pb::ElectRequest { sender: sender.clone() }).await;
            adversary.told("B4 elect", answer);
            let answer = peer.read_index(pb::ReadIndexRequest { sender: sender.clone() }).await;
            adversary.told("B4 read index", answer);
            let answer = peer.submit(pb::SubmitRequest { sender: sender.clone(), submissions: Vec::new() }).await;
            adversary.told("B4 submit", answer);
        }
        adversary.pause(500).await;
    }
}
