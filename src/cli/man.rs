//! `selfsame man`: the manual pages, from the same text as `--help`.

use super::context::{CliError, Done, Global, out, write};
use super::error::unwritten;
use crate::console::visible;
use clap::Command;
use serde_json::json;
use std::path::Path;

/// Prints the page of the program, or writes all pages into a folder.
pub fn main(global: &Global, dir: Option<&Path>) -> Done {
    let mut program = super::command();
    // Gives every command its whole name and the global options.
    program.build();
    let Some(dir) = dir else {
        let (_, page) = page(&program)?;
        out(&String::from_utf8_lossy(&page));
        return Ok(());
    };
    std::fs::create_dir_all(dir).map_err(|error| {
        let shown = dir.display().to_string();
        CliError::with(unwritten(&error), format!("folder {}: {error}", visible(&shown)))
    })?;
    let mut pages = Vec::new();
    all(&program, &mut pages)?;
    for (name, page) in &pages {
        write(&dir.join(name), page)?;
    }
    global.print("Manual", json!({"dir": dir, "pages": pages.len()}));
    Ok(())
}

/// The file name of a command's page, and the page.
fn page(command: &Command) -> Result<(String, Vec<u8>), CliError> {
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command.clone());
    man.render(&mut page).map_err(|error| CliError::with(1, error))?;
    Ok((man.get_filename(), page))
}

fn all(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> Done {
    pages.push(page(command)?);
    // `help` says what the pages say.
    command.get_subcommands().filter(|one| one.get_name() != "help").try_for_each(|one| all(one, pages))
}
