//! Checkpoints that enough organisations cosigned, and what they prove, while nodes are killed.

use super::harness::{Processes, SELFSAME, declaration, run, said};
use selfsame_client::{Client, EntrySelector};
use selfsame_machine::Genesis;
use selfsame_node::config::RaftSection;
use selfsame_protocol::code::Code;
use selfsame_protocol::holder::{self, HolderState};
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::merkle::verify_consistency;
use selfsame_protocol::note::{Checkpoint, Note, TYPE_ED25519, Vkey};
use selfsame_protocol::number::Epoch;
use selfsame_protocol::quorum::Quorum;
use selfsame_protocol::tlog_proof::TlogProof;
use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

/// Longest wait for a receipt that must come.
const PATIENCE: Duration = Duration::from_secs(20);

const SUBSTRATE: &str = "00000000-0000-4000-8000-000000000001";

/// Keys that a stranger knows: the cosigners and the log key.
fn known(genesis: &Genesis, ledger: Ledger) -> (Quorum, Vec<Vkey>) {
    let quorum = genesis.quorum();
    let mut keys = quorum.vkeys();
    let publisher = genesis.publication.publisher.as_ref().unwrap();
    keys.push(Vkey { name: genesis.ledger_origin(ledger), kind: TYPE_ED25519, key: publisher.log_key });
    (quorum, keys)
}

/// Checks a receipt as a stranger does. Who vouches for it, and whether the log's key is among them.
fn proven(genesis: &Genesis, ledger: Ledger, proof: &str, leaf: &[u8]) -> (BTreeSet<String>, bool) {
    let (quorum, keys) = known(genesis, ledger);
    let proof = TlogProof::parse(proof.as_bytes()).unwrap();
    assert_eq!(proof.extra.as_deref(), Some(leaf), "the receipt holds its entry");
    let proven = proof.verify(leaf, &genesis.ledger_origin(ledger), &keys).unwrap();
    let organisations = quorum.enough(&proven.verified).unwrap();
    (organisations.into_keys().collect(), proven.verified.iter().any(|v| v.kind == TYPE_ED25519))
}

/// Declares a run, waits for the receipts of its entries and checks them.
async fn declare(cluster: &Processes, client: &Client, seed: u64) -> (BTreeSet<String>, bool) {
    let envelope = declaration(&cluster.operator(), seed);
    loop {
        let accepted = client.submit_with_receipts(&envelope, PATIENCE).await.unwrap();
        let Some(receipt) = accepted.receipts.first() else {
            // The node that answered may have been cut off from the others just now: the entry stands, so ask again.
            assert_eq!(accepted.refusal.unwrap().code, Code::NotCosigned);
            continue;
        };
        let leaf = client.leaf(receipt.entry.ledger, receipt.entry.index.0).await.unwrap();
        let found = proven(&cluster.genesis, receipt.entry.ledger, &receipt.proof, &leaf);
        // The same by index and by hash.
        for selected in [EntrySelector::Index(receipt.entry.index.0), EntrySelector::Hash(receipt.entry.hash)] {
            let (again, leaf) = client.receipt(receipt.entry.ledger, selected, PATIENCE).await.unwrap();
            proven(&cluster.genesis, receipt.entry.ledger, &again.proof, &leaf);
        }
        return found;
    }
}

fn all() -> BTreeSet<String> {
    ["aurora", "borealis", "cygnus"].map(String::from).into()
}

/// Whatever any of these nodes publishes is cosigned by enough organisations.
async fn nobody_publishes_less(cluster: &Processes, ids: &[u64]) {
    for id in ids {
        for ledger in Ledger::BOTH {
            let Ok(text) = cluster.client(&[*id]).checkpoint(ledger).await else { continue };
            cluster.genesis.quorum().met(&Note::parse(text.as_bytes()).unwrap()).unwrap();
        }
    }
}

