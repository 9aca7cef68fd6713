//! Participants that lie: the family B, one kind for each way of lying.
//!
//! An attack runs on a host of its own and speaks to the real interfaces of the nodes. What it tries and what it was
//! told goes through the oracle, so that the counts of a run show each refusal by name. An answer other than the one
//! that the rules demand is a violation. An attack that gets no answer, because the world is broken at the time, shows
//! nothing in either direction.

use super::kind::Fault;
use crate::cluster::{CLUSTER, endpoints, node_key, operator_key, root_key};
use crate::env::SimNet;
use crate::history::Answer;
use crate::oracle::Oracle;
use crate::random::{Stream, key, stream};
use crate::time::{EPOCH_MS, SimTime};
use crate::world::World;
use rand::Rng;
use selfsame_client::Client;
use selfsame_client::Signer;
use selfsame_machine::Genesis;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{Command, Role};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::response::SubmitResponse;
use selfsame_protocol::time::Timestamp;
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Attempts of one call before an attack gives up on an answer.
const ATTEMPTS: u64 = 12;
/// Property that an attack breaks when it succeeds.
pub const PROPERTY: &str = "byzantine";

/// What an attack does, from its begin to its end.
pub type Script = fn(Adversary) -> Pin<Box<dyn Future<Output = ()>>>;

/// An attack that a host carries out by itself once it began.
pub struct Attack {
    /// Name of the kind.
    pub kind: &'static str,
    /// Tells occurrences of one kind apart.
    pub number: u64,
    /// What is done.
    pub script: Script,
}

impl std::fmt::Debug for Attack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} number {:x}", self.kind, self.number)
    }
}

