//! `selfsame run import --batch`: a line of JSON in, a line of JSON out, and on where it stopped.

use super::context::{CliError, Global, out};
use super::source::Reading;
use crate::console;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::import::{self, ImportError, ImportOptions};
use serde_json::{Value, json};
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

/// The lines of an earlier, interrupted import.
struct Earlier {
    lines: u64,
    refused: u64,
    last: Option<Value>,
    /// Bytes of whole lines.
    bytes: u64,
}

fn earlier(file: &mut File, name: &str) -> Result<Earlier, CliError> {
    let failed = |error: std::io::Error| CliError::with(1, format!("{name}: {error}"));
    let mut reader = BufReader::new(file);
    let mut found = Earlier { lines: 0, refused: 0, last: None, bytes: 0 };
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.by_ref().take(MAX_LINE * 2).read_until(b'\n', &mut line).map_err(failed)?;
        if read == 0 || line.last() != Some(&b'\n') {
            return Ok(found);
        }
        let value: Option<Value> = serde_json::from_slice(&line).ok();
        let Some(value) = value.filter(|value| value["line"].is_u64() && value["source"].is_string()) else {
            let reason = format!("{name} is not the output of an earlier import: give another file to --out");
            return Err(CliError::with(5, reason));
        };
        found.refused += u64::from(value.get("refused").is_some());
        found.lines = value["line"].as_u64().unwrap_or_default();
        found.bytes += read as u64;
        found.last = Some(value);
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
    let (mut sink, done) = open(output)?;
    if done.lines > 0 {
        global.say(&format!("{} lines were imported before; going on after them", done.lines));
    }
    let mut lines = Lines { reader: BufReader::new(source), number: 0 };
    let (mut imported, mut refused) = (0_u64, 0_u64);
    let mut said = Instant::now();
    while let Some(line) = lines.next().transpose()? {
        let source = Digest::of(&line);
        if lines.number <= done.lines {
            let same = |last: &Value| lines.number != done.lines || last["source"] == source.to_string();
            if !done.last.as_ref().is_none_or(same) {
                let reason = format!(
                    "line {} is another than when the earlier import wrote its output: give another file to --out",
                    lines.number
                );
                return Err(CliError::with(5, reason));
            }
            continue;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let document = one(&line, lines.number, &source, &options);
        refused += u64::from(document.get("refused").is_some());
        imported += u64::from(document.get("refused").is_none());
        sink.write(&format!("{}\n", console::json(&document, false)))?;
        if said.elapsed() >= PROGRESS {
            said = Instant::now();
            global.say(&format!("line {}: {imported} imported, {refused} refused", lines.number));
        }
    }
    sink.finish()?;
    if lines.number < done.lines {
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

fn open(output: Option<&Path>) -> Result<(Sink, Earlier), CliError> {
    let Some(path) = output else {
        return Ok((Sink::Stdout, Earlier { lines: 0, refused: 0, last: None, bytes: 0 }));
    };
    let name = path.display().to_string();
    let failed = |error: std::io::Error| CliError::with(1, format!("{name}: {error}"));
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
    let done = earlier(&mut file, &name)?;
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

fn one(line: &[u8], number: u64, source: &Digest, options: &ImportOptions) -> Value {
    let mut document = json!({"line": number, "source": source});
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
