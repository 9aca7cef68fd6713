//! Whose chain an entry stands in.

use crate::digest::Digest;
use crate::names::{OrganisationName, SubstrateId};
use serde::de::{Deserialize, Deserializer, Error};
use serde::{Serialize, Serializer};
use std::{fmt, str::FromStr};

crate::named! {
    /// The kind of a subject: the part of its text before the colon.
    pub enum SubjectKind: "a kind of subject" {
        /// `substrate:<uuid>`.
        Substrate = "substrate",
        /// `run:sha256:<hex>`.
        Run = "run",
        /// `organisation:<name>`.
        Organisation = "organisation",
        /// `cluster`.
        Cluster = "cluster",
    }
}

/// Whose chain an entry stands in. Its text is `cluster`, or the kind, a colon and the name; read only from that.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// What concerns the cluster as a whole.
    Cluster,
    /// A member, or one that was.
    Organisation(OrganisationName),
    /// A run, by its id.
    Run(Digest),
    /// A substrate.
    Substrate(SubstrateId),
}

impl Subject {
    /// Its kind.
    pub const fn kind(&self) -> SubjectKind {
        match self {
            Subject::Cluster => SubjectKind::Cluster,
            Subject::Organisation(_) => SubjectKind::Organisation,
            Subject::Run(_) => SubjectKind::Run,
            Subject::Substrate(_) => SubjectKind::Substrate,
        }
    }

    /// Whether its entries are governance: they say who may do what, and concern every other subject.
    pub const fn governs(&self) -> bool {
        matches!(self, Subject::Cluster | Subject::Organisation(_))
    }

    /// The substrate.
    pub const fn substrate(&self) -> Option<&SubstrateId> {
        match self {
            Subject::Substrate(id) => Some(id),
            Subject::Cluster | Subject::Organisation(_) | Subject::Run(_) => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Cluster => f.write_str("cluster"),
            Subject::Organisation(name) => write!(f, "organisation:{name}"),
            Subject::Run(id) => write!(f, "run:{id}"),
            Subject::Substrate(id) => write!(f, "substrate:{id}"),
        }
    }
}

/// A text that is no subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectError(String);

impl fmt::Display for SubjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = "a subject: substrate:<uuid>, run:sha256:<hex>, organisation:<name> or cluster";
        write!(f, "{:?} is not {what}", self.0)
    }
}

impl std::error::Error for SubjectError {}

impl FromStr for Subject {
    type Err = SubjectError;
    fn from_str(text: &str) -> Result<Self, SubjectError> {
        let read = match text.split_once(':') {
            None => (text == "cluster").then_some(Self::Cluster),
            Some(("substrate", id)) => id.parse().ok().map(Self::Substrate),
            Some(("run", id)) => id.parse().ok().map(Self::Run),
            Some(("organisation", name)) => name.parse().ok().map(Self::Organisation),
            Some(_) => None,
        };
        read.ok_or_else(|| SubjectError(text.chars().take(100).collect()))
    }
}

impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_one_of_four_in_its_one_spelling() {
        let (uuid, run) = ("00000000-0000-4000-8000-000000000001", Digest::of(b""));
        for (subject, kind) in [
            ("cluster".into(), SubjectKind::Cluster),
            (format!("substrate:{uuid}"), SubjectKind::Substrate),
            (format!("run:{run}"), SubjectKind::Run),
            ("organisation:a:b/c".into(), SubjectKind::Organisation),
        ] {
            let read: Subject = subject.parse().unwrap();
            assert_eq!((read.kind(), read.to_string()), (kind, subject.clone()));
            assert_eq!(serde_json::to_string(&read).unwrap(), format!("{subject:?}"));
            assert_eq!(serde_json::from_str::<Subject>(&format!("{subject:?}")).unwrap(), read);
            for other in [format!(" {subject}"), format!("{subject} "), subject.to_uppercase()] {
                assert!(other.parse::<Subject>().is_err(), "{other}");
            }
        }
        for other in ["", ":", "substrate", "substrate:", "run:", "organisation:", "clusters", "cluster:", "chip:x"] {
            assert!(other.parse::<Subject>().is_err(), "{other}");
            assert!(serde_json::from_str::<Subject>(&format!("{other:?}")).is_err(), "{other}");
        }
        assert!(format!("run:{}", run.hex()).parse::<Subject>().is_err());
        assert!(format!("substrate:{}", uuid.replace('0', "A")).parse::<Subject>().is_err());
    }
}