/// An occurrence of an attack by a host of its own.
pub fn attack(kind: &'static str, script: Script, random: &mut Stream) -> Box<dyn Fault> {
    Box::new(Attack { kind, number: random.r#gen::<u32>().into(), script })
}

impl Fault for Attack {
    fn kind(&self) -> &'static str {
        self.kind
    }
    fn begin(&mut self, world: &mut World) -> bool {
        let (name, arrive) = Adversary::on_host(self.kind, self.number, world);
        let script = self.script;
        world.client(&name, async move {
            script(arrive()).await;
            Ok(())
        });
        true
    }
    fn end(&mut self, _: &mut World) {}
}

/// Somebody with bad intentions, on a host of its own.
pub struct Adversary {
    /// Host, and beginning of every request id.
    pub name: String,
    /// Name of the kind.
    pub kind: &'static str,
    /// The real client, beginning with a node of its own choice.
    pub client: Client,
    /// Where attempts and answers are recorded.
    pub oracle: Oracle,
    /// Its choices.
    pub random: Stream,
    /// Simulated time.
    pub time: SimTime,
    /// The seed.
    pub seed: u64,
    /// Consensus identity.
    pub genesis: Arc<Genesis>,
    /// How many faults want that nobody calls.
    quiet: Rc<Cell<u64>>,
    requests: u64,
}

impl Adversary {
    /// The name of its host, and what makes it once it is there.
    pub fn on_host(kind: &'static str, number: u64, world: &World) -> (String, impl FnOnce() -> Adversary + use<>) {
        let short = kind.split('_').next().unwrap_or(kind).to_lowercase();
        let name = format!("{short}-{number:x}");
        let (oracle, time, seed, genesis) = (world.oracle.clone(), world.time(), world.seed(), world.genesis.clone());
        let quiet = world.quiet.clone();
        let arrive = {
            let name = name.clone();
            move || {
                let mut random = stream(seed, &format!("byzantine/{kind}/{number}"));
                let mut endpoints = endpoints(genesis.nodes.len() as u64);
                let first = random.gen_range(0..endpoints.len());
                endpoints.rotate_left(first);
                let client = Client::builder().endpoints(endpoints).network(Arc::new(SimNet::default()));
                let client = client.attempt_timeout(Duration::from_secs(2)).call_timeout(Duration::from_secs(5));
                let client = client.build().unwrap_or_else(|error| panic!("endpoints: {error}"));
                Adversary { name, kind, client, oracle, random, time, seed, genesis, quiet, requests: 0 }
            }
        };
        (name, arrive)
    }

    /// An attack succeeded.
    pub fn succeeded(&self, what: impl AsRef<str>) {
        self.oracle.violated(PROPERTY, format!("{} ({}): {}", self.kind, self.name, what.as_ref()));
    }

    /// The time as true clocks show it.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(EPOCH_MS + self.time.ms())
    }

    /// Waits.
    pub async fn pause(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    /// Number of organisations.
    pub fn organisations(&self) -> u64 {
        self.genesis.organisations.len() as u64
    }

    /// A signer for this cluster.
    pub fn actor(&self, role: Role, key: SecretKey) -> Signer {
        Signer { cluster: CLUSTER.into(), role, key }
    }

    /// The root of an organisation, counted from 0.
    pub fn root(&self, organisation: u64) -> Signer {
        self.actor(Role::Root, root_key(self.seed, organisation))
    }

    /// The operator of an organisation, counted from 0.
    pub fn operator(&self, organisation: u64) -> Signer {
        self.actor(Role::Operator, operator_key(self.seed, organisation))
    }

    /// A node's own key.
    pub fn node_key(&self, node: u64) -> SecretKey {
        node_key(self.seed, node)
    }

    /// A key that nobody registered yet.
    pub fn fresh_key(&self, what: &str) -> SecretKey {
        key(self.seed, &format!("{}/{what}", self.name))
    }

    /// The name of the next request.
    pub fn request_id(&mut self) -> String {
        self.requests += 1;
        format!("{}/{}", self.name, self.requests)
    }

    /// Signs under the next request id.
    pub fn sign(&mut self, actor: &Signer, command: Command) -> Envelope {
        actor.sign(&self.request_id(), command)
    }

    /// Submits until the answer is known; `None` when the world gives none.
    pub async fn answer(&mut self, what: &'static str, envelope: &Envelope) -> Option<Answer> {
        for _ in 0..ATTEMPTS {
            while self.quiet.get() > 0 {
                self.pause(20).await;
            }
            let call = self.oracle.invoked(&self.name, what, Digest::of(&envelope.to_bytes()));
            let answer = Answer::of(self.client.submit(envelope).await);
            self.oracle.answered(call, answer.clone());
            if !matches!(answer, Answer::Unknown(_)) {
                return Some(answer);
            }
            self.pause(300).await;
        }
        None
    }

    /// Demands that an envelope is refused with one of these codes. True when it was.
    pub async fn refused(&mut self, what: &'static str, envelope: &Envelope, codes: &[Code]) -> bool {
        match self.answer(what, envelope).await {
            None => false,
            Some(Answer::Refused(code)) if codes.contains(&code) => true,
            Some(other) => {
                self.succeeded(format!("{what}: expected one of {codes:?}, found {other:?}"));
                false
            }
        }
    }

    /// Signs a command and demands that it is refused with one of these codes.
    pub async fn denied(&mut self, what: &'static str, actor: &Signer, command: Command, codes: &[Code]) -> bool {
        let envelope = self.sign(actor, command);
        self.refused(what, &envelope, codes).await
    }

    /// Demands that an honest envelope is accepted.
    pub async fn accepted(&mut self, what: &'static str, envelope: &Envelope) -> Option<SubmitResponse> {
        match self.answer(what, envelope).await {
            None => None,
            Some(Answer::Ok(receipt)) => Some(receipt),
            Some(other) => {
                self.succeeded(format!("{what}: an honest step must be accepted, found {other:?}"));
                None
            }
        }
    }

    /// Signs an honest command and demands that it is accepted.
    pub async fn honest(&mut self, what: &'static str, actor: &Signer, command: Command) -> Option<SubmitResponse> {
        let envelope = self.sign(actor, command);
        self.accepted(what, &envelope).await
    }
}

/// Shared between a fault and its script.
pub type Shared<T> = Rc<RefCell<T>>;
