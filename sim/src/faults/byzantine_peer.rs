//! Hosts on the peer port that are no members, or members that lie: forged leaders, and impostors of nodes that are down.

use super::byzantine::{Adversary, Shared, attack};
use super::kind::{Fault, Kind};
use crate::cluster::host;
use crate::env::{SimNet, tamper};
use crate::history::Answer;
use crate::workload::interceptor::append_to;
use crate::world::World;
use bytes::Bytes;
use prost::Message;
use rand::Rng;
use selfsame_client::{Client, NodeStatus};
use selfsame_env::{Net as _, connector, incoming};
use selfsame_node::raft::{PairKey, authenticate};
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{Command, EnrolChip};
use selfsame_protocol::cosigning;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::keys::{PublicKey, SecretKey};
use selfsame_protocol::p104::Technology;
use selfsame_wire::raft::v1 as pb;
use selfsame_wire::raft::v1::peer_service_client::PeerServiceClient;
use selfsame_wire::raft::v1::peer_service_server::{PeerService, PeerServiceServer};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio_stream::{Stream, StreamExt as _};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status, Streaming};

/// A raw connection to a node, opened with the first call.
pub fn channel(address: &str) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap_or_else(|error| panic!("{error}"));
    let endpoint = endpoint.connect_timeout(Duration::from_secs(1)).timeout(Duration::from_secs(4));
    endpoint.connect_with_connector_lazy(connector(Arc::new(SimNet::default())))
}

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
    PeerServiceClient::new(channel(address)).max_encoding_message_size(64 << 20)
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

    /// A sealed request as everybody can make one, for cluster, genesis and public keys are no secrets: in the name of
    /// `node`, under what the holder of a key has in common with the target.
    pub fn forge(&self, what: &str, node: u64, target: u64, key: &SecretKey, request: &impl Message) -> pb::Sealed {
        let genesis = self.genesis.digest();
        let pair = common(&self.genesis.cluster, genesis.as_bytes(), key, &self.node_key(target).public());
        let genesis = genesis.as_bytes().to_vec().into();
        let sender = pb::Sender { cluster: self.genesis.cluster.clone(), genesis, node, target };
        let nonce = Bytes::from(self.time.micros().to_be_bytes().to_vec());
        authenticate(what, sender, nonce, 0, request.encode_to_vec(), &pair)
    }

    /// What a node said to another, handed back to it as that other's word: both hold the key it was sealed under.
    fn reflected(&self, what: &str, node: u64, target: u64, request: &impl Message) -> pb::Sealed {
        let mut sealed = self.forge(what, target, node, &self.node_key(target), request);
        if let Some(sender) = &mut sealed.sender {
            (sender.node, sender.target) = (node, target);
        }
        sealed
    }
}

/// The key of the holders of two keys.
fn common(cluster: &str, genesis: &[u8], own: &SecretKey, other: &PublicKey) -> PairKey {
    PairKey::new(cluster, genesis, own, other).unwrap_or_else(|error| panic!("{error}"))
}

/// What a leader that nobody elected would send: an entry of its own for each follower, committed at once.
fn usurp(status: &NodeStatus, claimed: u64) -> (pb::AppendRequest, pb::VoteRequest) {
    let target = status.node_id;
    let term = status.term + 5;
    let last = status.last_log_index;
    let previous = Some(pb::LogPosition { term: status.term, node: status.leader_id, index: last });
    let at = Some(pb::LogPosition { term, node: claimed, index: last + 1 });
    let submissions = vec![Bytes::from(format!("for node {target}"))];
    let payload = Some(pb::log_entry::Payload::Proposal(pb::Proposal { time_ms: target, submissions }));
    let entries = vec![pb::LogEntry { position: at, payload }];
    let vote = |committed| Some(pb::Ballot { term, node: claimed, committed });
    let append = pb::AppendRequest { vote: vote(true), previous, commit: at, entries };
    (append, pb::VoteRequest { vote: vote(false), last_log: at })
}

