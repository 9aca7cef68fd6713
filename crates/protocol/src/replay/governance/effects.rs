//! What governance records do: an organisation by itself, a ballot to one, a node that failed, a chip that was refused.

use super::check::{bad, equal};
use super::step::{Asked, Due, Group, Phase, Step};
use super::{Governance, Quarantined};
use crate::canon;
use crate::code::Code;
use crate::command::Proposal;
use crate::entry::Entry;
use crate::governance::GovernanceAction as Action;
use crate::merkle::Frontier;
use crate::names::OrganisationName;
use crate::number::NodeId;
use crate::p104::Outcome;
use crate::record::{EvidenceAnchor, Finding, QuorumCause, Record};
use crate::replay::check::{BadCheck, Check, same};
use crate::time::U64;
use crate::verdict::recorded;

impl Governance {
    /// What an organisation did by a command of its own: the first entry of its submission, and before a proposal there may
    /// stand ends of ballots.
    pub(super) fn acted(&mut self, entry: &Entry, name: &OrganisationName, action: &Action) -> Check {
        let index = entry.index.0;
        match &self.step.phase {
            Phase::Begun => self.begins(index)?,
            Phase::Swept { .. } if matches!(action, Action::Propose { .. }) => self.step.adjoins(index)?,
            _ => return bad("SUBMISSION_ENTRIES", index, "nothing more of this submission", action.name()),
        }
        match &self.step.asked {
            None => {}
            Some(Asked::Own(command)) if action.is_of(command) => {}
            Some(asked) => return bad("SUBMISSION_COMMAND", index, canon::text_of(action), asked.shown()),
        }
        if !self.constitution.is_member(name) {
            return bad("GOVERNANCE_MEMBER", index, self.constitution.organisations.join(", "), name);
        }
        match action {
            Action::Propose { proposal_id, proposal } => self.proposed(entry, name, proposal_id, proposal)?,
            Action::Vote { proposal_id, ballot, approve } => {
                self.voted(entry, name, (proposal_id, ballot), *approve)?
            }
            Action::Conclude { proposal_id } => self.concluded(entry, proposal_id)?,
            Action::RotateKey { key, old, new, .. } => self.roster.rotate(index, name, *key, *old, *new)?,
            Action::EnrolNode { node, key, cosigner } => {
                self.roster.enrol_node(index, *node, name, *key, *cosigner)?;
            }
            Action::RetireNode { node } => self.roster.retire_node(index, *node, name)?,
            Action::EnrolChip { chip, key, .. } => {
                same("CHIP_ID", index, key.id(), *chip)?;
                self.roster.enrol_chip(index, name, *key)?;
            }
            Action::RetireChip { chip, .. } => self.roster.retire_chip(index, name, chip)?,
            // Only ballots bring these about.
            Action::AddOrganisation { .. } | Action::RemoveOrganisation { .. } => {
                return bad("CARRIED_OUT", index, "a ballot that was just carried", action.name());
            }
        }
        self.step.phase = match action {
            Action::RetireNode { .. } => Phase::Recounting,
            _ => Phase::Acted,
        };
        Ok(())
    }

    /// What a carried ballot did, in the chain of the organisation that it concerns.
    pub(super) fn brought_about(
        &mut self,
        entry: &Entry,
        name: &OrganisationName,
        action: &Action,
        due: Option<Due>,
    ) -> Check {
        let index = entry.index.0;
        let decided = self.effect(index, action.by_ballot().unwrap_or_default(), due)?;
        let expected = |holds: bool| match holds {
            true => Ok(()),
            false => {
                bad("CARRIED_OUT", index, canon::text_of(&decided), format!("{} of {name}", canon::text_of(action)))
            }
        };
        match (action, &decided) {
            (
                Action::RotateKey { key, old, new, .. },
                Proposal::RotateKey { organisation, key: asked, new: wanted, .. },
            ) => {
                expected(organisation == name && asked == key && wanted == new)?;
                self.roster.rotate(index, name, *key, *old, *new)
            }
            (Action::RetireChip { chip, .. }, Proposal::RetireChip { chip: asked, .. }) => {
                expected(asked == chip)?;
                self.roster.retire_chip(index, name, chip)
            }
            (
                Action::AddOrganisation { organisation, root_key, operator_key, .. },
                Proposal::AddOrganisation { name: asked, root_key: root, operator_key: operator },
            ) => {
                expected(asked == organisation && root == root_key && operator == operator_key)?;
                equal("ENTRY_SUBJECT", index, &organisation, &name)?;
                self.roster.add(index, name, *root_key, *operator_key)?;
                self.warns(QuorumCause::AddOrganisation);
                Ok(())
            }
            (
                Action::RemoveOrganisation { organisation, nodes, keys_ended, .. },
                Proposal::RemoveOrganisation { name: asked, .. },
            ) => {
                expected(asked == organisation)?;
                equal("ENTRY_SUBJECT", index, &organisation, &name)?;
                self.roster.remove(index, name, nodes, *keys_ended)?;
                self.step.phase = Phase::Recounting;
                Ok(())
            }
            _ => expected(false),
        }
    }

