//! Whether bytes are canonical, in one pass and without building anything.
//!
//! This only says yes or no. Whoever is told no reads the document with the strict parser, which names rule and place.

use super::error::Limits;
use super::{order, parser, writer};
use std::cmp::Ordering;

/// Digits of an integer that is certainly a safe one.
const SAFE_DIGITS: usize = 15;

/// Whether these bytes are a document within the limits, written in the canonical form.
pub fn is_canonical(bytes: &[u8], limits: &Limits) -> bool {
    if bytes.len() > limits.max_bytes {
        return false;
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let mut check = Check { text, bytes, at: 0, limits };
    check.value(0).is_some() && check.at == bytes.len()
}

struct Check<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    limits: &'a Limits,
}

impl<'a> Check<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn want(&mut self, word: &[u8]) -> Option<()> {
        self.bytes.get(self.at..)?.starts_with(word).then(|| self.at += word.len())
    }

    /// Steps over a byte if it is the next one.
    fn skip(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => self.string().map(drop),
            b't' => self.want(b"true"),
            b'f' => self.want(b"false"),
            b'n' => self.want(b"null"),
            _ => self.number(),
        }
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.enter(depth)?;
        if self.skip(b']') {
            return Some(());
        }
        loop {
            self.value(depth + 1)?;
            if !self.skip(b',') {
                return self.want(b"]");
            }
        }
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.enter(depth)?;
        if self.skip(b'}') {
            return Some(());
        }
        let mut last = None;
        loop {
            let name = self.string()?;
            // A name that stands twice is not above itself.
            if last.is_some_and(|last| order::by_utf16(last, name) != Ordering::Less) {
                return None;
            }
            last = Some(name);
            self.want(b":")?;
            self.value(depth + 1)?;
            if !self.skip(b',') {
                return self.want(b"}");
            }
        }
    }

    /// Steps over the bracket of a container that is not too deep.
    fn enter(&mut self, depth: usize) -> Option<()> {
        (depth < self.limits.max_depth).then(|| self.at += 1)
    }

    /// What stands between the quotes of a string whose escapes are those of the canonical form.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.want(b"\"")?;
        let from = self.at;
        loop {
            let rest = self.bytes.get(self.at..)?;
            self.at += rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
            match self.peek()? {
                b'"' => {
                    let inside = self.bytes.get(from..self.at);
                    self.at += 1;
                    return inside;
                }
                b'\\' => self.escape()?,
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        let len = match self.bytes.get(self.at + 1..)? {
            [b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            [b'u', b'0', b'0', b'0', b'0'..=b'7' | b'b' | b'e' | b'f', ..] => 6,
            [b'u', b'0', b'0', b'1', b'0'..=b'9' | b'a'..=b'f', ..] => 6,
            _ => return None,
        };
        self.at += len;
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let from = self.at;
        let rest = self.bytes.get(from..)?;
        let len = rest.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')).count();
        let text = self.text.get(from..from + len)?;
        self.at += len;
        // Most numbers are integers of few digits; the others are read, and written again.
        let digits = text.strip_prefix('-').unwrap_or(text);
        let plain = (1..=SAFE_DIGITS).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if plain && (!digits.starts_with('0') || text == "0") {
            return Some(());
        }
        let number = parser::parse(text, self.limits).ok()?;
        (writer::write(&number).ok()? == text.as_bytes()).then_some(())
    }
}
