//! The witness endpoint over real HTTP: every status that the format names, and a log that asks for cosignatures.

use super::harness::{Nodes, net};
use selfsame_env::Env;
use selfsame_env::fetch::{Answer, Server};
use selfsame_node::metrics::Metrics;
use selfsame_node::witness::{External, Witnesses, witness_key};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::equivocation::Evidence;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::merkle::{TileId, append_to_tiles, consistency_proof, leaf_hash, root_at};
use selfsame_protocol::note::{Checkpoint, Note, TYPE_COSIGNATURE, TYPE_ED25519, Vkey};
use selfsame_protocol::witness::{AddCheckpoint, MAX_REQUEST, cosignatures, monitoring_name};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

const ORIGIN: &str = "foreign.example/log";

/// A log of somebody else, whose key stands in node 1's configuration.
struct Log {
    key: SecretKey,
    odd: Option<u64>,
}

impl Log {
    fn vkey(&self) -> Vkey {
        Vkey { name: ORIGIN.into(), kind: TYPE_ED25519, key: self.key.public() }
    }

    fn tiles(&self, size: u64) -> BTreeMap<TileId, Vec<u8>> {
        let leaf = |i: u64| if self.odd == Some(i) { leaf_hash(b"odd") } else { leaf_hash(&i.to_be_bytes()) };
        let leaves: Vec<Digest> = (0..size).map(leaf).collect();
        append_to_tiles(0, &leaves, &mut |_| Ok::<_, Infallible>(None)).unwrap().into_iter().collect()
    }

    fn note(&self, size: u64) -> Note {
        let tiles = self.tiles(size);
        let root = root_at(size, &mut |id| Ok::<_, Infallible>(tiles.get(&id).cloned())).unwrap();
        let mut note = Note::new(Checkpoint { origin: ORIGIN.into(), size, root }.to_text());
        note.sign(ORIGIN, &self.key);
        note
    }

    fn request(&self, old: u64, new: u64) -> AddCheckpoint {
        let tiles = self.tiles(new);
        let proof = consistency_proof(old, new, &mut |id| Ok::<_, Infallible>(tiles.get(&id).cloned())).unwrap();
        AddCheckpoint { old, proof, note: self.note(new) }
    }
}

fn log() -> Log {
    Log { key: SecretKey::from_seed(&[7; 32]), odd: None }
}

fn fork() -> Log {
    Log { odd: Some(2), ..log() }
}

async fn nodes() -> (Nodes, Vkey) {
    let mut nodes = Nodes::start().await;
    nodes.cluster.witness.logs.insert(ORIGIN.into(), vec![log().vkey()]);
    nodes.restart(1).await;
    let key = witness_key(&nodes.cluster.keys.nodes[0]).public();
    (nodes, Vkey { name: "test.example/witness/1".into(), kind: TYPE_COSIGNATURE, key })
}

