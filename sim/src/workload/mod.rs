//! Clients of the cluster, each on a host of its own, with the real client.

mod asker;
mod chip;
pub mod ghost;
pub mod guests;
pub mod load;
mod operator;
mod receipts;
mod rules;

use crate::env::{EPOCH_MS, SimNet, SimTime};
use crate::invariants::g15_checkpoints::keys;
use crate::invariants::g16_served;
use crate::oracle::{Answer, Oracle};
use crate::plan::Plan;
use crate::random::{Stream, stream};
use crate::world::{CLUSTER, World, endpoints, genesis, operator_key, root_key};
use rand::Rng;
use selfsame::actor::Actor;
use selfsame::client::Client;
use selfsame_protocol::command::{Command, DeclareRun, Proposal, Role};
use selfsame_protocol::constitution::ballot_digest;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::EntryRef;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::note::Vkey;
use selfsame_protocol::time::Timestamp;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Time for one attempt of a call, and for all of them: a client of the simulation is less patient than a person.
const ATTEMPT: Duration = Duration::from_secs(2);
const TOTAL: Duration = Duration::from_secs(6);

/// Adds the clients of a plan to the world. They stop after the call under way once `stop` is set.
pub fn start(world: &mut World, plan: &Plan, oracle: &Oracle, time: &SimTime, stop: &Rc<Cell<bool>>) {
    let seats = Seats {
        seed: plan.seed,
        nodes: plan.nodes,
        organisations: plan.organisations,
        oracle: oracle.clone(),
        time: time.clone(),
        keys: keys(&genesis(plan)),
    };
    world.seats = Some(seats);
    for number in 0..plan.chips {
        let mut seat = Seat::new(format!("chip{number}"), plan, oracle, time, stop);
        seat.quiet = world.quiet.clone();
        let organisation = number % plan.organisations;
        world.client(&seat.name.clone(), async move { chip::run(seat.sit(), organisation).await });
    }
    if let Some(node) = rules::quarantined(plan.seed, plan.nodes) {
        world.excuse(node);
    }
    let seat = Seat::new("rules".into(), plan, oracle, time, stop);
    let (organisations, nodes) = (plan.organisations, plan.nodes);
    world.client("rules", async move { rules::run(seat.sit(), organisations, nodes).await });
    let mut seat = Seat::new("receipts".into(), plan, oracle, time, stop);
    seat.quiet = world.quiet.clone();
    world.client("receipts", async move { receipts::run(seat.sit()).await });
    let seat = Seat::new("asker".into(), plan, oracle, time, stop);
    let cosigners = world.cosigners();
    world.client("asker", async move { asker::run(seat.sit(), cosigners).await });
    for number in 0..plan.operators {
        let mut seat = Seat::new(format!("operator{number}"), plan, oracle, time, stop);
        seat.quiet = world.quiet.clone();
        let organisation = number % plan.organisations;
        world.client(&seat.name.clone(), async move { operator::run(seat.sit(), organisation).await });
    }
}

/// Makes seats for clients that come while the world runs.
#[derive(Clone)]
pub struct Seats {
    seed: u64,
    nodes: u64,
    organisations: u64,
    oracle: Oracle,
    time: SimTime,
    keys: Vec<Vkey>,
}

impl Seats {
    fn seat(&self, name: String, stop: &Rc<Cell<bool>>) -> Seat {
        let Seats { seed, nodes, oracle, time, keys, .. } = self.clone();
        // Only clients of the plan fall silent: those who come are why the others do.
        Seat { name, seed, nodes, oracle, time, stop: stop.clone(), keys, quiet: Rc::default() }
    }
}

/// What a client is made of, before it runs on its host.
pub struct Seat {
    name: String,
    seed: u64,
    nodes: u64,
    oracle: Oracle,
    time: SimTime,
    stop: Rc<Cell<bool>>,
    keys: Vec<Vkey>,
    quiet: Rc<Cell<u64>>,
}

impl Seat {
    /// For the client on the host of that name.
    pub fn new(name: String, plan: &Plan, oracle: &Oracle, time: &SimTime, stop: &Rc<Cell<bool>>) -> Seat {
        let (oracle, time, stop) = (oracle.clone(), time.clone(), stop.clone());
        let keys = keys(&genesis(plan));
        Seat { name, seed: plan.seed, nodes: plan.nodes, oracle, time, stop, keys, quiet: Rc::default() }
    }