async fn forged_leader(mut adversary: Adversary) {
    let adversary = &mut adversary;
    let nodes = adversary.genesis.nodes.len() as u64;
    let stranger = adversary.fresh_key("stranger");
    for _ in 0..2 {
        for status in adversary.client.statuses().await.into_iter().flatten() {
            let target = status.node_id;
            let claimed = target % nodes + 1;
            let other = claimed % nodes + 1;
            let mut peer = dial(&peer_address(target));
            let (append, vote) = usurp(&status, claimed);
            // Under no node's key, and under the key of another node than the one that is named (B12).
            for key in [stranger.clone(), adversary.node_key(other)] {
                let sealed = adversary.forge("append", claimed, target, &key, &append);
                let answer = append_to(&mut peer, sealed).await;
                adversary.told("B4 append", answer);
                let sealed = adversary.forge("vote", claimed, target, &key, &vote);
                let answer = peer.vote(sealed).await;
                adversary.told("B4 vote", answer);
                let sealed = adversary.forge("elect", claimed, target, &key, &pb::ElectRequest {});
                let answer = peer.elect(sealed).await;
                adversary.told("B4 elect", answer);
                let sealed = adversary.forge("read_index", claimed, target, &key, &pb::ReadIndexRequest {});
                let answer = peer.read_index(sealed).await;
                adversary.told("B4 read index", answer);
                let request = pb::SubmitRequest { submissions: Vec::new() };
                let sealed = adversary.forge("submit", claimed, target, &key, &request);
                let answer = peer.submit(sealed).await;
                adversary.told("B4 submit", answer);
                let start = pb::SnapshotStart { vote: append.vote, bytes: 0 };
                let start = pb::SnapshotRequest { part: Some(pb::snapshot_request::Part::Start(start)) };
                let sealed = adversary.forge("snapshot", claimed, target, &key, &start);
                let answer = peer.snapshot(tokio_stream::iter([sealed])).await;
                adversary.told("B4 snapshot", answer);
            }
            // What the target itself would say to the node that is named.
            let sealed = adversary.reflected("append", claimed, target, &append);
            let answer = append_to(&mut peer, sealed).await;
            adversary.told("B4 append reflected", answer);
            let sealed = adversary.reflected("vote", claimed, target, &vote);
            let answer = peer.vote(sealed).await;
            adversary.told("B4 vote reflected", answer);
            // A node that does lead or stand may not do so in another node's name, and its words for one use are no
            // words for another.
            let key = adversary.node_key(claimed);
            let (append, vote) = usurp(&status, other);
            let sealed = adversary.forge("append", claimed, target, &key, &append);
            let answer = append_to(&mut peer, sealed).await;
            adversary.told("B4 append for another leader", answer);
            let sealed = adversary.forge("vote", claimed, target, &key, &vote);
            let answer = peer.vote(sealed).await;
            adversary.told("B4 vote for another candidate", answer);
            let sealed = adversary.forge("vote", claimed, target, &key, &vote);
            let answer = peer.elect(sealed).await;
            adversary.told("B4 vote as something else", answer);
        }
        adversary.pause(500).await;
    }
}

/// B5: hosts at the addresses of nodes that are down, which vote for everybody and confirm what they never stored.
pub const IMPOSTOR: Kind = Kind {
    name: "B5_impostor_follower",
    most: 1,
    for_ms: (3_000, 6_000),
    draw: |random, _| {
        Box::new(Impostors {
            number: random.r#gen::<u32>().into(),
            down: Vec::new(),
            cut: Vec::new(),
            on: Shared::default(),
        })
    },
};

struct Impostors {
    number: u64,
    down: Vec<u64>,
    cut: Vec<(String, String)>,
    /// Whether the leader has nobody but impostors to ask.
    on: Shared<bool>,
}

impl std::fmt::Debug for Impostors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} number {:x}", IMPOSTOR.name, self.number)
    }
}

