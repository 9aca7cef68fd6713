//! The same words typed again: what is a retry, what is done anew, and what says which.

use super::harness::{Processes, SELFSAME, run, said};
use selfsame_node::config::RaftSection;
use serde_json::Value;
use std::process::{Command, Output, Stdio};

const ID: &str = "6f1d7a52-0c1e-4b7e-9d6a-2f60b1d3c8a4";

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(output)))
}

fn entries(cluster: &Processes) -> u64 {
    let evidence = document(&cluster.cli(&["substrate", "evidence", ID]));
    evidence["items"].as_array().unwrap().len() as u64
}

/// shows
#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_done_anew_or_says_that_it_is_none() {
    let mut cluster = Processes::prepare(RaftSection::default(), 0);
    (1..=3).for_each(|id| cluster.start(id));
    cluster.leader().await;
    let made = document(&run(cluster.dir.path(), &["key", "new", "chip.json", "-o", "json"]));
    let chip = made["public"].as_str().unwrap();
    let founding = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/founding-incompatibility.json");

    // A command of an organisation is a retry, and says that nothing was done.
    let enrol = ["governance", "enrol-chip", chip, "--key", "aurora-root.json"];
    assert_eq!(document(&cluster.cli(&enrol))["repeated"], Value::Null);
    let again = cluster.cli(&enrol);
    assert_eq!(document(&again)["repeated"], true);
    assert!(said(&again).contains("answered before"), "{}", said(&again));
    let anew = cluster.cli(&[&enrol[..], &["--request-id", "anew"]].concat());
    assert!(said(&anew).contains("KEY_EXISTS"), "{}", said(&anew));

    // Each abandoned session is another one to close.
    let born = cluster.cli(&["substrate", "init", ID, "--founding", founding, "--key", "chip.json"]);
    assert!(born.status.success(), "{}", said(&born));
    for _ in 0..2 {
        let opened = cluster.cli(&["substrate", "open", ID, "--key", "chip.json"]);
        assert_eq!(opened.status.code(), Some(12), "{}", said(&opened));
        let closed = cluster.cli(&["substrate", "recover-close", ID, "--key", "aurora-operator.json"]);
        assert_eq!((closed.status.code(), &document(&closed)["repeated"]), (Some(0), &Value::Null));
        assert_eq!(document(&cluster.cli(&["substrate", "show", ID]))["phase"], "closed");
    }

    // What was refused for a reason that is gone is done when it is asked for again.
    let opened = cluster.cli(&["substrate", "open", ID, "--key", "chip.json"]);
    assert_eq!(opened.status.code(), Some(12), "{}", said(&opened));
    let request = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/requests/openai-chat.json");
    let named = document(&run(cluster.dir.path(), &["run", "id", "--import", request, "-o", "json"]));
    let run_id = named["run_id"].as_str().unwrap_or_else(|| panic!("{named}"));
    let append = ["substrate", "append", ID, "--data", "\"seen\"", "--run", run_id, "--key", "chip.json"];
    let refused = cluster.cli(&append);
    assert!(said(&refused).contains("RUN_NOT_DECLARED"), "{}", said(&refused));
    let declared = cluster.cli(&["run", "declare", "--import", request, "--key", "aurora-operator.json"]);
    assert!(declared.status.success(), "{}", said(&declared));
    let taken = cluster.cli(&append);
    assert!(taken.status.success(), "{}", said(&taken));

    // Two programs that write the same at once: as many entries as were acknowledged.
    let before = entries(&cluster);
    let endpoints: Vec<_> = cluster.addresses.values().map(|member| member.client.clone()).collect();
    let writers: Vec<_> = (0..4)
        .map(|_| {
            Command::new(SELFSAME)
                .args(["--endpoint", &endpoints.join(","), "--timeout", "60s"])
                .args(["substrate", "append", ID, "--data", "\"tick\"", "--key", "chip.json"])
                .current_dir(cluster.dir.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    let statuses = writers.into_iter().map(|mut writer| writer.wait().unwrap());
    let acknowledged = statuses.filter(std::process::ExitStatus::success).count() as u64;
    assert!(acknowledged > 0);
    assert_eq!(entries(&cluster) - before, acknowledged);
}