    /// The client, which knows all nodes and begins with one of its own choice. To be called on its host.
    pub fn sit(self) -> Session {
        let Seat { name, seed, nodes, oracle, time, stop, keys, quiet } = self;
        let mut random = stream(seed, &format!("client/{name}"));
        let mut endpoints = endpoints(nodes);
        let first = random.gen_range(0..endpoints.len());
        endpoints.rotate_left(first);
        let client =
            Client::new(&endpoints, Arc::new(SimNet::default())).unwrap_or_else(|error| panic!("endpoints: {error}"));
        let client = client.with_patience(ATTEMPT, TOTAL);
        Session { name, nodes, client, oracle, random, time, stop, quiet, seed, requests: 0, keys, clock_ms: 0 }
    }
}

/// What every client has.
pub struct Session {
    /// Name of the host, and beginning of every request id.
    name: String,
    /// Nodes of the cluster.
    nodes: u64,
    client: Client,
    oracle: Oracle,
    random: Stream,
    time: SimTime,
    stop: Rc<Cell<bool>>,
    /// How many want that clients call nobody now.
    quiet: Rc<Cell<u64>>,
    seed: u64,
    requests: u64,
    /// Keys under which nodes sign what they serve.
    keys: Vec<Vkey>,
    /// How far the client's own clock is wrong, milliseconds.
    clock_ms: i64,
}

impl Session {
    fn stopped(&self) -> bool {
        self.stop.get()
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis((EPOCH_MS + self.time.ms()).saturating_add_signed(self.clock_ms))
    }

    fn actor(&self, role: Role, key: SecretKey) -> Actor {
        Actor { cluster: CLUSTER.into(), role, key }
    }

    fn root(&self, organisation: u64) -> Actor {
        self.actor(Role::Root, root_key(self.seed, organisation))
    }

    fn operator(&self, organisation: u64) -> Actor {
        self.actor(Role::Operator, operator_key(self.seed, organisation))
    }

    /// What a vote on a proposal is about, under the constitution in force. `None` when this ends before anybody says it.
    async fn about(&mut self, proposal_id: &str, proposal: &Proposal) -> Option<Digest> {
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
    async fn pause(&mut self, most: u64) {
        let ms = self.random.gen_range(1..=most);
        tokio::time::sleep(Duration::from_millis(ms)).await;
        while self.quiet.get() > 0 && !self.stopped() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn sign(&mut self, actor: &Actor, command: Command) -> Envelope {
        self.requests += 1;
        actor.sign(&format!("{}/{}", self.name, self.requests), command)
    }

    /// Submits until the answer is known or the world stops; now and then once more, as a client that lost the answer
    /// would.
    async fn submit(&mut self, what: &'static str, actor: &Actor, command: Command) -> Answer {
        let envelope = self.sign(actor, command);
        self.insist(what, &envelope).await
    }

    /// Submits an envelope as [`Session::submit`] does a command.
    async fn insist(&mut self, what: &'static str, envelope: &Envelope) -> Answer {
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
    async fn by(&self, client: &Client, what: &'static str, envelope: &Envelope) -> Answer {
        let call = self.oracle.invoked(&self.name, what, Digest::of(&envelope.to_bytes()));
        let answer = Answer::of(client.submit(envelope).await);
        self.oracle.answered(call, answer.clone());
        if let Answer::Refused(code) = &answer
            && crate::audit::for_good(*code)
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
    fn at(&self, node: u64) -> Client {
        let endpoints = &endpoints(node)[node as usize - 1..];
        let client =
            Client::new(endpoints, Arc::new(SimNet::default())).unwrap_or_else(|error| panic!("endpoint: {error}"));
        client.with_patience(ATTEMPT, TOTAL)
    }

    /// Declares a run that nobody else declares.
    pub fn declaration(&mut self, organisation: u64, text: &str) -> Envelope {
        let actor = self.operator(organisation);
        let command = Command::DeclareRun(DeclareRun { declaration: operator::declaration(text), request: None });
        self.sign(&actor, command)
    }
}
