use crate::{bytes, cases, load, number, text};
use selfsame_protocol::policy::Policy;
use serde_json::Value;

fn file(case: &Value) -> Vec<u8> {
    if case.get("policy_hex").is_some() {
        return bytes(case, "policy_hex");
    }
    match case["policy_repeat"].as_array() {
        Some(parts) => parts
            .iter()
            .flat_map(|part| part[0].as_str().unwrap().repeat(part[1].as_u64().unwrap() as usize).into_bytes())
            .collect(),
        None => text(case, "policy").into(),
    }
}

/// shows: P-063, X-05
#[test]
fn policies_are_read_or_refused_at_the_line_and_rule_of_the_vectors() {
    let vectors = load("policies");
    for case in cases(&vectors, "accepted") {
        let policy = Policy::parse(&file(case)).unwrap_or_else(|error| panic!("{}: {error}", text(case, "name")));
        assert_eq!(policy.to_text(), text(case, "written"), "{}", text(case, "name"));
        assert_eq!(Policy::parse(policy.to_text().as_bytes()).unwrap(), policy);
    }
    for case in cases(&vectors, "refused") {
        let refused = Policy::parse(&file(case)).map_err(|error| (error.line as u64, error.rule));
        assert_eq!(refused.map(|_| ()), Err((number(case, "line"), text(case, "rule"))), "{}", text(case, "name"));
    }
}
