//! A fourth organisation joins by ballot, brings its node, loses its root key, gets another, and is removed again; and a
//! stranger verifies all of it from the ledger.

use super::harness::{Processes, declare, holds, run, said};
use selfsame_node::config::RaftSection;
use serde_json::{Value, json};
use std::process::Output;

fn read(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stdout)))
}

struct Story {
    cluster: Processes,
}

impl Story {
    /// Makes a key file; gives the public half.
    fn key(&self, file: &str) -> String {
        let key = read(&run(self.cluster.dir.path(), &["key", "new", file, "-o", "json"]));
        key["public"].as_str().unwrap().to_owned()
    }
    /// A governance command signed by an organisation's root key; gives its result.
    fn govern(&self, by: &str, arguments: &[&str]) -> Value {
        let signed = ["--key", &format!("{by}-root.json")];
        read(&self.cluster.cli(&[&["governance"], arguments, &signed].concat()))["result"].take()
    }
    fn refused(&self, by: &str, arguments: &[&str], status: i32, code: &str) {
        let signed = ["--key", &format!("{by}-root.json")];
        let output = self.cluster.cli(&[&["governance"], arguments, &signed].concat());
        assert_eq!(output.status.code(), Some(status), "{}", said(&output));
        assert!(said(&output).contains(code), "{}", said(&output));
    }
    fn look(&self, arguments: &[&str]) -> Value {
        read(&self.cluster.cli(&[&["governance"], arguments].concat()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_joins_by_ballot_gets_a_new_key_and_is_removed_again() {
    let mut cluster = Processes::prepare(RaftSection::default(), 1);
    (1..=3).for_each(|id| cluster.start(id));
    cluster.leader().await;
    let (client, operator) = (cluster.client(&[1, 2, 3]), cluster.operator());
    let mut story = Story { cluster };
    let founding = story.look(&["constitution"]);
    assert_eq!(founding["needed"], json!({"ordinary": 3, "constitutional": 3, "cosigning": 3, "members": 3}));

    // Nobody joins by the word of two.
    let (root, other) = (story.key("delta-root.json"), story.key("delta-operator.json"));
    let join = ["propose", "join", "add-organisation", "delta", &root, &other];
    assert_eq!(story.govern("aurora", &join)["decided"], false);
    story.refused("delta", &["vote", "join"], 6, "UNKNOWN_KEY");
    assert_eq!(story.govern("borealis", &["vote", "join"])["decided"], false);
    let open = story.look(&["ballots"])["ballots"][0].clone();
    assert_eq!((&open["approvals"], &open["takes_votes"]), (&json!(["aurora", "borealis"]), &json!(true)));
    story.refused("borealis", &["vote", "join", "--reject"], 5, "ALREADY_VOTED");
    let joined = story.govern("cygnus", &["vote", "join"]);
    assert_eq!(joined["decided"], true);
    let constitution = story.look(&["constitution"]);
    assert_eq!(constitution["constitutional_state_hash"], joined["constitutional_state_hash"]);
    assert_ne!(constitution["constitutional_state_hash"], founding["constitutional_state_hash"]);
    assert_eq!(constitution["constitution"]["organisations"][3], "delta");

    // Its node joins as a learner and gets a vote.
    let made = read(&run(story.cluster.dir.path(), &["key", "new", "node4.key.json", "-o", "json"]));
    let [key, cosigner] = ["public", "cosigner"].map(|half| made[half].as_str().unwrap());
    story.govern("delta", &["enrol-node", "4", key, cosigner]);
    story.cluster.start(4);
    let (peer, address) = (story.cluster.addresses[&4].peer.clone(), story.cluster.addresses[&4].client.clone());
    let added = story.cluster.cli(&["cluster", "add-learner", "4", "--peer", &peer, "--client", &address]);
    assert!(added.status.success(), "{}", said(&added));
    assert!(story.cluster.cli(&["cluster", "promote", "4"]).status.success());
    let acknowledged = declare(&client, &operator, 1).await.unwrap().entries;
    holds(&story.cluster.client(&[4]), &acknowledged).await;

    // It loses its root key. The three others give it a new one, and the old one is nobody's any more.
    let fresh = story.key("fresh-root.json");
    story.govern("aurora", &["propose", "key", "rotate-key", "delta", "root", &fresh, "--reason", "lost in a fire"]);
    story.govern("borealis", &["vote", "key"]);
    assert_eq!(story.govern("cygnus", &["vote", "key"])["decided"], true);
    story.refused("delta", &["vote", "key", "--reject"], 6, "KEY_ENDED");

    // It is removed; a ballot that was open is void by that, its node loses its vote and leaves.
    story.govern("fresh", &["propose", "mine", "change-rules", "--ordinary", "1/2"]);
    story.govern("aurora", &["propose", "out", "remove-organisation", "delta", "--reason", "as agreed"]);
    story.govern("borealis", &["vote", "out"]);
    assert_eq!(story.govern("cygnus", &["vote", "out"])["decided"], true);
    story.refused("fresh", &["vote", "mine"], 6, "ORGANISATION_REMOVED");
    story.refused("aurora", &["vote", "mine"], 5, "PROPOSAL_CLOSED");
    assert_eq!(story.look(&["show", "mine"])["ballot"]["status"], "void");
    loop {
        let members = read(&story.cluster.cli(&["cluster", "members"]));
        if members["nodes"][3]["membership"] == "none" {
            assert_eq!(members["nodes"][3]["retired"], true);
            break;
        }
    }
    story.cluster.kill(4);
    declare(&client, &operator, 2).await.unwrap();

    // From the founders on everything follows, signatures included; from other founders nothing does.
    let audit = story.look(&["audit", "--genesis", "cluster.toml"]);
    assert_eq!(audit["submissions"], audit["entries"]);
    let results: Vec<_> = audit["decisions"].as_array().unwrap().iter().map(|ended| &ended["result"]).collect();
    assert_eq!(results, ["carried", "carried", "carried", "void"]);
    assert_eq!(audit["constitutional_state_hash"], story.look(&["constitution"])["constitutional_state_hash"]);
    let genesis = std::fs::read_to_string(story.cluster.path("cluster.toml")).unwrap();
    let aurora = story.cluster.keys.roots[0].public().to_string();
    std::fs::write(story.cluster.path("other.toml"), genesis.replace(&aurora, &fresh)).unwrap();
    // Another genesis is another cluster: nothing is known against this one.
    let other = story.cluster.cli(&["governance", "audit", "--genesis", "other.toml"]);
    assert_eq!(other.status.code(), Some(13), "{}", said(&other));
    assert!(said(&other).contains("GENESIS"), "{}", said(&other));
    // The three forms in which a genesis is named.
    let document = story.cluster.cli(&["cluster", "genesis"]).stdout;
    std::fs::write(story.cluster.path("genesis.json"), &document).unwrap();
    let digest = serde_json::from_slice::<Value>(&document).unwrap()["digest"].as_str().unwrap().to_owned();
    for named in ["genesis.json", &digest] {
        assert_eq!(story.look(&["audit", "--genesis", named])["founders_from_reader"], true, "{named}");
    }
    let none = format!("sha256:{}", "0".repeat(64));
    let other = story.cluster.cli(&["governance", "audit", "--genesis", &none]);
    assert_eq!(other.status.code(), Some(13), "{}", said(&other));
}