/// shows: P-095
#[tokio::test(flavor = "multi_thread")]
async fn two_of_three_organisations_publish_while_the_publisher_is_gone() {
    let mut cluster =
        Processes::prepare_with(RaftSection::default(), 0, |genesis| genesis.publication.threshold = Some(2));
    (1..=3).for_each(|id| cluster.start(id));
    let client = cluster.client(&[1, 2, 3]);
    cluster.leader().await;
    // In time all three vouch, and the log's own key, which third-party tools know.
    let mut seed = 0;
    loop {
        seed += 1;
        if declare(&cluster, &client, seed).await == (all(), true) {
            break;
        }
    }
    let old = client.checkpoint(Ledger::Evidence).await.unwrap();
    let (first, leaf) = client.receipt(Ledger::Evidence, EntrySelector::Index(0), PATIENCE).await.unwrap();

    // Without the publisher receipts keep flowing, under the names of the other two.
    cluster.kill(1);
    let client = cluster.client(&[2, 3]);
    seed += 1;
    let (vouching, logged) = declare(&cluster, &client, seed).await;
    assert_eq!((vouching, logged), (["borealis", "cygnus"].map(String::from).into(), false));
    nobody_publishes_less(&cluster, &[2, 3]).await;

    // It comes back, remembers what it signed, and its line with it; then another one goes.
    cluster.start(1);
    let client = cluster.client(&[1, 2, 3]);
    loop {
        seed += 1;
        if declare(&cluster, &client, seed).await == (all(), true) {
            break;
        }
    }
    cluster.kill(2);
    let client = cluster.client(&[1, 3]);
    seed += 1;
    let (vouching, _) = declare(&cluster, &client, seed).await;
    assert_eq!(vouching, ["aurora", "cygnus"].map(String::from).into());
    nobody_publishes_less(&cluster, &[1, 3]).await;

    // The log only grew between what was published, and the first receipt means what it meant.
    let tree = |text: &str| Checkpoint::parse(&Note::parse(text.as_bytes()).unwrap().text).unwrap();
    let new = tree(&client.checkpoint(Ledger::Evidence).await.unwrap());
    let old = tree(&old);
    let hashes = client.consistency(Ledger::Evidence, old.size, new.size).await.unwrap().hashes;
    verify_consistency(old.size, &old.root, new.size, &new.root, &hashes).unwrap();
    proven(&cluster.genesis, Ledger::Evidence, &first.proof, &leaf);
}

