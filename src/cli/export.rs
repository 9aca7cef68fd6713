//! Writing a bundle to a file as it comes. The file has its name only once it is whole and on disk.

use super::context::{CliError, Done, Global};
use crate::client::Bundle;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Time between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(2);

/// Writes a bundle to a file, or to standard output when it is `-`, and says how to check it.
pub async fn save(global: &Global, bundle: Bundle, path: &Path) -> Done {
    if path.as_os_str() == "-" {
        return match copy(global, bundle, &mut std::io::stdout().lock(), "standard output").await {
            Ok(_) => Ok(()),
            // Whoever read enough, as `head` does, is no error.
            Err(Failed::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(failed) => Err(failed.named("standard output")),
        };
    }
    let shown = path.display().to_string();
    let unfinished = unfinished(path)?;
    let written = write(global, bundle, &unfinished, path, &shown).await;
    if written.is_err() {
        // What was written is no bundle; when it cannot be removed, its name says so.
        let _ = std::fs::remove_file(&unfinished);
    }
    let bytes = written.map_err(|failed| failed.named(&shown))?;
    global.say(&format!("{bytes} bytes in {shown}; check them with: selfsame verify {shown}"));
    Ok(())
}

/// Why nothing was saved.
enum Failed {
    Read(CliError),
    Write(std::io::Error),
}

impl Failed {
    fn named(self, file: &str) -> CliError {
        match self {
            Failed::Read(error) => error,
            Failed::Write(error) => CliError::usage(format!("{file}: {error}")),
        }
    }
}

/// Where the bytes stand until there are all of them: beside the file, so that renaming is one step.
fn unfinished(path: &Path) -> Result<PathBuf, CliError> {
    let name = path.file_name().ok_or_else(|| CliError::usage(format!("{}: a file is needed", path.display())))?;
    let mut name = name.to_owned();
    name.push(".unfinished");
    Ok(path.with_file_name(name))
}

async fn write(global: &Global, bundle: Bundle, unfinished: &Path, path: &Path, shown: &str) -> Result<u64, Failed> {
    let mut file = File::create(unfinished).map_err(Failed::Write)?;
    let bytes = copy(global, bundle, &mut file, shown).await?;
    file.sync_all().map_err(Failed::Write)?;
    drop(file);
    std::fs::rename(unfinished, path).map_err(Failed::Write)?;
    Ok(bytes)
}

async fn copy(global: &Global, mut bundle: Bundle, to: &mut impl Write, shown: &str) -> Result<u64, Failed> {
    let (mut bytes, mut said) = (0, Instant::now());
    while let Some(part) = bundle.part().await.map_err(|error| Failed::Read(error.into()))? {
        to.write_all(&part).map_err(Failed::Write)?;
        bytes += part.len() as u64;
        if said.elapsed() >= PROGRESS {
            said = Instant::now();
            global.say(&format!("{shown}: {bytes} bytes"));
        }
    }
    to.flush().map_err(Failed::Write)?;
    Ok(bytes)
}
