//! What users take away from a real cluster, and check without it.

use super::harness::{Processes, declare, said};
use selfsame_node::config::RaftSection;
use selfsame_protocol::time::U64;
use serde_json::Value;
use std::path::Path;
use std::process::Output;

const SUBSTRATE: &str = "00000000-0000-4000-8000-000000000001";

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stdout)))
}

/// Exit status of `selfsame verify` with the policy, and what it says.
fn verdict(cluster: &Processes, files: &[&str]) -> (i32, Value, String) {
    let output = cluster.cli(&[&["verify", "--policy", "policy.txt"], files].concat());
    let document = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code().unwrap(), document, said(&output))
}

fn files(dir: &Path) -> usize {
    let list = |dir: &Path| std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().path()).collect::<Vec<_>>();
    list(dir).into_iter().map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

/// shows: P-004, P-095, P-105
#[tokio::test(flavor = "multi_thread")]
async fn everything_a_user_takes_away_is_verified_with_the_cluster_gone() {
    let mut cluster = Processes::prepare(RaftSection::default(), 0);
    (1..=3).for_each(|id| cluster.start(id));
    cluster.leader().await;
    let client = cluster.client(&[1, 2, 3]);
    let operator = cluster.operator();
    for seed in 0..149 {
        declare(&client, &operator, seed).await.unwrap();
    }
    let before = declare(&client, &operator, 149).await.unwrap().entries.last().unwrap().index;
    assert!(before.0 >= 256, "a bundle is full before the first export");
    // Receipts are had only for what is published: after one the checkpoint holds everything before it.
    let published = |index: U64, file: &str| {
        let receipt = cluster.cli(&["ledger", "receipt", "evidence", &index.to_string(), "--file", file]);
        assert!(receipt.status.success(), "{}", said(&receipt));
    };
    published(before, "before.tlog-proof");
    let policy = cluster.cli(&["cluster", "policy"]);
    assert!(policy.status.success(), "{}", said(&policy));
    std::fs::write(cluster.path("policy.txt"), &policy.stdout).unwrap();

    // A ledger without entries yet and one with many; then both grow and the folder is continued.
    let export = || json(&cluster.cli(&["ledger", "export", "ledger", "--policy", "policy.txt"]));
    let first = export();
    let old = cluster.path("old.txt");
    std::fs::copy(cluster.path("ledger/evidence/checkpoint"), &old).unwrap();
    json(&cluster.cli(&["key", "new", "chip.json"]));
    let chip = json(&cluster.cli(&["key", "show", "chip.json"]));
    let enrol = ["--key", "aurora-root.json", "governance", "enrol-chip", chip["public"].as_str().unwrap()];
    json(&cluster.cli(&enrol));
    let founding = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/founding-incompatibility.json");
    json(&cluster.cli(&["--key", "chip.json", "substrate", "init", SUBSTRATE, "--founding", founding]));
    for seed in 150..300 {
        declare(&client, &operator, seed).await.unwrap();
    }
    let last = declare(&client, &operator, 300).await.unwrap().entries.last().unwrap().index;
    published(last, "entry.tlog-proof");
    let second = export();
    let size = |export: &Value, ledger: usize| export["ledgers"][ledger]["size"].as_u64().unwrap();
    assert!(size(&second, 0) > size(&first, 0) && size(&second, 0) > last.0, "{first} {second}");
    assert!(second["ledgers"][0]["fetched"].as_u64().unwrap() < size(&second, 0), "full bundles are kept");
    json(&cluster.cli(&["ledger", "pair", "evidence", "old.txt", "pair.json"]));
    let bundle = cluster.cli(&["substrate", "bundle", SUBSTRATE, "bundle.jsonl"]);
    assert!(bundle.status.success(), "{}", said(&bundle));
    let statement = client.statement(SUBSTRATE, false).await.unwrap().1;
    std::fs::write(cluster.path("statement.json"), serde_json::to_vec(&statement).unwrap()).unwrap();
    let written = files(&cluster.path("ledger"));

    (1..=3).for_each(|id| cluster.kill(id));
    for (file, kind) in [
        ("ledger", "ledger"),
        ("ledger/evidence", "ledger"),
        ("ledger/evidence/checkpoint", "checkpoint"),
        ("entry.tlog-proof", "receipt"),
        ("pair.json", "checkpoint_pair"),
        ("bundle.jsonl", "substrate_bundle"),
        ("statement.json", "statement"),
    ] {
        let (status, document, message) = verdict(&cluster, &[file]);
        assert_eq!((status, document["file_kind"].as_str()), (0, Some(kind)), "{file}: {message}");
        assert!(document["checked"]["cosignatures"]["held"].is_string(), "{file}: {document}");
    }
    assert_eq!(files(&cluster.path("ledger")), written, "verifying writes nothing");
    assert_eq!(verdict(&cluster, &["ledger", "--deep"]).0, 0);

    // Without the policy's keys nothing is decided; with altered bytes it is, and several files give the worse answer.
    let stranger = policy_of_strangers(&cluster);
    std::fs::write(cluster.path("strangers.txt"), stranger).unwrap();
    let output = cluster.cli(&["verify", "--policy", "strangers.txt", "bundle.jsonl"]);
    assert_eq!(output.status.code(), Some(13), "{}", said(&output));
    let bundle = cluster.path("ledger/evidence/tile/entries/000");
    let mut bytes = std::fs::read(&bundle).unwrap();
    bytes[70_000] ^= 1;
    std::fs::write(&bundle, bytes).unwrap();
    let (status, document, message) = verdict(&cluster, &["ledger"]);
    assert_eq!((status, document["failure"]["check"].as_str()), (10, Some("ENTRY_HASH")), "{message}");
    assert!(document["failure"]["index"].as_u64().is_some_and(|index| index < 256), "{document}");
    std::fs::remove_file(&bundle).unwrap();
    let (status, document, _) = verdict(&cluster, &["ledger"]);
    assert_eq!((status, document["failure"]["check"].as_str()), (13, Some("FILE_MISSING")));
    let (status, _, message) = verdict(&cluster, &["data1"]);
    assert_eq!(status, 13, "{message}");
    assert!(message.contains("ledger export"), "{message}");
    std::fs::write(cluster.path("pair.json"), b"{\"new\":").unwrap();
    assert_eq!(verdict(&cluster, &["data1", "pair.json", "statement.json"]).0, 10);
}

/// The same policy with other cosigner keys.
fn policy_of_strangers(cluster: &Processes) -> String {
    use selfsame_protocol::keys::SecretKey;
    use selfsame_protocol::note::Vkey;
    use selfsame_protocol::policy::Policy;
    let policy = Policy::parse(&std::fs::read(cluster.path("policy.txt")).unwrap()).unwrap();
    let organisations: Vec<(String, Vec<Vkey>)> = policy
        .witnesses()
        .iter()
        .zip(1..)
        .map(|(witness, seed)| {
            let key = SecretKey::from_seed(&[seed; 32]).public();
            (format!("organisation-{seed}"), vec![Vkey { key, ..witness.vkey.clone() }])
        })
        .collect();
    let logs = policy.logs().iter().map(|log| log.vkey.clone()).collect();
    Policy::of_organisations(logs, &organisations, organisations.len()).unwrap().to_text()
}
