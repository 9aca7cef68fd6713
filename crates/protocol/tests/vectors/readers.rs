//! The readers of bundle vectors: whom they name, and what is expected of a file for each.

use crate::{cases, text};
use selfsame_protocol::bundle::{self, BundleError, Reader, Report};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::genesis::GenesisDocument;
use selfsame_protocol::note::Vkey;
use selfsame_protocol::policy::Policy;
use selfsame_protocol::replay::History;
use serde_json::Value;

/// What the readers of a vector file bring.
pub struct Readers {
    policy: Policy,
    genesis: Digest,
    other_genesis: Digest,
    keys: Vec<Vkey>,
    other_keys: Vec<Vkey>,
    pub document: Option<GenesisDocument>,
}

fn keys(readers: &Value, list: &str) -> Vec<Vkey> {
    cases(readers, list).iter().map(|key| Vkey::parse(key.as_str().unwrap()).unwrap()).collect()
}

impl Readers {
    pub fn of(vectors: &Value) -> Self {
        let readers = &vectors["readers"];
        Self {
            policy: Policy::parse(text(readers, "policy").as_bytes()).unwrap(),
            genesis: text(readers, "genesis").parse().unwrap(),
            other_genesis: text(readers, "other_genesis").parse().unwrap(),
            keys: keys(readers, "keys"),
            other_keys: keys(readers, "other_keys"),
            document: serde_json::from_value(vectors["genesis_document"].clone()).ok(),
        }
    }

    /// The reader of a case, by the first word of its name.
    pub fn named(&self, name: &str) -> Reader<'_> {
        let genesis = |genesis| Reader { genesis: Some(genesis), ..Reader::default() };
        match name.split(' ').next().unwrap() {
            "policy" => Reader::policy(&self.policy),
            "genesis" | "digest" => genesis(&self.genesis),
            "other_genesis" => genesis(&self.other_genesis),
            "keys" => Reader::keys(&self.keys),
            "other_keys" => Reader::keys(&self.other_keys),
            "consistency" => Reader::consistency(),
            "nobody" => Reader::default(),
            other => panic!("a reader {other}"),
        }
    }
}

/// The lines or leaves of a case; a number stands for one of the good bundle.
pub fn lines<'a>(case: &'a Value, list: &str, good: &'a [Value]) -> Vec<&'a str> {
    let line = |line: &'a Value| line.as_u64().map_or(line, |at| &good[usize::try_from(at).unwrap()]).as_str().unwrap();
    case[list].as_array().unwrap().iter().map(line).collect()
}

pub fn verify(lines: &[&str], reader: Reader<'_>) -> Result<(Report, Option<History>), BundleError> {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    bundle::verify(&text, reader, |_| {})
}

/// Every case whose check, or whether it was altered, or whether later entries are known, is not the expected one.
pub fn compare<'a>(cases: impl Iterator<Item = &'a Value>, check: impl Fn(&'a Value) -> (String, bool)) {
    let wrong: Vec<String> = cases
        .map(|case| (text(case, "name"), text(case, "check"), case["tampered"].as_bool().unwrap_or(true), check(case)))
        .filter(|(_, expected, tampered, found)| (*expected, *tampered) != (found.0.as_str(), found.1))
        .map(|(name, expected, tampered, found)| {
            format!("{name}: expected {:?}, found {found:?}", (expected, tampered))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The verdict of each altered bundle of a vector file. A reader whose name ends in `later` is told that later entries
/// are unknown.
pub fn altered(vectors: &Value) {
    let (readers, good) = (Readers::of(vectors), cases(vectors, "lines"));
    compare(cases(vectors, "altered").iter(), |case| {
        let named = text(case, "reader");
        match verify(&lines(case, "lines", good), readers.named(named)) {
            Err(error) => (error.check, error.tampered),
            Ok((report, _))
                if report.later_entries.is_known() == named.starts_with("policy") && !named.contains(' ') =>
            {
                (String::new(), false)
            }
            Ok((report, _)) if !report.later_entries.is_known() && named != "policy" => (String::new(), false),
            Ok((report, _)) => (format!("{:?}", report.later_entries), false),
        }
    });
}

/// The genuine bundle, for every reader.
pub fn genuine(vectors: &Value, look: impl Fn(&Report, Option<&History>)) {
    let readers = Readers::of(vectors);
    let good = lines(vectors, "lines", &[]);
    for (name, known) in [("policy", true), ("genesis", true), ("keys", false), ("consistency", false)] {
        let (report, history) = verify(&good, readers.named(name)).unwrap();
        assert_eq!(report.later_entries.is_known(), known, "{name}: {:?}", report.later_entries);
        assert_eq!(report.genesis, readers.genesis);
        assert_eq!(report.genesis_from_reader, name == "genesis");
        look(&report, history.as_ref());
    }
    for (name, check) in [("nobody", "NOBODY_TRUSTED"), ("other_keys", "CHECKPOINT_KEY"), ("other_genesis", "GENESIS")]
    {
        let refused = verify(&good, readers.named(name)).unwrap_err();
        assert_eq!((refused.check.as_str(), refused.tampered), (check, false));
    }
}
