//! What every command on a node's own files begins with: its configuration, its key and its data directory.

use super::context::{CliError, Global};
use selfsame_env::Env;
use selfsame_env::key_file;
use selfsame_node::config::{self, Loaded, Purpose, Ready};
use selfsame_protocol::keys::SecretKey;
use std::path::Path;

/// A configuration without faults and the node's key; what could not be checked is said.
pub(super) fn ready(global: &Global, path: &Path, purpose: Purpose) -> Result<(Loaded, SecretKey), CliError> {
    let Ready { loaded, key, notes, .. } = config::check(path, purpose)?;
    notes.iter().for_each(|note| global.say(&format!("{}: note: {note}", path.display())));
    match key {
        Some(key) => Ok((loaded, key)),
        None => Ok((loaded.clone(), key_file::load(&loaded.key_file)?)),
    }
}

/// The environment of a node in its data directory.
pub(super) fn environment(loaded: &Loaded) -> Result<Env, CliError> {
    Env::real(&loaded.data_dir)
        .map_err(|e| CliError::with(5, format!("data directory {}: {e}", loaded.data_dir.display())))
}
