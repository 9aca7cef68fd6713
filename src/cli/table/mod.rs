//! Documents as people read them: a block of names and values for a single thing, a row for each of many.
//!
//! What a kind of document looks like is described in [`kinds`]; members that no description names are shown behind the
//! others, so that nothing vanishes because it is new. On a terminal columns fit its width, and rows that cannot fit
//! become blocks; in a pipe a row is a line.

mod cell;
mod kinds;

pub use cell::Style;
pub use kinds::{explained, one};

use crate::console::visible;
use cell::{Form, bold, cell, coloured, wide};
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use kinds::{Field, Kind, List};
use serde_json::Value;

/// Space between two columns.
const GAP: u16 = 2;
/// Longest text that is not broken: a UUID, a hash that was shortened, a time with how long ago it was.
const LONG: usize = 40;
/// Least width of a column of longer words.
const NARROW: usize = 16;
/// Fewest columns of a table; where they do not fit, each line becomes a block.
const FEW: usize = 3;
/// Most columns of a table that nobody described.
const MANY: usize = 8;

/// The rows of a document, each ending with a line feed. `document` has `apiVersion` and `kind` beside its members.
pub fn render(kind: &str, document: &Value, style: &Style) -> String {
    let described = kinds::of(kind);
    let mut out = String::new();
    let block = pairs(described, document, style);
    if !block.is_empty() {
        out.push_str(&grid(&[], block, style));
    }
    for (title, rows) in sections(described, document, style) {
        section(&mut out, &title, &grid(&[], rows, style), style);
    }
    let alone = out.is_empty();
    let lists: Vec<List> = described.map(|kind| kind.lists.to_vec()).unwrap_or_default();
    for list in &lists {
        let Some(items) = document.pointer(list.path).and_then(Value::as_array) else { continue };
        let title = if alone && lists.len() == 1 && !items.is_empty() { "" } else { list.title };
        let text = if items.is_empty() { "none\n".into() } else { rows(items, list, style) };
        section(&mut out, title, &text, style);
    }
    for (name, items) in other_lists(described, document) {
        section(&mut out, name, &generic(name, items, style), style);
    }
    coloured(out, style)
}

fn section(out: &mut String, title: &str, text: &str, style: &Style) {
    if !out.is_empty() {
        out.push('\n');
    }
    if !title.is_empty() {
        out.push_str(&bold(&visible(title), style));
        out.push('\n');
    }
    out.push_str(text);
}

/// Whether a member is shown by the description, as a field, a list or not at all.
fn is_described(kind: Option<&Kind>, path: &str) -> bool {
    kind.is_some_and(|kind| {
        kind.fields.iter().any(|field| field.path == path)
            || kind.lists.iter().any(|list| list.path == path)
            || kind.hidden.contains(&path)
    })
}

fn pointer(parent: &str, name: &str) -> String {
    format!("{parent}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Members of a document without what is the same in each.
fn members(document: &Value) -> impl Iterator<Item = (&String, &Value)> {
    document.as_object().into_iter().flatten().filter(|(name, _)| *name != "apiVersion" && *name != "kind")
}

fn is_list(value: &Value) -> bool {
    value.as_array().is_some_and(|items| items.iter().any(Value::is_object))
}

/// Names and values that stand first: what the description names, then the simple members that it does not.
fn pairs(kind: Option<&Kind>, document: &Value, style: &Style) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for field in kind.map(|kind| kind.fields).unwrap_or_default() {
        if let Some(value) = document.pointer(field.path) {
            let whole = kind.is_some_and(|kind| kind.one.contains(&field.path));
            rows.push(vec![field.head.to_owned(), cell(Some(value), field.form, whole, style)]);
        }
    }
    for (name, value) in members(document) {
        if !is_described(kind, &pointer("", name)) && !value.is_object() && !is_list(value) {
            rows.push(vec![words(name), cell(Some(value), Form::Plain, false, style)]);
        }
    }
    rows
}

/// What is left of the members that are objects: a section for each.
fn sections(kind: Option<&Kind>, document: &Value, style: &Style) -> Vec<(String, Vec<Vec<String>>)> {
    let mut out = Vec::new();
    for (name, value) in members(document).filter(|(_, value)| value.is_object()) {
        let (path, mut rows) = (pointer("", name), Vec::new());
        if !is_described(kind, &path) {
            leaves(kind, &path, "", value, &mut rows, style);
        }
        if !rows.is_empty() {
            out.push((words(name), rows));
        }
    }
    out
}

/// Every leaf below a value that the description does not name, with its path in words.
fn leaves(kind: Option<&Kind>, path: &str, name: &str, value: &Value, rows: &mut Vec<Vec<String>>, style: &Style) {
    if is_described(kind, path) {
        return;
    }
    let below = |inner: String| if name.is_empty() { inner } else { format!("{name}.{inner}") };
    match value {
        Value::Object(members) if !members.is_empty() => members.iter().for_each(|(member, value)| {
            leaves(kind, &pointer(path, member), &below(visible(member).into_owned()), value, rows, style);
        }),
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            items.iter().enumerate().for_each(|(at, value)| {
                leaves(kind, &pointer(path, &at.to_string()), &format!("{name}[{at}]"), value, rows, style);
            });
        }
        other => {
            let whole = kind.is_some_and(|kind| kind.one.contains(&path));
            rows.push(vec![name.to_owned(), cell(Some(other), Form::Plain, whole, style)]);
        }
    }
}

fn other_lists<'a>(kind: Option<&Kind>, document: &'a Value) -> Vec<(&'a str, &'a [Value])> {
    members(document)
        .filter(|(name, value)| is_list(value) && !is_described(kind, &pointer("", name)))
        .map(|(name, value)| (name.as_str(), value.as_array().map(Vec::as_slice).unwrap_or_default()))
        .collect()
}

