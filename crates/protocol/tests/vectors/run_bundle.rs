use crate::readers::{altered, genuine};
use crate::{load, number, text};
use selfsame_protocol::bundle::Found;
use selfsame_protocol::run::Element;

/// shows: WL-05, WL-09, WL-11, WL-21, WL-30, WL-31, RI-07, RI-09, RI-12, RI-15, RI-18
#[test]
fn a_run_that_another_implementation_wrote_verifies_with_everybody_who_signed() {
    let vectors = load("run_bundle");
    let expected = &vectors["report"];
    genuine(&vectors, |report, _| {
        let Found::Run(found) = &report.found else { panic!("{:?}", report.found) };
        assert_eq!(found.run_id.to_string(), text(expected, "run_id"));
        for element in Element::ALL {
            assert_eq!(found.elements.get(element).to_string(), text(&expected["elements"], element.as_str()));
        }
        let counts = [
            ("entries", report.entries),
            ("governance_entries", report.governance_entries),
            ("submissions", report.submissions),
            ("executions", found.executions),
            ("disagreements", found.disagreements),
        ];
        for (name, count) in counts {
            assert_eq!(count, number(expected, name), "{name}");
        }
        let organisations: Vec<&str> = found.attestations.iter().map(|a| a.organisation.as_str()).collect();
        assert_eq!(serde_json::json!(organisations), expected["organisations"]);
        assert_eq!(report.cluster_constitution_hash.to_string(), text(expected, "constitutional_state_hash"));
    });
}

/// shows: WL-08, WL-12, WL-13, WL-15, WL-34, RI-13, RI-23, RI-28, RI-33, WL-31, P-095
#[test]
fn every_altered_run_bundle_fails_at_the_check_that_the_vectors_name() {
    altered(&load("run_bundle"));
}