impl Fault for Impostors {
    fn kind(&self) -> &'static str {
        IMPOSTOR.name
    }

    /// As many followers as a quorum lacks are replaced; the leader cannot reach the others.
    fn begin(&mut self, world: &mut World) -> bool {
        let Some(leader) = world.leader() else { return false };
        let others: Vec<u64> = world.ids().into_iter().filter(|node| *node != leader).collect();
        let (replaced, rest) = others.split_at(others.len() / 2);
        for node in replaced {
            if !world.crash(*node) {
                continue;
            }
            self.down.push(*node);
        }
        if self.down.len() < replaced.len() {
            self.end(world);
            return false;
        }
        for node in rest {
            for (from, to) in [(host(leader), host(*node)), (host(*node), host(leader))] {
                world.cut(&from, &to);
                self.cut.push((from, to));
            }
        }
        let mut impostors = Vec::new();
        for node in &self.down {
            let name = format!("impostor-{node}-{:x}", self.number);
            tamper::redirect(&peer_address(*node), Some(&format!("{name}:7000")));
            impostors.push((name, *node));
        }
        for (name, node) in impostors {
            let (_, arrive) = Adversary::on_host(IMPOSTOR.name, self.number, world);
            world.client(&name.clone(), async move {
                let adversary = arrive();
                let listener = SimNet::default().listen(&format!("{name}:7000")).await?;
                let members = adversary.genesis.nodes.iter().map(|node| (node.id, node.key)).collect();
                let key = adversary.fresh_key("impostor");
                let service = PeerServiceServer::new(Impostor { key, node, members });
                let server = tonic::transport::Server::builder().add_service(service);
                Ok(server.serve_with_incoming(incoming(listener)).await?)
            });
        }
        *self.on.borrow_mut() = true;
        let (name, arrive) = Adversary::on_host(IMPOSTOR.name, self.number, world);
        let on = self.on.clone();
        world.client(&name, async move {
            let mut adversary = arrive();
            let mut random = adversary.random.clone();
            adversary.client = Client::builder()
                .endpoints([format!("{}:7001", host(leader))])
                .network(Arc::new(SimNet::default()))
                .attempt_timeout(Duration::from_secs(2))
                .call_timeout(Duration::from_secs(2))
                .build()?;
            let chip = adversary.fresh_key(&format!("{}", random.r#gen::<u32>())).public();
            let enrol = Command::EnrolChip(EnrolChip { chip, technology: Technology::Software });
            let envelope = adversary.sign(&adversary.root(0), enrol);
            while *on.borrow() {
                let call = adversary.oracle.invoked(&adversary.name, "B5 write", Digest::of(&envelope.to_bytes()));
                let answer = Answer::of(adversary.client.submit(&envelope).await);
                adversary.oracle.answered(call, answer.clone());
                if matches!(answer, Answer::Ok(_)) && *on.borrow() {
                    adversary.succeeded(format!("node {leader} has no quorum but impostors, and confirmed {answer:?}"));
                }
                adversary.pause(200).await;
            }
            Ok(())
        });
        true
    }

    /// Others may start a node again that an impostor stands for: then the leader has its quorum.
    fn step(&mut self, world: &mut World) {
        if self.down.iter().any(|node| world.is_up(*node)) {
            *self.on.borrow_mut() = false;
        }
    }

    fn end(&mut self, world: &mut World) {
        *self.on.borrow_mut() = false;
        for (from, to) in std::mem::take(&mut self.cut) {
            world.uncut(&from, &to);
        }
        for node in std::mem::take(&mut self.down) {
            tamper::redirect(&peer_address(node), None);
            world.restart(node);
        }
    }
}

/// Says what everybody wants to hear.
struct Impostor {
    key: SecretKey,
    node: u64,
    /// Public keys of nodes that may ask.
    members: BTreeMap<u64, PublicKey>,
}

impl Impostor {
    fn say(&self, what: &str, sealed: &pb::Sealed, answer: &impl Message) -> Result<Response<pb::Sealed>, Status> {
        let asker = sealed.sender.clone().unwrap_or_default();
        let key = self.members.get(&asker.node).ok_or_else(|| Status::unavailable("not for you"))?;
        let pair = common(&asker.cluster, &asker.genesis, &self.key, key);
        let sender = pb::Sender { node: self.node, target: asker.node, ..asker };
        let body = answer.encode_to_vec();
        let said = authenticate(&format!("{what}/answer"), sender, sealed.nonce.clone(), 0, body, &pair);
        // The tag of the question is all that this host ever sees of the key of both nodes.
        let borrowed = sealed.nonce.last().is_some_and(|byte| byte % 2 == 1);
        Ok(Response::new(if borrowed { pb::Sealed { tag: sealed.tag.clone(), ..said } } else { said }))
    }
}

#[tonic::async_trait]
impl PeerService for Impostor {
    type AppendStream = Pin<Box<dyn Stream<Item = Result<pb::Sealed, Status>> + Send>>;
    async fn append(&self, request: Request<Streaming<pb::Sealed>>) -> Result<Response<Self::AppendStream>, Status> {
        let own = Impostor { key: self.key.clone(), node: self.node, members: self.members.clone() };
        let answers = request.into_inner().map(move |sealed| {
            let result = Some(pb::append_response::Result::Success(pb::Blank {}));
            Ok(own.say("append", &sealed?, &pb::AppendResponse { result })?.into_inner())
        });
        Ok(Response::new(Box::pin(answers)))
    }
    async fn vote(&self, request: Request<pb::Sealed>) -> Result<Response<pb::Sealed>, Status> {
        let asked = pb::VoteRequest::decode(request.get_ref().body.clone()).unwrap_or_default();
        let answer = pb::VoteResponse { vote: asked.vote, granted: true, last_log: asked.last_log };
        self.say("vote", request.get_ref(), &answer)
    }
    async fn snapshot(&self, request: Request<Streaming<pb::Sealed>>) -> Result<Response<pb::Sealed>, Status> {
        let first = request.into_inner().message().await?.unwrap_or_default();
        self.say("snapshot", &first, &pb::SnapshotResponse { vote: None })
    }
    async fn submit(&self, _: Request<pb::Sealed>) -> Result<Response<pb::Sealed>, Status> {
        Err(Status::unavailable("not now"))
    }
    async fn read_index(&self, request: Request<pb::Sealed>) -> Result<Response<pb::Sealed>, Status> {
        let result = Some(pb::read_index_response::Result::Index(0));
        self.say("read_index", request.get_ref(), &pb::ReadIndexResponse { result })
    }
    async fn state_digest(&self, request: Request<pb::Sealed>) -> Result<Response<pb::Sealed>, Status> {
        let answer = pb::StateDigestResponse { applied: u64::MAX, digest: Some(vec![1; 32].into()) };
        self.say("state_digest", request.get_ref(), &answer)
    }
    async fn elect(&self, request: Request<pb::Sealed>) -> Result<Response<pb::Sealed>, Status> {
        self.say("elect", request.get_ref(), &pb::ElectResponse {})
    }
    async fn node_key(&self, request: Request<pb::Sealed>) -> Result<Response<pb::Sealed>, Status> {
        let key = self.key.public().as_bytes().to_vec().into();
        self.say("node_key", request.get_ref(), &pb::NodeKeyResponse { key })
    }
    async fn cosign(&self, request: Request<pb::Sealed>) -> Result<Response<pb::Sealed>, Status> {
        let asked = pb::CosignRequest::decode(request.get_ref().body.clone()).unwrap_or_default();
        let sign = |text: &String| {
            let name = format!("sim.example/cosigner/{}", self.node);
            let line = cosigning::sign(text, &name, &self.key.cosigner(), 0).to_line().trim_end().to_owned();
            pb::SignatureLine { result: Some(pb::signature_line::Result::Line(line)) }
        };
        self.say("cosign", request.get_ref(), &pb::CosignResponse { lines: asked.texts.iter().map(sign).collect() })
    }
    async fn publish(&self, request: Request<pb::Sealed>) -> Result<Response<pb::Sealed>, Status> {
        let asked = pb::PublishRequest::decode(request.get_ref().body.clone()).unwrap_or_default();
        let line = || pb::SignatureLine { result: Some(pb::signature_line::Result::Line(String::new())) };
        let lines = asked.notes.iter().map(|_| line()).collect();
        self.say("publish", request.get_ref(), &pb::PublishResponse { lines })
    }
}
