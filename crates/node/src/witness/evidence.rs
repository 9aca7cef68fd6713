//! Evidence files in the data directory.

use crate::metrics::Metrics;
use selfsame_env::Env;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::equivocation::Evidence;
use std::io;

/// Start of the names.
const PREFIX: &str = "equivocation-";
/// Most files: whoever holds a log's key can fork it without end, and one file is enough to prove it.
const MOST: usize = 64;

/// Writes evidence to a file of its own, named by its digest; the same evidence is written once. The alarm is raised even
/// when the disk is not able to keep it. Returns the name of the file.
pub fn keep(env: &Env, metrics: &Metrics, evidence: &Evidence) -> Option<String> {
    metrics.equivocation();
    let mut bytes = evidence.to_bytes();
    let name = format!("{PREFIX}{}.json", &Digest::of(&bytes).hex()[..16]);
    bytes.push(b'\n');
    match write(env, &name, &bytes) {
        Ok(true) => {
            tracing::error!(
                origin = evidence.origin,
                file = name,
                "equivocation: evidence is kept in the data directory"
            );
            Some(name)
        }
        Ok(false) => {
            tracing::error!(
                origin = evidence.origin,
                most = MOST,
                "equivocation: there are as many evidence files as are kept"
            );
            None
        }
        Err(error) => {
            tracing::error!(%error, file = name, "equivocation: the evidence could not be written");
            None
        }
    }
}

fn write(env: &Env, name: &str, bytes: &[u8]) -> io::Result<bool> {
    if env.disk.exists(name)? {
        return Ok(true);
    }
    if env.disk.list()?.iter().filter(|file| file.starts_with(PREFIX)).count() >= MOST {
        return Ok(false);
    }
    let file = env.disk.open(name, true)?;
    file.write(0, bytes)?;
    file.sync()?;
    Ok(true)
}
