//! A long import is interrupted, in every way, and each item is in the ledger once.

use super::harness::{Processes, SELFSAME, run, said};
use selfsame_node::config::RaftSection;
use selfsame_protocol::ledger::Ledger;
use serde_json::Value;
use std::fmt::Write as _;
use std::process::{Command, Stdio};

const ID: &str = "6f1d7a52-0c1e-4b7e-9d6a-2f60b1d3c8a4";
const LINES: usize = 2_000;

/// shows
#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_interrupted_goes_on_where_it_stopped() {
    let mut cluster = Processes::prepare(RaftSection::default(), 0);
    (1..=3).for_each(|id| cluster.start(id));
    let leader = cluster.leader().await;
    let made = run(cluster.dir.path(), &["key", "new", "chip.json", "-o", "json"]);
    let chip: Value = serde_json::from_slice(&made.stdout).unwrap();
    let founding = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/founding-incompatibility.json");
    for arguments in [
        &["governance", "enrol-chip", chip["public"].as_str().unwrap(), "--key", "aurora-root.json"][..],
        &["substrate", "init", ID, "--founding", founding, "--key", "chip.json"],
    ] {
        let output = cluster.cli(arguments);
        assert!(output.status.success(), "{}", said(&output));
    }
    // The first session of a newborn is open with a reduced claim, and the exit status says so.
    let opened = cluster.cli(&["substrate", "open", ID, "--key", "chip.json"]);
    assert_eq!(opened.status.code(), Some(12), "{}", said(&opened));

    let mut lines = String::new();
    for n in 0..LINES {
        writeln!(lines, "{{\"n\":{n}}}").unwrap();
    }
    std::fs::write(cluster.path("items.jsonl"), &lines).unwrap();
    let endpoints: Vec<_> = cluster.addresses.values().map(|member| member.client.clone()).collect();
    let import = ["substrate", "import", ID, "items.jsonl", "--batch", "10", "--key", "chip.json", "-o", "json"];

    // The importing process dies in the middle.
    let mut child = Command::new(SELFSAME)
        .args(["--endpoint", &endpoints.join(",")])
        .args(import)
        .current_dir(cluster.dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let client = cluster.client(&[1, 2, 3]);
    let mut tail = client.tail(Ledger::Evidence, 0, true).await.unwrap();
    tail.next().await.unwrap().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    drop(tail);

    // The leader dies, and the same command goes on with the others.
    cluster.kill(leader);
    let resumed = cluster.cli(&import);
    assert!(resumed.status.success(), "{}", said(&resumed));
    let report: Value = serde_json::from_slice(&resumed.stdout).unwrap();
    assert_eq!(report["items"].as_u64().unwrap() + report["skipped"].as_u64().unwrap(), LINES as u64, "{report}");
    assert!(report["skipped"].as_u64().unwrap() > 0, "{report}");

    // Once more it finds everything there.
    let again: Value = serde_json::from_slice(&cluster.cli(&import).stdout).unwrap();
    assert_eq!((again["items"].as_u64(), again["skipped"].as_u64()), (Some(0), Some(LINES as u64)));
    let mut seen = Vec::new();
    let mut tail = cluster.client(&[1, 2, 3]).tail(Ledger::Evidence, 0, false).await.unwrap();
    while let Some(entry) = tail.next().await.unwrap() {
        let leaf: Value = serde_json::from_slice(&entry.leaf).unwrap();
        seen.extend(leaf["record"]["data"]["n"].as_u64());
    }
    assert_eq!(seen, (0..LINES as u64).collect::<Vec<_>>());

    // Evidence beyond what one answer holds, and where it goes on.
    let read = |from: &str, limit: &str| -> Value {
        serde_json::from_slice(&cluster.cli(&["substrate", "evidence", ID, "--from", from, "--limit", limit]).stdout)
            .unwrap()
    };
    let size = |part: &Value| part["items"].as_array().unwrap().len();
    let first = read("0", "1500");
    let next = first["next_depth"].as_u64().unwrap();
    assert_eq!((size(&first), next), (1_500, 1_500));
    let rest = read(&next.to_string(), "10000");
    assert_eq!((size(&rest) + 1_500 >= LINES, &rest["next_depth"]), (true, &Value::Null), "{}", size(&rest));
    let exact = read(&next.to_string(), &size(&rest).to_string());
    assert_eq!((size(&exact), &exact["next_depth"]), (size(&rest), &Value::Null), "all of it, and nothing follows");
    let told = cluster.cli(&["substrate", "evidence", ID, "--limit", "2"]);
    assert!(said(&told).contains("2 are shown and more follow: add --from 2"), "{}", said(&told));

    // Other batches: what was taken is named, and nobody is told to append it twice.
    let other = cluster.cli(&["substrate", "import", ID, "items.jsonl", "--batch", "20", "--key", "chip.json"]);
    assert_eq!(other.status.code(), Some(5), "{}", said(&other));
    assert!(said(&other).contains("Give --batch 10") && said(&other).contains("twice"), "{}", said(&other));

    // Another content under the same name is no continuation, and it is not taken for one.
    std::fs::write(cluster.path("items.jsonl"), lines.replacen("{\"n\":3}", "{\"n\":4}", 1)).unwrap();
    let other = cluster.cli(&import);
    assert_eq!(other.status.code(), Some(5), "{}", said(&other));
    assert!(said(&other).contains("the content of its item 3"), "{}", said(&other));
}
