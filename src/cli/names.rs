//! Names where ids are asked for: what somebody can say instead of an id, and what was understood by it.
//!
//! | asked for | what is understood |
//! |---|---|
//! | a chip | its id or 8 digits of it, its public key, a key file, the name of a key in the context |
//! | a node | its id, an address of it, its public key, a key file, the name of a key in the context, its organisation |
//! | an organisation | its name, one of its public keys, a key file, the name of a key in the context |
//! | a proposal | its id, or a beginning of it |
//! | a run | its id, or 8 digits of it |
//!
//! What fits more than one thing is refused with all that it fits; a name is never guessed. What was understood is said,
//! unless it was the id itself.

use super::context::{CliError, Global};
use selfsame_client::Client;
use selfsame_env::key_file;
use selfsame_protocol::code::Code;
use selfsame_protocol::digest::{Digest, unhex};
use selfsame_protocol::keys::PublicKey;
use selfsame_protocol::names::{NameError, OrganisationName};
use std::path::Path;

/// Least number of hexadecimal digits that name a hash.
const DIGITS: usize = 8;
/// Most chips looked through for a name.
const CHIPS: usize = 10_000;

/// Something that text can mean, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning<T> {
    /// What.
    pub thing: T,
    why: String,
}

fn meaning<T>(thing: T, why: impl ToString) -> Meaning<T> {
    Meaning { thing, why: why.to_string() }
}

/// The one thing that text can mean. `what` is the kind of thing, `forms` says what is understood.
fn only<T: Clone + PartialEq + ToString>(
    global: &Global,
    text: &str,
    what: &str,
    forms: &str,
    mut found: Vec<Meaning<T>>,
) -> Result<T, CliError> {
    let mut things: Vec<Meaning<T>> = Vec::new();
    for one in found.drain(..) {
        if !things.iter().any(|known| known.thing == one.thing) {
            things.push(one);
        }
    }
    match &things[..] {
        [] => Err(CliError::usage(format!("{text:?} names no {what}: give {forms}"))),
        [one] => {
            let id = one.thing.to_string();
            if id != text {
                global.say(&format!("{text}: {what} {id} ({})", one.why));
            }
            Ok(one.thing.clone())
        }
        several => {
            let lines = several.iter().map(|one| format!("\n  {} ({})", one.thing.to_string(), one.why));
            let lines: String = lines.collect();
            Err(CliError::usage(format!("{text:?} can mean more than one {what}; give one of these:{lines}")))
        }
    }
}

/// Public keys that text can mean: the key itself, a key file, a key of the context.
pub fn keys_named(global: &Global, text: &str) -> Result<Vec<Meaning<PublicKey>>, CliError> {
    if let Ok(key) = text.parse::<PublicKey>() {
        return Ok(vec![meaning(key, "its public key")]);
    }
    let mut found = Vec::new();
    // A folder of that name is no key file.
    if Path::new(text).is_file() {
        found.push(meaning(key_file::load(Path::new(text))?.public(), format!("key file {text}")));
    }
    if let Some(inside) = global.context_key(text) {
        found.push(meaning(key_file::load(&inside)?.public(), format!("key {}", inside.display())));
    }
    Ok(found)
}

/// The digits of an abbreviated hash with this prefix, as tables on a terminal show it: `sha256:0123456789ab…`.
/// A hash is named by bare digits too: a key is not, so that one text does not name two things.
fn digits<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(prefix).or((prefix == "sha256:").then_some(text))?;
    let digits = rest.trim_end_matches('…').trim_end_matches("...");
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (digits.len() >= DIGITS && digits.len() <= 64 && digits.bytes().all(hex)).then_some(digits)
}

/// The chip that text names.
pub async fn chip(global: &Global, client: &Client, text: &str) -> Result<Digest, CliError> {
    if let Ok(id) = text.parse::<Digest>() {
        return Ok(id);
    }
    let key = |found: Meaning<PublicKey>| meaning(found.thing.id(), found.why);
    let mut found: Vec<_> = keys_named(global, text)?.into_iter().map(key).collect();
    if found.is_empty() {
        let id = digits(text, "sha256:").map(|digits| format!("sha256:{digits}"));
        let public = digits(text, "ed25519:").map(|digits| format!("ed25519:{digits}"));
        for chip in client.chips("", CHIPS).await?.items {
            let (chip_id, chip_key) = (chip.id, chip.key);
            let begins =
                |whole: String, part: &Option<String>| part.as_ref().is_some_and(|part| whole.starts_with(part));
            if begins(chip_id.to_string(), &id) || begins(chip_key.to_string(), &public) {
                found.push(meaning(chip_id, format!("of {}", chip.organisation)));
            }
        }
    }
    let forms = "a chip id (sha256:…) or 8 digits of it, its public key, a key file, or the name of a key in the \
                 context; `selfsame chip list` shows them";
    only(global, text, "chip", forms, found)
}