async fn post(server: &Server, body: String) -> Answer {
    server.post("add-checkpoint", body, 1 << 16).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_status_is_the_one_that_the_format_names() {
    let (mut nodes, witness) = nodes().await;
    let server = Server::new(&format!("http://{}/witness", nodes.http(1)), net()).unwrap();
    let ask = async |request: AddCheckpoint| post(&server, request.to_text()).await;
    let monitoring = format!("{}/checkpoint", monitoring_name(ORIGIN));
    assert_eq!(server.get(&monitoring, 1 << 16).await.unwrap().status, 404);

    // 200, with exactly the witness' own lines.
    let answer = ask(log().request(0, 5)).await;
    assert_eq!(answer.status, 200);
    let lines = cosignatures(&log().note(5), &answer.body, &witness).unwrap();
    assert_eq!(lines.len(), 1);
    assert!(answer.body.starts_with("— test.example/witness/1 ".as_bytes()) && answer.body.ends_with(b"\n"));
    assert_eq!(ask(log().request(5, 5)).await.status, 200);

    // 409 with the size, as text/x.tlog.size, for a wrong old size and for another root of the same size.
    for request in [log().request(0, 8), log().request(3, 8), fork().request(5, 5)] {
        let answer = ask(request).await;
        assert_eq!((answer.status, &answer.body[..]), (409, &b"5\n"[..]));
        assert_eq!(answer.kind, "text/x.tlog.size");
    }
    // 400: no request, an old size above the new one, and more bytes than a request may have, before any is decoded.
    assert_eq!(post(&server, "nothing".into()).await.status, 400);
    assert_eq!(ask(AddCheckpoint { old: 6, ..log().request(3, 5) }).await.status, 400);
    assert_eq!(post(&server, "x".repeat(MAX_REQUEST + 1)).await.status, 400);
    // 403: a stranger's key; 404: a stranger's log.
    let stranger = Log { key: SecretKey::from_seed(&[8; 32]), odd: None };
    assert_eq!(ask(stranger.request(5, 8)).await.status, 403);
    let mut other = log().request(5, 8);
    other.note = Note::new(other.note.text.replacen("foreign", "other", 1));
    other.note.sign("other.example/log", &log().key);
    assert_eq!(ask(other).await.status, 404);
    // 422: the tree does not extend the one that was cosigned.
    assert_eq!(ask(fork().request(5, 8)).await.status, 422);
    assert_eq!(ask(AddCheckpoint { proof: Vec::new(), ..log().request(5, 8) }).await.status, 422);

    // The monitoring address shows the last cosigned note, with the log's line and the witness'.
    let shown = server.get(&monitoring, 1 << 16).await.unwrap();
    let shown = Note::parse(&shown.body).unwrap();
    assert_eq!(
        (shown.text.as_str(), shown.verify(&[log().vkey(), witness.clone()]).unwrap().len()),
        (log().note(5).text.as_str(), 2)
    );
    let metrics = Server::new(&nodes.http(1), net()).unwrap().get("metrics", 1 << 20).await.unwrap();
    let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
    for line in ["selfsame_witness_answers_total{status=\"422\"} 2", "selfsame_equivocations_total 2"] {
        assert!(metrics.contains(line), "{line} in\n{metrics}");
    }
    // Both forks are kept as evidence against the log.
    let dir = nodes.cluster.dir(1);
    let files: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|file| file.unwrap().path()).collect();
    let evidence = files.iter().filter(|file| file.to_string_lossy().contains("equivocation-"));
    let evidence: Vec<_> = evidence.map(|file| Evidence::from_bytes(&std::fs::read(file).unwrap()).unwrap()).collect();
    assert_eq!(evidence.len(), 2);
    assert!(evidence.iter().all(|file| file.verify(&[log().vkey()]).is_ok()));

    // The witness remembers across a restart of its node.
    nodes.restart(1).await;
    let server = Server::new(&format!("http://{}/witness", nodes.http(1)), net()).unwrap();
    assert_eq!(post(&server, log().request(0, 8).to_text()).await.status, 409);
    assert_eq!(post(&server, log().request(5, 8).to_text()).await.status, 200);
}

/// The cluster's own ledgers are witnessed by every node, and against its own copy.
#[tokio::test(flavor = "multi_thread")]
async fn every_node_witnesses_the_ledgers_of_its_own_cluster() {
    let (mut nodes, _) = nodes().await;
    nodes.declare(3).await;
    let front = Server::new(&nodes.http(2), net()).unwrap();
    let note = Note::parse(&front.get("evidence/checkpoint", 1 << 16).await.unwrap().body).unwrap();
    let third = Server::new(&format!("{}/witness", nodes.http(3)), net()).unwrap();
    let good = AddCheckpoint { old: 0, proof: Vec::new(), note: note.clone() };
    assert_eq!(post(&third, good.to_text()).await.status, 200);
    // A fork under the real key, shown to a node that never cosigned: only its own copy can tell.
    let head = Checkpoint::parse(&note.text).unwrap();
    let forked = Checkpoint { root: Digest::of(b"fork"), ..head };
    let mut note = Note::new(forked.to_text());
    nodes.sign_as_log(&mut note);
    let first = Server::new(&format!("{}/witness", nodes.http(1)), net()).unwrap();
    let answer = post(&first, AddCheckpoint { old: 0, proof: Vec::new(), note }.to_text()).await;
    assert_eq!(answer.status, 422, "{}", String::from_utf8_lossy(&answer.body));
}