/// A member's name in words.
fn words(name: &str) -> String {
    visible(name).replace('_', " ")
}

/// The table of a list. A column in which nothing stands is left out.
fn rows(items: &[Value], list: &List, style: &Style) -> String {
    let empty =
        |value: &Value| value.is_null() || value.as_str() == Some("") || value.as_array().is_some_and(Vec::is_empty);
    let used = |field: &&Field| items.iter().any(|item| item.pointer(field.path).is_some_and(|value| !empty(value)));
    let fields: Vec<&Field> = list.columns.iter().filter(used).collect();
    let heads: Vec<String> = fields.iter().map(|field| field.head.to_owned()).collect();
    let line = |item: &Value| -> Vec<String> {
        fields.iter().map(|field| cell(item.pointer(field.path), field.form, false, style)).collect()
    };
    grid(&heads, items.iter().map(line).collect(), style)
}

/// A list that nobody described: a table of its leaves when they are few, a block for each thing otherwise.
fn generic(name: &str, items: &[Value], style: &Style) -> String {
    let mut heads: Vec<String> = Vec::new();
    let mut blocks = Vec::new();
    for item in items {
        let mut block = Vec::new();
        leaves(None, "", "", item, &mut block, style);
        for pair in &block {
            if !heads.contains(&pair[0]) {
                heads.push(pair[0].clone());
            }
        }
        blocks.push(block);
    }
    if heads.len() > MANY || heads.iter().any(|head| head.contains('[')) {
        let title = |at: usize| bold(&format!("{} {} of {}\n", words(name), at + 1, items.len()), style);
        let block = |(at, block): (usize, Vec<Vec<String>>)| title(at) + &grid(&[], block, style);
        return blocks.into_iter().enumerate().map(block).collect::<Vec<_>>().join("\n");
    }
    let value = |block: &[Vec<String>], head: &String| {
        let found = block.iter().find(|pair| pair[0] == *head);
        found.map_or_else(|| cell::NOTHING.to_owned(), |pair| pair[1].clone())
    };
    let line = |block: &Vec<Vec<String>>| heads.iter().map(|head| value(block, head)).collect();
    let lines = blocks.iter().map(line).collect();
    grid(&heads.iter().map(|head| words(head)).collect::<Vec<_>>(), lines, style)
}

/// Lines of cells that went through [`cell`], under heads or, without heads, names before values. On a terminal the last
/// columns are left out where they do not fit, which is said.
fn grid(heads: &[String], lines: Vec<Vec<String>>, style: &Style) -> String {
    let columns = lines.iter().chain([&heads.to_vec()]).map(Vec::len).max().unwrap_or(0);
    let cells =
        |at: usize| lines.iter().chain([&heads.to_vec()]).filter_map(|line| line.get(at).cloned()).collect::<Vec<_>>();
    let mut least: Vec<u16> = (0..columns).map(|at| least(&cells(at))).collect();
    let mut shown = columns;
    if let Some(width) = style.width
        && !heads.is_empty()
    {
        let needed =
            |shown: usize| least[..shown].iter().map(|wide| wide.saturating_add(GAP)).fold(0, u16::saturating_add);
        while shown > 0 && needed(shown).saturating_sub(GAP) > width {
            shown -= 1;
        }
        if shown < FEW.min(columns) {
            return stacked(heads, &lines, style);
        }
    }
    if let (Some(width), Some(last)) = (style.width, shown.checked_sub(1)) {
        // Of names and values the value is broken where it must be.
        let before: u16 = least[..last].iter().map(|wide| wide.saturating_add(GAP)).fold(0, u16::saturating_add);
        least[last] = least[last].min(width.saturating_sub(before)).max(1);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if !heads.is_empty() {
        table.set_header(heads[..shown].iter().map(|head| bold(head, style)).collect::<Vec<_>>());
    }
    table.add_rows(lines.iter().map(|line| line[..shown].to_vec()));
    let arrangement = if style.width.is_some() { ContentArrangement::Dynamic } else { ContentArrangement::Disabled };
    table.set_content_arrangement(arrangement);
    if let Some(width) = style.width {
        // The space behind the last column is cut off below.
        table.set_width(width.saturating_add(GAP));
    }
    for (column, wide) in table.column_iter_mut().zip(least) {
        column.set_padding((0, GAP));
        if style.width.is_some() {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(wide.saturating_add(GAP))));
        }
    }
    let mut out = String::new();
    for line in table.lines() {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    if shown < columns {
        let (left, names) = (columns - shown, heads[shown..].join(", "));
        let note = format!("({left} more in a wider terminal or with -o json: {names})");
        out.push_str(&grid(&[], vec![vec![note]], style));
    }
    out
}

/// The least width of a column: what is not too long is broken nowhere, and longer text between its words.
fn least(cells: &[String]) -> u16 {
    let unbroken = |cell: &String| match wide(cell) {
        long if long > LONG => cell.split(' ').map(wide).map(|word| if word > LONG { NARROW } else { word }).max(),
        short => Some(short),
    };
    let widest = cells.iter().filter_map(unbroken).max().unwrap_or(0);
    u16::try_from(widest).unwrap_or(u16::MAX)
}

/// A block for each line, where the columns do not fit.
fn stacked(heads: &[String], lines: &[Vec<String>], style: &Style) -> String {
    let block = |line: &Vec<String>| {
        let pairs = heads.iter().zip(line).map(|(head, value)| vec![head.clone(), value.clone()]);
        grid(&[], pairs.collect(), style)
    };
    lines.iter().map(block).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
