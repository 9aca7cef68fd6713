//! Clients of the cluster, each on a host of its own, with the real client.

mod chip;
mod operator;
mod rules;

use crate::env::{EPOCH_MS, SimNet, SimTime};
use crate::oracle::{Answer, Oracle};
use crate::plan::Plan;
use crate::random::{Stream, stream};
use crate::world::{CLUSTER, World, endpoints, operator_key, root_key};
use rand::Rng;
use selfsame::actor::Actor;
use selfsame::client::Client;
use selfsame_protocol::command::{Command, Role};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::keys::SecretKey;
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
    for number in 0..plan.chips {
        let seat = Seat::new(format!("chip{number}"), plan, oracle, time, stop);
        let organisation = number % plan.organisations;
        world.client(&seat.name.clone(), async move { chip::run(seat.sit(), organisation).await });
    }
    let seat = Seat::new("rules".into(), plan, oracle, time, stop);
    let (organisations, nodes) = (plan.organisations, plan.nodes);
    world.client("rules", async move { rules::run(seat.sit(), organisations, nodes).await });
    for number in 0..plan.operators {
        let seat = Seat::new(format!("operator{number}"), plan, oracle, time, stop);
        let organisation = number % plan.organisations;
        world.client(&seat.name.clone(), async move { operator::run(seat.sit(), organisation).await });
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
}

impl Seat {
    /// For the client on the host of that name.
    pub fn new(name: String, plan: &Plan, oracle: &Oracle, time: &SimTime, stop: &Rc<Cell<bool>>) -> Seat {
        let (oracle, time, stop) = (oracle.clone(), time.clone(), stop.clone());
        Seat { name, seed: plan.seed, nodes: plan.nodes, oracle, time, stop }
    }

    /// The client, which knows all nodes and begins with one of its own choice. To be called on its host.
    pub fn sit(self) -> Session {
        let Seat { name, seed, nodes, oracle, time, stop } = self;
        let mut random = stream(seed, &format!("client/{name}"));
        let mut endpoints = endpoints(nodes);
        let first = random.gen_range(0..endpoints.len());
        endpoints.rotate_left(first);
        let client = Client::new(&endpoints, Arc::new(SimNet)).unwrap_or_else(|error| panic!("endpoints: {error}"));
        let client = client.with_patience(ATTEMPT, TOTAL);
        Session { name, client, oracle, random, time, stop, seed, requests: 0 }
    }
}

/// What every client has.
pub struct Session {
    /// Name of the host, and beginning of every request id.
    name: String,
    client: Client,
    oracle: Oracle,
    random: Stream,
    time: SimTime,
    stop: Rc<Cell<bool>>,
    seed: u64,
    requests: u64,
}

impl Session {
    fn stopped(&self) -> bool {
        self.stop.get()
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(EPOCH_MS + self.time.ms())
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

    /// Waits up to so many milliseconds.
    async fn pause(&mut self, most: u64) {
        let ms = self.random.gen_range(1..=most);
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    fn sign(&mut self, actor: &Actor, command: Command) -> Envelope {
        self.requests += 1;
        actor.sign(&format!("{}/{}", self.name, self.requests), command)
    }

    /// Submits until the answer is known or the world stops; now and then once more, as a client that lost the answer
    /// would.
    async fn submit(&mut self, what: &'static str, actor: &Actor, command: Command) -> Answer {
        let envelope = self.sign(actor, command);
        loop {
            let answer = self.once(what, &envelope).await;
            if matches!(answer, Answer::Unknown(_)) && !self.stopped() {
                self.pause(200).await;
                continue;
            }
            if matches!(answer, Answer::Ok(_)) && self.random.gen_bool(0.1) {
                self.once(what, &envelope).await;
            }
            return answer;
        }
    }

    /// Submits once; the client itself may try several nodes.
    pub async fn once(&mut self, what: &'static str, envelope: &Envelope) -> Answer {
        let call = self.oracle.invoked(&self.name, what, Digest::of(&envelope.to_bytes()));
        let answer = Answer::of(self.client.submit(envelope).await);
        self.oracle.answered(call, answer.clone());
        if let Answer::Refused(code) = &answer
            && crate::audit::for_good(*code)
        {
            self.oracle.never(envelope.digest());
        }
        answer
    }

    /// Declares a run that nobody else declares.
    pub fn declaration(&mut self, organisation: u64, text: &str) -> Envelope {
        let actor = self.operator(organisation);
        let command = Command::DeclareRun { declaration: operator::declaration(text), request: None };
        self.sign(&actor, command)
    }
}
