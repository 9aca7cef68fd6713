//! One value as a person reads it: times with how long ago, hashes short on a terminal, words of a state in colour.

use super::visible;
use crate::console;
use selfsame_protocol::time::Timestamp;
use serde_json::Value;

/// What stands where there is no value.
pub const NOTHING: &str = "-";
/// Hexadecimal digits of a hash that stand on a terminal: enough to name a run or a chip by (`sha256:` and 8 digits do).
const SHORT: usize = 12;
/// Width when a terminal does not tell its own.
const USUAL: u16 = 80;

/// How values of a member are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// By what they look like: times, hashes, numbers, text.
    Plain,
    /// A word that says whether all is well.
    State,
    /// Seconds since 1970; 0 is never.
    Seconds,
}

/// Where the output goes.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Columns of the terminal; `None` for a pipe or a file, where nothing is shortened or wrapped.
    pub width: Option<u16>,
    /// Whether colours are written.
    pub colour: bool,
    /// Now, in milliseconds since 1970.
    pub now_ms: u64,
}

impl Style {
    /// What standard output is. `COLUMNS` says the width of a terminal, otherwise the terminal does; `NO_COLOR` and a
    /// dumb terminal take the colours away.
    pub fn here(now_ms: u64) -> Style {
        let terminal = console::is_terminal();
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let named = set("COLUMNS").and_then(|columns| columns.parse().ok()).filter(|columns| *columns > 0);
        let told = || terminal_size::terminal_size().map(|(width, _)| width.0).filter(|columns| *columns > 0);
        let width = terminal.then(|| named.or_else(told).unwrap_or(USUAL));
        let colour = terminal && set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb");
        Style { width, colour, now_ms }
    }
}

/// Marks around a word, of no width. [`visible`] lets none of them through, so nobody else's text has one.
const MARKS: [(char, &str); 5] = [
    ('\u{2061}', "\x1b[32m"),
    ('\u{2062}', "\x1b[33m"),
    ('\u{2063}', "\x1b[31m"),
    ('\u{2064}', "\x1b[1m"),
    (END, "\x1b[0m"),
];
const END: char = '\u{2060}';
const BOLD: char = MARKS[3].0;

/// Words that say that all is well, that somebody should look, and that something is wrong.
const WELL: &[&str] = &["VERIFIED", "holds", "active", "carried", "succeeded", "leader", "voter", "same", "agreed"];
const LOOK: &[&str] = &[
    "INSUFFICIENT_DEPTH",
    "CANNOT BE DECIDED",
    "sealed",
    "verifying",
    "learner",
    "candidate",
    "void",
    "expired",
    "cancelled",
];
const WRONG: &[&str] = &[
    "HASH_MISMATCH",
    "DRIFT_EXCEEDED",
    "ALTERED",
    "suppressed",
    "ended",
    "retired",
    "quarantined",
    "rejected",
    "failed",
    "stopped",
    "differs",
];

/// A heading.
pub fn bold(text: &str, style: &Style) -> String {
    if style.colour { format!("{BOLD}{text}{END}") } else { text.into() }
}

/// Colours instead of marks.
pub fn coloured(text: String, style: &Style) -> String {
    if !style.colour {
        return text;
    }
    MARKS.iter().fold(text, |text, (mark, code)| text.replace(*mark, code))
}

/// How long before or after now a time is, in words.
fn distance(then_ms: u64, now_ms: u64) -> String {
    let seconds = then_ms.abs_diff(now_ms) / 1_000;
    let text = match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        172_800..63_072_000 => format!("{} d", seconds / 86_400),
        _ => format!("{} y", seconds / 31_536_000),
    };
    if then_ms > now_ms { format!("in {text}") } else { format!("{text} ago") }
}

fn time(time: Timestamp, style: &Style) -> String {
    format!("{time}, {}", distance(time.millis(), style.now_ms))
}

/// Whether text is a hash or a key in one of our spellings; then where its digits begin.
fn digits(text: &str) -> Option<usize> {
    let at = ["sha256:", "ed25519:", ""].into_iter().find(|prefix| text.starts_with(prefix))?.len();
    let hex = |digits: &str| digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    hex(&text[at..]).then_some(at)
}

/// Columns that text takes, without its marks.
pub fn wide(text: &str) -> usize {
    text.chars().filter(|c| !MARKS.iter().any(|(mark, _)| mark == c)).count()
}

fn text(value: &str, whole: bool, style: &Style) -> String {
    if let Some(at) = digits(value) {
        let short = style.width.is_some() && !whole;
        return if short { format!("{}…", &value[..at + SHORT]) } else { value.into() };
    }
    match value.parse() {
        // Canonical times alone: a time in another spelling is text.
        Ok(parsed) => time(parsed, style),
        Err(_) if value.is_empty() => NOTHING.into(),
        Err(_) => visible(value).into_owned(),
    }
}

