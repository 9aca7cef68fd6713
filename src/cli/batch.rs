//! `selfsame run import --batch`: a line of JSON in, a line of JSON out, and on where it stopped.

use super::context::{CliError, Global, out};
use super::source::Reading;
use crate::console;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::import::{self, ImportError, ImportOptions};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest line: a body of the largest size with its envelope.
const MAX_LINE: u64 = 17 << 20;
/// Time between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(2);

/// Where the lines go.
enum Sink {
    Stdout,
    File(BufWriter<File>, String),
}

impl Sink {
    fn write(&mut self, line: &str) -> Result<(), CliError> {
        match self {
            Sink::Stdout => {
                out(line);
                Ok(())
            }
            Sink::File(file, name) => file
                .write_all(line.as_bytes())
                .map_err(|error| CliError::with(1, format!("{name} was not written: {error}"))),
        }
    }

    fn finish(self) -> Result<(), CliError> {
        match self {
            Sink::Stdout => Ok(()),
            Sink::File(file, name) => {
                let synced = file.into_inner().map_err(|error| error.into_error()).and_then(|file| file.sync_all());
                synced.map_err(|error| CliError::with(1, format!("{name} was not written: {error}")))
            }
        }
    }
}

/// How every line of the output begins: what is no beginning of this is a file of somebody else.
const BEGIN: &[u8] = b"{\"apiVersion\":\"selfsame/v1\",";

/// The lines of an earlier, interrupted import.
#[derive(Default)]
struct Earlier {
    /// Line of the input and digest of what stood there, in order.
    lines: VecDeque<(u64, String)>,
    refused: u64,
    /// Bytes of whole lines.
    bytes: u64,
}

fn earlier(file: &mut File, name: &str, settings: &str) -> Result<Earlier, CliError> {
    let failed = |error: std::io::Error| CliError::with(1, format!("{name}: {error}"));
    let other = |reason: &str| Err(CliError::with(5, format!("{name} {reason}: give another file to --out")));
    let mut reader = BufReader::new(file);
    let mut found = Earlier::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.by_ref().take(MAX_LINE * 2).read_until(b'\n', &mut line).map_err(failed)?;
        let ours = line.starts_with(BEGIN) || BEGIN.starts_with(&line);
        if !ours {
            return other("is not the output of an earlier import");
        }
        if read == 0 || line.last() != Some(&b'\n') {
            return Ok(found);
        }
        let value: Value = serde_json::from_slice(&line).unwrap_or_default();
        let (Some(number), Some(source)) = (value["line"].as_u64(), value["source"].as_str()) else {
            return other("is not the output of an earlier import");
        };
        if value["settings"] != settings {
            return other("was written with other flags, or by another version");
        }
        found.refused += u64::from(value.get("refused").is_some());
        found.bytes += read as u64;
        found.lines.push_back((number, source.to_owned()));
    }
}

/// Imports each line of a file.
pub fn run(global: &Global, reading: &Reading, input: &Path, output: Option<&Path>) -> Result<(), CliError> {
    let (options, warning) = reading.options()?;
    super::source::warn(global, warning.as_slice());
    let source: Box<dyn Read> = if input == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(File::open(input).map_err(|error| CliError::usage(format!("{}: {error}", input.display())))?)
    };
    let same =
        |output: &&Path| input.canonicalize().ok().is_some_and(|input| output.canonicalize().ok() == Some(input));
    if output.as_ref().is_some_and(same) {
        return Err(CliError::usage("--out names the input itself: give another file to --out"));
    }
    let settings = Digest::of(format!("{} {options:?}", import::VERSION).as_bytes()).to_string();
    let (mut sink, mut done) = open(output, &settings)?;
    if !done.lines.is_empty() {
        global.say(&format!("{} lines were imported before; going on after them", done.lines.len()));
    }
    let mut lines = Lines { reader: BufReader::new(source), number: 0 };
    let (mut imported, mut refused) = (0_u64, 0_u64);
    let mut said = Instant::now();
    while let Some(line) = lines.next().transpose()? {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let source = Digest::of(&line);
        if let Some((number, before)) = done.lines.pop_front() {
            if number == lines.number && before == source.to_string() {
                continue;
            }
            let reason = format!(
                "line {} of the input is not what stood there when the earlier import read it: give another file to --out",
                lines.number
            );
            return Err(CliError::with(5, reason));
        }
        let document = one(&line, lines.number, &source, &options, &settings);
        refused += u64::from(document.get("refused").is_some());
        imported += u64::from(document.get("refused").is_none());
        sink.write(&format!("{}\n", console::json(&document, false)))?;
        if said.elapsed() >= PROGRESS {
            said = Instant::now();
            global.say(&format!("line {}: {imported} imported, {refused} refused", lines.number));
        }
    }
    sink.finish()?;
    if !done.lines.is_empty() {
        return Err(CliError::with(
            5,
            "the input has fewer lines than the earlier import read: give another file to --out",
        ));
    }
    global.say(&format!("{imported} imported, {refused} refused"));
    match refused + done.refused {
        0 => Ok(()),
        all => {
            Err(CliError::with(2, format!("{all} lines cannot be declared; each says why in its member \"refused\"")))
        }
    }
}

fn open(output: Option<&Path>, settings: &str) -> Result<(Sink, Earlier), CliError> {
    let Some(path) = output else {
        return Ok((Sink::Stdout, Earlier::default()));
    };
    let name = path.display().to_string();
    let failed = |error: std::io::Error| CliError::with(1, format!("{name}: {error}"));
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
    let done = earlier(&mut file, &name, settings)?;
    // A line that was cut off is written again.
    file.set_len(done.bytes).and_then(|()| file.seek(SeekFrom::End(0))).map_err(failed)?;
    Ok((Sink::File(BufWriter::new(file), name), done))
}

/// Lines without their ends, bounded.
struct Lines<R> {
    reader: BufReader<R>,
    number: u64,
}

impl<R: Read> Iterator for Lines<R> {
    type Item = Result<Vec<u8>, CliError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = Vec::new();
        let read = self.reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
        self.number += 1;
        match read {
            Ok(0) => {
                self.number -= 1;
                None
            }
            Ok(size) if size as u64 == MAX_LINE && line.last() != Some(&b'\n') => {
                Some(Err(CliError::usage(format!("line {} has more than {MAX_LINE} bytes", self.number))))
            }
            Ok(_) => {
                let end = line.len() - usize::from(line.ends_with(b"\n"));
                let end = end - usize::from(line[..end].ends_with(b"\r"));
                line.truncate(end);
                Some(Ok(line))
            }
            Err(error) => Some(Err(CliError::usage(format!("line {}: {error}", self.number)))),
        }
    }
}

fn one(line: &[u8], number: u64, source: &Digest, options: &ImportOptions, settings: &str) -> Value {
    let mut document = json!({
        "apiVersion": "selfsame/v1", "kind": "ImportedLine", "line": number, "source": source, "settings": settings,
    });
    match import::import(line, options) {
        Ok(imported) => {
            document["format"] = json!(imported.format);
            document["run_id"] = json!(imported.declaration.run_id());
            document["declaration"] = imported.declaration.value().clone();
            if !imported.warnings.is_empty() {
                document["warnings"] = json!(imported.warnings);
            }
        }
        Err(ImportError::Refused(all)) => document["refused"] = json!(all),
        Err(error) => {
            let pointer = error.pointers().first().map(|pointer| (*pointer).to_owned()).unwrap_or_default();
            document["refused"] = json!([{"pointer": pointer, "reason": error.to_string()}]);
        }
    }
    document
}
