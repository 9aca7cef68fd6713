use crate::{bytes, cases, load, text};
use selfsame_protocol::canon;
use selfsame_protocol::digest::{Digest, framed};
use selfsame_protocol::number::LogIndex;
use selfsame_protocol::p104::{self, Attestation, Claims, Constitution, IdentityStatement};
use selfsame_protocol::time::{Timestamp, U64};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::str::FromStr;

fn operands(case: &Value) -> Vec<&str> {
    case["operands"].as_array().unwrap().iter().map(|o| o.as_str().unwrap()).collect()
}

fn parse<T: FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("not in form: {text}"))
}

/// A hash operand: 64 hex characters; an absent one is empty.
fn operand(hex: &str) -> Option<Digest> {
    (!hex.is_empty()).then(|| parse(&format!("sha256:{hex}")))
}

fn hash(hex: &str) -> Digest {
    operand(hex).unwrap()
}

fn typed<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap_or_else(|e| panic!("{e}: {value}"))
}

/// shows: P-005, P-026, P-030, P-032, P-089, C-17, C-18
#[test]
fn the_framed_hash_has_the_published_values() {
    for case in cases(&load("p104"), "framed") {
        let parts: Vec<&[u8]> = operands(case).into_iter().map(str::as_bytes).collect();
        assert_eq!(framed(&parts).hex(), text(case, "hash"), "{}", text(case, "name"));
    }
}

/// shows: P-026, P-030, P-032, P-050, P-059, RI-14, C-18
#[test]
fn every_operand_of_every_formula_and_their_order_influence_the_hash() {
    let vectors = load("p104");
    for list in ["births", "cycles", "closes", "migration_nonces"] {
        for case in cases(&vectors, list) {
            let name = text(case, "name");
            let parts: Vec<Vec<u8>> = operands(case).into_iter().map(|o| o.as_bytes().to_vec()).collect();
            let of = |parts: &[Vec<u8>]| framed(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>()).hex();
            assert_eq!(of(&parts), text(case, "hash"), "{name}");
            for at in 0..parts.len() {
                let mut altered = parts.clone();
                match altered[at].last_mut() {
                    Some(last) => *last ^= 1,
                    None => altered[at].push(b'0'),
                }
                assert_ne!(of(&altered), text(case, "hash"), "{name}: operand {at}");
                let mut swapped = parts.clone();
                swapped.swap(0, at);
                assert_eq!(of(&swapped) == text(case, "hash"), parts[0] == parts[at], "{name}: order of {at}");
            }
            // A byte that moves to the neighbour makes another list, although the concatenation stays.
            for at in 1..parts.len() {
                let mut moved = parts.clone();
                if let Some(byte) = moved[at - 1].pop() {
                    moved[at].insert(0, byte);
                    assert_ne!(of(&moved), text(case, "hash"), "{name}: boundary before {at}");
                }
            }
        }
    }
}

/// shows: P-020, P-021
#[test]
fn the_founding_tension_is_the_hash_of_both_branches() {
    let vectors = load("p104");
    let mut seen = std::collections::BTreeSet::new();
    for case in cases(&vectors, "founding_tension") {
        let canonical = canon::to_canonical(&case["document"]);
        assert_eq!(String::from_utf8(canonical.clone()).unwrap(), text(case, "canonical"));
        assert_eq!(p104::founding_tension_hash(&canonical).hex(), text(case, "hash"), "{}", text(case, "name"));
        assert!(seen.insert(text(case, "hash")), "two documents with one hash");
    }
}

/// shows: P-025, P-026, P-045, P-046, C-21
#[test]
fn births_have_the_substrate_identity_hash() {
    for case in cases(&load("p104"), "births") {
        let [substrate, tension, time, attestation, schema] = operands(case)[..] else { panic!("five operands") };
        let attestation = operand(attestation);
        let identity = p104::substrate_identity_hash(
            substrate,
            &hash(tension),
            parse::<Timestamp>(time),
            attestation.as_ref(),
            schema,
        );
        assert_eq!(identity.hex(), text(case, "hash"), "{}", text(case, "name"));
    }
}

/// shows: P-027, P-030, P-031, P-089
#[test]
fn cycles_have_the_cycle_identity_hash_and_migration_cycles_two_more_operands() {
    let vectors = load("p104");
    let mut prior = text(&vectors["births"][0], "hash").to_string();
    for case in cases(&vectors, "cycles") {
        let [head, resolution, state, depth, time, ref migration @ ..] = operands(case)[..] else { panic!("operands") };
        assert_eq!(head, prior, "the chain is unbroken");
        let migration = match migration {
            [origin, destination] => Some((hash(origin), hash(destination))),
            [] => None,
            other => panic!("{} further operands", other.len()),
        };
        let identity = p104::cycle_identity_hash(
            &hash(head),
            &hash(resolution),
            &hash(state),
            parse::<U64>(depth),
            parse::<Timestamp>(time),
            migration.as_ref().map(|(o, d)| (o, d)),
        );
        assert_eq!(identity.hex(), text(case, "hash"), "{}", text(case, "name"));
        prior = identity.hex();
    }
}

