//! Whom a reader names: the flags that every command has which verifies something.

use super::context::{CliError, Global, bad_context, context_file, read};
use clap::Args;
use selfsame_node::config;
use selfsame_offline::Options;
use selfsame_protocol::canon::{self, Limits};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::genesis::GenesisDocument;
use selfsame_protocol::note::Vkey;
use selfsame_protocol::policy::Policy;
use serde_json::json;
use std::fmt::Display;
use std::path::{Path, PathBuf};

/// Whom you trust.
///
/// The first of these decides that is there: the policy, the genesis, the keys.
#[derive(Args, Clone, Debug, Default)]
pub struct Named {
    /// Policy file (c2sp.org/tlog-policy) of the logs and cosigners that you trust, as `cluster policy` prints it.
    #[arg(long, env = "SELFSAME_POLICY")]
    pub policy: Option<PathBuf>,
    /// The genesis that you trust: its digest (sha256:…), the cluster.toml, or what `cluster genesis -o json` prints. All keys
    /// follow from it and from the history of keys in a bundle; a file of another cluster is refused. What has no history of
    /// keys (everything but bundles) needs the file. A context that you name brings its own.
    #[arg(long, value_name = "FILE|DIGEST")]
    pub genesis: Option<String>,
    /// Verifier key that you trust (name+id+key, see `node vkey`). Repeatable. A key speaks for itself and not for a quorum of
    /// organisations: of a history it leaves open whether later entries were cut off.
    #[arg(long = "trust", conflicts_with = "policy")]
    pub trust: Vec<String>,
    /// Be content with a file that is consistent in itself, although nobody that you trust vouches for it.
    #[arg(long)]
    pub consistency_only: bool,
}

impl Named {
    /// What the flags name, and the pin of the context where none of them names anybody. A context that was not named on
    /// the command line or in the environment counts with `here` alone: a folder that came with a file vouches for nothing.
    pub fn options(&self, global: &Global, here: bool) -> Result<Options, CliError> {
        let mut options = Options {
            policy: policy(self.policy.as_deref())?,
            keys: trusted(&self.trust)?,
            consistency_only: self.consistency_only,
            ..Options::default()
        };
        match self.genesis.as_deref().map(Named::genesis).transpose()? {
            Some(NamedGenesis::Digest(digest)) => options.genesis = Some(digest),
            Some(NamedGenesis::Document(document)) => pin(&mut options, *document),
            None => {
                let named = options.policy.is_some() || !options.keys.is_empty();
                let context = if here { global.context_dir() } else { global.context.clone() };
                if !named && let Some(document) = context.map(|dir| pinned(&dir)).transpose()?.flatten() {
                    pin(&mut options, document);
                }
            }
        }
        Ok(options)
    }

    /// What `--genesis` names.
    pub fn genesis(given: &str) -> Result<NamedGenesis, CliError> {
        match given.starts_with("sha256:") {
            true => Ok(NamedGenesis::Digest(given.parse().map_err(CliError::usage)?)),
            false => Ok(NamedGenesis::Document(Box::new(genesis(Path::new(given))?))),
        }
    }
}

/// A genesis that a reader names.
pub enum NamedGenesis {
    /// By its digest.
    Digest(Digest),
    /// Itself, from a file.
    Document(Box<GenesisDocument>),
}

impl NamedGenesis {
    /// Its digest.
    pub fn digest(&self) -> Digest {
        match self {
            NamedGenesis::Digest(digest) => *digest,
            NamedGenesis::Document(document) => document.digest(),
        }
    }
}

/// The genesis of a file: a cluster.toml, or the document as `cluster genesis -o json` prints it.
fn genesis(path: &Path) -> Result<GenesisDocument, CliError> {
    let bytes = read(path)?;
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Ok(config::load_genesis(path)?.document());
    }
    let named = |error: &dyn Display| CliError::usage(format!("{}: {error}", path.display()));
    let mut document = canon::parse(&bytes, &Limits::DOCUMENT).map_err(|error| named(&error))?;
    // What the command line prints beside it. The digest is computed here and never believed.
    let said = document.as_object_mut().and_then(|members| {
        members.remove("apiVersion");
        members.remove("kind");
        members.remove("digest")
    });
    let genesis: GenesisDocument = canon::decode(document).map_err(|error| named(&error))?;
    genesis.check().map_err(|error| named(&error))?;
    match said.filter(|said| *said != json!(genesis.digest())) {
        None => Ok(genesis),
        Some(said) => Err(named(&format!("its digest is {}, and the file says {said}", genesis.digest()))),
    }
}

fn pin(options: &mut Options, document: GenesisDocument) {
    options.genesis = Some(document.digest());
    options.genesis_document = Some(document);
}

/// The genesis that a context is pinned to.
fn pinned(dir: &Path) -> Result<Option<GenesisDocument>, CliError> {
    let document = context_file(dir)?.get("genesis").cloned();
    let bad = |error| bad_context(&dir.join("context.json"), error);
    document.map(|document| serde_json::from_value(document).map_err(bad)).transpose()
}

/// The keys of `--trust` flags.
pub fn trusted(flags: &[String]) -> Result<Vec<Vkey>, CliError> {
    flags.iter().map(|key| Vkey::parse(key)).collect::<Result<_, _>>().map_err(CliError::usage)
}

/// The policy of a file.
pub fn policy(file: Option<&Path>) -> Result<Option<Policy>, CliError> {
    let parse = |path: &Path| {
        let named = |error| CliError::usage(format!("{}: {error}", path.display()));
        Policy::parse(&read(path)?).map_err(named)
    };
    file.map(parse).transpose()
}
