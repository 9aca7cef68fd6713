//! Values of every form, by chance from a seed: the same seed gives the same values.

use selfsame_protocol::digest::Digest;
use selfsame_protocol::keys::{PublicKey, SecretKey};
use selfsame_protocol::names::{OrganisationName, SubstrateId};
use selfsame_protocol::time::{Timestamp, U64};
use serde_json::{Map, Value, json};

/// What becomes of a member that may be left out, and of a list.
#[derive(Clone, Copy, PartialEq)]
pub enum Optional {
    /// It stands, with something in it.
    Always,
    /// It is left out, or empty.
    Never,
    /// One or the other.
    Sometimes,
}

/// A source of values.
pub struct Chance {
    state: u64,
    optional: Optional,
}

impl Chance {
    pub fn new(seed: u64, optional: Optional) -> Self {
        Self { state: seed, optional }
    }

    /// Splitmix64: enough to vary values, and the same everywhere.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.bits() % end as u64) as usize
    }

    pub fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    fn stands(&mut self) -> bool {
        match self.optional {
            Optional::Always => true,
            Optional::Never => false,
            Optional::Sometimes => self.bits().is_multiple_of(2),
        }
    }

    pub fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.stands().then(|| value(self))
    }

    pub fn list<T>(&mut self, mut value: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let length = if self.stands() { 1 + self.below(3) } else { 0 };
        (0..length).map(|_| value(self)).collect()
    }

    pub fn yes(&mut self) -> bool {
        self.bits().is_multiple_of(2)
    }

    pub fn counter(&mut self) -> U64 {
        let any = self.bits();
        U64(self.one(&[0, 1, any % 1_000, any, u64::MAX]))
    }

    /// A number that stands as a JSON number.
    pub fn number(&mut self) -> u64 {
        self.bits() % (1 << 53)
    }

    pub fn distance(&mut self) -> u32 {
        let any = self.below(257) as u32;
        self.one(&[0, 256, any])
    }

    pub fn digest(&mut self) -> Digest {
        Digest::of(&self.bits().to_be_bytes())
    }

    /// A key that somebody can sign with.
    pub fn key(&mut self) -> PublicKey {
        SecretKey::from_seed(self.digest().as_bytes()).public()
    }

    pub fn signature(&mut self) -> String {
        self.digest().hex() + &self.digest().hex()
    }

    pub fn time(&mut self) -> Timestamp {
        Timestamp::from_millis(self.bits() % 253_402_207_200_000)
    }

    fn text_of(&mut self, characters: &[char], length: usize) -> String {
        (0..length).map(|_| self.one(characters)).collect()
    }

    pub fn name(&mut self) -> String {
        let all: Vec<char> = ('a'..='z').chain('A'..='Z').chain('0'..='9').chain("._:/-".chars()).collect();
        let length = 1 + self.below(20);
        let length = self.one(&[1, length, 128]);
        self.text_of(&all, length)
    }

    pub fn organisation(&mut self) -> OrganisationName {
        self.name().parse().unwrap()
    }

    pub fn uuid(&mut self) -> SubstrateId {
        let hex = self.digest().hex();
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32]].join("-").parse().unwrap()
    }

    /// Any text, in words.
    pub fn text(&mut self) -> String {
        let all: Vec<char> = "aZ 0/\"\\\n\u{0}\u{7f}é€\u{fb33}😀~null{}[]".chars().collect();
        let length = self.below(30);
        self.text_of(&all, length)
    }

    /// A text that was cut after so many characters, or is short enough.
    pub fn cut(&mut self, most: usize) -> String {
        match self.below(3) {
            0 => self.text_of(&['é'], most) + "…",
            1 => self.text_of(&['€'], most),
            _ => self.text(),
        }
    }

    /// Any JSON.
    pub fn json(&mut self) -> Value {
        self.json_below(3)
    }

    fn json_below(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 6 } else { 8 }) {
            0 => Value::Null,
            1 => json!(self.yes()),
            2 => json!(self.bits() as i64 % (1 << 53)),
            3 => json!(self.bits() as f64 / 1e25),
            4 => json!([]),
            5 => json!(self.text()),
            6 => Value::Array((0..self.below(4)).map(|_| self.json_below(depth - 1)).collect()),
            _ => {
                let members: Map<String, Value> =
                    (0..self.below(4)).map(|_| (self.text(), self.json_below(depth - 1))).collect();
                Value::Object(members)
            }
        }
    }

    /// JSON that is not `null`.
    pub fn some_json(&mut self) -> Value {
        match self.json() {
            Value::Null => json!("text"),
            other => other,
        }
    }

    pub fn founding(&mut self) -> Value {
        let (a, b) = (self.json(), self.json());
        json!({"branch_a": {"claim": a, "of": "a"}, "branch_b": {"claim": b, "of": "b"}, "more": self.json()})
    }
}
