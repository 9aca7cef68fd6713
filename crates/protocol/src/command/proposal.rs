//! What organisations vote on.

use crate::code::{Code, Refusal};
use crate::constitution::rules::{Class, Publisher, Rules};
use crate::digest::Digest;
use crate::keys::{PublicKey, check_keys};
use crate::names::{OrganisationName, SubstrateId, check_name, check_reason};
use crate::record::anchor::EvidenceAnchor;
use serde::de::{Deserialize, Deserializer, Error as _};

crate::named! {
    /// Kind of a key that an organisation registers.
    pub enum OrganisationKey: "a kind of key" {
        /// The root key.
        Root = "root",
        /// The operator key.
        Operator = "operator",
    }
}

crate::tagged! { "action",
/// What organisations vote on. The tag is `action`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposal {
    /// Seal a substrate whose chip is lost.
    ForceSeal {
        /// Substrate.
        substrate_id: SubstrateId,
        /// New migration.
        migration_id: String,
        /// Destination chip id.
        destination: Digest,
        /// Why, in words.
        reason: String,
    },
    /// Retire a chip of any organisation for good.
    RetireChip {
        /// Chip id.
        chip: Digest,
        /// Why, in words.
        reason: String,
    },
    /// Make an organisation a member. It has a vote from this entry on; its nodes it enrols itself.
    AddOrganisation {
        /// A name that no organisation ever had.
        name: OrganisationName,
        /// Its root key.
        root_key: PublicKey,
        /// Its operator key.
        operator_key: PublicKey,
    },
    /// End a membership: its keys end, its nodes and chips are retired. What it signed before stays valid.
    RemoveOrganisation {
        /// Which.
        name: OrganisationName,
        /// Why, in words.
        reason: String,
    },
    /// Replace a key of an organisation that lost it and cannot sign a rotation itself.
    RotateKey {
        /// Whose key.
        organisation: OrganisationName,
        /// Which key.
        key: OrganisationKey,
        /// Its replacement.
        new: PublicKey,
        /// Why, in words.
        reason: String,
    },
    /// Replace the rules by which organisations decide, as a whole.
    ChangeRules {
        /// What shall be in force.
        rules: Rules,
    },
    /// Designate who publishes checkpoints.
    MovePublisher {
        /// The new publisher.
        publisher: Publisher,
    },
    /// After a loss: every activation gets a new epoch, so that no right to write from before it fits any more.
    Recovery {
        /// Why, in words.
        reason: String,
        /// The largest Evidence tree that anybody is known to have cosigned. It must be a part of this ledger.
        evidence: EvidenceAnchor,
        /// The same for the Reasoning tree.
        reasoning: EvidenceAnchor,
    },
}
}

impl Proposal {
    /// The value of the tag.
    pub const fn action(&self) -> &'static str {
        match self {
            Proposal::ForceSeal { .. } => "force_seal",
            Proposal::RetireChip { .. } => "retire_chip",
            Proposal::AddOrganisation { .. } => "add_organisation",
            Proposal::RemoveOrganisation { .. } => "remove_organisation",
            Proposal::RotateKey { .. } => "rotate_key",
            Proposal::ChangeRules { .. } => "change_rules",
            Proposal::MovePublisher { .. } => "move_publisher",
            Proposal::Recovery { .. } => "recovery",
        }
    }

    /// How much it weighs: what changes members, rules or a member's own keys is constitutional.
    pub const fn class(&self) -> Class {
        match self {
            Proposal::ForceSeal { .. } | Proposal::RetireChip { .. } => Class::Ordinary,
            Proposal::AddOrganisation { .. }
            | Proposal::RemoveOrganisation { .. }
            | Proposal::RotateKey { .. }
            | Proposal::ChangeRules { .. }
            | Proposal::MovePublisher { .. }
            | Proposal::Recovery { .. } => Class::Constitutional,
        }
    }

    /// The organisation that the proposal takes a key or the membership from.
    pub fn concerned(&self) -> Option<&OrganisationName> {
        match self {
            Proposal::RemoveOrganisation { name, .. } => Some(name),
            Proposal::RotateKey { organisation, .. } => Some(organisation),
            Proposal::ForceSeal { .. }
            | Proposal::RetireChip { .. }
            | Proposal::AddOrganisation { .. }
            | Proposal::ChangeRules { .. }
            | Proposal::MovePublisher { .. }
            | Proposal::Recovery { .. } => None,
        }
    }

    /// Checks what needs no state: the form, and that somebody can hold the keys.
    pub fn check(&self) -> Result<(), Refusal> {
        self.form()?;
        match self {
            Proposal::AddOrganisation { root_key, operator_key, .. } => {
                if root_key == operator_key {
                    let sentence = "root key and operator key are the same: give two keys";
                    return Err(Refusal::new(Code::KeyExists, sentence, "", root_key));
                }
                check_keys(&[*root_key, *operator_key])
            }
            Proposal::RotateKey { new, .. } => check_keys(&[*new]),
            Proposal::MovePublisher { publisher } => check_keys(&[publisher.log_key]),
            Proposal::ForceSeal { .. }
            | Proposal::RetireChip { .. }
            | Proposal::RemoveOrganisation { .. }
            | Proposal::ChangeRules { .. }
            | Proposal::Recovery { .. } => Ok(()),
        }
    }

    /// Checks names, ids and words: the form that it has in a record as well.
    pub fn form(&self) -> Result<(), Refusal> {
        match self {
            Proposal::ForceSeal { migration_id, reason, .. } => {
                check_name("migration_id", migration_id)?;
                check_reason(reason)
            }
            Proposal::RetireChip { reason, .. }
            | Proposal::Recovery { reason, .. }
            | Proposal::RemoveOrganisation { reason, .. }
            | Proposal::RotateKey { reason, .. } => check_reason(reason),
            Proposal::AddOrganisation { .. } | Proposal::ChangeRules { .. } | Proposal::MovePublisher { .. } => Ok(()),
        }
    }

    /// Reads a proposal as it is recorded: its names, ids and words have their form.
    pub(crate) fn recorded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let proposal = Proposal::deserialize(deserializer)?;
        match proposal.form() {
            Ok(()) => Ok(proposal),
            Err(refusal) => Err(D::Error::custom(refusal)),
        }
    }
}
