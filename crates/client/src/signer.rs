//! Somebody who signs: a key, its role and the cluster it speaks to.

use selfsame_env::key_file::{self, KeyFileError};
use selfsame_protocol::canon;
use selfsame_protocol::command::{Command, Role, Submission};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::keys::SecretKey;
use std::path::Path;

/// A key that signs submissions in a role, for one cluster.
#[derive(Clone, Debug)]
pub struct Signer {
    /// Cluster id, part of every signature.
    pub cluster: String,
    /// Role of the key.
    pub role: Role,
    /// The key.
    pub key: SecretKey,
}

impl Signer {
    /// Somebody whose key stands in a file, as `selfsame key new` writes it. Blocks while it is read, some 200 bytes. The
    /// error names the file: it cannot be read, is no key file, or its two halves do not belong together.
    pub fn from_key_file(
        cluster: impl Into<String>,
        role: Role,
        path: impl AsRef<Path>,
    ) -> Result<Signer, KeyFileError> {
        Ok(Signer { cluster: cluster.into(), role, key: key_file::load(path.as_ref())? })
    }

    /// Signs a command under a request id: the same id and command give the same submission.
    pub fn sign(&self, request_id: &str, command: Command) -> Envelope {
        let submission = Submission::new(&self.cluster, request_id, self.role, self.key.public(), command);
        Envelope::sign(&submission, &self.key)
    }

    /// Signs a command under a request id derived from its content, so that repeating it is a retry.
    pub fn sign_content(&self, command: Command) -> Envelope {
        self.sign(&Self::content_id(&command), command)
    }

    /// The request id that follows from a command's content.
    pub(crate) fn content_id(command: &Command) -> String {
        format!("content/{}", Digest::of(&canon::to_canonical_of(command)).hex())
    }

    /// The chip id or key id.
    pub fn id(&self) -> Digest {
        self.key.public().id()
    }
}
