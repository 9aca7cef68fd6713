//! Clients that ask for more than there is. Faults bring them into the world.

use super::caller::{Caller, declaration};
use super::visit::Visit;
use crate::history::Answer;
use rand::Rng;
use selfsame_client::ClientError;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{Command, DeclareRun};
use selfsame_protocol::digest::Digest;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// Clients of one burst: about ten times as many as a plan has, with several submissions each under way.
const CLIENTS: u64 = 120;

/// Many clients at once, none of which waits for another; counts when somebody was refused for it and somebody served.
pub async fn burst(visit: Visit) {
    let refused: Rc<Cell<u64>> = Rc::default();
    let served: Rc<Cell<u64>> = Rc::default();
    let mut host = visit.caller("host");
    // All at one node: its queue is the one that fills.
    let node = host.random.gen_range(1..=visit.callers.nodes);
    let client = host.at(node).with_timeouts(Duration::from_secs(2), Duration::ZERO);
    let clients = (0..CLIENTS).map(|number| {
        let mut caller = visit.caller(&number.to_string());
        let (refused, served, client) = (refused.clone(), served.clone(), client.clone());
        let fired = visit.fired.clone();
        tokio::task::spawn_local(async move {
            let envelope = caller.declaration(0, &format!("burst {}", caller.name));
            for _ in 0..5 {
                let call = caller.oracle.invoked(&caller.name, "burst", Digest::of(&envelope.to_bytes()));
                let answer = client.submit(&envelope).await;
                if matches!(&answer, Err(ClientError::Refused(refusal)) if refusal.code == Code::Overloaded) {
                    refused.set(refused.get() + 1);
                }
                let answer = Answer::of(answer);
                let done = matches!(answer, Answer::Ok(_));
                caller.oracle.answered(call, answer);
                if done || caller.stopped() {
                    served.set(served.get() + u64::from(done));
                    if refused.get() > 0 && served.get() > 0 {
                        fired.set(1);
                    }
                    return;
                }
                caller.pause(400).await;
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        let _ = client.await;
    }
}

/// Clients that repeat at once whatever is not answered at once, also when nothing can be; counts when they had to
/// repeat and were served in the end.
pub async fn retry_storm(visit: Visit) {
    let repeats: Rc<Cell<u64>> = Rc::default();
    let host = visit.caller("host");
    let nodes = 1..=visit.callers.nodes;
    let nodes: Vec<_> =
        nodes.map(|node| host.at(node).with_timeouts(Duration::from_millis(120), Duration::ZERO)).collect();
    let clients = (0..24_usize).map(|number| {
        let mut caller = visit.caller(&number.to_string());
        let (repeats, nodes, mut at) = (repeats.clone(), nodes.clone(), number);
        let fired = visit.fired.clone();
        tokio::task::spawn_local(async move {
            for number in 0..4 {
                let envelope = caller.declaration(0, &format!("storm {} {number}", caller.name));
                while !matches!(caller.by(&nodes[at % nodes.len()], "storm", &envelope).await, Answer::Ok(_)) {
                    if caller.stopped() {
                        return;
                    }
                    repeats.set(repeats.get() + 1);
                    // The next node at once: what it did not answer is still under way there.
                    at += 1;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                if repeats.get() > 0 {
                    fired.set(1);
                }
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        let _ = client.await;
    }
}

/// Writes without a pause, and asks every node for snapshots: whoever is cut off finds the log purged afterwards.
pub async fn fill(visit: Visit, clients: u64) {
    let clients = (0..clients).map(|number| {
        let mut caller = visit.caller(&number.to_string());
        let nodes = visit.callers.nodes;
        tokio::task::spawn_local(async move {
            for round in 0_u64.. {
                if caller.stopped() {
                    return;
                }
                let operator = caller.operator(0);
                let text = format!("fill {} {round}", caller.name);
                let command = Command::DeclareRun(DeclareRun { declaration: declaration(&text), request: None });
                caller.submit("fill", &operator, command).await;
                if number == 0 && round % 16 == 15 {
                    snapshots(&caller, nodes).await;
                }
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        let _ = client.await;
    }
}

async fn snapshots(caller: &Caller, nodes: u64) {
    for node in 1..=nodes {
        let client = caller.at(node).with_timeouts(Duration::from_millis(300), Duration::ZERO);
        // One that is down or cut off has none to give.
        let _ = client.snapshot().await;
    }
}

/// Asks for snapshots while all others are silent, until the log ends where the snapshot does.
pub async fn snapshot_when_idle(visit: Visit) {
    let mut caller = visit.caller("a");
    while !caller.stopped() {
        let ms = caller.random.gen_range(300..700);
        tokio::time::sleep(Duration::from_millis(ms)).await;
        snapshots(&caller, visit.callers.nodes).await;
    }
}
