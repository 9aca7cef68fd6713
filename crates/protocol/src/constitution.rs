//! The constitution of a cluster: who its organisations are and by which rules they decide, as data with one hash.
//!
//! It is not the constitution of a substrate ([`crate::p104::Constitution`]), which that substrate's own amendments
//! change. This one is changed by ballots alone. Its hash stands in every ballot: a ballot is decided by the rules under
//! which it was opened, or not at all.

use crate::code::{Code, Refusal};
use crate::command::{is_name, proposal::Proposal};
use crate::digest::Digest;
use crate::keys::PublicKey;
use crate::p104::tagged;
use crate::time::{Timestamp, U64};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// Tag of what a vote is about, see [`ballot_digest`].
pub const TAG_BALLOT: &str = "selfsame/ballot/v1";

/// Tag of the hash of a [`ClusterConstitution`].
pub const TAG_CLUSTER_CONSTITUTION: &str = "selfsame/cluster-constitution/v1";

/// Most member organisations at a time: records that list all of them, and their open ballots, fit in one entry.
pub const MAX_ORGANISATIONS: usize = 32;
/// Most ballots that one organisation has open at a time.
pub const MAX_OPEN_BALLOTS: usize = 8;
/// Bytes of a reason in words.
pub const MAX_REASON_BYTES: usize = 4 << 10;
/// Milliseconds after which a ballot expires by default: 30 days.
pub const BALLOT_MS: u64 = 30 * 24 * 60 * 60 * 1_000;

/// Milliseconds of the time to object by default: 7 days.
pub const OBJECTION_MS: u64 = 7 * 24 * 60 * 60 * 1_000;

/// A share of the organisations that must be exceeded: `2/3` asks for `floor(2n/3) + 1` of n.
///
/// At least one half, so that two ballots that contradict each other cannot both find their number, and below one, so
/// that all together always suffice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    numerator: u32,
    denominator: u32,
}

/// Largest denominator of a [`Share`].
const MAX_DENOMINATOR: u32 = 1_000;

impl Share {
    /// More than two thirds.
    pub const TWO_THIRDS: Share = Share { numerator: 2, denominator: 3 };

    /// A share; `None` unless `1/2 <= numerator/denominator < 1` and the denominator is at most 1000.
    pub fn new(numerator: u32, denominator: u32) -> Option<Share> {
        let fits = denominator <= MAX_DENOMINATOR && numerator < denominator && numerator * 2 >= denominator;
        fits.then_some(Share { numerator, denominator })
    }

    /// The share that asks for `number` of `members`, as far as a share can: at least for more than half of them, and at
    /// most for all.
    pub fn asking(number: usize, members: usize) -> Share {
        let fraction = u32::try_from(number.saturating_sub(1)).ok().zip(u32::try_from(members).ok());
        let half = Share { numerator: 1, denominator: 2 };
        match fraction.and_then(|(below, members)| Share::new(below.min(members.saturating_sub(1)), members)) {
            Some(share) => share,
            None => half,
        }
    }

    /// How many of `members` exceed it; 1 of 1, never more than `members` unless that is 0.
    pub const fn needed(self, members: usize) -> usize {
        members.saturating_mul(self.numerator as usize) / self.denominator as usize + 1
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.numerator, self.denominator)
    }
}

impl FromStr for Share {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let number = |digits: &str| digits.parse::<u32>().ok();
        let share = text.split_once('/').and_then(|(a, b)| number(a).zip(number(b)));
        let share = share.and_then(|(numerator, denominator)| Share::new(numerator, denominator));
        // One spelling: what was read is what is written.
        share.filter(|share| share.to_string() == text).ok_or_else(|| {
            format!("a share is a/b with 1/2 <= a/b < 1 and b at most {MAX_DENOMINATOR}, found {text:?}")
        })
    }
}

