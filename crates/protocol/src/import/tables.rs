//! The tables as a person reads them.

use super::formats;
use super::rule::{Block, Blocks, Form, Format, ItemKind, MemberRow, OfMessage, OfPart, Prompt, Rule, Shape, Tagged};

/// Something a row leads to: shapes, each with the value of `type` that chooses it.
type Inner = Vec<(&'static str, &'static Shape)>;

fn one(shape: &'static Shape) -> Inner {
    vec![("", shape)]
}

fn blocks(blocks: &'static [Block]) -> Inner {
    blocks.iter().map(|block| (block.tag, block.shape)).collect()
}

fn of_blocks(of: Blocks) -> Inner {
    match of {
        Blocks::Tagged(all) => blocks(all),
        Blocks::Plain(shape) => one(shape),
    }
}

fn of_form(form: Form) -> Inner {
    match form {
        Form::Object(shape) | Form::ObjectOr(shape) | Form::Objects(shape) => one(shape),
        Form::Tagged(tags) | Form::OneTagged(tags) => tags.iter().map(|tag: &Tagged| (tag.tag, tag.shape)).collect(),
        _ => Vec::new(),
    }
}

/// The shapes that a row leads to.
pub fn inner(rule: Rule) -> Inner {
    match rule {
        Rule::Spread(shape) => one(shape),
        Rule::Put(_, _, form) | Rule::Keep(form) => of_form(form),
        Rule::Prompt(Prompt::System(of)) => of_blocks(of),
        Rule::Prompt(Prompt::SystemObject(shape) | Prompt::Messages(shape)) => one(shape),
        Rule::Prompt(Prompt::Items(items)) => items.iter().map(|item: &ItemKind| (item.tag, item.shape)).collect(),
        Rule::Message(OfMessage::Content(of) | OfMessage::Parts(of)) | Rule::Part(OfPart::Parts(of)) => of_blocks(of),
        Rule::Message(OfMessage::One(_, shape)) | Rule::Part(OfPart::Within(shape) | OfPart::Variant(_, shape)) => {
            one(shape)
        }
        Rule::Message(OfMessage::Option(_, form)) | Rule::Part(OfPart::Option(_, form) | OfPart::Member(form)) => {
            of_form(form)
        }
        Rule::Part(OfPart::Choice(all)) => blocks(all),
        _ => Vec::new(),
    }
}