/// shows: P-032, P-056
#[test]
fn closes_have_the_continuity_hash() {
    for case in cases(&load("p104"), "closes") {
        let [head, evidence, reasoning, time, schema] = operands(case)[..] else { panic!("five operands") };
        let (time, evidence, reasoning) = (parse::<Timestamp>(time), parse::<U64>(evidence), parse::<U64>(reasoning));
        let continuity = p104::continuity_hash(&hash(head), evidence, reasoning, time, schema);
        assert_eq!(continuity.hex(), text(case, "hash"), "{}", text(case, "name"));
    }
}

/// shows: P-010, P-050, P-076, P-111, C-28, C-29
#[test]
fn own_formulas_start_with_their_name() {
    for case in cases(&load("p104"), "tagged") {
        let (name, tag, value) = (text(case, "name"), text(case, "tag"), &case["value"]);
        assert_eq!(String::from_utf8(canon::to_canonical(value)).unwrap(), text(case, "canonical"), "{name}");
        assert_eq!(p104::tagged(tag, value).hex(), text(case, "hash"), "{name}");
        // The typed record has the same canonical form as the document that it was read from.
        let of_record = match tag {
            p104::TAG_CONSTITUTION => typed::<Constitution>(value).hash(),
            p104::TAG_AMENDMENT => p104::tagged(tag, &typed::<selfsame_protocol::p104::Amendment>(value)),
            p104::TAG_GOALVECTOR => p104::tagged(tag, &typed::<selfsame_protocol::command::GoalVector>(value)),
            p104::TAG_ATTESTATION => typed::<Attestation>(value).hash(),
            p104::TAG_MIGRATION => continue,
            other => panic!("tag {other}"),
        };
        assert_eq!(of_record.hex(), text(case, "hash"), "{name}");
    }
}

/// shows: P-076, P-077, C-25, C-28
#[test]
fn each_amendment_names_the_one_before_and_moves_what_is_in_force() {
    let vectors = load("p104");
    let chain = &vectors["amendment_chain"];
    let mut constitution: Constitution = typed(&chain["constitution"]);
    let mut before = None;
    for step in cases(chain, "steps") {
        let amendment: selfsame_protocol::p104::Amendment = typed(&step["amendment"]);
        let (hash, prior) = constitution.enact(&amendment);
        assert_eq!((hash, prior), (parse(text(step, "amendment_hash")), before));
        assert_eq!(serde_json::to_value(prior).unwrap(), step["prior_amendment"]);
        assert_eq!(serde_json::to_value(&constitution).unwrap(), step["constitution"]);
        assert_eq!(constitution.hash().to_string(), text(step, "constitutional_state_hash"));
        before = Some(hash);
    }
}

/// shows: P-044, P-045, P-046, P-082
#[test]
fn an_attestation_holds_for_exactly_its_claims() {
    for case in cases(&load("p104"), "attestations") {
        let name = text(case, "name");
        let claims = typed::<Claims>(&case["claims"]);
        let signed = [b"selfsame/attestation/v1\n", &canon::to_canonical_of(&claims)[..]].concat();
        assert_eq!(signed, bytes(case, "signed_hex"), "{name}");
        // One of another form is not read at all.
        let Ok(attestation) = serde_json::from_value::<Attestation>(case["attestation"].clone()) else {
            assert_eq!(case["valid"], false, "{name}");
            continue;
        };
        assert_eq!(attestation.verify(&claims).is_ok(), case["valid"], "{name}");
        assert_eq!(attestation.hash().hex(), text(case, "hash"), "{name}");
    }
}

/// shows: P-092, P-093, P-094, C-32
#[test]
fn statements_have_exactly_the_published_members_and_their_hash() {
    for case in cases(&load("p104"), "statements") {
        let (name, value) = (text(case, "name"), &case["statement"]);
        let statement: IdentityStatement = typed(value);
        assert_eq!(statement.expected_hash(), statement.statement_hash, "{name}");
        assert_eq!(&serde_json::to_value(&statement).unwrap(), value, "{name}: the same members");
        for member in value.as_object().unwrap().keys() {
            let mut without = value.clone();
            without.as_object_mut().unwrap().remove(member);
            assert!(serde_json::from_value::<IdentityStatement>(without).is_err(), "{name}: no {member}");
        }
        let mut more = value.clone();
        more["note"] = "an unknown member".into();
        assert!(serde_json::from_value::<IdentityStatement>(more).is_err(), "{name}");
    }
}

#[test]
fn nonces_come_from_the_log_alone() {
    for case in cases(&load("p104"), "migration_nonces") {
        let [tag, cluster, substrate, migration, index, head] = operands(case)[..] else { panic!("six operands") };
        assert_eq!(tag, p104::TAG_NONCE);
        let nonce = p104::migration_nonce(cluster, substrate, migration, parse::<LogIndex>(index), &hash(head));
        assert_eq!(nonce.hex(), text(case, "hash"), "{}", text(case, "name"));
    }
}

/// shows: P-093, X-01, C-06
#[test]
fn every_operand_has_one_spelling() {
    fn check<T: FromStr + ToString>(forms: &Value, kind: &str) {
        for good in cases(forms, kind) {
            let good = good.as_str().unwrap();
            assert_eq!(parse::<T>(good).to_string(), good);
        }
        for bad in cases(forms, &format!("not_{kind}")) {
            assert!(bad.as_str().unwrap().parse::<T>().is_err(), "{bad} as one of {kind}");
        }
    }
    let forms = &load("p104")["operand_forms"];
    check::<Timestamp>(forms, "timestamps");
    check::<U64>(forms, "counters");
    check::<Digest>(forms, "digests");
}