impl Serialize for Share {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// By which rules organisations decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Approvals that carry an ordinary proposal ([`Class::Ordinary`]).
    pub ordinary: Share,
    /// Approvals that carry a constitutional proposal ([`Class::Constitutional`]).
    pub constitutional: Share,
    /// Organisations whose cosignatures a published checkpoint needs.
    pub cosigning: Share,
    /// Organisations whose vote against a constitutional proposal ends it; sorted, each once.
    pub vetoes: Vec<String>,
    /// A ballot expires once the Reasoning ledger has grown by so many entries since it was opened; 0 is never. Members
    /// can make entries, so a small number lets one of them talk a ballot to death.
    pub ballot_entries: U64,
    /// A ballot expires so many milliseconds of the ledger's time after it was opened; 0 is never.
    pub ballot_ms: U64,
    /// Milliseconds of the ledger's time in which an organisation can object to losing its key or its membership: after
    /// them the others suffice, see [`ClusterConstitution::unopposed`].
    pub objection_ms: U64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            ordinary: Share::TWO_THIRDS,
            constitutional: Share::TWO_THIRDS,
            cosigning: Share::TWO_THIRDS,
            vetoes: Vec::new(),
            ballot_entries: U64(0),
            ballot_ms: U64(BALLOT_MS),
            objection_ms: U64(OBJECTION_MS),
        }
    }
}

crate::named! {
    /// How much a proposal weighs.
    pub enum Class: "a class of proposals" {
        /// It acts within the rules.
        Ordinary = "ordinary",
        /// It changes the rules, the members, or a member's own keys.
        Constitutional = "constitutional",
    }
}

/// Who publishes the checkpoints that third-party tools read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publisher {
    /// The designated organisation.
    pub organisation: String,
    /// Its log key: signs checkpoints under the ledgers' own names, and nothing else.
    pub log_key: PublicKey,
}

/// What is in force in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterConstitution {
    /// Number of changes since the genesis: going back to earlier rules is a new state with a new hash.
    pub revision: U64,
    /// Names of the member organisations, sorted.
    pub organisations: Vec<String>,
    /// By which rules they decide.
    pub rules: Rules,
    /// Who publishes; `null` when nobody was designated.
    pub publisher: Option<Publisher>,
    /// Number of recoveries.
    pub recovery_count: U64,
}

/// What a vote is about: `H(tag, JCS({"constitution","proposal","proposal_id"}))`, with the hash of the constitution under
/// which the ballot was opened. A vote is signed over this, so that it counts for one proposal under one constitution: in no
/// other history can somebody put another proposal under the votes of others.
pub fn ballot_digest(constitution: &Digest, proposal_id: &str, proposal: &Proposal) -> Digest {
    let ballot = json!({"constitution": constitution, "proposal": proposal, "proposal_id": proposal_id});
    tagged(TAG_BALLOT, &ballot)
}

impl ClusterConstitution {
    /// The constitution of a new cluster: its founders under the default rules.
    pub fn founding(organisations: impl IntoIterator<Item = String>, publisher: Option<Publisher>) -> Self {
        let organisations: BTreeSet<String> = organisations.into_iter().collect();
        Self {
            revision: U64(0),
            organisations: organisations.into_iter().collect(),
            rules: Rules::default(),
            publisher,
            recovery_count: U64(0),
        }
    }

    /// The constitutional state hash of the cluster: `H(tag, JCS(constitution))`.
    pub fn hash(&self) -> Digest {
        tagged(TAG_CLUSTER_CONSTITUTION, self)
    }

    /// Whether an organisation is a member.
    pub fn is_member(&self, organisation: &str) -> bool {
        self.organisations.iter().any(|name| name == organisation)
    }

    /// Approvals that a proposal of this class needs now.
    pub fn needed(&self, class: Class) -> usize {
        let share = match class {
            Class::Ordinary => self.rules.ordinary,
            Class::Constitutional => self.rules.constitutional,
        };
        share.needed(self.organisations.len())
    }