fn rows(shape: &'static Shape) -> impl Iterator<Item = &'static MemberRow> {
    shape.rows.iter().flat_map(|group| group.iter())
}

/// All shapes below one, itself first, each once.
pub fn shapes(shape: &'static Shape) -> Vec<&'static Shape> {
    let mut found: Vec<&'static Shape> = vec![shape];
    let mut at = 0;
    while let Some(shape) = found.get(at).copied() {
        for (_, inner) in rows(shape).flat_map(|row| inner(row.rule)) {
            if !found.iter().any(|known| known.name == inner.name) {
                found.push(inner);
            }
        }
        at += 1;
    }
    found
}

/// Where a member stands in the declaration, or what to do about it.
fn becomes(rule: Rule) -> String {
    let direct = match rule {
        Rule::Transport | Rule::Secret => String::new(),
        Rule::Outside(advice) | Rule::Refused(advice) => advice.into(),
        Rule::Model(_) => "`/model/name`".into(),
        Rule::Provider(_) => "`/model/provider`".into(),
        Rule::Spread(_) => "its members stand for members beside it".into(),
        Rule::Put(element, name, form) => format!("`/{element}/{name}`{}", of(form)),
        Rule::Prompt(Prompt::System(_) | Prompt::SystemObject(_)) => "the message of role `system`".into(),
        Rule::Prompt(Prompt::Messages(_) | Prompt::Items(_)) => "messages".into(),
        Rule::Prompt(Prompt::Raw) => "messages of role `prompt`".into(),
        Rule::Prompt(Prompt::Templated) => "the message of role `user`, or `prompt` with `raw`".into(),
        Rule::Prompt(Prompt::Pictures) => "parts `image` of that message".into(),
        Rule::Message(OfMessage::Role(..)) => "role".into(),
        Rule::Message(OfMessage::Name) | Rule::Part(OfPart::Name) => "name".into(),
        Rule::Message(OfMessage::Content(_)) => "parts".into(),
        Rule::Message(OfMessage::Parts(_)) => "more parts".into(),
        Rule::Message(OfMessage::Text(kind) | OfMessage::Exact(kind) | OfMessage::One(kind, _)) => {
            format!("a part `{kind}`")
        }
        Rule::Message(OfMessage::Answers) => "the parts become one part `tool_result` with this id".into(),
        Rule::Message(OfMessage::Pictures) => "parts `image`".into(),
        Rule::Message(OfMessage::Option(name, form)) | Rule::Part(OfPart::Option(name, form)) => {
            format!("options, `{name}`{}", of(form))
        }
        Rule::Part(OfPart::Text) => "content: a text".into(),
        Rule::Part(OfPart::Exact) => "content".into(),
        Rule::Part(OfPart::Member(form)) => format!("a member of the content{}", of(form)),
        Rule::Part(OfPart::Parts(_)) => "content: parts".into(),
        Rule::Part(OfPart::Json) => "content: one part `json`, or `text`".into(),
        Rule::Part(OfPart::Data) => "content: bytes in base64".into(),
        Rule::Part(OfPart::Address) => "content: bytes in a `data:` URL; other addresses are refused".into(),
        Rule::Part(OfPart::DataOrAddress) => {
            "content: bytes in a `data:` URL or base64; other addresses are refused".into()
        }
        Rule::Part(OfPart::MediaType) => "media type of the bytes".into(),
        Rule::Part(OfPart::MediaFormat(begin)) => format!("media type of the bytes, after `{begin}`"),
        Rule::Part(OfPart::Id) => "id".into(),
        Rule::Part(OfPart::Within(_) | OfPart::Choice(_)) => "its members say the same part".into(),
        Rule::Part(OfPart::Variant(kind, _) | OfPart::ExactVariant(kind)) => format!("a part `{kind}`"),
        Rule::Part(OfPart::Nothing) => "the block is left out".into(),
        Rule::Keep(form) => format!("kept{}", of(form)),
    };
    let seen: Vec<String> = inner(rule)
        .into_iter()
        .map(
            |(tag, shape)| {
                if tag.is_empty() { format!("*{}*", shape.name) } else { format!("`{tag}` *{}*", shape.name) }
            },
        )
        .collect();
    if seen.is_empty() { direct } else { format!("{direct}: {}", seen.join(", ")) }
}

fn of(form: Form) -> &'static str {
    match form {
        Form::Text => ", a text",
        Form::Number => ", a number",
        Form::Whole => ", a whole number",
        Form::Wide => ", a whole number of 64 bits",
        Form::Flag => ", true or false",
        Form::Texts => ", a text or a list of texts",
        Form::Camel => ", names in camelCase",
        Form::Echo => ", an empty list is none",
        Form::Address => ", a `data:` URL by digest",
        Form::Only(_) => ", one value",
        Form::Exact | Form::Object(_) | Form::ObjectOr(_) | Form::Objects(_) | Form::Tagged(_) | Form::OneTagged(_) => {
            ""
        }
    }
}

/// The table of one format in Markdown.
pub fn table(format: &'static Format) -> String {
    sections(&shapes(format.shape))
}

fn sections(all: &[&'static Shape]) -> String {
    let mut out = String::new();
    for shape in all {
        out.push_str(&format!("\n### {}\n\n| member | fate | becomes |\n|---|---|---|\n", shape.name));
        for row in rows(shape) {
            let fate = row.rule.fate().as_str();
            out.push_str(&format!("| `{}` | {fate} | {} |\n", row.name, becomes(row.rule)));
        }
    }
    out
}

/// The tables of all formats in Markdown; what formats share stands once.
pub fn all() -> String {
    let mut out = String::from(
        "# Tables of the importer\n\nWritten by `selfsame run formats --tables`. What the words mean is in [imports.md](imports.md). \
         Slanted names are tables further down.\n\n| format | |\n|---|---|\n",
    );
    for format in formats::ALL {
        out.push_str(&format!("| [{0}](#{0}) | {1} |\n", format.name, format.about));
    }
    let mut found: Vec<&'static Shape> = formats::ALL.iter().map(|format| format.shape).collect();
    for format in formats::ALL {
        for shape in shapes(format.shape) {
            if !found.iter().any(|known| known.name == shape.name) {
                found.push(shape);
            }
        }
    }
    out.push_str(&sections(&found));
    out
}
