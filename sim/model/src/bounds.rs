//! How far a check goes: sizes, and the scopes of each.
//!
//! Everything at once is too much for an exhaustive check, so each size has scopes. One looks far at well-kept chips and the
//! network, one adds ballots, one adds clones and rollbacks, and one forgets what chips remember and lets whoever has a key
//! sign anything.

/// Bounds of one scope.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// The scope's name.
    pub name: &'static str,
    /// Chips, at most 3.
    pub chips: u8,
    /// Migration ids, at most 6.
    pub migrations: u8,
    /// Writes that are signed; with forgers, writes that are accepted.
    pub writes: usize,
    /// Seals that are signed. Forgers have no limit.
    pub seals: usize,
    /// Ballots that seal.
    pub ballots: usize,
    /// Clones that are made.
    pub clones: usize,
    /// Whether chips can be rolled back.
    pub rollback: bool,
    /// Whether every key signs anything. Then nothing depends on what chips remember.
    pub forgers: bool,
}

/// Three chips and two migrations, and nothing else yet.
const BASE: Bounds = Bounds {
    name: "",
    chips: 3,
    migrations: 2,
    writes: 3,
    seals: 2,
    ballots: 0,
    clones: 0,
    rollback: false,
    forgers: false,
};

const SMALL: &[Bounds] = &[
    Bounds { name: "network", ..BASE },
    Bounds { name: "ballots", writes: 1, ballots: 1, ..BASE },
    Bounds { name: "copies", writes: 1, ballots: 0, clones: 1, rollback: true, ..BASE },
    Bounds { name: "forgers", ballots: 1, forgers: true, ..BASE },
];

const NORMAL: &[Bounds] = &[
    Bounds { name: "network", seals: 3, ..BASE },
    Bounds { name: "ballots", writes: 2, ballots: 1, ..BASE },
    Bounds { name: "copies", writes: 1, ballots: 1, clones: 1, rollback: true, ..BASE },
    Bounds { name: "forgers", migrations: 3, ballots: 2, forgers: true, ..BASE },
];

const LARGE: &[Bounds] = &[
    Bounds { name: "network", migrations: 3, seals: 3, ..BASE },
    Bounds { name: "ballots", writes: 3, ballots: 1, ..BASE },
    Bounds { name: "copies", writes: 2, seals: 3, clones: 1, rollback: true, ..BASE },
    Bounds { name: "forgers", migrations: 4, writes: 4, ballots: 3, forgers: true, ..BASE },
];

/// How much to check.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Size {
    /// Seconds: what the tests use.
    Small,
    /// A minute or a few.
    Normal,
    /// As long as it takes.
    Large,
}

impl Size {
    /// The scopes, in the order in which they are checked.
    pub fn scopes(self) -> &'static [Bounds] {
        match self {
            Size::Small => SMALL,
            Size::Normal => NORMAL,
            Size::Large => LARGE,
        }
    }
}
