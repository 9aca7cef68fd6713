//! `selfsame chip`: the chips of all organisations, and what each of them holds.

use super::context::{Done, Global};
use super::names;
use super::paging::{Paging, more};
use clap::Subcommand;
use selfsame_client::SubstrateFilter;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::keys::PublicKey;
use serde_json::json;
use std::collections::BTreeMap;

/// Most substrates that `chip show` lists.
const HELD: usize = 1_000;

/// Commands on chips. They are enrolled and retired with `selfsame governance`.
#[derive(Subcommand, Debug)]
pub enum Chip {
    /// List the chips of all organisations, retired ones included, in order of their ids.
    List(Paging),
    /// Show a chip: whose it is, since when, and which substrates it holds.
    Show {
        /// Chip id or 8 digits of it, public key, key file, or name of a key in the context.
        chip: String,
    },
}

/// Runs a command.
pub async fn main(global: &Global, command: Chip) -> Done {
    let client = global.client()?;
    match command {
        Chip::List(paging) => {
            let part = client.chips(&paging.page, paging.limit as usize).await?;
            let here = keys_here(global);
            let chips: Vec<_> = part
                .items
                .iter()
                .map(|chip| {
                    json!({
                        "chip": chip.id, "key": chip.key, "name": here.get(&chip.key),
                        "organisation": chip.organisation, "technology": chip.technology, "retired": chip.retired,
                        "since": chip.since, "until": chip.until,
                    })
                })
                .collect();
            global.print("Chips", json!({"chips": chips, "next_page_token": part.next}));
            more(global, &part);
        }
        Chip::Show { chip } => {
            let id: Digest = names::chip(global, &client, &chip).await?;
            let found = client.chip(&id).await?;
            let held = client.substrates(&SubstrateFilter { chip: Some(id), organisation: None }, "", HELD).await?;
            global.print(
                "Chip",
                json!({
                    "chip": id, "key": found.key, "organisation": found.organisation,
                    "technology": found.technology, "retired": found.retired, "since": found.since,
                    "until": found.until, "substrates": super::substrate::lines(&held.items),
                }),
            );
            if held.next.is_some() {
                let all = "`selfsame substrate list --chip` shows all, part by part";
                global.say(&format!("it holds more than the {HELD} that are shown: {all}"));
            }
        }
    }
    Ok(())
}

/// Names of the keys in the context directory, by their public half.
fn keys_here(global: &Global) -> BTreeMap<PublicKey, String> {
    let mut found = BTreeMap::new();
    let Some(dir) = global.context_dir() else { return found };
    for file in std::fs::read_dir(dir.join("keys")).into_iter().flatten().flatten() {
        let path = file.path();
        // What is no key has no name here, and that is all.
        if let (Ok(key), Some(name)) =
            (selfsame_env::key_file::load(&path), path.file_stem().and_then(|name| name.to_str()))
        {
            found.insert(key.public(), name.to_owned());
        }
    }
    found
}
