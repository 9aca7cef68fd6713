//! What a node goes by: every member with its value, and where the value comes from.

use super::{Loaded, SCRUB_EVERY_S};
use serde_json::{Map, json};
use std::path::Path;

/// One member.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Table, as its header in the file: `raft`, `members.1`, `witness.logs[0]`.
    pub section: String,
    /// Name in the table.
    pub name: &'static str,
    /// Value; `None` when nothing is set.
    pub value: Option<toml::Value>,
    /// `file line 12` or `default`.
    pub origin: String,
    /// What it means that nothing is set; empty otherwise.
    pub unset: &'static str,
}

impl Loaded {
    /// Every member of the node file as the node goes by it, paths whole, in the order of a file. No secret is among them.
    pub fn effective(&self) -> Vec<Shown> {
        let mut rows = Rows { loaded: self, out: Vec::new() };
        let (file, config) = (&self.file, &self.config);
        rows.number("node", "id", config.id);
        rows.path("node", "data_dir", Some(&self.data_dir), "");
        rows.path("node", "key_file", Some(&self.key_file), "");
        rows.path("node", "cluster_file", Some(&self.cluster_file), "");
        rows.text("listen", "peer", Some(&config.peer_listen), "");
        rows.text("listen", "client", Some(&config.client_listen), "");
        rows.text("listen", "http", config.http_listen.as_deref(), "nothing is served over HTTP");
        for (id, member) in &config.members {
            let section = format!("members.{id}");
            rows.text(&section, "peer", Some(&member.peer_addr), "");
            rows.text(&section, "client", Some(&member.client_addr), "");
        }
        let raft = &config.raft;
        rows.number("raft", "heartbeat_ms", raft.heartbeat_ms);
        rows.number("raft", "election_min_ms", raft.election_min_ms);
        rows.number("raft", "election_max_ms", raft.election_max_ms);
        rows.number("raft", "snapshot_after_mib", raft.snapshot_after_bytes >> 20);
        rows.number("raft", "snapshot_every", raft.snapshot_every);
        rows.number("raft", "keep_logs", raft.keep_logs);
        rows.number("storage", "scrub_every_s", file.storage.scrub_every_s.unwrap_or(SCRUB_EVERY_S));
        rows.number("storage", "cache_mib", (config.store.cache_bytes >> 20) as u64);
        rows.number("publish", "every_ms", config.publish.every_ms);
        rows.number("publish", "refresh_s", config.publish.refresh_ms / 1_000);
        rows.number("publish", "timeout_ms", config.publish.timeout_ms);
        let log_key = file.publish.log_key_file.as_ref().map(|name| self.base.join(name));
        rows.path(
            "publish",
            "log_key_file",
            log_key.as_deref(),
            "the log key is the one that belongs to the node's key",
        );
        let name = crate::node::witness_name(config, &self.genesis);
        rows.text("witness", "name", Some(&name), "");
        for (place, log) in file.witness.logs.iter().enumerate() {
            let section = format!("witness.logs[{place}]");
            rows.text(&section, "origin", Some(&log.origin), "");
            let keys = log.keys.iter().cloned().map(toml::Value::String).collect();
            rows.push(&section, "keys", Some(toml::Value::Array(keys)), "");
        }
        for (place, one) in file.witness.external.iter().enumerate() {
            let section = format!("witness.external[{place}]");
            rows.text(&section, "key", Some(&one.key), "");
            rows.text(&section, "url", Some(&one.url), "");
            rows.text(&section, "monitoring", one.monitoring.as_deref(), "its notes are read under url");
            rows.push(&section, "required", Some(toml::Value::Boolean(one.required)), "");
        }
        rows.out
    }
}

struct Rows<'a> {
    loaded: &'a Loaded,
    out: Vec<Shown>,
}

impl Rows<'_> {
    fn push(&mut self, section: &str, name: &'static str, value: Option<toml::Value>, unset: &'static str) {
        let origin = match self.loaded.lines.get(&format!("{section}.{name}")) {
            Some(line) => format!("file, line {line}"),
            None => "default".into(),
        };
        self.out.push(Shown { section: section.into(), name, value, origin, unset });
    }
    fn text(&mut self, section: &str, name: &'static str, value: Option<&str>, unset: &'static str) {
        self.push(section, name, value.map(|text| toml::Value::String(text.into())), unset);
    }
    fn number(&mut self, section: &str, name: &'static str, value: u64) {
        self.push(section, name, Some(toml::Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))), "");
    }
    fn path(&mut self, section: &str, name: &'static str, value: Option<&Path>, unset: &'static str) {
        let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.into()).display().to_string();
        self.text(section, name, value.map(whole).as_deref(), unset);
    }
}

/// The members as a node file that says the same, with the origin of each as a comment.
pub fn to_toml(rows: &[Shown]) -> String {
    let mut out = String::new();
    let mut section = "";
    for row in rows {
        if row.section != section {
            section = &row.section;
            out.push_str(if out.is_empty() { "" } else { "\n" });
            out.push_str(&match section.split_once('[') {
                Some((list, _)) => format!("[[{list}]]\n"),
                None => format!("[{section}]\n"),
            });
        }
        out.push_str(&match &row.value {
            Some(value) => format!("{} = {value} # {}\n", row.name, row.origin),
            None => format!("# {} is not set: {}\n", row.name, row.unset),
        });
    }
    out
}

/// The members by section and name, each with `value` and `origin`; `null` where nothing is set.
pub fn to_json(rows: &[Shown]) -> serde_json::Value {
    let mut sections = Map::new();
    for row in rows {
        let section = sections.entry(row.section.clone()).or_insert_with(|| json!({}));
        section[row.name] = json!({"value": row.value, "origin": row.origin});
    }
    serde_json::Value::Object(sections)
}
