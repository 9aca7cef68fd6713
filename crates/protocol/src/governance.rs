//! What a `governance` record says: one type for whoever writes it and whoever reads it.
//!
//! ```text
//! {"action":{"action":"vote","approve":true,"ballot":"sha256:…","proposal_id":"join"},"record_type":"governance"}
//! ```

use crate::command::{
    Command, Conclude, EnrolChip, EnrolNode, OrganisationKey, Proposal, Propose, RetireChip, RetireNode, RotateKey,
    Vote,
};
use crate::digest::Digest;
use crate::form;
use crate::keys::PublicKey;
use crate::names::OrganisationName;
use crate::number::NodeId;
use crate::p104::Technology;
use crate::time::U64;

crate::tagged! { "action",
/// The content of a `governance` record. The tag is `action`. With `proposal_id` a ballot brought it about, in the chain of
/// the organisation that it concerns; without, an organisation did it itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GovernanceAction {
    /// A key of the organisation was replaced. The old one ends with this entry.
    RotateKey {
        /// Which key.
        key: OrganisationKey,
        /// The one that ended.
        old: PublicKey,
        /// Its replacement.
        new: PublicKey,
        /// The ballot that did it.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "form::name")]
        proposal_id: Option<String>,
    },
    /// A node was registered.
    EnrolNode {
        /// Node id.
        node: NodeId,
        /// Key that signs its verdicts.
        key: PublicKey,
        /// Key that cosigns checkpoints.
        cosigner: PublicKey,
    },
    /// A node was retired, and its key with it.
    RetireNode {
        /// Node id.
        node: NodeId,
    },
    /// A chip was registered.
    EnrolChip {
        /// Chip id: the id of `key`.
        chip: Digest,
        /// The chip's key.
        key: PublicKey,
        /// Which technology.
        technology: Technology,
    },
    /// A chip was retired for good.
    RetireChip {
        /// Chip id.
        chip: Digest,
        /// The ballot that did it.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "form::name")]
        proposal_id: Option<String>,
    },
    /// A ballot was opened, with its proposer's approval.
    Propose {
        /// Unique in the cluster.
        #[serde(deserialize_with = "form::name")]
        proposal_id: String,
        /// Content.
        #[serde(deserialize_with = "Proposal::recorded")]
        proposal: Proposal,
    },
    /// An organisation voted.
    Vote {
        /// Which ballot.
        #[serde(deserialize_with = "form::name")]
        proposal_id: String,
        /// What it is about, see [`crate::constitution::ballot_digest`].
        ballot: Digest,
        /// For or against.
        approve: bool,
    },
    /// A ballot that only time kept open was to be closed.
    Conclude {
        /// Which.
        #[serde(deserialize_with = "form::name")]
        proposal_id: String,
    },
    /// An organisation became a member.
    AddOrganisation {
        /// Its name.
                organisation: OrganisationName,
        /// Its root key.
        root_key: PublicKey,
        /// Its operator key.
        operator_key: PublicKey,
        /// The ballot that did it.
        #[serde(deserialize_with = "form::name")]
        proposal_id: String,
    },
    /// A membership ended.
    RemoveOrganisation {
        /// Whose.
                organisation: OrganisationName,
        /// Ids of the nodes that were retired with it, from the least.
        nodes: Vec<NodeId>,
        /// Number of keys that ended with it.
        keys_ended: U64,
        /// The ballot that did it.
        #[serde(deserialize_with = "form::name")]
        proposal_id: String,
    },
}
}

