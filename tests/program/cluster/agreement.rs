//! What organisations say about one reference, asked of a real cluster.

use super::harness::{Processes, said};
use selfsame_node::config::RaftSection;
use serde_json::{Value, json};
use std::process::Output;

/// A declaration with this seed, imported by this version or written by hand.
fn declaration(seed: u64, importer: Option<&str>) -> Value {
    json!({
        "type": "selfsame/run-declaration/v1",
        "model": {"provider": "local", "name": "m", "revision": "1", "assurance": "provider-asserted"},
        "prompt": {"messages": [{"role": "user", "parts": [{"type": "text", "content": {"inline": "hello"}}]}]},
        "parameters": {"temperature": 0, "seed": seed.to_string()},
        "context": importer.map_or_else(|| json!({"none": true}), |version| json!({"importer": version})),
        "constraints": {"none": true},
    })
}

struct Asked<'a>(&'a Processes);

impl Asked<'_> {
    fn declares(&self, who: &str, reference: &str, declaration: &Value) {
        std::fs::write(self.0.path("run.json"), declaration.to_string()).unwrap();
        let key = format!("{who}-operator.json");
        let output = self.0.cli(&["--key", &key, "run", "declare", "run.json", "--request", reference]);
        assert!(output.status.success(), "{}", said(&output));
    }

    fn ask(&self, arguments: &[&str]) -> (i32, Value, Output) {
        let output = self.0.cli(&[&["run", "agreement"], arguments].concat());
        let document = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code().unwrap(), document, output)
    }
}

/// shows: WL-31
#[tokio::test(flavor = "multi_thread")]
async fn two_that_agree_agree_one_alone_does_not_and_an_unknown_reference_is_not_found() {
    let mut cluster = Processes::prepare(RaftSection::default(), 0);
    (1..=3).for_each(|id| cluster.start(id));
    cluster.leader().await;
    let asked = Asked(&cluster);
    let (status, _, output) = asked.ask(&["case/1"]);
    assert_eq!(status, 4, "{}", said(&output));
    assert!(said(&output).contains("nobody tied the reference"), "{}", said(&output));

    asked.declares("aurora", "case/1", &declaration(1, None));
    let (status, document, output) = asked.ask(&["case/1"]);
    assert_eq!((status, document["verdict"].as_str()), (13, Some("undecided")), "{}", said(&output));
    let (status, document, _) = asked.ask(&["case/1", "--require", "1"]);
    assert_eq!((status, document["verdict"].as_str()), (0, Some("agreement")));

    asked.declares("borealis", "case/1", &declaration(1, None));
    let (status, document, _) = asked.ask(&["case/1"]);
    assert_eq!((status, &document["agreed"]), (0, &json!(true)));
    assert_eq!(document["pairs"][0]["same"], true);
    assert_eq!(asked.ask(&["case/1", "--require", "3"]).0, 13);
    let (status, document, output) = asked.ask(&["case/1", "--between", "aurora,cygnus"]);
    assert_eq!((status, &document["silent"]), (13, &json!(["cygnus"])), "{}", said(&output));
    let (status, _, output) = asked.ask(&["case/1", "--between", "aurora,delta"]);
    assert_eq!(status, 4);
    assert!(said(&output).contains("delta") && said(&output).contains("aurora, borealis, cygnus"), "{}", said(&output));
    assert_eq!(asked.ask(&["case/1", "--between", "aurora"]).0, 2);
    assert_eq!(asked.ask(&["case/1", "--between", "aurora,borealis", "--require", "2"]).0, 2);
    assert_eq!(asked.ask(&["case/1", "--require", "0"]).0, 2);

    // A third party that says something else is shown, and changes nothing for the two.
    asked.declares("cygnus", "case/1", &declaration(2, None));
    let (status, document, _) = asked.ask(&["case/1"]);
    assert_eq!((status, document["groups"].as_array().unwrap().len()), (0, 2), "{document}");
    assert_eq!(document["groups"][0]["organisations"], json!(["aurora", "borealis"]));
    assert!(document["says"].as_str().unwrap().contains("others name other runs: cygnus"), "{document}");
    let differing: Vec<&Value> =
        document["pairs"].as_array().unwrap().iter().filter(|pair| pair["same"] == false).collect();
    assert_eq!(differing.len(), 2);
    assert_eq!(differing[0]["elements"], json!(["parameters"]));
    assert_eq!(differing[0]["members"], json!(["/parameters/seed"]));
    assert_eq!(asked.ask(&["case/1", "--between", "aurora,borealis"]).0, 0);
    assert_eq!(asked.ask(&["case/1", "--between", "borealis,cygnus"]).0, 5);
    assert_eq!(asked.ask(&["case/1", "--require", "3"]).0, 5);

    // Two versions of the importer are named as what may be all that differs.
    asked.declares("aurora", "case/2", &declaration(1, Some("selfsame/import/v1")));
    asked.declares("borealis", "case/2", &declaration(1, Some("selfsame/import/v2")));
    let (status, document, _) = asked.ask(&["case/2"]);
    assert_eq!(status, 5);
    let note = document["notes"][0].as_str().unwrap();
    assert!(note.contains("selfsame/import/v1") && note.contains("import both with one version"), "{note}");
}
