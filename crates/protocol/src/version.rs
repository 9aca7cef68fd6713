//! Types that end in the number of their version: `selfsame/checkpoint-pair/v1`, `c2sp.org/tlog-proof@v1`.

/// A type without its number.
pub fn family(of: &str) -> &str {
    of.trim_end_matches(|c: char| c.is_ascii_digit())
}

/// Whether a type is another version of a known one: the same name with another number, which has no leading zeros. Of
/// such a file nothing is said, and of one with another name that its type is wrong.
pub fn is_other(known: &str, named: &str) -> bool {
    let number = named.strip_prefix(family(known)).unwrap_or_default();
    named != known && !number.is_empty() && !number.starts_with('0') && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_number_is_another_version_and_another_name_is_not() {
        let known = "selfsame/checkpoint-pair/v1";
        for (named, other) in [
            ("selfsame/checkpoint-pair/v1", false),
            ("selfsame/checkpoint-pair/v2", true),
            ("selfsame/checkpoint-pair/v10", true),
            ("selfsame/checkpoint-pair/v0", false),
            ("selfsame/checkpoint-pair/v02", false),
            ("selfsame/checkpoint-pair/v", false),
            ("selfsame/checkpoint-pair/v2 ", false),
            ("selfsame/checkpoint-pair/w2", false),
            ("selfsame/pair/v2", false),
            ("", false),
        ] {
            assert_eq!(is_other(known, named), other, "{named}");
        }
        assert_eq!(family("c2sp.org/tlog-proof@v1"), "c2sp.org/tlog-proof@v");
    }
}
