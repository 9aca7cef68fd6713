//! The strict JSON parser in front of every hash.

use super::error::{CanonCode, CanonError, Limits};
use serde_json::{Map, Number, Value};

/// 2^53 − 1: the largest integer that every JSON reader keeps.
const MAX_SAFE: f64 = 9_007_199_254_740_991.0;
/// From here on RFC 8785 writes a number with an exponent.
const EXPONENT_FROM: f64 = 1e21;

pub fn parse(text: &str, limits: &Limits) -> Result<Value, CanonError> {
    let mut parser = Parser { text, at: 0, limits, path: Vec::new() };
    parser.space();
    let value = parser.value()?;
    parser.space();
    match parser.peek() {
        None => Ok(value),
        Some(byte) => Err(parser.unexpected("the end of the document", Some(byte))),
    }
}

enum Step {
    Member(String),
    Element(usize),
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    limits: &'a Limits,
    path: Vec<Step>,
}

type Parsed<T> = Result<T, CanonError>;

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn error(&self, code: CanonCode, detail: impl Into<String>) -> CanonError {
        let pointer = self.path.iter().fold(String::new(), |path, step| match step {
            Step::Member(name) => path + "/" + &name.replace('~', "~0").replace('/', "~1"),
            Step::Element(index) => format!("{path}/{index}"),
        });
        CanonError::new(code, pointer, detail)
    }

    fn unexpected(&self, wanted: &str, found: Option<u8>) -> CanonError {
        let found = found.map_or("the end".into(), |byte| format!("{:?}", char::from(byte)));
        self.error(CanonCode::Syntax, format!("{wanted} should stand at byte {}, but there is {found}", self.at))
    }

    fn want(&mut self, byte: u8, wanted: &str) -> Parsed<()> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        Err(self.unexpected(wanted, self.peek()))
    }

    fn value(&mut self) -> Parsed<Value> {
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            other => Err(self.unexpected("a value", other)),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Parsed<Value> {
        if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(value);
        }
        Err(self.unexpected(word, self.peek()))
    }

    /// Called before entering a container, so that depth bounds the recursion.
    fn deeper(&self) -> Parsed<()> {
        if self.path.len() < self.limits.max_depth {
            return Ok(());
        }
        // The path of a hostile document is as long as it is deep: the place is enough.
        Err(CanonError::new(
            CanonCode::TooDeep,
            "",
            format!("this is nested more than {} levels deep, at byte {}", self.limits.max_depth, self.at),
        ))
    }

    fn array(&mut self) -> Parsed<Value> {
        self.deeper()?;
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            self.space();
            self.path.push(Step::Element(items.len()));
            items.push(self.value()?);
            self.path.pop();
            self.space();
            if self.peek() == Some(b',') {
                self.at += 1;
                continue;
            }
            self.want(b']', "',' or ']'")?;
            return Ok(Value::Array(items));
        }
    }

    fn object(&mut self) -> Parsed<Value> {
        self.deeper()?;
        self.at += 1;
        let mut members = Map::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(members));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a member name", self.peek()));
            }
            let name = self.string()?;
            if members.contains_key(&name) {
                return Err(self.error(
                    CanonCode::DuplicateKey,
                    format!("this object has the member {name:?} again: keep one of them"),
                ));
            }
            self.space();
            self.want(b':', "':'")?;
            self.space();
            self.path.push(Step::Member(name));
            let value = self.value()?;
            if let Some(Step::Member(name)) = self.path.pop() {
                members.insert(name, value);
            }
            self.space();
            if self.peek() == Some(b',') {
                self.at += 1;
                continue;
            }
            self.want(b'}', "',' or '}'")?;
            return Ok(Value::Object(members));
        }
    }

    fn string(&mut self) -> Parsed<String> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let start = self.at;
            while self.peek().is_some_and(|b| b != b'"' && b != b'\\' && b >= 0x20) {
                self.at += 1;
            }
            // The run ends before an ASCII byte, so both ends are character boundaries.
            out.push_str(&self.text[start..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                other => return Err(self.unexpected("the end of a string, or an escaped control character", other)),
            }
        }
    }

    fn escape(&mut self) -> Parsed<char> {
        let byte = self.peek();
        self.at += 1;
        Ok(match byte {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            other => return Err(self.unexpected("an escape", other)),
        })
    }

    fn hex4(&mut self) -> Parsed<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).filter(|d| d.iter().all(u8::is_ascii_hexdigit));
        let Some(digits) = digits else { return Err(self.unexpected("four hex digits", self.peek())) };
        self.at += 4;
        Ok(digits.iter().fold(0, |n, d| n << 4 | char::from(*d).to_digit(16).unwrap_or(0)))
    }

    fn unicode(&mut self) -> Parsed<char> {
        let first = self.hex4()?;
        let lone = |parser: &Self| {
            parser.error(
                CanonCode::LoneSurrogate,
                format!(
                    "\\u{first:04x} stands alone before byte {}: write the pair, or the character itself",
                    parser.at
                ),
            )
        };
        let scalar = match first {
            0xd800..=0xdbff => {
                if !self.text.as_bytes()[self.at..].starts_with(b"\\u") {
                    return Err(lone(self));
                }
                self.at += 2;
                let second = self.hex4()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return Err(lone(self));
                }
                0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            other => other,
        };
        char::from_u32(scalar).ok_or_else(|| lone(self))
    }

    fn digits(&mut self) -> Parsed<()> {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.unexpected("a digit", self.peek())) } else { Ok(()) }
    }

    fn number(&mut self) -> Parsed<Value> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
            if self.peek().is_some_and(|b| b.is_ascii_digit()) {
                return Err(self.unexpected("a number without leading zeros", self.peek()));
            }
        } else {
            self.digits()?;
        }
        let mut integer = true;
        if self.peek() == Some(b'.') {
            integer = false;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            integer = false;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = &self.text[start..self.at];
        let shown = || text.chars().take(60).collect::<String>();
        let unsafe_integer = |parser: &Self| {
            // What is read with wide integers is somebody else's form, which may take no string here.
            let why = match parser.limits.wide {
                true if integer => {
                    "has more than 64 bits: write a whole number from -9223372036854775808 to 18446744073709551615"
                }
                true => {
                    "is beyond ±9007199254740991, which not every reader keeps: write it without fraction and exponent"
                }
                false => "is beyond ±9007199254740991, which not every reader keeps: write it as a decimal string",
            };
            parser.error(CanonCode::UnsafeInteger, format!("{} {why}", shown()))
        };
        if integer && self.limits.wide {
            let number = text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
            return number.map(Value::Number).map_err(|_| unsafe_integer(self));
        }
        if integer {
            let value: i64 = text.parse().map_err(|_| unsafe_integer(self))?;
            if value.unsigned_abs() > MAX_SAFE as u64 {
                return Err(unsafe_integer(self));
            }
            return Ok(Value::Number(value.into()));
        }
        let value: f64 = text.parse().map_err(|_| self.unexpected("a number", None))?;
        // What the canonical form writes as an integer must be one that every reader keeps.
        if value.fract() == 0.0 && value.abs() > MAX_SAFE && value.abs() < EXPONENT_FROM {
            return Err(unsafe_integer(self));
        }
        if value.fract() == 0.0 && value.abs() <= MAX_SAFE {
            return Ok(Value::Number((value as i64).into()));
        }
        match Number::from_f64(value) {
            Some(number) => Ok(Value::Number(number)),
            None => Err(self.error(CanonCode::NonFinite, format!("{} is too large for a number", shown()))),
        }
    }
}
