//! Text of others, made fit to be shown: nothing in it moves a cursor, changes a colour, turns a line round, forges a row
//! or hides.

use serde_json::Value;
use std::borrow::Cow;

/// Ranges of characters that are never shown as they are: controls (C0, DEL, C1), the separators of lines and paragraphs,
/// marks that turn the direction of writing, and every character that Unicode lets a terminal leave out
/// (Default_Ignorable_Code_Point), among them zero-width ones and tags.
const HIDDEN: &[(u32, u32)] = &[
    (0x00, 0x1f),
    (0x7f, 0x9f),
    (0xad, 0xad),
    (0x34f, 0x34f),
    (0x61c, 0x61c),
    (0x115f, 0x1160),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x200b, 0x200f),
    (0x2028, 0x202e),
    (0x2060, 0x206f),
    (0x3164, 0x3164),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0xfff0, 0xfffb),
    (0x1bca0, 0x1bca3),
    (0x1d173, 0x1d17a),
    (0xe0000, 0xe0fff),
];

/// Whether a character is never shown as it is.
fn is_hidden(c: char) -> bool {
    let code = u32::from(c);
    !(0x20..0x7f).contains(&code) && HIDDEN.iter().any(|(first, last)| (*first..=*last).contains(&code))
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
    }
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    let escaped = |c: char| is_hidden(c) && !keep(c);
    if !text.chars().any(|c| escaped(c) || c == '\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            // A backslash that would read as the beginning of an escape is doubled, so that no two texts look alike.
            '\\' => match rest.peek() {
                Some('n' | 'r' | 't' | 'u' | '\\') => out.push_str("\\\\"),
                Some(next) if escaped(*next) => out.push_str("\\\\"),
                Some(_) | None => out.push('\\'),
            },
            c if escaped(c) => push_escaped(&mut out, c),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// One value on one line, as `\u{1b}`, `\n` and the like for what is not shown as it is. Two different texts stay
/// different.
pub fn visible(text: &str) -> Cow<'_, str> {
    escape(text, |_| false)
}

/// Several lines: like [`visible`], but lines stay lines and tabs stay tabs, and a backslash is a backslash.
pub fn block(text: &str) -> Cow<'_, str> {
    let escaped = |c: char| is_hidden(c) && c != '\n' && c != '\t';
    if !text.chars().any(escaped) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    text.chars().for_each(|c| if escaped(c) { push_escaped(&mut out, c) } else { out.push(c) });
    Cow::Owned(out)
}

/// JSON of equal value, on one line or indented, in which nothing is hidden: serde_json escapes C0 alone.
pub fn json(value: &Value, pretty: bool) -> String {
    let text = if pretty { format!("{value:#}") } else { value.to_string() };
    let raw = |c: char| c != '\n' && is_hidden(c);
    if !text.chars().any(raw) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if raw(c) {
            // Only inside strings: everything else in JSON is plain ASCII.
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// What [`visible`] says, read back.
    fn read_back(shown: &str) -> String {
        let mut out = String::new();
        let mut rest = shown.chars().peekable();
        while let Some(c) = rest.next() {
            if c != '\\' {
                out.push(c);
                continue;
            }
            match rest.peek() {
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('t') => out.push('\t'),
                Some('\\') => out.push('\\'),
                Some('u') => {
                    let code: String = rest.by_ref().skip(2).take_while(|c| *c != '}').collect();
                    out.push(char::from_u32(u32::from_str_radix(&code, 16).unwrap()).unwrap());
                    continue;
                }
                _ => {
                    out.push('\\');
                    continue;
                }
            }
            rest.next();
        }
        out
    }

    /// Characters that matter here, among others.
    fn nasty() -> impl Strategy<Value = String> {
        let one = prop_oneof![
            any::<char>(),
            prop::sample::select(vec!['\\', '\n', '\r', '\t', 'u', 'n', '{', '}', '\u{1b}', '\u{9b}', '\u{202e}']),
            (0_usize..HIDDEN.len()).prop_map(|range| char::from_u32(HIDDEN[range].1).unwrap()),
        ];
        prop::collection::vec(one, 0..12).prop_map(|chars| chars.into_iter().collect())
    }

    proptest! {
        #[test]
        fn nothing_hidden_is_shown_and_two_texts_never_look_alike(text in nasty()) {
            let shown = visible(&text);
            prop_assert!(!shown.chars().any(is_hidden), "{shown:?}");
            prop_assert_eq!(read_back(&shown), text);
        }

        #[test]
        fn json_stays_equal_and_hides_nothing(key in nasty(), text in nasty()) {
            let mut value = json!({"list": [text, 1, null]});
            value[key.as_str()] = json!(text);
            for pretty in [false, true] {
                let shown = super::json(&value, pretty);
                prop_assert!(!shown.chars().any(|c| is_hidden(c) && c != '\n'), "{:?}", shown);
                prop_assert_eq!(&serde_json::from_str::<Value>(&shown).unwrap(), &value);
            }
            prop_assert!(!super::json(&value, false).contains('\n'));
        }

        #[test]
        fn a_block_keeps_its_lines_and_nothing_else_that_acts(text in nasty()) {
            let shown = block(&text);
            prop_assert_eq!(shown.matches('\n').count(), text.matches('\n').count());
            prop_assert!(!shown.chars().any(|c| is_hidden(c) && c != '\n' && c != '\t'));
        }
    }

    #[test]
    fn what_people_write_is_left_as_it_is() {
        for plain in ["", "naïve café — “quoted”", "日本語 עברית العربية", "C:\\data", "e\u{301}", "🙂"]
        {
            assert_eq!(visible(plain), plain);
            assert_eq!(block(plain), plain);
        }
        assert_eq!(visible("a\n\u{1b}[2Jb\u{202e}c\u{200b}"), "a\\n\\u{1b}[2Jb\\u{202e}c\\u{200b}");
        assert_eq!(visible("\\u{1b}"), "\\\\u{1b}");
    }
}
