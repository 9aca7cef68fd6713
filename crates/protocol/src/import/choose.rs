//! By which table a body is read: the one that is stated, or those that leave no doubt.

use super::envelope::{self, Opened};
use super::reader::{Reading, RequestReader, has_prompt, knows, step};
use super::rule::Format;
use super::{ImportError, ImportOptions, RefusedMember, formats, parse};

/// Bytes of whatever is stated beside a body.
const MAX_STATED: usize = 1_024;

/// Reads a body.
///
/// # Errors
/// As [`super::import`], but for members that cannot be declared, which the reading holds.
pub fn read(body: &[u8], options: &ImportOptions, explains: bool) -> Result<(&'static Format, Reading), ImportError> {
    let stated = [
        ("--model", &options.model),
        ("--provider", &options.provider),
        ("--revision", &options.revision),
        ("--instance", &options.instance),
    ];
    for (flag, value) in stated {
        if value.as_ref().is_some_and(|value| value.is_empty() || value.len() > MAX_STATED) {
            return Err(ImportError::Stated(format!("{flag} is a text of 1 to {MAX_STATED} bytes")));
        }
    }
    let opened = envelope::open(parse(body)?)?;
    if let Some(format) = options.format {
        return Ok((format, read_as(format, &opened, options, explains)));
    }
    if let [format] = opened.formats {
        return Ok((format, read_as(format, &opened, options, explains)));
    }
    // First those that know the whole body, and of those the ones that find a prompt in it.
    let all = || opened.formats.iter().copied();
    let asks = |format: &&'static Format| has_prompt(format.shape, &opened.members);
    let whole = |format: &&'static Format| knows(format.shape, &opened.members);
    let tries: [Vec<&'static Format>; 3] =
        [all().filter(whole).filter(asks).collect(), all().filter(asks).collect(), all().filter(whole).collect()];
    let tried = tries.into_iter().find(|formats| !formats.is_empty()).unwrap_or_default();
    let mut readings: Vec<(&'static Format, Reading)> = Vec::new();
    for format in tried {
        let reading = read_as(format, &opened, options, explains);
        // One reading of each kind is enough: bodies can be large, and most formats read most bodies alike.
        let same =
            |other: &(&Format, Reading)| other.1.declaration.is_some() && other.1.declaration == reading.declaration;
        if !readings.iter().any(same) {
            readings.push((format, reading));
        }
    }
    let whole: Vec<&'static str> =
        readings.iter().filter(|(_, reading)| reading.declaration.is_some()).map(|(format, _)| format.name).collect();
    if whole.len() > 1 {
        return Err(ImportError::Ambiguous(whole));
    }
    // Where nothing succeeds, the table that knows most of the body says what is wrong with it.
    let cost = |reading: &Reading| {
        let unknown = reading.refused.iter().filter(|refused| refused.unknown).count();
        (reading.declaration.is_none(), unknown, reading.refused.len())
    };
    let best = readings.into_iter().min_by_key(|(_, reading)| cost(reading));
    let Some((format, mut reading)) = best else { return Err(unknown(&opened)) };
    if reading.declaration.is_none()
        && let Some(first) = reading.refused.iter_mut().find(|refused| refused.unknown)
    {
        first.reason.push_str(&format!(" (read as {}; --format states another)", format.name));
    }
    Ok((format, reading))
}

fn read_as(format: &'static Format, opened: &Opened, options: &ImportOptions, explains: bool) -> Reading {
    let mut reading = RequestReader::read(format, &opened.members, &opened.at, options, explains);
    reading.decided.splice(0..0, opened.decided.iter().cloned());
    reading
}

fn unknown(opened: &Opened) -> ImportError {
    let names: Vec<&str> = opened.members.keys().take(8).map(String::as_str).collect();
    let place = if opened.at.is_empty() { "the document" } else { &opened.at };
    if opened.members.contains_key("lc") {
        let reason = "this is an object of LangChain and no request: export the request that it sends".into();
        return ImportError::Refused(vec![RefusedMember { pointer: step(&opened.at, "lc"), reason, unknown: false }]);
    }
    ImportError::Unknown(format!(
        "{place}: no known format of requests has these members ({}); formats are {}",
        names.join(", "),
        formats::ALL.iter().map(|format| format.name).collect::<Vec<_>>().join(", "),
    ))
}
