//! What votes come to, and who holds a quorum of the nodes.

use crate::names::OrganisationName;
use crate::time::Timestamp;
use std::collections::BTreeMap;

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
    pub votes: &'a BTreeMap<OrganisationName, bool>,
    /// Organisations that may vote.
    pub electorate: usize,
    /// Approvals that carry it.
    pub needed: usize,
    /// Fewer approvals of others than the organisation concerned that carry it, and from when on.
    pub unopposed: Option<(usize, Timestamp)>,
    /// The organisation that it is about, where it is about one.
    pub concerned: Option<&'a OrganisationName>,
    /// Organisations whose vote against ends it.
    pub vetoes: &'a [OrganisationName],
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
        let of = |wanted: bool| self.votes.iter().filter(move |(_, vote)| **vote == wanted).map(|(name, _)| name);
        let (approvals, rejections) = (of(true).count(), of(false).count());
        let vetoed = of(false).any(|name| self.vetoes.contains(name));
        let full = count(approvals, rejections, self.needed, self.electorate, vetoed);
        let others = of(true).filter(|name| self.concerned != Some(*name)).count();
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
    pub organisation: OrganisationName,
    /// Its nodes.
    pub held: usize,
    /// All nodes.
    pub total: usize,
}

/// The organisation that holds a quorum of the nodes in service alone, while there are several `members`. `nodes` names the
/// organisation of each node in service.
pub fn majority<'a>(nodes: impl Iterator<Item = &'a OrganisationName>, members: usize) -> Option<Majority> {
    if members < 2 {
        return None;
    }
    let mut seats: BTreeMap<&OrganisationName, usize> = BTreeMap::new();
    for organisation in nodes {
        *seats.entry(organisation).or_default() += 1;
    }
    majority_of_seats(seats.iter().map(|(organisation, held)| (*organisation, *held)), members)
}

/// The same where the nodes in service of each organisation are counted already.
pub(crate) fn majority_of_seats<'a>(
    mut seats: impl Iterator<Item = (&'a OrganisationName, usize)> + Clone,
    members: usize,
) -> Option<Majority> {
    if members < 2 {
        return None;
    }
    let total = seats.clone().map(|(_, held)| held).sum::<usize>();
    let (organisation, held) = seats.find(|(_, held)| *held > total / 2)?;
    Some(Majority { organisation: organisation.clone(), held, total })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ballot_is_carried_rejected_or_open_and_a_veto_comes_first() {
        assert_eq!(count(2, 0, 3, 4, false), Count::Open);
        assert_eq!(count(2, 1, 3, 4, false), Count::Open);
        assert_eq!(count(3, 1, 3, 4, false), Count::Carried);
        assert_eq!(count(2, 2, 3, 4, false), Count::Rejected);
        assert_eq!(count(3, 1, 3, 4, true), Count::Rejected);
    }
}
