//! Every fault that makes a genesis nothing that a cluster can rely on, each alone, and the last document that has none.

use super::*;
use crate::keys::SecretKey;
use crate::note::TYPE_COSIGNATURE;

fn key(seed: u16) -> PublicKey {
    let mut bytes = [7; 32];
    bytes[..2].copy_from_slice(&seed.to_be_bytes());
    SecretKey::from_seed(&bytes).public()
}

/// So many organisations with so many nodes each.
fn document(organisations: u16, nodes: u16) -> GenesisDocument {
    let name = |at: u16| format!("o{at:03}").parse().unwrap();
    let node = |at: u16| GenesisNode {
        id: u64::from(at) + 1,
        organisation: name(at % organisations),
        key: key(1_000 + at),
        cosigner: key(2_000 + at),
    };
    let organisation =
        |at: u16| GenesisOrganisation { name: name(at), root_key: key(3_000 + at), operator_key: key(4_000 + at) };
    GenesisDocument {
        cluster: "court".into(),
        origin: "ledger.example".into(),
        limits: Default::default(),
        organisations: (0..organisations).map(organisation).collect(),
        nodes: (0..organisations * nodes).map(node).collect(),
        publication: Publication::default(),
    }
}

/// The one thing that is wrong: its sentence, what was expected and what was found.
fn fault(document: &GenesisDocument) -> (String, String, String) {
    let faults = document.faults();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(document.check().unwrap_err(), faults[0]);
    let Refusal { rule, expected, found, .. } = faults.into_iter().next().unwrap();
    (rule, expected, found)
}

fn wrong(change: impl FnOnce(&mut GenesisDocument)) -> (String, String, String) {
    let mut document = document(3, 1);
    assert!(document.faults().is_empty() && document.check().is_ok());
    change(&mut document);
    fault(&document)
}

fn said(rule: &str, expected: &str, found: &str) -> (String, String, String) {
    (rule.into(), expected.into(), found.into())
}

/// shows: G-01
#[test]
fn names_and_ids_have_their_form_and_stand_once() {
    let name = "1 to 128 of A-Z a-z 0-9 . _ : / -";
    assert_eq!(wrong(|one| one.cluster = "a b".into()), said("cluster is no name", name, "a b"));
    let origin = "the start of a URL without scheme, port and trailing slash, like ledger.example";
    for bad in ["", "ledger.example/", "https://ledger.example", "ledger.example:80", "a b"] {
        let found = wrong(|one| one.origin = bad.into());
        assert_eq!(found, said("origin cannot begin the names of ledgers", origin, bad));
    }
    let mut inner = document(3, 1);
    inner.origin = "ledger.example/of/court".into();
    assert!(inner.faults().is_empty());
    let zero = wrong(|one| one.nodes[1].id = 0);
    assert_eq!(zero, said("a node has the id 0: ids start at 1", "", ""));
    let twice = wrong(|one| one.nodes[1].id = 3);
    assert_eq!(twice, said("two nodes have one id: each needs its own", "", "3"));
    let stranger = wrong(|one| one.nodes[1].organisation = "nobody".parse().unwrap());
    assert_eq!(stranger, said("node 2 belongs to no founding organisation", "o000, o001, o002", "nobody"));
    let mut unnamed = serde_json::to_value(document(3, 3)).unwrap();
    unnamed["organisations"][2]["name"] = "a b".into();
    let found = serde_json::from_value::<GenesisDocument>(unnamed).unwrap_err().to_string();
    assert_eq!(found, format!("\"a b\" is not a name: {name}"));
    let again = wrong(|one| {
        let mut other = one.organisations[0].clone();
        (other.root_key, other.operator_key) = (key(1), key(2));
        one.organisations.push(other);
    });
    assert_eq!(again, said("two organisations have one name: each needs its own", "", "o000"));
}

/// shows: G-01
#[test]
fn there_are_founders_and_nodes_and_not_too_many() {
    let none = GenesisDocument { organisations: Vec::new(), nodes: Vec::new(), ..document(1, 1) };
    let rules: Vec<String> = none.faults().into_iter().map(|fault| fault.rule).collect();
    assert_eq!(
        rules,
        [
            "there is no founding organisation: name at least one under [[organisations]]",
            "there is no founding node: name at least one under [[nodes]]",
        ]
    );
    let most = MAX_ORGANISATIONS as u16;
    assert!(document(most, 1).faults().is_empty());
    let (rule, expected, found) = fault(&document(most + 1, 1));
    assert_eq!(rule, "there are too many founding organisations");
    assert_eq!((expected, found), (format!("at most {most}"), (most + 1).to_string()));
}

