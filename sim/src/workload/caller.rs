//! What every client of the simulation has: its host, its keys, the real client, and the record of what it does and sees.

use crate::audit::for_good;
use crate::cluster::{CLUSTER, endpoints, operator_key, root_key};
use crate::env::SimNet;
use crate::history::Answer;
use crate::invariants::g15_checkpoints::keys;
use crate::invariants::g16_served;
use crate::oracle::Oracle;
use crate::random::{Stream, stream};
use crate::time::{EPOCH_MS, SimTime};
use crate::world::World;
use rand::Rng;
use selfsame_client::{ChipSession, Client, Signer, Substrate};
use selfsame_protocol::command::{Command, DeclareRun, Proposal, Role};
use selfsame_protocol::constitution::ballot_digest;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::EntryRef;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::names::SubstrateId;
use selfsame_protocol::note::Vkey;
use selfsame_protocol::time::Timestamp;
use serde_json::{Value, json};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Time for one attempt of a call, and for all of them: a client of the simulation is less patient than a person.
const ATTEMPT: Duration = Duration::from_secs(2);
const TOTAL: Duration = Duration::from_secs(6);

/// A client of these nodes, as patient as clients of the simulation are.
fn client(endpoints: Vec<String>) -> Client {
    let client = Client::builder().endpoints(endpoints).network(Arc::new(SimNet::default()));
    let client = client.attempt_timeout(ATTEMPT).call_timeout(TOTAL).build();
    client.unwrap_or_else(|error| panic!("endpoints: {error}"))
}

/// Makes the callers of one world.
#[derive(Clone)]
pub struct Callers {
    seed: u64,
    pub(super) nodes: u64,
    pub(super) organisations: u64,
    oracle: Oracle,
    time: SimTime,
    keys: Vec<Vkey>,
}

impl Callers {
    /// For clients of this world.
    pub fn of(world: &World) -> Callers {
        let genesis = &world.genesis;
        Callers {
            seed: world.seed(),
            nodes: genesis.nodes.len() as u64,
            organisations: genesis.organisations.len() as u64,
            oracle: world.oracle.clone(),
            time: world.time(),
            keys: keys(genesis),
        }
    }

    /// For the client on the host of that name, which leaves once `stop` is set.
    pub fn spec(&self, name: String, stop: &Rc<Cell<bool>>) -> CallerSpec {
        CallerSpec { name, callers: self.clone(), stop: stop.clone(), quiet: Rc::default() }
    }
}

/// What a client is made of, before it runs on its host.
pub struct CallerSpec {
    name: String,
    callers: Callers,
    stop: Rc<Cell<bool>>,
    quiet: Rc<Cell<u64>>,
}

impl CallerSpec {
    /// The same for a client that calls nobody while `quiet` is not 0. Clients of the setup do so; guests do not, because
    /// they are why the others are silent.
    pub fn heeding(self, quiet: &Rc<Cell<u64>>) -> CallerSpec {
        CallerSpec { quiet: quiet.clone(), ..self }
    }

    /// The client, which knows all nodes and begins with one of its own choice. To be called on its host.
    pub fn start(self) -> Caller {
        let CallerSpec { name, callers: Callers { seed, nodes, oracle, time, keys, .. }, stop, quiet } = self;
        let mut random = stream(seed, &format!("client/{name}"));
        let mut endpoints = endpoints(nodes);
        let first = random.gen_range(0..endpoints.len());
        endpoints.rotate_left(first);
        let client = client(endpoints);
        Caller { name, nodes, client, oracle, random, time, stop, quiet, seed, requests: 0, keys, clock_ms: 0 }
    }
}

/// What every client has.
pub struct Caller {
    /// Name of the host, and beginning of every request id.
    pub(super) name: String,
    /// Nodes of the cluster.
    pub(super) nodes: u64,
    pub(super) client: Client,
    pub(super) oracle: Oracle,
    pub(super) random: Stream,
    time: SimTime,
    stop: Rc<Cell<bool>>,
    /// How many want that clients call nobody now.
    quiet: Rc<Cell<u64>>,
    pub(super) seed: u64,
    requests: u64,
    /// Keys under which nodes sign what they serve.
    pub(super) keys: Vec<Vkey>,
    /// How far the client's own clock is wrong, milliseconds.
    pub(super) clock_ms: i64,
}

impl Caller {
    pub(super) fn stopped(&self) -> bool {
        self.stop.get()
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_millis((EPOCH_MS + self.time.ms()).saturating_add_signed(self.clock_ms))
    }

    pub(super) fn actor(&self, role: Role, key: SecretKey) -> Signer {
        Signer { cluster: CLUSTER.into(), role, key }
    }

    pub(super) fn root(&self, organisation: u64) -> Signer {
        self.actor(Role::Root, root_key(self.seed, organisation))
    }

