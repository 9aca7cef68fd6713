//! Writing a bundle to a file as it comes. The file has its name only once it is whole and on disk.

use super::context::{CliError, Done, Global};
use super::error::unwritten;
use crate::console;
use selfsame_client::Bundle;
use selfsame_offline::files::Unfinished;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Time between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(2);

/// Writes a bundle to a file, or to standard output when it is `-`, and says how to check it.
pub async fn save(global: &Global, bundle: Bundle, path: &Path) -> Done {
    if path.as_os_str() == "-" {
        let print = |part: &[u8]| {
            console::bytes(part);
            Ok(())
        };
        return copy(global, bundle, "standard output", print).await.map(|_| ());
    }
    let shown = console::visible(&path.display().to_string()).into_owned();
    let failed = |error: std::io::Error| CliError::with(unwritten(&error), format!("{shown} was not written: {error}"));
    let mut file = Unfinished::of(path).map_err(failed)?;
    let bytes = copy(global, bundle, &shown, |part| file.write_all(part).map_err(failed)).await?;
    file.replace().map_err(failed)?;
    global.say(&format!("{bytes} bytes in {shown}; check them with: selfsame verify {shown} --policy FILE"));
    Ok(())
}

async fn copy(
    global: &Global,
    mut bundle: Bundle,
    shown: &str,
    mut write: impl FnMut(&[u8]) -> Done,
) -> Result<u64, CliError> {
    let (mut bytes, mut said) = (0, Instant::now());
    while let Some(part) = bundle.part().await? {
        write(&part)?;
        bytes += part.len() as u64;
        if said.elapsed() >= PROGRESS {
            said = Instant::now();
            global.say(&format!("{shown}: {bytes} bytes"));
        }
    }
    Ok(bytes)
}