    /// The proposal whose effect is due.
    fn effect(&self, index: u64, id: &str, due: Option<Due>) -> Result<Proposal, BadCheck> {
        match due {
            Some(Due::Effect { id: carried, proposal }) if carried == id => Ok(*proposal),
            Some(Due::Effect { id: carried, .. }) => bad("CARRIED_OUT", index, carried, id),
            _ => bad("CARRIED_OUT", index, "a ballot that was just carried", id),
        }
    }

    /// A warning follows when an organisation holds a quorum now.
    fn warns(&mut self, cause: QuorumCause) {
        if let Some(majority) = self.roster.majority() {
            self.step.due.push_back(Due::Warning { majority, cause });
        }
    }

    /// `recovery`.
    pub(super) fn recovered(&mut self, entry: &Entry, due: Option<Due>) -> Check {
        let index = entry.index.0;
        let Record::Recovery { proposal_id, recovery_count, reason, evidence, reasoning } = &entry.record else {
            return Ok(());
        };
        let decided = self.effect(index, proposal_id, due)?;
        let found =
            Proposal::Recovery { reason: reason.clone(), evidence: evidence.clone(), reasoning: reasoning.clone() };
        if decided != found {
            return bad("CARRIED_OUT", index, canon::text_of(&decided), canon::text_of(&found));
        }
        equal("RECOVERY_COUNT", index, &self.constitution.recovery_count, recovery_count)?;
        // Whether the trees are parts of the ledgers is for a consistency proof to show. What can be seen here:
        if reasoning.size.0 > self.step.started {
            let expected = format!("a Reasoning tree of at most {} entries", self.step.started);
            return bad("RECOVERY_TREES", index, expected, reasoning.size);
        }
        let empty = EvidenceAnchor { size: U64(0), root: Frontier::default().root() };
        for stated in [evidence, reasoning].into_iter().filter(|stated| stated.size.0 == 0) {
            same("RECOVERY_TREES", index, empty.root, stated.root)?;
        }
        self.recoveries.push((index, entry.time));
        Ok(())
    }

    /// `organisation_quorum_warning`.
    pub(super) fn warned(&self, entry: &Entry, due: Option<Due>) -> Check {
        let index = entry.index.0;
        let Record::OrganisationQuorumWarning { organisation, held, total, cause } = &entry.record else {
            return Ok(());
        };
        let found = (organisation.as_str(), held.0, total.0, cause.as_str());
        match &due {
            Some(Due::Warning { majority, cause }) => {
                let (held, total) = (majority.held as u64, majority.total as u64);
                equal("QUORUM_WARNING", index, &(majority.organisation.as_str(), held, total, cause.as_str()), &found)
            }
            _ => bad("QUORUM_WARNING", index, "an organisation that has come to hold a quorum", organisation),
        }
    }

    /// `node_quarantine`: of a verdict that came late, or of those that a verification outvoted. A verification is decided by
    /// a verdict, or because a node left.
    pub(super) fn quarantined(&mut self, entry: &Entry) -> Check {
        let index = entry.index.0;
        let Record::NodeQuarantine { node, organisation, finding, substrate_id } = &entry.record else { return Ok(()) };
        let late = self.outvoted(entry, *node, finding, substrate_id)?;
        equal("QUARANTINE_FINDING", index, &Outcome::HashMismatch, &finding.outcome)?;
        let serving = self.roster.serving();
        self.roster.quarantine(index, *node, organisation)?;
        if self.step.group.is_none() {
            // So many can be outvoted that the others still are more than half. A late verdict stands alone.
            let outvoted = serving.saturating_sub(serving / 2 + 1);
            let room = match late {
                Some(true) => 1,
                Some(false) => outvoted,
                None => outvoted.max(1),
            };
            self.step.group = Some(Group { substrate: substrate_id.clone(), room });
        }
        if let Some(group) = &mut self.step.group {
            let Some(room) = group.room.checked_sub(1) else {
                let expected = format!("fewer than half of {serving} nodes in service");
                return bad("QUARANTINE_CAUSE", index, expected, format!("node {node} as well"));
            };
            group.room = room;
        }
        self.quarantines.push(Quarantined {
            node: *node,
            substrate: substrate_id.clone(),
            finding: finding.clone(),
            late,
            index,
            submission: entry.submission,
        });
        self.step.phase = Phase::Recounting;
        self.warns(QuorumCause::NodeQuarantine);
        Ok(())
    }