/// shows: P-095
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_published_before_all_three_organisations_that_it_takes_cosigned() {
    let mut cluster = Processes::prepare(RaftSection::default(), 0);
    assert_eq!(cluster.genesis.quorum().threshold, 3);
    (1..=3).for_each(|id| cluster.start(id));
    let client = cluster.client(&[1, 2, 3]);
    cluster.leader().await;
    assert_eq!(declare(&cluster, &client, 1).await.0, all());

    // Who holds a substrate, by all three.
    let chip = ["key", "new", "chip.json", "-o", "json"];
    let chip: serde_json::Value = serde_json::from_slice(&run(cluster.dir.path(), &chip).stdout).unwrap();
    let founding = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/founding-incompatibility.json");
    let chip_key = chip["public"].as_str().unwrap();
    for arguments in [
        &["governance", "enrol-chip", chip_key, "--key", "aurora-root.json"][..],
        &[
            "substrate",
            "init",
            SUBSTRATE,
            "--founding",
            founding,
            "--key",
            "chip.json",
            "--receipt",
            "birth.tlog-proof",
        ],
    ] {
        let output = cluster.cli(arguments);
        assert!(output.status.success(), "{}", said(&output));
    }
    assert!(cluster.path("birth.tlog-proof").exists(), "the flag writes the receipt of what was written");

    // A name that no file can have is found before anything is written.
    let written = || -> serde_json::Value {
        let shown: serde_json::Value =
            serde_json::from_slice(&cluster.cli(&["substrate", "show", SUBSTRATE]).stdout).unwrap();
        shown["holder"]["seq"].clone()
    };
    let opened = cluster.cli(&["substrate", "open", SUBSTRATE, "--key", "chip.json"]);
    assert_eq!(opened.status.code(), Some(12), "{}", said(&opened));
    let before = written();
    std::fs::write(cluster.path("taken.2"), "").unwrap();
    let two = ["substrate", "append", SUBSTRATE, "--data", "1", "--data", "2", "--key", "chip.json"];
    for (name, status) in [("no/such/folder", 2), ("chip.json/r", 2), ("taken", 5)] {
        let output = cluster.cli(&[&two[..], &["--receipt", name]].concat());
        assert_eq!(output.status.code(), Some(status), "{name}: {}", said(&output));
    }
    assert_eq!(written(), before, "nothing was written");

    // An answer that cannot be printed: what is committed stands, and nobody is told to do it again.
    let endpoints: Vec<_> = cluster.addresses.values().map(|member| member.client.clone()).collect();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = Command::new(SELFSAME)
        .args(["--endpoint", &endpoints.join(","), "--timeout", "60s"])
        .args(two)
        .current_dir(cluster.dir.path())
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("stands in the ledger") && said(&output).contains("do not repeat"),
        "{}",
        said(&output)
    );
    assert!(!said(&output).contains("run the command again"), "{}", said(&output));
    assert_ne!(written(), before);

    // A condition that is not met is a conflict.
    let amend = ["substrate", "amend", SUBSTRATE, "--reason", "r", "--set", "a=1", "--key", "chip.json"];
    assert!(cluster.cli(&amend).status.success());
    let early = cluster.cli(&["substrate", "close", SUBSTRATE, "--key", "chip.json"]);
    assert_eq!(early.status.code(), Some(5), "{}", said(&early));
    assert!(said(&early).contains("AMENDMENTS_QUEUED"), "{}", said(&early));
    let output = cluster.cli(&["substrate", "holder", SUBSTRATE, "--cosigned"]);
    assert!(output.status.success(), "{}", said(&output));
    let note = Note::parse(&output.stdout).unwrap();
    let quorum = cluster.genesis.quorum();
    let (holder, verified) = holder::verify(&note, &cluster.genesis.origin, SUBSTRATE, &quorum.vkeys()).unwrap();
    assert_eq!((holder.state, holder.epoch), (HolderState::Active, Epoch(1)));
    assert_eq!(holder.chip.to_string(), chip["id"].as_str().unwrap());
    let signed = verified.iter().filter_map(|v| v.time).max().unwrap();
    assert!(quorum.enough(&holder::fresh(&verified, signed, 30)).is_ok());
    assert!(quorum.enough(&holder::fresh(&verified, signed + 1_000, 30)).is_err(), "stale");

    // Two commit, but two do not publish: the entry stands, its receipt does not come.
    cluster.kill(3);
    let client = cluster.client(&[1, 2]);
    let accepted =
        client.submit_with_receipts(&declaration(&cluster.operator(), 2), Duration::from_millis(700)).await.unwrap();
    assert!(accepted.receipts.is_empty());
    let refusal = accepted.refusal.unwrap();
    assert_eq!(refusal.code, Code::NotCosigned, "{refusal}");
    let entry = accepted.response.entries[0];
    nobody_publishes_less(&cluster, &[1, 2]).await;
    let impatient = cluster.client(&[1, 2]).with_timeouts(PATIENCE, Duration::from_secs(3));
    assert_eq!(impatient.holder(SUBSTRATE).await.unwrap_err().code(), Some(Code::NotCosigned));
    for id in [1, 2] {
        let text = cluster.client(&[id]).checkpoint(entry.ledger).await.unwrap();
        let published = Checkpoint::parse(&Note::parse(text.as_bytes()).unwrap().text).unwrap();
        assert!(published.size <= entry.index.0);
    }

    // With the third it comes, by the command line as well.
    cluster.start(3);
    assert_eq!(declare(&cluster, &cluster.client(&[1, 2, 3]), 2).await.0, all());
    let output =
        cluster.cli(&["ledger", "receipt", "evidence", &entry.hash.to_string(), "--file", "receipt.tlog-proof"]);
    assert!(output.status.success(), "{}", said(&output));
    let receipt = std::fs::read_to_string(cluster.path("receipt.tlog-proof")).unwrap();
    let leaf = client.leaf(entry.ledger, entry.index.0).await.unwrap();
    assert_eq!(proven(&cluster.genesis, entry.ledger, &receipt, &leaf).0, all());
    let again = run(cluster.dir.path(), &["ledger", "receipt", "evidence", "0", "--file", "receipt.tlog-proof"]);
    assert!(!again.status.success(), "a file is never overwritten");
}

/// shows: P-095
#[tokio::test(flavor = "multi_thread")]
async fn others_collect_when_the_leader_does_not() {
    let mut cluster = Processes::prepare(RaftSection::default(), 0);
    let file = cluster.config(1);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("every_ms = 100", "every_ms = 0")).unwrap();
    (1..=3).for_each(|id| cluster.start(id));
    let client = cluster.client(&[1, 2, 3]);
    while cluster.leader().await != 1 {
        // Refused when the leader changed meanwhile; then it is asked again.
        let _ = cluster.cli(&["cluster", "transfer-leader", "1"]);
    }
    assert_eq!(declare(&cluster, &client, 1).await.0, all());
}