    /// Approvals that carry a proposal against one organisation (its key, its membership) once it had its time to object
    /// and did not: the share of the others, at least two. Without this a lost root key would stop every ballot that
    /// needs all, for ever; an organisation that still has its key stops such a ballot by one vote. `None` when the
    /// proposal concerns no one member, or when there are not two others.
    pub fn unopposed(&self, proposal: &Proposal) -> Option<usize> {
        let others = self.organisations.len().saturating_sub(1);
        let concerned = proposal.concerned().filter(|name| self.is_member(name));
        (concerned.is_some() && others >= 2).then(|| self.rules.constitutional.needed(others).max(2))
    }

    /// Organisations whose vote against this proposal ends it, sorted.
    pub fn vetoes(&self, proposal: &Proposal) -> Vec<String> {
        match proposal.class() {
            Class::Ordinary => Vec::new(),
            Class::Constitutional => {
                let concerned = proposal.concerned().filter(|name| self.is_member(name)).map(String::from);
                let all: BTreeSet<String> = self.rules.vetoes.iter().cloned().chain(concerned).collect();
                all.into_iter().collect()
            }
        }
    }

    /// Cosignatures that a published checkpoint needs now.
    pub fn cosignatures(&self) -> usize {
        self.rules.cosigning.needed(self.organisations.len())
    }

    /// The constitution once a proposal is carried; `None` when the proposal does not touch it. Refused when the result
    /// would not be one: nobody left, a rule that names a stranger, or nothing changed; and when it is about a stranger.
    pub fn amended(&self, proposal: &Proposal) -> Result<Option<ClusterConstitution>, Refusal> {
        let mut next = self.clone();
        match proposal {
            Proposal::ForceSeal { .. } | Proposal::RetireChip { .. } => return Ok(None),
            Proposal::RotateKey { organisation, .. } => return self.member(organisation).map(|()| None),
            Proposal::AddOrganisation { name, .. } => next.add(name)?,
            Proposal::RemoveOrganisation { name, .. } => next.remove(name)?,
            Proposal::ChangeRules { rules } => {
                if self.rules == *rules {
                    let rule = "the proposal changes nothing: these rules are in force already";
                    return Err(Refusal::new(Code::RulesInvalid, rule, "", ""));
                }
                next.rules = rules.clone();
                next.check_rules()?;
            }
            Proposal::MovePublisher { publisher } => {
                self.member(&publisher.organisation)?;
                if self.publisher.as_ref() == Some(publisher) {
                    let rule = "the proposal changes nothing: this publisher is in force already";
                    return Err(Refusal::new(Code::RulesInvalid, rule, "", ""));
                }
                next.publisher = Some(publisher.clone());
            }
            Proposal::Recovery { .. } => next.recovery_count = U64(self.recovery_count.0.saturating_add(1)),
        }
        next.revision = U64(self.revision.0.saturating_add(1));
        Ok(Some(next))
    }

    /// Refuses an organisation that is not a member.
    pub fn member(&self, organisation: &str) -> Result<(), Refusal> {
        match self.is_member(organisation) {
            true => Ok(()),
            false => Err(Refusal::new(
                Code::UnknownOrganisation,
                "there is no member organisation of this name",
                self.organisations.join(", "),
                organisation,
            )),
        }
    }

