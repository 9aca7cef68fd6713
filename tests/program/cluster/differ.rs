//! What a cosigner refuses to sign, and when it stops.

use super::harness::declaration;
use selfsame::demo::cluster::free_ports;
use selfsame_client::Signer;
use selfsame_env::Env;
use selfsame_machine::Genesis;
use selfsame_machine::genesis::{GenesisNode, GenesisOrganisation};
use selfsame_node::cosign::{PublishSettings, PublishedNotes};
use selfsame_node::node::{self, Node, NodeConfig};
use selfsame_node::raft::{MemberAddress, RaftSettings};
use selfsame_node::witness::WitnessSettings;
use selfsame_protocol::code::Code;
use selfsame_protocol::command::{ItemLimits, Role};
use selfsame_protocol::cosigning;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::keys::SecretKey;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::note::{Checkpoint, Note, NoteSignature};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

fn key(n: u8) -> SecretKey {
    SecretKey::from_seed(&[n; 32])
}

/// One node of one organisation: what it signs alone is a quorum, so a test can sign in its name.
fn genesis() -> Genesis {
    Genesis {
        cluster: "test".into(),
        origin: "ledger.example".into(),
        limits: ItemLimits::default(),
        organisations: vec![GenesisOrganisation {
            name: "aurora".parse().unwrap(),
            root_key: key(1).public(),
            operator_key: key(2).public(),
        }],
        nodes: vec![GenesisNode {
            id: 1,
            organisation: "aurora".parse().unwrap(),
            key: key(3).public(),
            cosigner: key(3).cosigner().public(),
        }],
        publication: Default::default(),
    }
}

async fn start(dir: &Path) -> Node {
    // Nothing is collected but what the test does.
    start_with(dir, PublishSettings { every_ms: 0, ..PublishSettings::default() }).await
}

async fn start_with(dir: &Path, publish: PublishSettings) -> Node {
    let (peer, client) = free_ports(1).unwrap()[0];
    let address = |port: u16| format!("127.0.0.1:{port}");
    let member = MemberAddress { peer_addr: address(peer), client_addr: address(client) };
    let config = NodeConfig {
        id: 1,
        peer_listen: address(peer),
        client_listen: address(client),
        http_listen: None,
        scrub_every_ms: 0,
        store: Default::default(),
        members: BTreeMap::from([(1, member)]),
        raft: RaftSettings::default(),
        publish,
        witness: WitnessSettings::default(),
    };
    let node = node::start(config, Arc::new(genesis()), key(3), Env::real(dir).unwrap()).await.unwrap();
    node.raft.linearize().await.ok();
    node
}

async fn declare(node: &Node, seed: u64) {
    let operator = Signer { cluster: "test".into(), role: Role::Operator, key: key(2) };
    loop {
        // Without a leader yet the node asks to try again.
        if let Ok(outcome) = node.raft.submit(declaration(&operator, seed).to_bytes()).await {
            outcome.unwrap();
            return;
        }
    }
}

fn head(node: &Node) -> Checkpoint {
    let (size, root) = selfsame_machine::read::head(&node.raft.view().unwrap(), Ledger::Evidence).unwrap();
    Checkpoint { origin: "ledger.example/evidence".into(), size, root }
}

async fn cosign(node: &Node, text: String) -> Result<String, Code> {
    node.cosigner.cosign(vec![text]).await.pop().unwrap().map_err(|refusal| refusal.code)
}

async fn publish(node: &Node, note: &Note) -> Result<String, Code> {
    node.cosigner.publish(vec![note.to_text()]).await.pop().unwrap().map_err(|refusal| refusal.code)
}

