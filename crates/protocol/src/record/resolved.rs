//! What a cycle resolves.

use super::Record;
use super::words::CycleKind;
use crate::command::GoalVector;
use crate::digest::Digest;
use crate::names::is_name;
use crate::p104::{TAG_GOALVECTOR, TAG_MIGRATION, tagged};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// What a cycle resolved, whole: the preimage of its resolution hash.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Resolved {
    /// A goal vector.
    GoalVector(GoalVector),
    /// The `migration_identity_attestation` record of an arrival.
    Migration(Box<Record>),
}

impl Resolved {
    /// The kind of a cycle that resolves this.
    pub const fn kind(&self) -> CycleKind {
        match self {
            Resolved::GoalVector(_) => CycleKind::Resolution,
            Resolved::Migration(_) => CycleKind::Migration,
        }
    }

    /// The goal vector resolution hash, under the tag of its kind.
    pub fn hash(&self) -> Digest {
        match self {
            Resolved::GoalVector(goalvector) => tagged(TAG_GOALVECTOR, goalvector),
            Resolved::Migration(record) => tagged(TAG_MIGRATION, record),
        }
    }
}

impl<'de> Deserialize<'de> for Resolved {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        // A goal vector has no such member.
        if value.get("record_type").is_none() {
            let goalvector: GoalVector = serde_json::from_value(value).map_err(D::Error::custom)?;
            return match is_name(&goalvector.goalvector_id) {
                true => Ok(Resolved::GoalVector(goalvector)),
                false => Err(D::Error::custom("goalvector_id is no name")),
            };
        }
        match serde_json::from_value(value).map_err(D::Error::custom)? {
            record @ Record::MigrationIdentityAttestation { .. } => Ok(Resolved::Migration(Box::new(record))),
            other => Err(D::Error::custom(format!("a cycle does not resolve a record of the kind {}", other.kind()))),
        }
    }
}
