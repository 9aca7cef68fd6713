//! Bounds of documents, and the rules that a document can break.

use std::fmt;

/// Bounds of one document.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes.
    pub max_bytes: usize,
    /// Nesting of arrays and objects.
    pub max_depth: usize,
    /// Whether integers up to 64 bits are read. Canonical JSON cannot hold them: the reader of such a document has to make
    /// texts of them.
    pub wide: bool,
}

impl Limits {
    /// Nesting limit of every document.
    pub(crate) const MAX_DEPTH: usize = 64;
    /// A signed submission.
    pub const SUBMISSION: Limits = Limits { max_bytes: 8 << 20, max_depth: Self::MAX_DEPTH, wide: false };
    /// A ledger leaf; two levels more than the submission that it holds a part of.
    pub const LEAF: Limits = Limits { max_bytes: 65_535, max_depth: Self::MAX_DEPTH + 2, wide: false };
    /// A run declaration.
    pub const DECLARATION: Limits = Limits { max_bytes: 1 << 20, max_depth: Self::MAX_DEPTH, wide: false };
    /// A document that a user gives us to read, for example a request body.
    pub const DOCUMENT: Limits = Limits { max_bytes: 16 << 20, max_depth: Self::MAX_DEPTH, wide: false };
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// Stable name of a broken rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum CanonCode { $($(#[$doc])* $variant,)* }
        impl CanonCode {
            /// The name, UPPER_SNAKE.
            pub const fn as_str(self) -> &'static str { match self { $(CanonCode::$variant => $name,)* } }
        }
    };
}
codes! {
    /// Not JSON.
    Syntax = "SYNTAX";
    /// A member name stands twice in one object.
    DuplicateKey = "DUPLICATE_KEY";
    /// An integer outside ±(2^53−1).
    UnsafeInteger = "UNSAFE_INTEGER";
    /// A number too large for a double.
    NonFinite = "NON_FINITE";
    /// Bytes that are not UTF-8.
    InvalidUtf8 = "INVALID_UTF8";
    /// A surrogate escape without its partner.
    LoneSurrogate = "LONE_SURROGATE";
    /// `null` where the schema does not name it.
    NullMember = "NULL_MEMBER";
    /// `[]` or `{}` where the schema does not name it.
    EmptyContainer = "EMPTY_CONTAINER";
    /// Nested too deep.
    TooDeep = "TOO_DEEP";
    /// Too many bytes.
    TooLarge = "TOO_LARGE";
    /// The bytes are not their own canonical form.
    NotCanonical = "NOT_CANONICAL";
    /// Members or types that the schema does not allow.
    Schema = "SCHEMA";
    /// A value or member in another spelling than the one that the schema has.
    OtherSpelling = "OTHER_SPELLING";
    /// A member that the schema does not name.
    UnknownMember = "UNKNOWN_MEMBER";
    /// A required member is absent.
    MissingMember = "MISSING_MEMBER";
    /// A value of the wrong type or form.
    WrongType = "WRONG_TYPE";
    /// External content without a digest.
    MissingDigest = "MISSING_DIGEST";
}

impl fmt::Display for CanonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A broken rule: its code, the place as JSON pointer (`""` is the whole document), and the values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} at {}: {detail}", if pointer.is_empty() { "the document" } else { pointer })]
pub struct CanonError {
    /// Which rule.
    pub code: CanonCode,
    /// Where.
    pub pointer: String,
    /// What was wanted and what was found.
    pub detail: String,
}

impl CanonError {
    /// An error at a place.
    pub fn new(code: CanonCode, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { code, pointer: pointer.into(), detail: detail.into() }
    }
}