/// A log that asks: it learns the size by a 409, gets cosignatures that hold, and hears of a fork under its own key.
#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_gets_cosignatures_and_an_alarm_when_its_key_signed_a_fork() {
    let (nodes, witness) = nodes().await;
    let url = format!("http://{}/witness", nodes.http(1));
    let dir = tempfile::tempdir().unwrap();
    let env = Env::real(dir.path()).unwrap();
    let external = |required| External { vkey: witness.clone(), url: url.clone(), monitoring: None, required };
    let gone = External {
        vkey: Vkey { name: "gone.example/w".into(), ..witness.clone() },
        url: "http://127.0.0.1:1".into(),
        ..external(false)
    };
    let asked = async |log: Log, size: u64, external: &[External]| {
        let metrics = Arc::new(Metrics::new());
        let witnesses = Witnesses::new(external, env.clone(), metrics).unwrap();
        let tiles = log.tiles(size);
        witnesses.cosign(&log.note(size), &move |id| Ok(tiles.get(&id).cloned())).await
    };
    // Fail-open: the one that is gone is named, the other's line holds.
    let cosigned = asked(log(), 5, &[external(true), gone.clone()]).await;
    assert_eq!((cosigned.lines.len(), cosigned.required.len()), (1, 0));
    assert_eq!(cosigned.missing[0].0, "gone.example/w");
    let mut published = log().note(5);
    published.signatures.extend(cosigned.lines);
    assert_eq!(published.verify(&[log().vkey(), witness.clone()]).unwrap().len(), 2);
    // A fresh asker knows no size: the 409 tells it.
    assert_eq!(asked(log(), 9, &[external(true)]).await.lines.len(), 1);
    // Fail-closed: without it nothing may be published.
    let closed = asked(log(), 9, &[External { required: true, ..gone }]).await;
    assert_eq!(closed.required, ["gone.example/w"]);

    // Somebody signed a fork with the log's key and was here first: the honest publisher keeps the proof.
    let cosigned = asked(fork(), 9, &[external(true)]).await;
    assert!(cosigned.missing[0].1.contains("another root"), "{cosigned:?}");
    let cosigned = asked(fork(), 12, &[external(false)]).await;
    assert!(cosigned.missing[0].1.contains("422") && cosigned.required.is_empty(), "{cosigned:?}");
    let kept = env.disk.list().unwrap().into_iter().filter(|name| name.starts_with("equivocation-")).count();
    assert_eq!(kept, 2);
}

/// The checkpoint that every node publishes carries the witness' line; a witness that is required and away stops
/// publication, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn published_checkpoints_carry_the_lines_of_external_witnesses() {
    let mut nodes = Nodes::start().await;
    let mut others = Nodes::named("other").await;
    for ledger in Ledger::BOTH {
        let key = nodes.cluster.keys.nodes[0].log_key().public();
        let origin = nodes.genesis().ledger_origin(ledger);
        others.cluster.witness.logs.insert(origin.clone(), vec![Vkey { name: origin, kind: TYPE_ED25519, key }]);
    }
    others.restart(1).await;
    let key = witness_key(&others.cluster.keys.nodes[0]).public();
    let vkey = Vkey { name: "other.example/witness/1".into(), kind: TYPE_COSIGNATURE, key };
    let url = format!("http://{}/witness", others.http(1));
    nodes.cluster.witness.external = vec![External { vkey: vkey.clone(), url, monitoring: None, required: true }];
    for id in 1..=3 {
        nodes.restart(id).await;
    }
    nodes.declare(3).await;
    for id in 1..=3 {
        for ledger in Ledger::BOTH {
            let server = Server::new(&nodes.http(id), net()).unwrap();
            let note = server.get(&format!("{ledger}/checkpoint"), 1 << 16).await.unwrap();
            let note = Note::parse(&note.body).unwrap();
            let verified =
                note.verify(std::slice::from_ref(&vkey)).unwrap_or_else(|e| panic!("node {id} {ledger}: {e}"));
            assert_eq!(verified.len(), 1);
        }
    }
    // Without it: entries are committed, receipts wait, and the node says why.
    others.cluster.stop().await;
    let published = nodes.cluster.node(1).unwrap().cosigner.published(Ledger::Evidence).unwrap().checkpoint.size;
    nodes.submit(1).await;
    let cosigner = nodes.cluster.node(1).unwrap().cosigner.clone();
    let waited = cosigner.receipt(Ledger::Evidence, published, Duration::from_secs(3)).await.unwrap_err();
    assert!(
        waited.to_string().contains("required witnesses did not cosign") || cosigner.problem().is_none(),
        "{waited}"
    );
    assert_eq!(cosigner.published(Ledger::Evidence).unwrap().checkpoint.size, published);
}
