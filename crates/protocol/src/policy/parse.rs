//! Reading a policy file. Strict: what the format does not name is refused with its line.

use super::{Group, Log, MAX_BYTES, MAX_ITEMS, Member, Policy, PolicyError, Witness, wanted_kind};
use crate::keys::PublicKey;
use crate::note::Vkey;
use std::collections::{BTreeMap, BTreeSet};

struct Reader {
    line: usize,
    policy: Policy,
    names: BTreeMap<String, Member>,
    /// Names that are a member of a group already.
    counted: BTreeSet<String>,
    logs: BTreeSet<(String, PublicKey)>,
    witness_keys: BTreeSet<PublicKey>,
    quorum: bool,
}

impl Policy {
    /// Reads a policy file.
    pub fn parse(bytes: &[u8]) -> Result<Policy, PolicyError> {
        let mut reader = Reader {
            line: 0,
            policy: Policy::default(),
            names: BTreeMap::new(),
            counted: BTreeSet::new(),
            logs: BTreeSet::new(),
            witness_keys: BTreeSet::new(),
            quorum: false,
        };
        if bytes.len() > MAX_BYTES {
            return reader.bad("bytes of a policy", format!("at most {MAX_BYTES}"), bytes.len());
        }
        let Some(whole) = bytes.strip_suffix(b"\n") else {
            return reader.bad("form of a policy", "lines, each ended by a newline", "no newline at the end");
        };
        for line in whole.split(|byte| *byte == b'\n') {
            reader.line += 1;
            if let Some(control) = line.iter().find(|byte| (**byte < 0x20 && **byte != b'\t') || **byte == 0x7f) {
                return reader.bad(
                    "characters of a policy",
                    "no control character but tab",
                    format!("0x{control:02x}"),
                );
            }
            let blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
            let Some(start) = line.iter().position(|byte| !blank(byte)) else { continue };
            if line[start] == b'#' {
                continue;
            }
            let Ok(text) = std::str::from_utf8(line) else {
                return reader.bad("encoding of a policy", "UTF-8", "other bytes");
            };
            let items: Vec<&str> = text.split([' ', '\t']).filter(|item| !item.is_empty()).collect();
            reader.line(&items)?;
        }
        reader.line = 0;
        if !reader.quorum {
            return reader.bad("quorum", "exactly one quorum line", "none");
        }
        Ok(reader.policy)
    }
}

impl Reader {
    fn bad<T>(&self, rule: &'static str, expected: impl ToString, found: impl ToString) -> Result<T, PolicyError> {
        let found: String = found.to_string().chars().take(200).collect();
        Err(PolicyError { line: self.line, rule, expected: expected.to_string(), found })
    }

    fn line(&mut self, items: &[&str]) -> Result<(), PolicyError> {
        match items {
            ["log", vkey] => self.log(vkey, None),
            ["log", vkey, url] => self.log(vkey, Some((*url).into())),
            ["witness", name, vkey] => self.witness(name, vkey, None),
            ["witness", name, vkey, url] => self.witness(name, vkey, Some((*url).into())),
            ["group", name, threshold, members @ ..] => self.group(name, threshold, members),
            ["quorum", name] => self.quorum(name),
            _ => self.bad(
                "line of a policy",
                "log VKEY [URL], witness NAME VKEY [URL], group NAME K MEMBER…, quorum NAME",
                items.join(" "),
            ),
        }
    }

    fn room(&self, used: usize) -> Result<(), PolicyError> {
        if used < MAX_ITEMS {
            return Ok(());
        }
        self.bad("lines of one kind", format!("at most {MAX_ITEMS}"), "more")
    }

    fn vkey(&self, text: &str, log: bool) -> Result<Vkey, PolicyError> {
        let vkey = match Vkey::parse(text) {
            Ok(vkey) => vkey,
            Err(error) => return self.bad(error.rule, error.expected, error.found),
        };
        let (kind, words) = wanted_kind(log);
        if vkey.kind != kind {
            return self.bad("type of a key", words, vkey.kind);
        }
        Ok(vkey)
    }

    fn define(&mut self, name: &str, member: Member) -> Result<(), PolicyError> {
        if name == "none" {
            return self.bad("name in a policy", "any other name", "none");
        }
        match self.names.insert(name.into(), member) {
            None => Ok(()),
            Some(_) => self.bad("name in a policy", "a name that is not in use", name),
        }
    }

    fn log(&mut self, vkey: &str, url: Option<String>) -> Result<(), PolicyError> {
        self.room(self.policy.logs.len())?;
        let vkey = self.vkey(vkey, true)?;
        if !self.logs.insert((vkey.name.clone(), vkey.key)) {
            return self.bad("key of a log", "each key once", vkey.to_text());
        }
        self.policy.logs.push(Log { vkey, url });
        Ok(())
    }

    fn witness(&mut self, name: &str, vkey: &str, url: Option<String>) -> Result<(), PolicyError> {
        self.room(self.policy.witnesses.len())?;
        let vkey = self.vkey(vkey, false)?;
        if !self.witness_keys.insert(vkey.key) {
            return self.bad("key of a witness", "each key once", vkey.to_text());
        }
        self.define(name, Member::Witness(self.policy.witnesses.len()))?;
        self.policy.witnesses.push(Witness { name: name.into(), vkey, url });
        Ok(())
    }

    fn group(&mut self, name: &str, threshold: &str, names: &[&str]) -> Result<(), PolicyError> {
        self.room(self.policy.groups.len())?;
        if names.is_empty() {
            return self.bad("members of a group", "at least one", "none");
        }
        let mut members = Vec::with_capacity(names.len());
        for member in names {
            let Some(known) = self.names.get(*member).copied() else {
                return self.bad("member of a group", "a witness or group of an earlier line", member);
            };
            // In two groups one witness would count twice.
            if !self.counted.insert((*member).into()) {
                return self.bad("member of a group", "a name that is in no group yet", member);
            }
            members.push(known);
        }
        let k = match threshold {
            "all" => members.len(),
            "any" => 1,
            number => match number.parse::<usize>() {
                Ok(k) if k.to_string() == number && (1..=members.len()).contains(&k) => k,
                _ => {
                    return self.bad("threshold of a group", format!("all, any, or 1 to {}", members.len()), number);
                }
            },
        };
        self.define(name, Member::Group(self.policy.groups.len()))?;
        self.policy.groups.push(Group { name: name.into(), threshold: k, members });
        Ok(())
    }

    fn quorum(&mut self, name: &str) -> Result<(), PolicyError> {
        if self.quorum {
            return self.bad("quorum", "exactly one quorum line", name);
        }
        self.quorum = true;
        if name == "none" {
            return Ok(());
        }
        match self.names.get(name) {
            Some(member) => self.policy.quorum = Some(*member),
            None => return self.bad("quorum", "a witness or group of an earlier line, or none", name),
        }
        Ok(())
    }
}
