use crate::{cases, load, number, text};
use selfsame_protocol::command::{ItemLimits, Proposal};
use selfsame_protocol::constitution::{ClusterConstitution, Count, Share, ballot_digest, count};
use selfsame_protocol::digest::{Digest, unhex};
use selfsame_protocol::genesis::{GenesisDocument, GenesisOrganisation, Publication};
use selfsame_protocol::replay::BadCheck;
use selfsame_protocol::replay::governance::Governance;
use serde_json::Value;

/// shows: G-07
#[test]
fn a_share_asks_for_the_number_of_members_that_exceeds_it() {
    let vectors = load("governance");
    for case in cases(&vectors, "shares") {
        let share: Share = text(case, "share").parse().unwrap();
        assert_eq!(share.needed(number(case, "members") as usize) as u64, number(case, "needed"), "{case}");
    }
    for refused in cases(&vectors, "refused_shares") {
        assert!(serde_json::from_value::<Share>(refused.clone()).is_err(), "{refused}");
    }
    for case in cases(&vectors, "counts") {
        let at = |name| number(case, name) as usize;
        let vetoed = case["vetoed"].as_bool().unwrap();
        let result = match count(at("approvals"), at("rejections"), at("needed"), at("electorate"), vetoed) {
            Count::Open => "open",
            Count::Carried => "carried",
            Count::Rejected => "rejected",
        };
        assert_eq!(result, text(case, "result"), "{case}");
    }
}

/// shows: G-06
#[test]
fn a_constitution_has_one_hash() {
    for case in cases(&load("governance"), "constitutions") {
        let constitution: ClusterConstitution = serde_json::from_value(case["constitution"].clone()).unwrap();
        assert_eq!(constitution.hash().hex(), text(case, "hash"), "{case}");
        assert_eq!(serde_json::to_value(&constitution).unwrap(), case["constitution"]);
    }
}

/// shows: G-02
#[test]
fn a_vote_is_about_a_proposal_under_a_constitution() {
    for case in cases(&load("governance"), "ballots") {
        let proposal: Proposal = serde_json::from_value(case["proposal"].clone()).unwrap();
        let constitution: Digest = text(case, "constitution").parse().unwrap();
        let digest = ballot_digest(&constitution, text(case, "proposal_id"), &proposal);
        assert_eq!(digest.hex(), text(case, "hash"), "{case}");
    }
}

fn start(history: &Value) -> Governance {
    let founders: Vec<_> = cases(history, "founders")
        .iter()
        .map(|f| {
            (text(f, "name").to_owned(), text(f, "root_key").parse().unwrap(), text(f, "operator_key").parse().unwrap())
        })
        .collect();
    let organisations = founders
        .into_iter()
        .map(|(name, root_key, operator_key)| GenesisOrganisation {
            name: name.parse().unwrap(),
            root_key,
            operator_key,
        })
        .collect();
    Governance::new(&GenesisDocument {
        cluster: text(history, "cluster").into(),
        origin: "ledger.example".into(),
        limits: ItemLimits::default(),
        organisations,
        nodes: Vec::new(),
        publication: Publication::default(),
    })
}

/// shows: G-19
#[test]
fn a_history_of_governance_is_verified_with_every_signature() {
    let vectors = load("governance");
    let history = &vectors["history"];
    let mut audit = start(history);
    for (leaf, submission) in cases(history, "leaves").iter().zip(cases(history, "submissions_hex")) {
        let submission = unhex(submission.as_str().unwrap()).unwrap();
        audit.leaf(leaf.as_str().unwrap().as_bytes(), Some(&submission)).unwrap();
    }
    let governed = audit.finish().unwrap();
    assert_eq!(governed.constitution.hash().to_string(), text(history, "constitutional_state_hash"));
    let members: Vec<_> = governed.organisations.keys().map(|name| Value::String(name.to_string())).collect();
    assert_eq!(Value::Array(members), history["organisations"]);
    let results: Vec<_> =
        governed.decisions.iter().map(|ended| (ended.proposal_id.as_str(), ended.result.as_str())).collect();
    assert_eq!(results, [("join", "carried"), ("rotate", "void"), ("rules", "carried")]);
    assert!(governed.open.is_empty() && governed.changes.len() == 2);
}

/// shows: G-19
#[test]
fn an_altered_history_of_governance_fails_by_name() {
    let vectors = load("governance");
    for case in cases(&vectors, "altered") {
        let mut audit = start(&vectors["history"]);
        let fed = cases(case, "leaves").iter().try_for_each(|leaf| audit.leaf(leaf.as_str().unwrap().as_bytes(), None));
        let failed = fed.and_then(|()| audit.finish().map(|_| ())).expect_err(text(case, "name"));
        assert_eq!(failed.check, text(case, "check"), "{}: {failed}", text(case, "name"));
    }
}

fn read(part: &Value, genesis: &Value) -> Result<(), BadCheck> {
    let genesis: GenesisDocument = serde_json::from_value(genesis.clone()).unwrap();
    let mut audit = Governance::new(&genesis);
    for (leaf, submission) in cases(part, "leaves").iter().zip(cases(part, "submissions_hex")) {
        let submission = unhex(submission.as_str().unwrap()).unwrap();
        audit.leaf(leaf.as_str().unwrap().as_bytes(), Some(&submission))?;
    }
    audit.finish().map(|_| ())
}

/// Everybody signs what the altered histories say: they are refused for what they say.
/// shows: G-02, G-04, G-09, G-12, G-15, G-16, G-18, G-19, G-20
#[test]
fn a_signed_history_that_no_machine_could_have_made_fails_by_name() {
    let vectors = load("governance");
    let nodes = &vectors["nodes"];
    read(nodes, &nodes["genesis"]).unwrap();
    let altered = cases(nodes, "altered");
    for case in altered {
        let genesis = case.get("genesis").unwrap_or(&nodes["genesis"]);
        let failed = read(case, genesis).expect_err(text(case, "name"));
        assert_eq!(failed.check, text(case, "check"), "{}: {failed}", text(case, "name"));
    }
    assert!(altered.len() > 30);
}
