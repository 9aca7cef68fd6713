//! What a node file says about witnessing.

use super::{External, WitnessSettings};
use selfsame_protocol::note::{TYPE_COSIGNATURE, Vkey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Logs that this node witnesses, and witnesses that it asks; absent members take the default.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessSection {
    /// Name in the cosignatures of this node's witness.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Foreign logs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<LogSection>,
    /// Witnesses of others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external: Vec<ExternalSection>,
}

/// A foreign log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSection {
    /// First line of its checkpoints.
    pub origin: String,
    /// Its verifier keys.
    pub keys: Vec<String>,
}

/// A witness of somebody else.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalSection {
    /// Its verifier key, a cosigner's (type 4).
    pub key: String,
    /// `http://host:port/prefix` below which `add-checkpoint` is.
    pub url: String,
    /// Where its notes are read, if that is another prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitoring: Option<String>,
    /// Whether nothing is published without it (fail-closed); otherwise publication goes on without (fail-open).
    #[serde(default)]
    pub required: bool,
}

/// Most foreign logs and most external witnesses: every note of the one stands in one file that is rewritten with each
/// cosignature, and every line of the other in each published note.
const MOST_LOGS: usize = 1_000;
const MOST_WITNESSES: usize = 16;

/// What is wrong with a member of the section, by its path in the file.
type Faults = Vec<(String, String)>;

impl WitnessSection {
    /// What the section says, checked, or everything that is wrong with it. `own` is the prefix of the cluster's own
    /// origins.
    pub fn settings(&self, own: &str) -> Result<WitnessSettings, Faults> {
        let mut faults = Faults::new();
        let mut bad = |member: String, reason: String| faults.push((member, reason));
        if self.logs.len() > MOST_LOGS {
            bad("witness.logs".into(), format!("are {}: a node witnesses at most {MOST_LOGS}", self.logs.len()));
        }
        if self.external.len() > MOST_WITNESSES {
            let found = self.external.len();
            bad("witness.external".into(), format!("are {found}: a node asks at most {MOST_WITNESSES}"));
        }
        let mut logs = BTreeMap::new();
        for (place, log) in self.logs.iter().enumerate() {
            let at = |name: &str| format!("witness.logs[{place}].{name}");
            let mut keys = Vec::new();
            for (number, text) in log.keys.iter().enumerate() {
                match key(text) {
                    Ok(vkey) => keys.push(vkey),
                    Err(reason) => bad(at(&format!("keys[{number}]")), reason),
                }
            }
            if log.keys.is_empty() {
                bad(at("keys"), format!("is empty: name a verifier key of {}", log.origin));
            }
            if log.origin.is_empty() || log.origin.chars().any(char::is_control) {
                bad(at("origin"), format!("is {:?}: an origin is one line of text", log.origin));
            } else if log.origin.starts_with(&format!("{own}/")) {
                bad(
                    at("origin"),
                    format!("is {}, this cluster's own, which is witnessed anyway: leave it out", log.origin),
                );
            } else if logs.insert(log.origin.clone(), keys).is_some() {
                bad(at("origin"), format!("is {} a second time: put all its keys into one", log.origin));
            }
        }
        let mut external: Vec<External> = Vec::new();
        for (place, one) in self.external.iter().enumerate() {
            let at = |name: &str| format!("witness.external[{place}].{name}");
            for (name, url) in [("url", Some(&one.url)), ("monitoring", one.monitoring.as_ref())] {
                if let Some(Err(error)) = url.map(|url| selfsame_env::fetch::check(url)) {
                    bad(at(name), format!("is no address: {error}"));
                }
            }
            match key(&one.key) {
                Err(reason) => bad(at("key"), reason),
                Ok(vkey) if vkey.kind != TYPE_COSIGNATURE => {
                    let (name, kind) = (&vkey.name, vkey.kind);
                    bad(
                        at("key"),
                        format!("is no cosigner's key: {name} has type {kind}, and a witness signs with type 4"),
                    );
                }
                Ok(vkey) if external.iter().any(|other| other.vkey.name == vkey.name) => {
                    bad(at("key"), format!("is {} a second time: name each witness once", vkey.name));
                }
                Ok(vkey) => {
                    let (url, monitoring) = (one.url.clone(), one.monitoring.clone());
                    external.push(External { vkey, url, monitoring, required: one.required });
                }
            }
        }
        if let Some(name) = &self.name
            && (name.is_empty() || name.contains('+') || name.chars().any(|c| c.is_whitespace() || c.is_control()))
        {
            bad("witness.name".into(), format!("is {name:?}: give a name without spaces and without '+'"));
        }
        if faults.is_empty() { Ok(WitnessSettings { name: self.name.clone(), logs, external }) } else { Err(faults) }
    }
}

/// A verifier key whose public half can sign.
fn key(text: &str) -> Result<Vkey, String> {
    let vkey = Vkey::parse(text).map_err(|error| format!("is no verifier key: {error}"))?;
    vkey.key.check().map_err(|error| format!("is no verifier key: {error}"))?;
    Ok(vkey)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_witness_is_named() {
        let read = |text: &str| toml::from_str::<WitnessSection>(text).unwrap().settings("ledger.example");
        let log = "ledger.example/evidence+6115c7bb+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c";
        let cosigner = "org-a.example/cosigner+ffd41543+BLUz2K2fz73eC0gcGzNN3DxTQS/WFFZOflr9AgNo04LD";
        let good = format!(
            "name = \"a/w\"\n[[logs]]\norigin = \"other.example/log\"\nkeys = [\"{log}\"]\n[[external]]\nkey = \"{cosigner}\"\nurl = \"http://w.example:80/w\"\nrequired = true\n"
        );
        let settings = read(&good).unwrap();
        assert_eq!((settings.logs.len(), settings.external[0].required), (1, true));
        for (from, to, reason) in [
            ("other.example/log", "ledger.example/evidence", "this cluster's own"),
            ("other.example/log", "", "one line of text"),
            (log, "nothing", "verifier key"),
            (cosigner, log, "no cosigner's key"),
            ("http://w", "https://w", "only plain http"),
            ("a/w", "a w", "without spaces"),
        ] {
            let text = good.replacen(from, to, 1);
            let said = read(&text).unwrap_err();
            assert!(said.len() == 1 && said[0].1.contains(reason), "{text}: {said:?}");
        }
        let twice = format!("{good}[[external]]\nkey = \"{cosigner}\"\nurl = \"w:1\"\n");
        assert!(read(&twice).unwrap_err()[0].1.contains("second time"));
        let two = good.replacen("other.example/log", "", 1).replacen("a/w", "a w", 1);
        assert_eq!(read(&two).unwrap_err().len(), 2, "all faults at once");
    }
}
