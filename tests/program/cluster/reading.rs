//! What people read of a running cluster: lists page by page, names instead of ids, one value alone, keys to verify with.

use super::harness::{Processes, run, said};
use selfsame_node::config::RaftSection;
use serde_json::{Value, json};
use std::process::Output;

const FOUNDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/founding-incompatibility.json");
const BODY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/requests/openai-chat.json");

fn uuid(number: u8) -> String {
    format!("00000000-0000-4000-8000-0000000000{number:02}")
}

fn read(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stdout)))
}

struct Reader {
    cluster: Processes,
    endpoints: String,
}

impl Reader {
    async fn start() -> Reader {
        let mut cluster = Processes::prepare(RaftSection::default(), 0);
        (1..=3).for_each(|id| cluster.start(id));
        cluster.leader().await;
        let endpoints: Vec<_> = cluster.addresses.values().map(|member| member.client.clone()).collect();
        // A context, as `selfsame dev` writes one.
        std::fs::create_dir_all(cluster.path("context/keys")).unwrap();
        std::fs::write(cluster.path("context/context.json"), json!({"endpoints": endpoints}).to_string()).unwrap();
        Reader { endpoints: endpoints.join(","), cluster }
    }
    /// Runs a command with the context, in the form that people read.
    fn people(&self, arguments: &[&str]) -> Output {
        run(self.cluster.dir.path(), &[&["--context", "context"], arguments].concat())
    }
    fn json(&self, arguments: &[&str]) -> Value {
        read(&self.people(&[&["-o", "json"], arguments].concat()))
    }
    /// The one value, which stands alone on both streams.
    fn one(&self, arguments: &[&str]) -> String {
        let output = self.people(&[&["-q"], arguments].concat());
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }
    /// A new chip in the context, enrolled; its id.
    fn chip(&self, name: &str, organisation: &str) -> String {
        self.one(&["key", "new", &format!("context/keys/{name}.json")]);
        let public = self.one(&["key", "show", name]);
        self.one(&["governance", "enrol-chip", &public, "--key", &format!("{organisation}-root.json")])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_names_and_single_values() {
    let reader = Reader::start().await;
    let (chip_a, chip_b) = (reader.chip("chip-a", "aurora"), reader.chip("chip-b", "borealis"));
    assert!(chip_a.starts_with("sha256:") && chip_a != chip_b);
    for number in 1..=5 {
        let key = if number % 2 == 1 { "chip-a" } else { "chip-b" };
        let birth = reader.one(&["substrate", "init", &uuid(number), "--founding", FOUNDING, "--key", key]);
        assert!(birth.starts_with("sha256:"), "{birth}");
    }
    let opened = reader.people(&["substrate", "open", &uuid(1), "--key", "chip-a", "-q"]);
    assert_eq!((opened.status.code(), &opened.stdout[..]), (Some(12), &b"INSUFFICIENT_DEPTH\n"[..]));

    // The whole list, and the same in pages; a page says how the list goes on.
    let all = reader.json(&["substrate", "list"]);
    let ids: Vec<_> = all["substrates"].as_array().unwrap().iter().map(|one| one["substrate_id"].clone()).collect();
    assert_eq!(ids, (1..=5).map(|number| json!(uuid(number))).collect::<Vec<_>>());
    assert_eq!(all["next_page_token"], Value::Null);
    let (first, second) = (&all["substrates"][0], &all["substrates"][1]);
    assert_eq!((&first["phase"], &first["last_outcome"]), (&json!("open"), &json!("INSUFFICIENT_DEPTH")), "{first}");
    assert_eq!((&second["phase"], &second["last_outcome"]), (&json!("closed"), &Value::Null), "{second}");
    assert_eq!(
        (&first["chip"], &first["organisation"], &first["state"]),
        (&json!(chip_a), &json!("aurora"), &json!("active"))
    );
    let (mut paged, mut token, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = reader.json(&["substrate", "list", "--limit", "2", "--page", &token]);
        paged.extend(page["substrates"].as_array().unwrap().iter().map(|one| one["substrate_id"].clone()));
        pages += 1;
        match page["next_page_token"].as_str() {
            Some(next) => token = next.into(),
            None => break,
        }
    }
    assert_eq!((paged, pages), (ids, 3));
    let said_more = reader.people(&["substrate", "list", "--limit", "2"]);
    assert!(said(&said_more).contains("--page "), "{}", said(&said_more));
    let table = String::from_utf8(said_more.stdout).unwrap();
    assert!(table.starts_with("substrate ") && table.lines().count() == 3 && table.contains(&chip_a), "{table}");
    let nonsense = reader.people(&["substrate", "list", "--page", "nonsense"]);
    assert_eq!(nonsense.status.code(), Some(2), "{}", said(&nonsense));

    // By chip under each of its names, and by organisation.
    let public_b = reader.one(&["key", "show", "chip-b"]);
    for name in ["chip-b", "context/keys/chip-b.json", &chip_b, &chip_b[..19], &public_b] {
        assert_eq!(reader.one(&["substrate", "list", "--chip", name]), format!("{}\n{}", uuid(2), uuid(4)), "{name}");
        let shown = reader.json(&["chip", "show", name]);
        assert_eq!(
            (&shown["chip"], &shown["organisation"], &shown["retired"]),
            (&json!(chip_b), &json!("borealis"), &json!(false))
        );
        assert_eq!(shown["substrates"].as_array().unwrap().len(), 2);
    }
    assert_eq!(reader.one(&["substrate", "list", "--organisation", "cygnus"]), "");
    assert_eq!(reader.one(&["substrate", "list", "--organisation", "aurora"]).lines().count(), 3);
    assert_eq!(reader.one(&["chip", "list"]).lines().count(), 2);
    let unknown = reader.people(&["chip", "show", &format!("sha256:{}", "0".repeat(64))]);
    assert_eq!(unknown.status.code(), Some(4), "{}", said(&unknown));

    // What was understood is said; what fits nothing, or two things, is refused with what there is.
    let understood = reader.people(&["chip", "show", "chip-a"]);
    assert!(said(&understood).contains(&chip_a), "{}", said(&understood));
    let nobody = reader.people(&["chip", "show", "chip-c"]);
    assert!(nobody.status.code() == Some(2) && said(&nobody).contains("chip list"), "{}", said(&nobody));
    std::fs::copy(reader.cluster.path("context/keys/chip-b.json"), reader.cluster.path("chip-a")).unwrap();
    let both = reader.people(&["chip", "show", "chip-a"]);
    assert_eq!(both.status.code(), Some(2));
    assert!(said(&both).contains(&chip_a) && said(&both).contains(&chip_b), "{}", said(&both));
    std::fs::remove_file(reader.cluster.path("chip-a")).unwrap();

    // A chip that is retired holds what it held, and nobody may write there.
    reader.one(&["governance", "retire-chip", "chip-b", "--key", "borealis-root.json"]);
    let retired = reader.json(&["chip", "show", "chip-b"]);
    assert_eq!(
        (&retired["retired"], &retired["substrates"][0]["state"]),
        (&json!(true), &json!("retired")),
        "{retired}"
    );
    assert!(retired["until"].as_u64() > retired["since"].as_u64(), "{retired}");
    // And every command says so in one word.
    for command in [["substrate", "show"], ["substrate", "holder"], ["migrate", "status"]] {
        let shown = reader.json(&[&command[..], &[&uuid(2)]].concat());
        assert_eq!(shown["state"], "retired", "{command:?}: {shown}");
        let table = String::from_utf8(reader.people(&[&command[..], &[&uuid(2)]].concat()).stdout).unwrap();
        assert!(table.contains("retired") && !table.contains("active"), "{command:?}: {table}");
    }

    // What leaves nothing to read is a document for programs.
    assert_eq!(reader.json(&["health"])["quorum"], true);
    assert_eq!(reader.json(&["cluster", "snapshot"])["kind"], "Snapshot");

    // A checkpoint of the other ledger is a mix-up of whoever gives it.
    let kept = reader.people(&["ledger", "checkpoint", "evidence", "--of-node"]).stdout;
    std::fs::write(reader.cluster.path("kept"), kept).unwrap();
    let pair = reader.people(&["ledger", "pair", "reasoning", "kept", "-"]);
    assert_eq!(pair.status.code(), Some(2), "{}", said(&pair));
    let expected = "expected test.example/reasoning, found test.example/evidence";
    assert!(said(&pair).contains(expected) && said(&pair).contains("kept: "), "{}", said(&pair));

    // One value: a run id is the one of the ledger, a proof's is the entry's.
    let run_id = reader.one(&["run", "id", "--import", BODY]);
    let declare = ["run", "declare", "--import", BODY, "--key", "aurora-operator.json"];
    assert_eq!(reader.one(&declare), run_id);
    assert_eq!(reader.one(&["run", "show", &run_id]), run_id);
    let size: u64 = reader.one(&["ledger", "checkpoint", "reasoning", "--of-node"]).parse().unwrap();
    assert!(size > 5);
    assert_eq!(reader.one(&["cluster", "members"]), "1\n2\n3");
    assert!(reader.one(&["ledger", "get", "reasoning", "0"]).starts_with("sha256:"));

    // Nodes by their names.
    let node = &reader.cluster.addresses[&2];
    for name in ["2", "borealis", "node2.key.json", &node.peer, &node.client] {
        let moved = reader.people(&["cluster", "transfer-leader", name]);
        assert!(moved.status.success(), "{name}: {}", said(&moved));
    }
    let nobody = reader.people(&["cluster", "transfer-leader", "delta"]);
    assert!(nobody.status.code() == Some(2) && said(&nobody).contains("cluster members"), "{}", said(&nobody));

    // Proposals by their beginning; the id of one that ended is not taken for another's beginning.
    let propose = |id: &str, key: &str| {
        let chip = ["retire-chip", "chip-a", "--reason", "lost"];
        reader.one(&[&["governance", "propose", id], &chip[..], &["--key", key]].concat())
    };
    propose("lost-2026", "aurora-root.json");
    propose("lost", "borealis-root.json");
    let shown = reader.json(&["governance", "show", "lost-2"]);
    assert_eq!(shown["proposal_id"], "lost-2026");
    assert_eq!(reader.json(&["governance", "show", "lost"])["proposal_id"], "lost");
    let both = reader.people(&["governance", "show", "los"]);
    assert!(both.status.code() == Some(2) && said(&both).contains("lost-2026"), "{}", said(&both));
    let none = reader.people(&["governance", "show", "found"]);
    assert_eq!(none.status.code(), Some(4), "{}", said(&none));
}

/// The keys of the running cluster and those of its file are the same, and a verifier takes them.
#[tokio::test(flavor = "multi_thread")]
async fn verifier_keys_come_from_the_cluster_from_its_file_and_from_a_key_file() {
    let reader = Reader::start().await;
    let running = reader.json(&["node", "vkey"]);
    let offline = reader.json(&["node", "vkey", "--cluster", "cluster.toml"]);
    assert_eq!(running["keys"], offline["keys"]);
    // A statement and a cosigner key for each node, a log key for each ledger.
    assert_eq!(running["keys"].as_array().unwrap().len(), 8);
    let statement = reader.one(&["node", "vkey", "2", "--use", "statement"]);
    assert!(statement.starts_with("test.example/node/2+"), "{statement}");
    let named = ["node", "vkey", "node2.key.json", "--use", "statement", "--cluster", "cluster.toml"];
    assert_eq!(reader.one(&named), statement);
    assert_eq!(reader.one(&["node", "vkey", "borealis", "--use", "statement"]), statement);
    for name in ["9", "aurora-root.json", "nobody"] {
        let none = reader.people(&["node", "vkey", name]);
        assert_eq!(none.status.code(), Some(4), "{name}: {}", said(&none));
    }
    // They are what `verify --trust` wants for what the node signs.
    let chip = reader.chip("chip-a", "aurora");
    reader.one(&["substrate", "init", &uuid(1), "--founding", FOUNDING, "--key", "chip-a"]);
    let address = reader.endpoints.split(',').nth(1).unwrap();
    let wrote = reader.people(&["--endpoint", address, "substrate", "bundle", &uuid(1), "history.jsonl"]);
    assert!(wrote.status.success(), "{}", said(&wrote));
    let trusted = |key: &str| reader.people(&["verify", "history.jsonl", "--trust", key]);
    let held = trusted(&statement);
    assert!(held.status.success(), "{}", said(&held));
    let other = reader.one(&["node", "vkey", "1", "--use", "statement"]);
    assert_eq!(trusted(&other).status.code(), Some(13), "the notes are signed by node 2");
    assert!(chip.starts_with("sha256:"));
}