    pub(super) fn operator(&self, organisation: u64) -> Signer {
        self.actor(Role::Operator, operator_key(self.seed, organisation))
    }

    /// What a vote on a proposal is about, under the constitution in force. `None` when this ends before anybody says it.
    pub(super) async fn about(&mut self, proposal_id: &str, proposal: &Proposal) -> Option<Digest> {
        loop {
            if let Ok(constitution) = self.client.constitution().await {
                return Some(ballot_digest(&constitution.hash(), proposal_id, proposal));
            }
            if self.stopped() {
                return None;
            }
            self.pause(200).await;
        }
    }

    /// Waits up to so many milliseconds.
    pub(super) async fn pause(&mut self, most: u64) {
        let ms = self.random.gen_range(1..=most);
        tokio::time::sleep(Duration::from_millis(ms)).await;
        while self.quiet.get() > 0 && !self.stopped() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The name of the next request.
    pub(super) fn request_id(&mut self) -> String {
        self.requests += 1;
        format!("{}/{}", self.name, self.requests)
    }

    pub(super) fn sign(&mut self, actor: &Signer, command: Command) -> Envelope {
        actor.sign(&self.request_id(), command)
    }

    /// A chip's place in a substrate in this state. Its next request is named like all of this client.
    pub(super) fn writer(&mut self, chip: &Signer, state: &Substrate) -> ChipSession {
        let mut writer = ChipSession::resumed(chip.clone(), state);
        writer.set_request_id(self.request_id());
        writer
    }

    /// A chip that does not hold the substrate yet. Its next request is named like all of this client.
    pub(super) fn newcomer(&mut self, chip: &Signer, substrate: &SubstrateId) -> ChipSession {
        let mut newcomer = ChipSession::new(chip.clone(), substrate.clone());
        newcomer.set_request_id(self.request_id());
        newcomer
    }

    /// Submits until the answer is known or the world stops; now and then once more, as a client that lost the answer
    /// would.
    pub(super) async fn submit(&mut self, what: &'static str, actor: &Signer, command: Command) -> Answer {
        let envelope = self.sign(actor, command);
        self.insist(what, &envelope).await
    }

    /// Submits an envelope as [`Caller::submit`] does a command.
    pub(super) async fn insist(&mut self, what: &'static str, envelope: &Envelope) -> Answer {
        loop {
            let answer = self.once(what, envelope).await;
            if matches!(answer, Answer::Unknown(_)) && !self.stopped() {
                self.pause(200).await;
                continue;
            }
            if matches!(answer, Answer::Ok(_)) && self.random.gen_bool(0.1) {
                self.once(what, envelope).await;
            }
            return answer;
        }
    }

    /// Submits once; the client itself may try several nodes.
    pub async fn once(&mut self, what: &'static str, envelope: &Envelope) -> Answer {
        self.by(&self.client, what, envelope).await
    }

    /// Submits once by a client of the caller's choice.
    pub(super) async fn by(&self, client: &Client, what: &'static str, envelope: &Envelope) -> Answer {
        let call = self.oracle.invoked(&self.name, what, Digest::of(&envelope.to_bytes()));
        let answer = Answer::of(client.submit(envelope).await);
        self.oracle.answered(call, answer.clone());
        if let Answer::Refused(code) = &answer
            && for_good(*code)
        {
            self.oracle.never(envelope.digest());
        }
        answer
    }

    /// Asks for the proof of a promised entry and verifies it. False when nobody answered.
    pub async fn prove(&mut self, promised: &EntryRef) -> bool {
        let invoked = self.oracle.now_ms();
        let Ok(given) = self.client.inclusion(promised.ledger, promised.index.0, 0).await else { return false };
        match g16_served::inclusion(promised, &given, &self.keys) {
            Ok(_) => self.oracle.checkpoint(&given.checkpoint, invoked),
            Err(what) => self.oracle.violated(g16_served::NAME, what),
        }
        true
    }

    /// A client that knows one node only, as patient as others.
    pub(super) fn at(&self, node: u64) -> Client {
        client(endpoints(node).split_off(node as usize - 1))
    }

    /// Declares a run that nobody else declares.
    pub fn declaration(&mut self, organisation: u64, text: &str) -> Envelope {
        let actor = self.operator(organisation);
        let command = Command::DeclareRun(DeclareRun { declaration: declaration(text), request: None });
        self.sign(&actor, command)
    }
}

/// A declaration that differs from others by its text.
pub(super) fn declaration(text: &str) -> Value {
    json!({
        "type": "selfsame/run-declaration/v1",
        "model": {"provider": "example", "name": "clerk", "revision": "1", "assurance": "provider-asserted"},
        "prompt": {"messages": [{"role": "user", "parts": [{"type": "text", "content": {"inline": text}}]}]},
        "parameters": {"temperature": 0.2, "seed": "42"},
        "context": {"none": true},
        "constraints": {"response_format": "json"},
    })
}