/// shows: G-02
#[test]
fn each_use_has_a_key_of_its_own() {
    let all = document(2, 2).keys();
    let owners: Vec<&str> = all.iter().map(|(owner, _)| owner.as_str()).collect();
    assert_eq!(
        owners,
        [
            "the root key of o000",
            "the operator key of o000",
            "the root key of o001",
            "the operator key of o001",
            "the key of node 1",
            "the cosigner key of node 1",
            "the key of node 2",
            "the cosigner key of node 2",
            "the key of node 3",
            "the cosigner key of node 3",
            "the key of node 4",
            "the cosigner key of node 4",
        ]
    );
    let twice = wrong(|one| one.nodes[2].cosigner = one.organisations[0].root_key);
    let rule = "the cosigner key of node 3 is also the root key of o000: each use needs a key of its own";
    assert_eq!(twice, said(rule, "", &key(3_000).to_string()));
    let log_key = |log_key| {
        move |one: &mut GenesisDocument| {
            one.publication.publisher = Some(Publisher { organisation: "o001".parse().unwrap(), log_key });
        }
    };
    assert!(wrong(log_key(key(1_000))).0.starts_with("the log key of o001 is also the key of node 1"));
    let stranger = wrong(|one| {
        one.publication.publisher = Some(Publisher { organisation: "nobody".parse().unwrap(), log_key: key(9) });
    });
    assert_eq!(stranger, said("the publisher is no founding organisation", "o000, o001, o002", "nobody"));
}

/// shows: G-01, G-15
#[test]
fn of_several_founders_none_holds_a_quorum_of_the_nodes_and_one_alone_holds_all() {
    for nodes in 1..=3 {
        assert!(document(1, nodes).faults().is_empty());
        assert!(document(2, nodes).faults().is_empty());
    }
    // Two of three is a quorum, and so is three of five; two of four and two of five are none.
    for (nodes, held, fine) in [(3, 2, false), (4, 2, true), (5, 2, true), (5, 3, false), (6, 3, true), (6, 4, false)] {
        let mut one = document(3, 2);
        one.nodes.truncate(nodes);
        for (at, node) in one.nodes.iter_mut().enumerate() {
            let organisation: String = if at < held { "o001".into() } else { format!("o00{}", at % 2 * 2) };
            node.organisation = organisation.parse().unwrap();
        }
        // What is left goes to two others, so that neither has too much.
        if fine {
            assert!(one.faults().is_empty(), "{held} of {nodes}: {:?}", one.faults());
        } else {
            let found = one.faults();
            assert_eq!((found.len(), found[0].code), (1, Code::OrganisationQuorum), "{held} of {nodes}");
            assert_eq!(found[0].rule, "o001 holds a quorum of the nodes alone: give the others more nodes");
            let expected = format!("fewer than {} of {nodes}", nodes / 2 + 1);
            assert_eq!((&found[0].expected, &found[0].found), (&expected, &held.to_string()));
        }
    }
}

/// shows: G-01
#[test]
fn a_threshold_is_more_than_half_and_no_more_than_there_are() {
    for (organisations, fine) in [(1_u16, 1..=1), (2, 2..=2), (3, 2..=3), (4, 3..=4), (5, 3..=5)] {
        for threshold in 0..=u64::from(organisations) + 1 {
            let mut one = document(organisations, 1);
            one.publication.threshold = Some(threshold);
            if fine.contains(&threshold) {
                assert!(one.faults().is_empty(), "{threshold} of {organisations}");
                assert_eq!(one.constitution().cosignatures() as u64, threshold);
                assert_eq!(one.publication.threshold(organisations.into()) as u64, threshold);
                assert!(!one.publication.is_default());
            } else {
                let expected = format!("{} to {organisations} of {organisations} organisations", fine.start());
                let rule = "publication.threshold asks for too few or too many";
                assert_eq!(fault(&one), said(rule, &expected, &threshold.to_string()));
            }
        }
    }
    let absent: Vec<usize> = (1..=7).map(|n| Publication::default().threshold(n)).collect();
    assert_eq!(absent, [1, 2, 3, 3, 4, 5, 5]);
    assert!(Publication::default().is_default());
}

/// The founders' policy names what the document names, and nobody else.
/// shows: G-19
#[test]
fn the_policy_of_the_founders_follows_from_the_document() {
    let mut one = document(3, 1);
    one.publication.publisher = Some(Publisher { organisation: "o001".parse().unwrap(), log_key: key(9) });
    one.publication.threshold = Some(2);
    let policy = one.policy().unwrap();
    let logs: Vec<_> = policy.logs().iter().map(|log| (log.vkey.name.as_str(), log.vkey.kind, log.vkey.key)).collect();
    assert_eq!(
        logs,
        [("ledger.example/evidence", TYPE_ED25519, key(9)), ("ledger.example/reasoning", TYPE_ED25519, key(9)),]
    );
    let witnesses: Vec<_> =
        policy.witnesses().iter().map(|one| (one.vkey.name.clone(), one.vkey.kind, one.vkey.key)).collect();
    let expected =
        [1, 2, 3].map(|id: u16| (format!("ledger.example/cosigner/{id}"), TYPE_COSIGNATURE, key(1_999 + id)));
    assert_eq!(witnesses, expected);
    assert!(policy.to_text().contains("group organisations 2 "), "{policy}");
    assert!(policy.names("ledger.example/evidence") && policy.names("ledger.example/reasoning"));
    let without = document(3, 1).policy().unwrap();
    assert!(without.logs().is_empty() && without.names("ledger.example/evidence"));
    assert!(!without.names("another.example/evidence"));
    assert!(GenesisDocument { organisations: Vec::new(), nodes: Vec::new(), ..one }.policy().is_err());
}

/// shows: G-01
#[test]
fn nodes_sign_under_names_of_the_cluster() {
    let document = document(1, 1);
    assert_eq!(document.node_key_name(3), "ledger.example/node/3");
    assert_eq!(document.cosigner_name(3), "ledger.example/cosigner/3");
}