impl GovernanceAction {
    /// The value of the tag.
    pub const fn name(&self) -> &'static str {
        match self {
            GovernanceAction::RotateKey { .. } => "rotate_key",
            GovernanceAction::EnrolNode { .. } => "enrol_node",
            GovernanceAction::RetireNode { .. } => "retire_node",
            GovernanceAction::EnrolChip { .. } => "enrol_chip",
            GovernanceAction::RetireChip { .. } => "retire_chip",
            GovernanceAction::Propose { .. } => "propose",
            GovernanceAction::Vote { .. } => "vote",
            GovernanceAction::Conclude { .. } => "conclude",
            GovernanceAction::AddOrganisation { .. } => "add_organisation",
            GovernanceAction::RemoveOrganisation { .. } => "remove_organisation",
        }
    }

    /// The ballot that brought it about; `None` for what an organisation did itself, votes included.
    pub fn by_ballot(&self) -> Option<&str> {
        match self {
            GovernanceAction::RotateKey { proposal_id, .. } | GovernanceAction::RetireChip { proposal_id, .. } => {
                proposal_id.as_deref()
            }
            GovernanceAction::AddOrganisation { proposal_id, .. }
            | GovernanceAction::RemoveOrganisation { proposal_id, .. } => Some(proposal_id),
            GovernanceAction::EnrolNode { .. }
            | GovernanceAction::RetireNode { .. }
            | GovernanceAction::EnrolChip { .. }
            | GovernanceAction::Propose { .. }
            | GovernanceAction::Vote { .. }
            | GovernanceAction::Conclude { .. } => None,
        }
    }

    /// Whether a command asks for exactly this. No command asks for what a ballot brings about.
    pub fn is_of(&self, command: &Command) -> bool {
        use GovernanceAction as Action;
        match (self, command) {
            (
                Action::RotateKey { key, new, proposal_id: None, .. },
                Command::RotateKey(RotateKey { key: asked, new: wanted }),
            ) => key == asked && new == wanted,
            (
                Action::EnrolNode { node, key, cosigner },
                Command::EnrolNode(EnrolNode { node: asked, key: wanted, cosigner: beside }),
            ) => node == asked && key == wanted && cosigner == beside,
            (Action::RetireNode { node }, Command::RetireNode(RetireNode { node: asked })) => node == asked,
            (
                Action::EnrolChip { chip, key, technology },
                Command::EnrolChip(EnrolChip { chip: asked, technology: wanted }),
            ) => key == asked && *chip == asked.id() && technology == wanted,
            (Action::RetireChip { chip, proposal_id: None }, Command::RetireChip(RetireChip { chip: asked })) => {
                chip == asked
            }
            (
                Action::Propose { proposal_id, proposal },
                Command::Propose(Propose { proposal_id: id, proposal: asked }),
            ) => proposal_id == id && proposal == asked,
            (
                Action::Vote { proposal_id, ballot, approve },
                Command::Vote(Vote { proposal_id: id, ballot: meant, approve: asked }),
            ) => proposal_id == id && ballot == meant && approve == asked,
            (Action::Conclude { proposal_id }, Command::Conclude(Conclude { proposal_id: id })) => proposal_id == id,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon;
    use crate::constitution::Rules;
    use crate::entry::Entry;
    use crate::ledger::Ledger;
    use crate::record::{EvidenceAnchor, Record};
    use crate::time::Timestamp;
    use serde_json::{Value, json};

    fn proposals() -> Vec<Value> {
        let (key, other, digest) = (PublicKey::from_bytes([1; 32]), PublicKey::from_bytes([2; 32]), Digest::of(b""));
        let tree = EvidenceAnchor { size: U64(3), root: digest };
        vec![
            json!({"action": "force_seal", "substrate_id": "00000000-0000-4000-8000-000000000001", "migration_id": "m", "destination": digest, "reason": "r"}),
            json!({"action": "retire_chip", "chip": digest, "reason": "r"}),
            json!({"action": "add_organisation", "name": "n", "root_key": key, "operator_key": other}),
            json!({"action": "remove_organisation", "name": "n", "reason": "r"}),
            json!({"action": "rotate_key", "organisation": "n", "key": "root", "new": key, "reason": "r"}),
            json!({"action": "change_rules", "rules": Rules::default()}),
            json!({"action": "move_publisher", "publisher": {"organisation": "n", "log_key": key}}),
            json!({"action": "recovery", "reason": "r", "evidence": tree, "reasoning": tree}),
        ]
    }

    /// Every action, once with and once without what may be left out.
    fn actions() -> Vec<Value> {
        let (key, other, chip) = (PublicKey::from_bytes([1; 32]), PublicKey::from_bytes([2; 32]), Digest::of(b"chip"));
        let mut all = vec![
            json!({"action": "rotate_key", "key": "operator", "old": key, "new": other}),
            json!({"action": "rotate_key", "key": "root", "old": key, "new": other, "proposal_id": "p"}),
            json!({"action": "enrol_node", "node": "4", "key": key, "cosigner": other}),
            json!({"action": "retire_node", "node": "4"}),
            json!({"action": "enrol_chip", "chip": chip, "key": key, "technology": "software"}),
            json!({"action": "retire_chip", "chip": chip}),
            json!({"action": "retire_chip", "chip": chip, "proposal_id": "p"}),
            json!({"action": "vote", "proposal_id": "p", "ballot": chip, "approve": true}),
            json!({"action": "conclude", "proposal_id": "p"}),
            json!({"action": "add_organisation", "organisation": "n", "root_key": key, "operator_key": other, "proposal_id": "p"}),
            json!({"action": "remove_organisation", "organisation": "n", "nodes": ["4"], "keys_ended": "3", "proposal_id": "p"}),
        ];
        let propose = |proposal| json!({"action": "propose", "proposal_id": "p", "proposal": proposal});
        all.extend(proposals().into_iter().map(propose));
        all
    }

    fn entry(action: &Value) -> Entry {
        Entry {
            index: U64(0),
            ledger: Ledger::Reasoning,
            subject: "organisation:n".parse().unwrap(),
            depth: U64(0),
            prior_entry_hash: None,
            time: Timestamp::default(),
            submission: Digest::of(b""),
            record: Record::Governance { action: serde_json::from_value(action.clone()).unwrap() },
        }
    }

    /// shows: G-21
    #[test]
    fn a_proposal_says_the_name_under_which_it_is_written() {
        for value in proposals() {
            let proposal: Proposal = serde_json::from_value(value.clone()).unwrap();
            assert_eq!((json!(proposal), proposal.action()), (value.clone(), value["action"].as_str().unwrap()));
        }
    }

    /// shows: G-21
    #[test]
    fn an_action_is_written_as_it_is_read() {
        let mut names = Vec::new();
        for value in actions() {
            let entry = entry(&value);
            let Record::Governance { action } = &entry.record else { unreachable!() };
            assert_eq!((json!(action), action.name()), (value.clone(), value["action"].as_str().unwrap()));
            assert_eq!(Entry::from_leaf(&entry.leaf()).unwrap(), entry);
            assert_eq!(action.by_ballot().is_some(), value.get("proposal_id").is_some() && !is_ballot(action.name()));
            names.push(action.name());
        }
        names.dedup();
        assert_eq!(names.len(), 10);
    }

    fn is_ballot(name: &str) -> bool {
        ["propose", "vote", "conclude"].contains(&name)
    }

    /// Every member once left out, once `null`, once a number, once a map around it; and one member more, at every depth.
    fn spellings(value: &Value, put: &mut dyn FnMut(Value)) {
        let Value::Object(members) = value else { return };
        let mut other = members.clone();
        other.insert("weight".into(), json!(2));
        put(Value::Object(other));
        for (name, member) in members {
            let mut one = |found: Option<Value>| {
                let mut other = members.clone();
                match found {
                    Some(found) => drop(other.insert(name.clone(), found)),
                    None => drop(other.remove(name)),
                }
                put(Value::Object(other));
            };
            if name != "proposal_id" {
                one(None);
            }
            for index in 0..10 {
                one(Some(json!(index)));
            }
            one(Some(Value::Null));
            one(Some(json!([member])));
            one(Some(json!({"value": member})));
            if let Value::String(text) = member {
                one(Some(json!({text: null})));
                one(Some(json!({text: {}})));
                one(Some(json!(text.to_uppercase() + "X")));
            }
            let mut inner = Vec::new();
            spellings(member, &mut |found| inner.push(found));
            for found in inner {
                let mut other = members.clone();
                other.insert(name.clone(), found);
                put(Value::Object(other));
            }
        }
    }

    /// shows: G-21
    #[test]
    fn an_action_has_one_spelling() {
        // Names and words in free text are other values, not other spellings.
        let free = ["reason", "name", "organisation", "technology", "proposal_id", "substrate_id", "migration_id"];
        let mut tried = 0;
        for value in actions() {
            let genuine = json!(entry(&value));
            spellings(&value, &mut |found| {
                let mut other = genuine.clone();
                other["record"]["action"] = found;
                let leaf = canon::to_canonical(&other);
                if let Ok(read) = Entry::from_leaf(&leaf) {
                    let same = read.leaf() == leaf && found_is_free(&genuine, &other, &free);
                    assert!(same, "{}", String::from_utf8_lossy(&leaf));
                }
                tried += 1;
            });
        }
        assert!(tried > 1_000, "{tried}");
    }

    /// Whether two values differ in texts under free names alone.
    fn found_is_free(a: &Value, b: &Value, free: &[&str]) -> bool {
        match (a, b) {
            (Value::Object(a), Value::Object(b)) => {
                a.len() == b.len()
                    && a.iter().all(|(name, value)| {
                        b.get(name).is_some_and(|other| {
                            (free.contains(&name.as_str()) && other.is_string()) || found_is_free(value, other, free)
                        })
                    })
            }
            _ => a == b,
        }
    }
}
