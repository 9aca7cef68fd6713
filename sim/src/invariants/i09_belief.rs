//! I9: in co-operative runs two chips never believe at once that they are active. A chip believes it from the answer of
//! its birth or activation until it signs a seal, and again when the seal is refused.

use std::collections::BTreeSet;

/// The property's name.
pub const NAME: &str = "I9 one_belief";

/// Who believes itself active, as substrate and chip.
#[derive(Debug, Default)]
pub struct Beliefs(BTreeSet<(String, String)>);

impl Beliefs {
    /// A chip believes itself active, or no longer.
    pub fn set(&mut self, substrate: &str, chip: &str, active: bool) -> Result<(), String> {
        let pair = (substrate.to_owned(), chip.to_owned());
        if !active {
            self.0.remove(&pair);
            return Ok(());
        }
        let other = self.0.iter().find(|(of, who)| of == substrate && who != chip);
        let found = other.map(|(_, who)| format!("{substrate}: chip {chip} believes itself active, and so does {who}"));
        self.0.insert(pair);
        found.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_believers_are_found() {
        let mut beliefs = Beliefs::default();
        assert_eq!(beliefs.set("s", "a", true), Ok(()));
        assert_eq!(beliefs.set("t", "b", true), Ok(()));
        assert_eq!(beliefs.set("s", "a", true), Ok(()));
        assert!(beliefs.set("s", "b", true).is_err());
        let mut beliefs = Beliefs::default();
        beliefs.set("s", "a", true).unwrap();
        beliefs.set("s", "a", false).unwrap();
        assert_eq!(beliefs.set("s", "b", true), Ok(()));
    }
}
