//! What each kind of document looks like, and which one value of it `-q` prints.

mod cluster;
mod ledgers;
mod runs;
mod substrates;

use super::cell::{Form, Style, cell};
use clap::Command;
use serde_json::Value;

/// A member with its name for people.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Where it stands: a JSON pointer into the document, or into one thing of a list.
    pub path: &'static str,
    /// Name.
    pub head: &'static str,
    /// How it is shown.
    pub form: Form,
}

/// A list of things, a row each.
#[derive(Clone, Copy, Debug)]
pub struct List {
    /// Where it stands.
    pub path: &'static str,
    /// Name.
    pub title: &'static str,
    /// Columns, in order.
    pub columns: &'static [Field],
}

/// A kind of document.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its name, the member `kind`.
    pub name: &'static str,
    /// Commands that print it, separated by commas.
    pub commands: &'static str,
    /// What `-q` prints: the first of these that is there. `*` stands for each thing of a list.
    pub one: &'static [&'static str],
    /// The same in words.
    pub says: &'static str,
    /// Members that stand first, in order.
    pub fields: &'static [Field],
    /// Lists.
    pub lists: &'static [List],
    /// Members that only JSON shows.
    pub hidden: &'static [&'static str],
}

const fn field(path: &'static str, head: &'static str) -> Field {
    Field { path, head, form: Form::Plain }
}
const fn state(path: &'static str, head: &'static str) -> Field {
    Field { path, head, form: Form::State }
}
const fn seconds(path: &'static str, head: &'static str) -> Field {
    Field { path, head, form: Form::Seconds }
}
const fn list(path: &'static str, title: &'static str, columns: &'static [Field]) -> List {
    List { path, title, columns }
}
const fn kind(
    name: &'static str,
    commands: &'static str,
    one: &'static [&'static str],
    says: &'static str,
    fields: &'static [Field],
    lists: &'static [List],
    hidden: &'static [&'static str],
) -> Kind {
    Kind { name, commands, one, says, fields, lists, hidden }
}

/// Every kind.
pub fn all() -> impl Iterator<Item = &'static Kind> {
    [cluster::KINDS, ledgers::KINDS, runs::KINDS, substrates::KINDS].into_iter().flatten()
}

/// The command line with what `-q` prints in the help of each command that has a value.
pub fn explained(mut line: Command) -> Command {
    for kind in all().filter(|kind| !kind.one.is_empty()) {
        for path in kind.commands.split(", ") {
            line = noted(line, path, kind.says);
        }
    }
    line
}

/// Says it behind the help of one command; of one that is not there, nowhere.
fn noted(line: Command, path: &str, says: &str) -> Command {
    let (name, rest) = path.split_once(' ').map_or((path, None), |(name, rest)| (name, Some(rest)));
    if line.find_subcommand(name).is_none() {
        return line;
    }
    line.mut_subcommand(name, |inner| match rest {
        Some(rest) => noted(inner, rest, says),
        None => {
            let before = inner.get_after_help().map(|help| format!("{help}\n\n")).unwrap_or_default();
            inner.after_help(format!("{before}With -q: {says}."))
        }
    })
}

/// The description of a kind.
pub fn of(name: &str) -> Option<&'static Kind> {
    all().find(|kind| kind.name == name)
}

/// What `-q` prints of a document: its one value, or one of each thing of a list. Empty for a list of nothing, and
/// `None` where no value is decided on: the whole document is printed then.
pub fn one(name: &str, document: &Value) -> Option<Vec<String>> {
    let plain = Style { width: None, colour: false, now_ms: 0 };
    let shown = |value: &Value| match value {
        // A time is data here: without how long ago it is.
        Value::String(text) => super::visible(text).into_owned(),
        other => cell(Some(other), Form::Plain, true, &plain),
    };
    for path in of(name)?.one {
        let found = match path.split_once("/*") {
            None => document.pointer(path).filter(|value| !value.is_null()).map(|value| vec![shown(value)]),
            Some((list, inner)) => document.pointer(list).and_then(Value::as_array).map(|items| {
                items
                    .iter()
                    .filter_map(|item| item.pointer(inner))
                    .filter(|value| !value.is_null())
                    .map(shown)
                    .collect()
            }),
        };
        if found.is_some() {
            return found;
        }
    }
    None
}