    fn add(&mut self, name: &str) -> Result<(), Refusal> {
        let Err(at) = self.organisations.binary_search_by(|member| member.as_str().cmp(name)) else {
            let rule = "an organisation of this name is a member: choose another name";
            return Err(Refusal::new(Code::OrganisationExists, rule, "", name));
        };
        if self.organisations.len() >= MAX_ORGANISATIONS {
            let found = self.organisations.len() + 1;
            let rule = "the cluster has as many members as it can: one leaves before another joins";
            return Err(Refusal::new(Code::LimitExceeded, rule, format!("at most {MAX_ORGANISATIONS}"), found));
        }
        self.organisations.insert(at, name.into());
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<(), Refusal> {
        self.member(name)?;
        if self.organisations.len() == 1 {
            let rule = "this is the last member: without it nobody could act for the cluster, so another joins first";
            return Err(Refusal::new(Code::LastOrganisation, rule, "", name));
        }
        self.organisations.retain(|member| member != name);
        self.rules.vetoes.retain(|member| member != name);
        self.publisher = self.publisher.take().filter(|publisher| publisher.organisation != name);
        Ok(())
    }

    fn check_rules(&self) -> Result<(), Refusal> {
        let Rules { ballot_ms, objection_ms, .. } = &self.rules;
        if ballot_ms.0 > 0 && objection_ms >= ballot_ms {
            let rule = "the time to object would outlast the ballots: shorten it, or let ballots last longer";
            return Err(Refusal::new(Code::RulesInvalid, rule, format!("below {ballot_ms} ms"), objection_ms));
        }
        for pair in self.rules.vetoes.windows(2) {
            if let [a, b] = pair
                && a >= b
            {
                let rule = "the vetoes are not sorted, or one stands twice: sort them, each once";
                return Err(Refusal::new(Code::RulesInvalid, rule, format!("above {a}"), b));
            }
        }
        match self.rules.vetoes.iter().find(|name| !self.is_member(name)) {
            None => Ok(()),
            Some(stranger) => Err(Refusal::new(
                Code::RulesInvalid,
                "the veto is given to an organisation that is no member",
                "",
                stranger,
            )),
        }
    }
}

/// What the votes of a ballot come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Neither enough for nor enough against.
    Open,
    /// The approvals reach the number needed.
    Carried,
    /// A veto, or so many against that the number can no longer be reached.
    Rejected,
}

/// Votes on a ballot, and what decides it.
#[derive(Clone, Copy, Debug)]
pub struct Tally<'a> {
    /// By organisation, for or against.
    pub votes: &'a BTreeMap<String, bool>,
    /// Organisations that may vote.
    pub electorate: usize,
    /// Approvals that carry it.
    pub needed: usize,
    /// Fewer approvals of others than the organisation concerned that carry it, and from when on.
    pub unopposed: Option<(usize, Timestamp)>,
    /// The organisation that it is about, where it is about one.
    pub concerned: Option<&'a str>,
    /// Organisations whose vote against ends it.
    pub vetoes: &'a [String],
}

/// What the votes on a ballot come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Open. The time from which on it is carried as it stands, where only time is missing.
    Open(Option<Timestamp>),
    /// Carried, by this number of approvals.
    Carried(usize),
    /// Rejected: a veto, or no number can be reached any more.
    Rejected,
}

impl Tally<'_> {
    /// What they come to at a time of the ledger. For the lower number the organisation concerned does not count, neither
    /// its vote nor its seat: it is the share of the others.
    pub fn at(&self, time: Timestamp) -> Standing {
        let of =
            |wanted: bool| self.votes.iter().filter(move |(_, vote)| **vote == wanted).map(|(name, _)| name.as_str());
        let (approvals, rejections) = (of(true).count(), of(false).count());
        let vetoed = of(false).any(|name| self.vetoes.iter().any(|veto| veto == name));
        let full = count(approvals, rejections, self.needed, self.electorate, vetoed);
        let others = of(true).filter(|name| self.concerned != Some(name)).count();
        let lower = self.unopposed.map(|(needed, from)| {
            (count(others, rejections, needed, self.electorate.saturating_sub(1), vetoed), needed, from)
        });
        match (full, lower) {
            (Count::Carried, _) => Standing::Carried(self.needed),
            (_, Some((Count::Carried, needed, from))) if time >= from => Standing::Carried(needed),
            (_, Some((Count::Carried, _, from))) => Standing::Open(Some(from)),
            (Count::Open, _) | (_, Some((Count::Open, ..))) => Standing::Open(None),
            (Count::Rejected, Some((Count::Rejected, ..)) | None) => Standing::Rejected,
        }
    }
}

/// Counts a ballot of `electorate` organisations against one number that carries it. `vetoed`: an organisation with a veto
/// voted against.
pub fn count(approvals: usize, rejections: usize, needed: usize, electorate: usize, vetoed: bool) -> Count {
    if vetoed {
        Count::Rejected
    } else if approvals >= needed {
        Count::Carried
    } else if electorate.saturating_sub(rejections) < needed {
        Count::Rejected
    } else {
        Count::Open
    }
}

