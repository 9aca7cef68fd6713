//! The two ledgers of a cluster, and a value for each of them.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::ops::{Index, IndexMut};

crate::named! {
    /// One of the two cluster-wide ledgers.
    pub enum Ledger: "a ledger" {
        /// What was observed.
        Evidence = "evidence",
        /// What was decided: identity records live here.
        Reasoning = "reasoning",
    }
}

impl Ledger {
    /// Both ledgers, Evidence first.
    pub const BOTH: [Ledger; 2] = Ledger::ALL;
    /// 0 for Evidence, 1 for Reasoning.
    pub const fn slot(self) -> usize {
        match self {
            Ledger::Evidence => 0,
            Ledger::Reasoning => 1,
        }
    }
}

/// A value for each ledger. In JSON it is a list of two values, Evidence first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerLedger<T> {
    /// That of the Evidence ledger.
    pub evidence: T,
    /// That of the Reasoning ledger.
    pub reasoning: T,
}

impl<T> PerLedger<T> {
    /// What a function gives for each ledger, Evidence first.
    pub fn from_fn(mut give: impl FnMut(Ledger) -> T) -> Self {
        Self { evidence: give(Ledger::Evidence), reasoning: give(Ledger::Reasoning) }
    }

    /// The same for a function that may fail.
    ///
    /// # Errors
    /// The first of the function.
    pub fn try_from_fn<E>(mut give: impl FnMut(Ledger) -> Result<T, E>) -> Result<Self, E> {
        Ok(Self { evidence: give(Ledger::Evidence)?, reasoning: give(Ledger::Reasoning)? })
    }

    /// What a function makes of each value, Evidence first.
    pub fn map<U>(self, mut make: impl FnMut(T) -> U) -> PerLedger<U> {
        PerLedger { evidence: make(self.evidence), reasoning: make(self.reasoning) }
    }

    /// References to both values.
    pub const fn each_ref(&self) -> PerLedger<&T> {
        PerLedger { evidence: &self.evidence, reasoning: &self.reasoning }
    }

    /// Each ledger with its value, in the order of [`Ledger::BOTH`].
    pub fn iter(&self) -> impl Iterator<Item = (Ledger, &T)> {
        self.each_ref().into_iter()
    }
}

impl<T> IntoIterator for PerLedger<T> {
    type Item = (Ledger, T);
    type IntoIter = std::array::IntoIter<(Ledger, T), 2>;
    fn into_iter(self) -> Self::IntoIter {
        [(Ledger::Evidence, self.evidence), (Ledger::Reasoning, self.reasoning)].into_iter()
    }
}

impl<T> Index<Ledger> for PerLedger<T> {
    type Output = T;
    fn index(&self, ledger: Ledger) -> &T {
        match ledger {
            Ledger::Evidence => &self.evidence,
            Ledger::Reasoning => &self.reasoning,
        }
    }
}

impl<T> IndexMut<Ledger> for PerLedger<T> {
    fn index_mut(&mut self, ledger: Ledger) -> &mut T {
        match ledger {
            Ledger::Evidence => &mut self.evidence,
            Ledger::Reasoning => &mut self.reasoning,
        }
    }
}

impl<T: Serialize> Serialize for PerLedger<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        [&self.evidence, &self.reasoning].serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for PerLedger<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let [evidence, reasoning] = Deserialize::deserialize(deserializer)?;
        Ok(Self { evidence, reasoning })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_for_each_ledger_is_a_list_of_two_in_json() {
        let depths = PerLedger { evidence: 3, reasoning: 5 };
        assert_eq!(serde_json::to_string(&depths).unwrap(), "[3,5]");
        assert_eq!(serde_json::from_str::<PerLedger<u64>>("[3,5]").unwrap(), depths);
        assert!(serde_json::from_str::<PerLedger<u64>>("[3]").is_err());
        assert!(serde_json::from_str::<PerLedger<u64>>("[3,5,7]").is_err());
    }

    #[test]
    fn both_values_come_in_the_order_of_the_ledgers() {
        let named = PerLedger::from_fn(|ledger| ledger.to_string());
        assert!(named.iter().map(|(ledger, _)| ledger).eq(Ledger::BOTH));
        assert!(named.iter().all(|(ledger, name)| named[ledger] == *name && *name == ledger.as_str()));
    }
}