/// Every node that text can mean.
async fn meant(global: &Global, client: &Client, text: &str) -> Result<Vec<Meaning<u64>>, CliError> {
    if let Ok(id) = text.parse() {
        return Ok(vec![meaning(id, "its id")]);
    }
    let keys = keys_named(global, text)?;
    let mut found = Vec::new();
    for node in client.nodes().await? {
        let own = [node.key, node.cosigner];
        let named = keys.iter().filter(|named| own.contains(&named.thing));
        found.extend(named.map(|named| meaning(node.id, &named.why)));
        if !node.retired && node.organisation == text {
            found.push(meaning(node.id, format!("of {text}, membership: {}", node.membership)));
        }
        if !node.peer_address.is_empty() && node.peer_address == text {
            found.push(meaning(node.id, "its address for peers"));
        }
    }
    let endpoints = global.endpoints()?;
    if let Some(at) = endpoints.iter().position(|endpoint| bare(endpoint) == bare(text))
        && let Some(Ok(status)) = client.statuses().await.into_iter().nth(at)
    {
        found.push(meaning(status.node_id, "it answers there"));
    }
    Ok(found)
}

/// The node that text names.
pub async fn node(global: &Global, client: &Client, text: &str) -> Result<u64, CliError> {
    let forms = "a node id, an address, its public key, a key file, the name of a key in the context, or an organisation with \
                 one node; `selfsame cluster members` shows them";
    only(global, text, "node", forms, meant(global, client, text).await?)
}

/// The nodes that text names, where several are as good as one.
pub async fn nodes(global: &Global, client: &Client, text: &str) -> Result<Vec<u64>, CliError> {
    Ok(meant(global, client, text).await?.into_iter().map(|one| one.thing).collect())
}

/// The organisation that text names. A name that nobody has is left to the cluster to refuse.
pub async fn organisation(global: &Global, client: &Client, text: &str) -> Result<OrganisationName, CliError> {
    if let Some(name) = client.constitution().await?.organisations.into_iter().find(|name| name == text) {
        return Ok(name);
    }
    let keys = keys_named(global, text)?;
    let registered = if keys.is_empty() { Vec::new() } else { client.keys().await? };
    let mut found = Vec::new();
    for named in keys {
        for key in registered.iter().filter(|key| key.key == named.thing) {
            found.push(meaning(key.organisation.clone(), format!("{}, its {} key", named.why, key.role)));
        }
    }
    let name = match found.is_empty() {
        true => text.to_owned(),
        false => only(global, text, "organisation", "its name", found)?,
    };
    name.try_into().map_err(|error: NameError| CliError::with(2, format!("this names no organisation: {error}")))
}

/// The proposal that text names: its id, or a beginning that no other has (with `open`: no other that is open). An id that
/// nobody has is left to the cluster to refuse.
pub async fn proposal(global: &Global, client: &Client, text: &str, open: bool) -> Result<String, CliError> {
    match client.ballot(text).await {
        Err(error) if error.code() == Some(Code::UnknownProposal) && !text.is_empty() => {}
        Err(error) => return Err(error.into()),
        Ok(_) => return Ok(text.into()),
    }
    let ids = client.ballots(open).await?.into_iter().map(|ballot| ballot.proposal_id);
    let found: Vec<_> = ids.filter(|id| id.starts_with(text)).map(|id| meaning(id, "it begins so")).collect();
    if found.is_empty() {
        return Ok(text.into());
    }
    only(global, text, "proposal", "its id", found)
}

/// Text that can name a run: its id, or 8 digits of it and more.
#[derive(Clone, Debug)]
pub struct RunName(String);

impl std::str::FromStr for RunName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<Digest>() {
            Ok(_) => Ok(Self(text.into())),
            Err(_) if digits(text, "sha256:").is_some() => Ok(Self(text.into())),
            Err(error) => Err(format!("{error}; {DIGITS} digits of a run id and more name it as well")),
        }
    }
}

/// The declared run that text names.
pub async fn run(global: &Global, client: &Client, RunName(text): &RunName) -> Result<Digest, CliError> {
    let digits = match text.parse::<Digest>() {
        Ok(id) => return Ok(id),
        Err(error) => digits(text, "sha256:").ok_or_else(|| CliError::usage(error))?,
    };
    // Whole bytes are asked for; a last single digit is compared here.
    let bytes = unhex(&digits[..digits.len() / 2 * 2]).unwrap_or_default();
    let found = client.runs_beginning_with(&bytes).await?;
    let found: Vec<_> = found.into_iter().filter(|id| id.hex().starts_with(digits)).collect();
    if found.is_empty() {
        return Err(CliError::with(4, format!("no run that begins with {text} was declared here")));
    }
    only(global, text, "run", "its id", found.into_iter().map(|id| meaning(id, "it begins so")).collect())
}

fn bare(address: &str) -> &str {
    address.strip_prefix("http://").unwrap_or(address).trim_end_matches('/')
}
