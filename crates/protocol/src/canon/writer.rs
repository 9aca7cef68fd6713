//! The canonical writer: a value goes straight to the bytes of RFC 8785.
//!
//! serde_json walks through the value and escapes strings; this says how numbers are written and in which order members
//! stand. Members are written as they come. When an object ends and they did not come in order, they are put in order in
//! place: the types of this program are written in the order of their declaration, and documents are sorted already.

use super::order;
use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};
use std::io::{self, Write};

/// Integers up to here are doubles, and are written as they are; larger ones are written as the double next to them.
const EXACT: u64 = 1 << 53;

/// The canonical form. Fails for maps whose keys are no texts, for a name that stands twice in an object, and for
/// fragments that were written before.
pub fn write<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Vec<u8>> {
    let mut out = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut out, Canonical::default()))?;
    Ok(out)
}

#[derive(Default)]
struct Canonical {
    /// What is written of the outermost container; outside of one everything goes to the writer.
    buffer: Vec<u8>,
    /// Containers that are open.
    depth: usize,
    /// Objects that are open.
    objects: Vec<Object>,
    /// Members of all open objects.
    members: Vec<Member>,
    /// For putting members in order.
    scratch: Vec<u8>,
}

struct Object {
    /// Its first member among all.
    first: usize,
    sorted: bool,
}

/// Where a member stands in the buffer.
struct Member {
    /// The quote before its name.
    from: usize,
    /// Behind the quote after its name.
    name_to: usize,
    /// Behind its value.
    to: usize,
}

impl Member {
    /// The name between its quotes, with escapes.
    fn name<'a>(&self, buffer: &'a [u8]) -> &'a [u8] {
        buffer.get(self.from + 1..self.name_to.saturating_sub(1)).unwrap_or_default()
    }
}

fn twice() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a member name stands twice in one object")
}

impl Canonical {
    fn put<W: Write + ?Sized>(&mut self, writer: &mut W, bytes: &[u8]) -> io::Result<()> {
        if self.depth == 0 {
            return writer.write_all(bytes);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn open(&mut self, bracket: u8) {
        self.buffer.push(bracket);
        self.depth += 1;
    }

    fn close<W: Write + ?Sized>(&mut self, writer: &mut W, bracket: u8) -> io::Result<()> {
        self.buffer.push(bracket);
        self.depth -= 1;
        if self.depth == 0 {
            writer.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    fn put_u64<W: Write + ?Sized>(&mut self, writer: &mut W, negative: bool, mut value: u64) -> io::Result<()> {
        let mut digits = [0; 21];
        let mut at = digits.len();
        for place in digits.iter_mut().rev() {
            at -= 1;
            *place = b'0' + (value % 10) as u8;
            value /= 10;
            if value == 0 {
                break;
            }
        }
        if negative {
            at -= 1;
            digits[at] = b'-';
        }
        self.put(writer, &digits[at..])
    }

    /// Puts the members of the innermost object in order, if they are not. Their bytes stay the same, in other places.
    fn sort(&mut self) -> io::Result<()> {
        let Some(object) = self.objects.pop() else { return Ok(()) };
        let members = self.members.get_mut(object.first..).unwrap_or_default();
        if !object.sorted {
            let begin = members.first().map_or(0, |member| member.from);
            let buffer = &self.buffer;
            members.sort_unstable_by(|a, b| order::by_utf16(a.name(buffer), b.name(buffer)));
            if members.windows(2).any(|pair| pair[0].name(buffer) == pair[1].name(buffer)) {
                return Err(twice());
            }
            self.scratch.clear();
            for (number, member) in members.iter().enumerate() {
                if number > 0 {
                    self.scratch.push(b',');
                }
                self.scratch.extend_from_slice(buffer.get(member.from..member.to).unwrap_or_default());
            }
            self.buffer.truncate(begin);
            self.buffer.extend_from_slice(&self.scratch);
        }
        self.members.truncate(object.first);
        Ok(())
    }
}

macro_rules! as_wider {
    ($($name:ident $type:ty => $wider:ident,)*) => {$(
        fn $name<W: Write + ?Sized>(&mut self, writer: &mut W, value: $type) -> io::Result<()> {
            self.$wider(writer, value.into())
        }
    )*};
}

impl Formatter for Canonical {
    as_wider! {
        write_i8 i8 => write_i64, write_i16 i16 => write_i64, write_i32 i32 => write_i64,
        write_u8 u8 => write_u64, write_u16 u16 => write_u64, write_u32 u32 => write_u64,
        write_f32 f32 => write_f64,
    }

    fn write_i64<W: Write + ?Sized>(&mut self, writer: &mut W, value: i64) -> io::Result<()> {
        match value.unsigned_abs() {
            size if size <= EXACT => self.put_u64(writer, value < 0, size),
            _ => self.write_f64(writer, value as f64),
        }
    }

    fn write_u64<W: Write + ?Sized>(&mut self, writer: &mut W, value: u64) -> io::Result<()> {
        if value <= EXACT { self.put_u64(writer, false, value) } else { self.write_f64(writer, value as f64) }
    }

    fn write_i128<W: Write + ?Sized>(&mut self, writer: &mut W, value: i128) -> io::Result<()> {
        self.write_f64(writer, value as f64)
    }

    fn write_u128<W: Write + ?Sized>(&mut self, writer: &mut W, value: u128) -> io::Result<()> {
        self.write_f64(writer, value as f64)
    }

    fn write_f64<W: Write + ?Sized>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        if !value.is_finite() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "JSON has no such number"));
        }
        self.put(writer, ryu_js::Buffer::new().format_finite(value).as_bytes())
    }

