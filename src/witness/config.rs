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

impl WitnessSection {
    /// What the section says, checked. `own` is the prefix of the cluster's own origins.
    pub fn settings(&self, own: &str) -> Result<WitnessSettings, String> {
        let key = |text: &str| Vkey::parse(text).map_err(|error| format!("witness: {error}"));
        if self.logs.len() > MOST_LOGS || self.external.len() > MOST_WITNESSES {
            return Err(format!("witness: at most {MOST_LOGS} logs and {MOST_WITNESSES} external witnesses"));
        }
        let mut logs = BTreeMap::new();
        for log in &self.logs {
            let keys = log.keys.iter().map(|text| key(text)).collect::<Result<Vec<_>, _>>()?;
            if keys.is_empty() {
                return Err(format!("witness.logs: {} has no key", log.origin));
            }
            if log.origin.is_empty() || log.origin.chars().any(char::is_control) {
                return Err(format!("witness.logs: an origin is one line of text, found {:?}", log.origin));
            }
            if log.origin.starts_with(&format!("{own}/")) {
                return Err(format!("witness.logs: {} is this cluster's own and witnessed anyway", log.origin));
            }
            if logs.insert(log.origin.clone(), keys).is_some() {
                return Err(format!("witness.logs: {} stands twice", log.origin));
            }
        }
        let mut external: Vec<External> = Vec::new();
        for one in &self.external {
            let vkey = key(&one.key)?;
            if vkey.kind != TYPE_COSIGNATURE {
                return Err(format!(
                    "witness.external: {} is no cosigner's key (type 4, found {})",
                    vkey.name, vkey.kind
                ));
            }
            for url in [Some(&one.url), one.monitoring.as_ref()].into_iter().flatten() {
                crate::fetch::check(url).map_err(|error| format!("witness.external: {error}"))?;
            }
            if external.iter().any(|other| other.vkey.name == vkey.name) {
                return Err(format!("witness.external: {} stands twice", vkey.name));
            }
            let (url, monitoring) = (one.url.clone(), one.monitoring.clone());
            external.push(External { vkey, url, monitoring, required: one.required });
        }
        if let Some(name) = &self.name
            && (name.is_empty() || name.contains('+') || name.chars().any(|c| c.is_whitespace() || c.is_control()))
        {
            return Err(format!("witness.name: a name without spaces and without '+', found {name:?}"));
        }
        Ok(WitnessSettings { name: self.name.clone(), logs, external })
    }
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
            assert!(read(&text).unwrap_err().contains(reason), "{text}");
        }
        let twice = format!("{good}[[external]]\nkey = \"{cosigner}\"\nurl = \"w:1\"\n");
        assert!(read(&twice).unwrap_err().contains("twice"));
    }
}