    /// The verdict or the recount that puts a node out of service; whether it is a verdict that came late, which does not
    /// show without the submission.
    fn outvoted(
        &mut self,
        entry: &Entry,
        node: NodeId,
        finding: &Finding,
        substrate: &str,
    ) -> Result<Option<bool>, BadCheck> {
        let index = entry.index.0;
        if self.step.group.as_ref().is_some_and(|group| group.substrate == substrate) {
            return self.step.adjoins(index).map(|()| Some(false));
        }
        let Step { phase, asked, group, last, verified, .. } = &mut self.step;
        *group = None;
        let fail = |found: String| bad("QUARANTINE_CAUSE", index, "a verdict, or a node that left", found);
        let late = match phase {
            Phase::Begun => match asked {
                None => None,
                Some(Asked::Verdict { node: author, substrate: asked, finding: given }) => {
                    equal("QUARANTINE_CAUSE", index, &asked.as_str(), &substrate)?;
                    let late = given.outcome == Outcome::HashMismatch;
                    // Whoever decides a verification is not outvoted in it; whoever comes late is alone.
                    if (*author == Some(node)) != late {
                        return fail(format!("node {node} by a verdict of {:?}", author.map(|author| author.0)));
                    }
                    if late && recorded(given) != *finding {
                        return bad(
                            "QUARANTINE_FINDING",
                            index,
                            canon::text_of(&recorded(given)),
                            canon::text_of(finding),
                        );
                    }
                    Some(late)
                }
                Some(asked) => return bad("SUBMISSION_COMMAND", index, "a verdict", asked.shown()),
            },
            Phase::Recounting => Some(false),
            Phase::Swept { .. } | Phase::Acted | Phase::Sealing => return fail("neither".into()),
        };
        if !verified.insert(substrate.into()) {
            return fail(format!("a second verification of {substrate}"));
        }
        // The record of the outcome stands before it, in the chain of the substrate.
        if let Some(next) = last.map(|last| last.saturating_add(1)).filter(|next| index <= *next) {
            return bad(
                "SUBMISSION_GROUP",
                index,
                format!("above {next}, behind the outcome that put it out of service"),
                index,
            );
        }
        Ok(late)
    }

    /// `duplicate_refused`: the only entry of its submission, in the chain of its author.
    pub(super) fn refused(&mut self, entry: &Entry, name: &OrganisationName) -> Check {
        let index = entry.index.0;
        let Record::DuplicateRefused { substrate_id, chip, code } = &entry.record else { return Ok(()) };
        match self.step.phase {
            Phase::Begun => self.begins(index)?,
            _ => return bad("SUBMISSION_ENTRIES", index, "nothing more of this submission", "duplicate_refused"),
        }
        let asked = match &self.step.asked {
            None => None,
            Some(Asked::Write { substrate, birth }) if substrate == substrate_id => Some(*birth),
            Some(asked) => {
                let expected = format!("a birth or a write of {substrate_id}");
                return bad("SUBMISSION_COMMAND", index, expected, asked.shown());
            }
        };
        let fits = match code {
            Code::ChipNotActive => asked != Some(true),
            Code::IdentityConflict => asked != Some(false),
            _ => false,
        };
        if !fits {
            let expected = "CHIP_NOT_ACTIVE of a write, IDENTITY_CONFLICT of a birth";
            return bad("REFUSAL_CODE", index, expected, code);
        }
        let span = self.roster.chip(index, chip)?;
        equal("ENTRY_SUBJECT", index, &&span.organisation, &name)?;
        self.step.phase = Phase::Acted;
        Ok(())
    }

    /// Refuses an action behind other entries of its submission.
    fn begins(&self, index: u64) -> Check {
        equal("SUBMISSION_ENTRIES", index, &self.step.started, &index)
    }
}