    fn write_number_str<W: Write + ?Sized>(&mut self, writer: &mut W, value: &str) -> io::Result<()> {
        let value = value.parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "this is no number"))?;
        self.write_f64(writer, value)
    }

    fn write_null<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.put(writer, b"null")
    }

    fn write_bool<W: Write + ?Sized>(&mut self, writer: &mut W, value: bool) -> io::Result<()> {
        self.put(writer, if value { b"true" } else { b"false" })
    }

    fn begin_string<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.put(writer, b"\"")
    }

    fn end_string<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.put(writer, b"\"")
    }

    fn write_string_fragment<W: Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        self.put(writer, fragment.as_bytes())
    }

    fn write_char_escape<W: Write + ?Sized>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        self.put(
            writer,
            match escape {
                CharEscape::Quote => b"\\\"",
                CharEscape::ReverseSolidus => b"\\\\",
                CharEscape::Solidus => b"/",
                CharEscape::Backspace => b"\\b",
                CharEscape::FormFeed => b"\\f",
                CharEscape::LineFeed => b"\\n",
                CharEscape::CarriageReturn => b"\\r",
                CharEscape::Tab => b"\\t",
                CharEscape::AsciiControl(byte) => {
                    const HEX: &[u8; 16] = b"0123456789abcdef";
                    let digit = |of: u8| HEX[usize::from(of & 15)];
                    return self.put(writer, &[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte)]);
                }
            },
        )
    }

    fn begin_array<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.open(b'[');
        Ok(())
    }

    fn end_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b']')
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, _: &mut W, first: bool) -> io::Result<()> {
        if !first {
            self.buffer.push(b',');
        }
        Ok(())
    }

    fn begin_object<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.open(b'{');
        self.objects.push(Object { first: self.members.len(), sorted: true });
        Ok(())
    }

    fn end_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.sort()?;
        self.close(writer, b'}')
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, _: &mut W, first: bool) -> io::Result<()> {
        if !first {
            self.buffer.push(b',');
        }
        let from = self.buffer.len();
        self.members.push(Member { from, name_to: from, to: from });
        Ok(())
    }

    fn end_object_key<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        let (Some(object), [before @ .., member]) = (self.objects.last_mut(), &mut self.members[..]) else {
            return Ok(());
        };
        member.name_to = self.buffer.len();
        if let Some(last) = before.get(object.first..).and_then(|before| before.last())
            && object.sorted
        {
            object.sorted = order::by_utf16(last.name(&self.buffer), member.name(&self.buffer)).is_lt();
        }
        Ok(())
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.buffer.push(b':');
        Ok(())
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        if let Some(member) = self.members.last_mut() {
            member.to = self.buffer.len();
        }
        Ok(())
    }

    /// What was written by others is not read again to see in which form it is.
    fn write_raw_fragment<W: Write + ?Sized>(&mut self, _: &mut W, _: &str) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "a fragment has no canonical form"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // shows: RI-14
    #[test]
    fn a_fragment_of_others_has_no_canonical_form() {
        assert!(Canonical::default().write_raw_fragment(&mut Vec::new(), "1").is_err());
    }
}