/// shows: P-095
#[tokio::test(flavor = "multi_thread")]
async fn a_cosigner_signs_its_own_history_and_stops_when_another_was_published() {
    let dir = tempfile::tempdir().unwrap();
    let node = start(dir.path()).await;
    declare(&node, 1).await;
    let first = head(&node);
    declare(&node, 2).await;
    let second = head(&node);
    assert!(first.size < second.size);

    // Its own trees, at any size that does not shrink.
    let name = "ledger.example/cosigner/1";
    let line = cosign(&node, first.to_text()).await.unwrap();
    let vkey = cosigning::vkey(name, key(3).cosigner().public());
    cosigning::verify(&first.to_text(), &NoteSignature::parse(&line).unwrap(), &vkey).unwrap();
    cosign(&node, second.to_text()).await.unwrap();
    assert_eq!(cosign(&node, first.to_text()).await, Err(Code::StateMismatch), "smaller than before");

    // Not what somebody says, and that is no reason to stop.
    let other = Checkpoint { root: Digest::of(b"another history"), ..second.clone() };
    assert_eq!(cosign(&node, other.to_text()).await, Err(Code::StateMismatch));
    let beyond = Checkpoint { size: second.size + 1, ..second.clone() };
    assert_eq!(cosign(&node, beyond.to_text()).await, Err(Code::NotCosigned));
    let foreign = Checkpoint { origin: "other.example/evidence".into(), ..second.clone() };
    assert_eq!(cosign(&node, foreign.to_text()).await, Err(Code::Malformed));
    assert_eq!(cosign(&node, "anything".into()).await, Err(Code::Malformed));
    cosign(&node, second.to_text()).await.unwrap();

    // It is remembered over a restart.
    node.shutdown().await;
    let node = start(dir.path()).await;
    assert_eq!(cosign(&node, first.to_text()).await, Err(Code::StateMismatch), "smaller than before the restart");

    // A note without enough organisations is not published, one with them is, and an older one does not replace it.
    let mut note = Note::new(second.to_text());
    note.sign("ledger.example/evidence", &key(9));
    assert_eq!(publish(&node, &note).await, Err(Code::NotCosigned));
    assert!(node.cosigner.published(Ledger::Evidence).is_none());
    note.cosign(name, &key(3).cosigner(), 1_700_000_000);
    publish(&node, &note).await.unwrap();
    let published = node.cosigner.published(Ledger::Evidence).unwrap();
    assert_eq!((published.checkpoint.size, published.time), (second.size, 1_700_000_000));
    assert_eq!(published.note.signatures.len(), 1, "nobody has a signature of an unknown key published");
    let mut older = Note::new(first.to_text());
    older.cosign(name, &key(3).cosigner(), 1_800_000_000);
    publish(&node, &older).await.unwrap();
    assert_eq!(node.cosigner.published(Ledger::Evidence).unwrap().checkpoint.size, second.size);
    assert_eq!(node.cosigner.kept().unwrap(), std::slice::from_ref(&published.text));

    // A published history that is not its own: it signs nothing more, and serves nothing.
    let mut forked = Note::new(other.to_text());
    forked.cosign(name, &key(3).cosigner(), 1_800_000_000);
    assert_eq!(publish(&node, &forked).await, Err(Code::Corrupt));
    assert!(node.cosigner.alarm().borrow().is_some());
    assert_eq!(cosign(&node, second.to_text()).await, Err(Code::Quarantined));
    assert_eq!(node.cosigner.published(Ledger::Evidence).unwrap().checkpoint, second);
    node.shutdown().await;
}

/// Whoever asks how old a checkpoint is gets a young one also when nothing happens.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_cluster_signs_its_checkpoint_anew() {
    let dir = tempfile::tempdir().unwrap();
    let settings = PublishSettings { every_ms: 20, refresh_ms: 1_000, ..PublishSettings::default() };
    let node = start_with(dir.path(), settings).await;
    declare(&node, 1).await;
    let head = head(&node);
    let mut publications = node.cosigner.publications();
    let holds = |current: &PublishedNotes| current.evidence.as_ref().is_some_and(|note| note.checkpoint == head);
    let first = publications.wait_for(holds).await.unwrap().evidence.clone().unwrap();
    let later = |current: &PublishedNotes| current.evidence.as_ref().is_some_and(|note| note.time > first.time);
    let second = publications.wait_for(later).await.unwrap().evidence.clone().unwrap();
    assert_eq!(second.checkpoint, head, "nothing was written meanwhile");
    assert_eq!(
        node.cosigner.kept().unwrap().iter().filter(|text| **text == second.text).count(),
        0,
        "kept once a size"
    );
    node.shutdown().await;
}

/// A node that forgot what it signed signs nothing; one that never signed begins.
#[tokio::test(flavor = "multi_thread")]
async fn a_cosigner_without_its_memory_signs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let node = start(dir.path()).await;
    declare(&node, 1).await;
    cosign(&node, head(&node).to_text()).await.unwrap();
    node.shutdown().await;
    std::fs::remove_file(dir.path().join("cosigned")).unwrap();
    let node = start(dir.path()).await;
    assert_eq!(cosign(&node, head(&node).to_text()).await, Err(Code::Corrupt));
    assert!(node.cosigner.problem().unwrap().contains("gone"));
    node.shutdown().await;
}
