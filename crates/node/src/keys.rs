//! Writing key files. `selfsame_env::key_file` reads them.

use selfsame_env::key_file::{KeyFileError, to_bytes};
use selfsame_offline::files;
use selfsame_protocol::keys::SecretKey;
use std::path::Path;

/// Writes a key to a new file, mode 0600, whole or not at all. A file that is there is not overwritten.
pub fn save(path: &Path, key: &SecretKey) -> Result<(), KeyFileError> {
    let unsaved = |error| KeyFileError::Unsaved { path: path.display().to_string(), error };
    files::write_new_secret(path, &to_bytes(key).map_err(unsaved)?).map_err(unsaved)
}
