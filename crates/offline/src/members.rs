//! The members of a JSON object, read as far as it goes and whatever its white space, escapes and order: to tell what a
//! document is meant to be. Nothing that is read here is believed; the strict reader reads it again.

use std::borrow::Cow;

/// A member of the outermost object.
pub struct OuterMember {
    /// Its name, with escapes undone.
    pub name: String,
    /// Its value where that is a text, with escapes undone.
    pub text: Option<String>,
}

/// Members in the order of the document, until the first place that cannot be read.
pub struct Members<'a> {
    rest: &'a [u8],
    /// `{` before the first member and `,` before each other.
    before: u8,
}

impl<'a> Members<'a> {
    /// Those of the object that stands at the beginning.
    pub fn of(bytes: &'a [u8]) -> Members<'a> {
        Members { rest: bytes, before: b'{' }
    }

    fn mark(&mut self, mark: u8) -> Option<()> {
        self.rest = self.rest.trim_ascii_start().strip_prefix(&[mark])?;
        Some(())
    }

    /// The text that stands next, quotes included.
    fn quoted(&mut self) -> Option<&'a [u8]> {
        let text = self.rest.trim_ascii_start();
        let mut escaped = false;
        let end = text.iter().enumerate().skip(1).find(|(_, byte)| {
            let ends = **byte == b'"' && !escaped;
            escaped = **byte == b'\\' && !escaped;
            ends
        });
        let (quoted, rest) = text.split_at_checked(end?.0 + 1).filter(|(quoted, _)| quoted.starts_with(b"\""))?;
        self.rest = rest;
        Some(quoted)
    }

    /// Goes past the value that stands next.
    fn pass(&mut self) -> Option<()> {
        let mut depth = 0_u64;
        loop {
            self.rest = self.rest.trim_ascii_start();
            match self.rest.first()? {
                b'"' => {
                    self.quoted()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth > 0 => depth -= 1,
                b'}' | b']' | b',' if depth == 0 => return Some(()),
                _ => {}
            }
            self.rest = self.rest.get(1..)?;
        }
    }
}

/// A quoted text with its escapes undone; as it stands where they cannot be.
fn plain(quoted: &[u8]) -> String {
    serde_json::from_slice(quoted).unwrap_or_else(|_| {
        let inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
        match String::from_utf8_lossy(inner) {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text,
        }
    })
}

impl Iterator for Members<'_> {
    type Item = OuterMember;

    fn next(&mut self) -> Option<OuterMember> {
        self.mark(self.before)?;
        self.before = b',';
        let name = plain(self.quoted()?);
        self.mark(b':')?;
        // A text that does not end is read no further, and its member was read all the same.
        let text = match self.rest.trim_ascii_start().first() {
            Some(b'"') => self.quoted().map(plain),
            _ => None,
        };
        if text.is_none() && self.pass().is_none() {
            self.rest = &[];
        }
        Some(OuterMember { name, text })
    }
}

/// The text of a member of a document, read as far as it goes and believed in nothing.
pub fn named(document: &[u8], name: &str) -> Option<String> {
    Members::of(document).find(|member| member.name == name).and_then(|member| member.text)
}

/// What text without its white space and byte order mark in front shows.
pub fn trimmed(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start()
}