fn state(word: &str, style: &Style) -> String {
    let among = |words: &[&str]| words.contains(&word);
    let mark =
        [(WELL, 0), (LOOK, 1), (WRONG, 2)].into_iter().find(|(words, _)| among(words)).map(|(_, at)| MARKS[at].0);
    match mark {
        Some(mark) if style.colour => format!("{mark}{word}{END}"),
        Some(_) | None => visible(word).into_owned(),
    }
}

/// A value in a cell. `whole` leaves hashes as they are.
pub fn cell(value: Option<&Value>, form: Form, whole: bool, style: &Style) -> String {
    match (value, form) {
        (None | Some(Value::Null), _) => NOTHING.into(),
        (Some(Value::Bool(true)), _) => "yes".into(),
        (Some(Value::Bool(false)), _) => "no".into(),
        (Some(Value::Number(number)), Form::Seconds) => match number.as_u64() {
            Some(0) => "never".into(),
            Some(seconds) => time(Timestamp::from_millis(seconds.saturating_mul(1_000)), style),
            None => number.to_string(),
        },
        (Some(Value::Number(number)), _) => number.to_string(),
        (Some(Value::String(word)), Form::State) => state(word, style),
        (Some(Value::String(value)), _) => text(value, whole, style),
        (Some(Value::Array(items)), _) if items.is_empty() => NOTHING.into(),
        (Some(Value::Array(items)), _) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            let shown: Vec<String> = items.iter().map(|item| cell(Some(item), form, whole, style)).collect();
            shown.join(", ")
        }
        (Some(Value::Object(members)), _) if members.is_empty() => NOTHING.into(),
        (Some(nested @ (Value::Array(_) | Value::Object(_))), _) => visible(&nested.to_string()).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: u64 = 1_772_928_000_000;
    const TERMINAL: Style = Style { width: Some(80), colour: true, now_ms: NOW };
    const PIPE: Style = Style { width: None, colour: false, now_ms: NOW };

    fn shown(value: Value, form: Form, style: &Style) -> String {
        cell(Some(&value), form, false, style)
    }

    #[test]
    fn a_time_says_how_long_ago_it_is() {
        for (then, said) in [
            ("2026-03-08T00:00:00.000Z", "0 s ago"),
            ("2026-03-07T23:59:01.000Z", "59 s ago"),
            ("2026-03-07T23:01:00.000Z", "59 min ago"),
            ("2026-03-07T21:00:00.000Z", "3 h ago"),
            ("2026-03-01T00:00:00.000Z", "7 d ago"),
            ("2020-03-08T00:00:00.000Z", "6 y ago"),
            ("2026-03-08T02:00:00.000Z", "in 2 h"),
        ] {
            assert_eq!(shown(json!(then), Form::Plain, &PIPE), format!("{then}, {said}"));
        }
        assert_eq!(shown(json!(NOW / 1_000 - 7_200), Form::Seconds, &PIPE), "2026-03-07T22:00:00.000Z, 2 h ago");
        assert_eq!(shown(json!(0), Form::Seconds, &PIPE), "never");
        assert_eq!(shown(json!("2026-03-08"), Form::Plain, &PIPE), "2026-03-08");
    }

    #[test]
    fn hashes_are_short_on_a_terminal_and_whole_elsewhere() {
        let hash = format!("sha256:{}", "0123456789abcdef".repeat(4));
        assert_eq!(shown(json!(hash), Form::Plain, &TERMINAL), "sha256:0123456789ab…");
        assert_eq!(shown(json!(hash), Form::Plain, &PIPE), hash);
        assert_eq!(cell(Some(&json!(hash)), Form::Plain, true, &TERMINAL), hash);
        let almost = &hash[..hash.len() - 1];
        assert_eq!(shown(json!(almost), Form::Plain, &TERMINAL), almost);
    }

    #[test]
    fn colours_are_marks_that_nobody_else_can_write() {
        let good = shown(json!("VERIFIED"), Form::State, &TERMINAL);
        assert_eq!(coloured(good.clone(), &TERMINAL), "\x1b[32mVERIFIED\x1b[0m");
        // A word in a member that is no state stays plain, and so does a mark of somebody else's.
        assert_eq!(coloured(shown(json!("VERIFIED"), Form::Plain, &TERMINAL), &TERMINAL), "VERIFIED");
        for form in [Form::Plain, Form::State] {
            let forged = coloured(shown(json!(good), form, &TERMINAL), &TERMINAL);
            assert!(!forged.contains('\x1b'), "{forged:?}");
        }
        assert_eq!(shown(json!("VERIFIED"), Form::State, &PIPE), "VERIFIED");
    }
}
