//! A step of a migration that is repeated, because its answer was lost.

use super::harness::{Processes, said};
use selfsame_node::config::RaftSection;
use serde_json::Value;
use std::process::Output;

const ID: &str = "00000000-0000-4000-8000-000000000001";
const FOUNDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/founding-incompatibility.json");

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn arriving_again_gives_the_first_answer_and_another_chip_none() {
    let mut cluster = Processes::prepare(RaftSection::default(), 0);
    (1..=3).for_each(|id| cluster.start(id));
    cluster.leader().await;
    let by = |key: &str, arguments: &[&str]| cluster.cli(&[&["--key", key], arguments].concat());
    let mut chips = Vec::new();
    for name in ["a.json", "b.json", "c.json"] {
        json(&cluster.cli(&["key", "new", name]));
        // The key file is enough: nobody copies a key by hand.
        let enrolled = by("aurora-root.json", &["governance", "enrol-chip", name]);
        chips.push(json(&enrolled)["result"]["chip"].as_str().unwrap().to_owned());
        assert!(said(&enrolled).contains("fingerprint") && said(&enrolled).contains("chip key of aurora"));
    }
    json(&by("a.json", &["substrate", "init", ID, "--founding", FOUNDING]));
    let opened = by("a.json", &["substrate", "open", ID]);
    assert_eq!(opened.status.code(), Some(12), "{}", said(&opened));
    json(&by(
        "a.json",
        &["substrate", "cycle", ID, "--cycle", "c1", "--goalvector", "g", "--outcome", "{\"done\":true}"],
    ));
    json(&by("a.json", &["substrate", "close", ID]));

    let arrive = |key: &str| by(key, &["migrate", "arrive", ID, "--migration", "m1", "--genesis", "cluster.toml"]);
    let early = arrive("b.json");
    assert_eq!(early.status.code(), Some(5), "{}", said(&early));
    assert!(said(&early).contains("no migration m1 of this substrate is under way"), "{}", said(&early));
    json(&by(
        "a.json",
        &["migrate", "seal", ID, "--migration", "m1", "--destination", &chips[1], "--genesis", "cluster.toml"],
    ));
    let first = json(&arrive("b.json"));
    let again = json(&arrive("b.json"));
    assert_eq!(again, first);
    // Under another name of the request, too.
    let named = by(
        "b.json",
        &["--request-id", "again", "migrate", "arrive", ID, "--migration", "m1", "--genesis", "cluster.toml"],
    );
    assert_eq!(json(&named), first);
    for other in ["a.json", "c.json"] {
        let refused = arrive(other);
        assert_eq!(refused.status.code(), Some(5), "{}", said(&refused));
        assert!(said(&refused).contains(&chips[1]), "{}", said(&refused));
    }

    json(&by("b.json", &["substrate", "open", ID]));
    json(&by("b.json", &["substrate", "close", ID]));
    json(&by(
        "b.json",
        &["migrate", "seal", ID, "--migration", "m2", "--destination", &chips[2], "--genesis", "cluster.toml"],
    ));
    let abort = || by("b.json", &["migrate", "abort", ID, "--migration", "m2", "--genesis", "cluster.toml"]);
    let first = json(&abort());
    assert_eq!(json(&abort()), first);
    // The arrival of before is still what it was.
    assert_eq!(json(&arrive("b.json"))["result"]["chip"], chips[1].as_str());
}
