//! A run as one file, taken from a real cluster and checked without it.

use super::harness::{Processes, run, said};
use selfsame_node::config::RaftSection;
use serde_json::Value;
use std::process::Output;

const BODY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/requests/openai-chat.json");

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stdout)))
}

/// Exit status of `selfsame verify`, its document and what it says.
fn verdict(cluster: &Processes, arguments: &[&str]) -> (i32, Value, String) {
    let output = cluster.cli(&[&["verify"], arguments].concat());
    let document = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code().unwrap(), document, said(&output))
}

fn signed_by(cluster: &Processes, key: &str, arguments: &[&str]) -> Value {
    json(&cluster.cli(&[&["--key", key], arguments].concat()))
}

/// The file as one node writes it.
fn exported_by(cluster: &Processes, id: u64, run_id: &str) -> Vec<u8> {
    let address = cluster.addresses[&id].client.clone();
    let output = run(cluster.dir.path(), &["--endpoint", &address, "run", "export", run_id]);
    assert!(output.status.success(), "{}", said(&output));
    output.stdout
}

fn behind_header(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.iter().position(|byte| *byte == b'\n').unwrap()..]
}

/// shows: WL-05, WL-09, WL-11, WL-12, WL-21, WL-30, WL-31, WL-32, RI-07, RI-09, RI-18
#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_one_file_that_shows_who_said_what_under_which_key_with_the_cluster_gone() {
    let mut cluster = Processes::prepare(RaftSection::default(), 0);
    (1..=3).for_each(|id| cluster.start(id));
    cluster.leader().await;
    let declare = ["run", "declare", "--import", BODY, "--request", "case/1"];
    let declared = signed_by(&cluster, "aurora-operator.json", &declare);
    let id = declared["result"]["run_id"].as_str().unwrap().to_string();
    signed_by(&cluster, "borealis-operator.json", &declare);
    // One organisation replaces its key; what it signed before stays verifiable, and what it signs after is by the new one.
    json(&cluster.cli(&["key", "new", "borealis-new.json"]));
    let new = json(&cluster.cli(&["key", "show", "borealis-new.json"]));
    let rotate = ["governance", "rotate-key", "operator", new["public"].as_str().unwrap()];
    signed_by(&cluster, "borealis-root.json", &rotate);
    let outcome = ["run", "outcome", &id, "--execution", "e1", "--file", "cluster.toml"];
    signed_by(&cluster, "borealis-new.json", &outcome);
    // Another run of one of them under the same reference of another: a disagreement stands in the file of that run.
    let other = ["run", "declare", "--import", BODY, "--instance", "again", "--request", "case/1"];
    let other = signed_by(&cluster, "cygnus-operator.json", &other);
    let other = other["result"]["run_id"].as_str().unwrap().to_string();

    let policy = cluster.cli(&["cluster", "policy"]);
    std::fs::write(cluster.path("policy.txt"), &policy.stdout).unwrap();
    let export = |file: &str| cluster.cli(&["run", "export", &id, file]);
    assert!(export("run.jsonl").status.success());
    assert!(cluster.cli(&["run", "export", &other, "other.jsonl"]).status.success());
    assert!(!cluster.path("run.jsonl.unfinished").exists());
    let unknown = format!("sha256:{}", "0".repeat(64));
    let refused = cluster.cli(&["run", "export", &unknown, "unknown.jsonl"]);
    assert_eq!(refused.status.code(), Some(4), "{}", said(&refused));
    assert!(!cluster.path("unknown.jsonl").exists() && !cluster.path("unknown.jsonl.unfinished").exists());
    // The same state and the same published checkpoints give the same bytes; behind the header they are every node's.
    let mut last = exported_by(&cluster, 1, &id);
    loop {
        let again = exported_by(&cluster, 1, &id);
        if again == last {
            break;
        }
        last = again;
    }
    for node in [2, 3] {
        assert_eq!(behind_header(&exported_by(&cluster, node, &id)), behind_header(&last));
    }

    (1..=3).for_each(|id| cluster.kill(id));
    let trusted = ["--policy", "policy.txt", "--genesis", "cluster.toml"];
    let (status, document, message) = verdict(&cluster, &[&trusted[..], &["run.jsonl"]].concat());
    assert_eq!((status, document["file_kind"].as_str()), (0, Some("run_bundle")), "{message}");
    assert_eq!(document["run_id"], id.as_str());
    assert_eq!(document["genesis_from_reader"], true);
    // Declaration with attestation, second attestation, execution; the rotation; four submissions.
    let counts = ["entries", "governance_entries", "submissions", "executions", "disagreements"];
    assert_eq!(counts.map(|name| document[name].as_u64().unwrap()), [4, 1, 4, 1, 0], "{document}");
    let open = document["not_checked"].as_array().unwrap();
    let says = |open: &[Value], part: &str| open.iter().any(|line| line.as_str().unwrap().contains(part));
    assert!(!says(open, "--genesis") && document["later_entries"]["known"].is_object(), "{document}");
    // Nobody named: nothing is decided, however right it is in itself.
    let (status, document, message) = verdict(&cluster, &["run.jsonl"]);
    assert_eq!((status, document["failure"]["check"].as_str()), (13, Some("NOBODY_TRUSTED")), "{message}");
    let (status, document, message) = verdict(&cluster, &["other.jsonl", "--consistency-only"]);
    assert_eq!((status, document["disagreements"].as_u64()), (0, Some(2)), "{message}");
    let open = document["not_checked"].as_array().unwrap();
    assert!(says(open, "--genesis") && says(open, "nobody that you trust") && says(open, "the other run"), "{open:?}");

    // The digest of the genesis says as much as the file.
    let genesis = cluster.genesis.digest().to_string();
    assert_eq!(verdict(&cluster, &["--genesis", &genesis, "run.jsonl"]).1["genesis_from_reader"], true);
    // Another cluster's genesis, and another version, are not decidable; altered bytes are altered.
    let genesis = std::fs::read_to_string(cluster.path("cluster.toml")).unwrap();
    std::fs::write(cluster.path("others.toml"), genesis.replace("max_items = ", "max_items = 1")).unwrap();
    let (status, document, message) = verdict(&cluster, &["--genesis", "others.toml", "run.jsonl"]);
    assert_eq!((status, document["failure"]["check"].as_str()), (13, Some("GENESIS")), "{message}");
    let text = std::fs::read_to_string(cluster.path("run.jsonl")).unwrap();
    let altered = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        std::fs::write(cluster.path("altered.jsonl"), text.replacen(from, to, 1)).unwrap();
        let (status, document, message) = verdict(&cluster, &["--policy", "policy.txt", "altered.jsonl"]);
        (status, document["failure"]["check"].as_str().unwrap_or("accepted").to_string(), message)
    };
    for (from, to, expected) in [
        ("selfsame/bundle/v2", "selfsame/bundle/v9", (13, "UNSUPPORTED_VERSION")),
        ("\\\"temperature\\\":0.2", "\\\"temperature\\\":0.3", (10, "ELEMENT_DIGEST")),
        ("\\\"execution_id\\\":\\\"e1\\\"", "\\\"execution_id\\\":\\\"e2\\\"", (10, "SUBMISSION_COMMAND")),
        ("\\\"organisation\\\":\\\"borealis\\\"", "\\\"organisation\\\":\\\"cygnus\\\"", (10, "SUBMISSION_AUTHOR")),
    ] {
        let (status, check, message) = altered(from, to);
        assert_eq!((status, check.as_str()), expected, "{message}");
    }
    // The last line gone: what the nodes signed about the whole says so.
    let lines: Vec<&str> = text.lines().collect();
    std::fs::write(cluster.path("altered.jsonl"), lines[..lines.len() - 2].join("\n") + "\n").unwrap();
    let (status, document, message) = verdict(&cluster, &["altered.jsonl"]);
    assert_eq!((status, document["failure"]["check"].as_str()), (10, Some("HEAD_EVIDENCE_ENTRIES")), "{message}");
}
