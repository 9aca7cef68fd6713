//! The properties, their ids and where they come from.
//!
//! I1 to I13 are the safety invariants of migration. I12 concerns verification, which the model leaves out. Those that the
//! log alone decides are computed by [`crate::audit`]; the others by [`crate::judge`].

use std::fmt;

macro_rules! properties {
    ($($(#[doc = $doc:literal])* $variant:ident $name:literal;)+) => {
        /// What must hold in every state.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Property { $($(#[doc = $doc])* $variant,)+ }

        impl Property {
            /// Every property.
            pub const ALL: &[Property] = &[$(Property::$variant),+];

            /// Its id.
            pub fn id(self) -> &'static str {
                match self { $(Property::$variant => $name),+ }
            }

            /// What it says.
            pub fn about(self) -> &'static str {
                match self { $(Property::$variant => concat!($($doc),*).trim_ascii()),+ }
            }
        }
    };
}

properties! {
    /// At most one activation for each epoch.
    I1 "I1";
    /// After the seal of a tenure no write of it is accepted, for ever.
    I2 "I2";
    /// An accepted write names the chip, the epoch and the next sequence number of the state just before.
    I3 "I3";
    /// An accepted cycle and a seal continue the head of the state just before.
    I4 "I4";
    /// Each activation begins the next epoch; accepted epochs never decrease.
    I5 "I5";
    /// The active tenure is never invalidated, and the set of invalidated tenures never shrinks.
    I6 "I6";
    /// Between seal and activation nobody writes, and the head stays.
    I7 "I7";
    /// An activation stands on an attestation of the named chip for exactly this migration, epoch, head and nonce, signed after the seal.
    I8 "I8";
    /// Without ballot, clone and rollback never two copies hold themselves active.
    I9 "I9";
    /// An activation follows a seal, and the tenure before is invalidated no later than in the same entry.
    I10 "I10";
    /// Of several writes with the same chip, epoch and sequence number at most one is accepted.
    I11 "I11";
    /// No migration is stuck: whichever chip is lost, somebody can bring the substrate to an active chip.
    I13 "I13";
    /// A chip is sealed against its will only by a ballot with a quorum of the organisations.
    Ballot "ballot";
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl Property {
    /// The property with this id.
    pub fn named(id: &str) -> Option<Property> {
        Property::ALL.iter().copied().find(|property| property.id() == id)
    }
}

/// A set of broken properties.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Broken(u16);

impl Broken {
    /// Adds the property unless it holds.
    pub fn unless(&mut self, holds: bool, property: Property) {
        if !holds {
            self.0 |= 1 << property as u16;
        }
    }

    /// Whether the property is broken.
    pub fn contains(self, property: Property) -> bool {
        self.0 & (1 << property as u16) != 0
    }

    /// Everything that is broken in either.
    pub fn union(self, other: Broken) -> Broken {
        Broken(self.0 | other.0)
    }

    /// The broken properties.
    pub fn iter(self) -> impl Iterator<Item = Property> {
        Property::ALL.iter().copied().filter(move |property| self.contains(*property))
    }
}
