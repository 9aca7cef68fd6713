//! A chunk of a snapshot, split into its rows.

use crate::report::{Failure, altered};
use selfsame_machine::view::Table;

/// The rows of a chunk that are left: table, key and value, until the first that does not read.
pub struct ChunkRows<'a>(pub &'a [u8]);

impl<'a> ChunkRows<'a> {
    fn part(&mut self) -> Result<&'a [u8], Failure> {
        let split = self.0.split_first_chunk::<4>().and_then(|(length, rest)| {
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            rest.split_at_checked(length)
        });
        let (part, rest) = split.ok_or_else(|| {
            altered("SNAPSHOT_FORM", None, "a row inside its chunk", format!("{} bytes", self.0.len()))
        })?;
        self.0 = rest;
        Ok(part)
    }
}

impl<'a> Iterator for ChunkRows<'a> {
    type Item = Result<(Table, &'a [u8], &'a [u8]), Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&number, rest) = self.0.split_first()?;
        self.0 = rest;
        let Some(table) = Table::from_number(number) else {
            return Some(Err(altered("SNAPSHOT_FORM", None, "the number of a table", number)));
        };
        Some(self.part().and_then(|key| Ok((table, key, self.part()?))))
    }
}