/// An organisation with a quorum of the nodes alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Majority {
    /// Which.
    pub organisation: String,
    /// Its nodes.
    pub held: usize,
    /// All nodes.
    pub total: usize,
}

/// The organisation that holds a quorum of the nodes in service alone, while there are several `members`. `nodes` names the
/// organisation of each node in service.
pub fn majority<'a>(nodes: impl Iterator<Item = &'a str>, members: usize) -> Option<Majority> {
    if members < 2 {
        return None;
    }
    let mut seats: BTreeMap<&str, usize> = BTreeMap::new();
    for organisation in nodes {
        *seats.entry(organisation).or_default() += 1;
    }
    majority_of_seats(seats.iter().map(|(organisation, held)| (*organisation, *held)), members)
}

/// The same where the nodes in service of each organisation are counted already.
pub fn majority_of_seats<'a>(
    mut seats: impl Iterator<Item = (&'a str, usize)> + Clone,
    members: usize,
) -> Option<Majority> {
    if members < 2 {
        return None;
    }
    let total = seats.clone().map(|(_, held)| held).sum::<usize>();
    let (organisation, held) = seats.find(|(_, held)| *held > total / 2)?;
    Some(Majority { organisation: organisation.into(), held, total })
}

/// Whether a text in words may stand in a record.
pub(crate) fn check_reason(reason: &str) -> Result<(), Refusal> {
    match reason.len() {
        0..=MAX_REASON_BYTES => Ok(()),
        found => Err(Refusal::new(
            Code::LimitExceeded,
            "the reason is too long: shorten it",
            format!("at most {MAX_REASON_BYTES} bytes"),
            found,
        )),
    }
}

/// Whether a name may name an organisation.
pub(crate) fn check_name(what: &str, text: &str) -> Result<(), Refusal> {
    match is_name(text) {
        true => Ok(()),
        false => Err(Refusal::new(
            Code::Malformed,
            &format!("the {what} is no name"),
            "1 to 128 of A-Z a-z 0-9 . _ : / -",
            text,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_asks_for_more_than_itself_and_never_for_more_than_all() {
        let needed: Vec<_> = (1..=7).map(|n| Share::TWO_THIRDS.needed(n)).collect();
        assert_eq!(needed, [1, 2, 3, 3, 4, 5, 5]);
        for denominator in 1..=40 {
            for share in (0..=denominator).filter_map(|numerator| Share::new(numerator, denominator)) {
                for members in 1..=MAX_ORGANISATIONS {
                    let needed = share.needed(members);
                    assert!(needed <= members && 2 * needed > members, "{share} of {members}: {needed}");
                }
            }
        }
    }

    #[test]
    fn a_number_of_members_has_its_share() {
        for members in 1..=MAX_ORGANISATIONS {
            for number in members / 2 + 1..=members {
                assert_eq!(Share::asking(number, members).needed(members), number, "{number} of {members}");
            }
            assert_eq!(Share::asking(0, members).needed(members), members / 2 + 1);
            assert_eq!(Share::asking(99, members).needed(members), members);
        }
    }

    #[test]
    fn a_share_has_one_spelling_and_is_at_least_one_half() {
        for good in ["1/2", "2/3", "2/4", "999/1000"] {
            assert_eq!(good.parse::<Share>().unwrap().to_string(), good);
        }
        for bad in ["", "2", "1/3", "3/3", "0/0", "02/3", "+2/3", "2/3 ", "999/1001", "4/3", "2/-3", "1/0"] {
            assert!(bad.parse::<Share>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_ballot_is_carried_rejected_or_open_and_a_veto_comes_first() {
        assert_eq!(count(2, 0, 3, 4, false), Count::Open);
        assert_eq!(count(2, 1, 3, 4, false), Count::Open);
        assert_eq!(count(3, 1, 3, 4, false), Count::Carried);
        assert_eq!(count(2, 2, 3, 4, false), Count::Rejected);
        assert_eq!(count(3, 1, 3, 4, true), Count::Rejected);
    }
}
