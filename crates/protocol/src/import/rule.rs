//! The language of the tables: what becomes of a member.
//!
//! A format is a set of shapes, a shape is a set of rows, a row says of one member what becomes of it. The reader is
//! driven by the rows and knows no name of a member itself, so that docs, `--explain` and behaviour cannot differ.

use crate::run::Element;

/// The members of one kind of object.
#[derive(Debug)]
pub struct Shape {
    /// What a person calls such an object; unique among shapes.
    pub name: &'static str,
    /// Its rows, in groups that formats share. The order of rows decides the order of parts of a message.
    pub rows: &'static [&'static [MemberRow]],
    /// Whether members may be spelled in snake_case beside the camelCase of the rows.
    pub snake: bool,
}

/// One member.
#[derive(Debug)]
pub struct MemberRow {
    /// Its name; with a trailing `*` every name with that beginning.
    pub name: &'static str,
    /// What becomes of it.
    pub rule: Rule,
}

/// What becomes of a member. A `null` is the same as no member, but where a value is kept exactly inside foreign data.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// Left out: it says nothing to the model.
    Transport,
    /// Left out by name, with a warning: the ledger is read by all and forgets nothing.
    Secret,
    /// State outside of the request: refused, with this advice. What names nothing (`[]`, `{}`, `false`) is kept.
    Outside(&'static str),
    /// Refused, with this advice.
    Refused(&'static str),
    /// The name of the model.
    Model(ModelName),
    /// The provider, where a member says it beyond doubt.
    Provider(ProviderName),
    /// The members of this object stand for members beside it.
    Spread(&'static Shape),
    /// Kept in an element of the declaration under this name.
    Put(Element, &'static str, Form),
    /// Becomes messages.
    Prompt(Prompt),
    /// Becomes something of a message.
    Message(OfMessage),
    /// Becomes something of a part of a message.
    Part(OfPart),
    /// Kept under its own name in the object that is kept.
    Keep(Form),
}

/// How a member names the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelName {
    /// As it stands.
    Plain,
    /// Without the `models/` that some clients put before it.
    Resource,
    /// As it stands, but for the address of a template that the provider keeps.
    NoTemplate,
}

/// How a member names the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderName {
    /// As it stands.
    Plain,
    /// A version of the Anthropic form that names the cloud before its date: `bedrock-…`, `vertex-…`.
    AnthropicVersion,
}

/// What a value has to be, and how it is kept. Objects and lists become content: inline, or by digest above the bound.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// A text.
    Text,
    /// A number.
    Number,
    /// A number without fraction, within ±(2^53−1).
    Whole,
    /// A number without fraction within 64 bits; kept as its decimal digits.
    Wide,
    /// `true` or `false`.
    Flag,
    /// A text or a list of texts; one text is a list of one.
    Texts,
    /// Any JSON value, kept exactly: `null`, `[]`, `{}` and every name inside it are data.
    Exact,
    /// Settings of a protobuf form: kept exactly, but for names, which are brought to camelCase at every level.
    Camel,
    /// A list that is kept exactly; the empty one is the same as none.
    Echo,
    /// Bytes in a `data:` URL, kept by digest. Every other address is state outside.
    Address,
    /// Exactly this text.
    Only(&'static str),
    /// An object of known members.
    Object(&'static Shape),
    /// An object of known members; any value that is no object is kept as it is.
    ObjectOr(&'static Shape),
    /// A list of objects of known members.
    Objects(&'static Shape),
    /// A list of objects, each told apart by its member `type`.
    Tagged(&'static [Tagged]),
    /// One such object.
    OneTagged(&'static [Tagged]),
}

/// One kind of tagged object that is kept.
#[derive(Debug)]
pub struct Tagged {
    /// Value of `type`; with a trailing `*` every value with that beginning; empty for an object without the member.
    pub tag: &'static str,
    /// Members beside `type`.
    pub shape: &'static Shape,
}

/// What a member of the request becomes in the prompt.
#[derive(Clone, Copy, Debug)]
pub enum Prompt {
    /// A message of the system before all others: a text or a list of blocks.
    System(Blocks),
    /// The same, given as an object that holds the blocks.
    SystemObject(&'static Shape),
    /// A list of messages.
    Messages(&'static Shape),
    /// A text, or a list of items told apart by their member `type`.
    Items(&'static [ItemKind]),
    /// Text that the model continues, without a template: a text, tokens, or a list of such prompts.
    Raw,
    /// The text of one user; where the request says `raw`, text that the model continues.
    Templated,
    /// Pictures in base64 that belong to the text of [`Prompt::Templated`].
    Pictures,
}

/// One kind of item of a conversation.
#[derive(Debug)]
pub struct ItemKind {
    /// Value of `type`; empty for an item without the member.
    pub tag: &'static str,
    /// Whose message it becomes, and of which type its part is; none for an item that is a message itself.
    pub part: Option<(&'static str, &'static str)>,
    /// Members of which at least one has to be there, or what the item says is state outside.
    pub one_of: &'static [&'static str],
    /// Members beside `type`.
    pub shape: &'static Shape,
}

/// What a member becomes in a message. Parts stand in the order of the rows.
#[derive(Clone, Copy, Debug)]
pub enum OfMessage {
    /// The role; the first name of a pair is read as the second, and an absent member as `user` where that is allowed.
    Role(&'static [(&'static str, &'static str)], Absent),
    /// The name of the speaker.
    Name,
    /// Its parts: a text or a list of blocks.
    Content(Blocks),
    /// A text that becomes a part of this type.
    Text(&'static str),
    /// A value that becomes a part of this type, exactly as it is.
    Exact(&'static str),
    /// An object that becomes a part of this type.
    One(&'static str, &'static Shape),
    /// A list of blocks that are added to the parts.
    Parts(Blocks),
    /// The call that the message answers: its parts become the content of one part `tool_result`.
    Answers,
    /// A list of pictures in base64.
    Pictures,
    /// Kept in the message's `options` under this name.
    Option(&'static str, Form),
}

/// Whether a role may be absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// It is required.
    Refused,
    /// It is then `user`.
    User,
}

/// How blocks are told apart.
#[derive(Clone, Copy, Debug)]
pub enum Blocks {
    /// By their member `type`.
    Tagged(&'static [Block]),
    /// By the one member that says what they are.
    Plain(&'static Shape),
}

/// One kind of block.
#[derive(Debug)]
pub struct Block {
    /// Value of `type`; with a trailing `*` every value with that beginning; empty for a block without the member.
    pub tag: &'static str,
    /// Type of the part; empty for the tag itself.
    pub kind: &'static str,
    /// Members beside `type`.
    pub shape: &'static Shape,
}

/// What a member becomes in a part.
#[derive(Clone, Copy, Debug)]
pub enum OfPart {
    /// Its content: a text.
    Text,
    /// Its content: any value, exactly.
    Exact,
    /// Its content is an object, and this a member of it.
    Member(Form),
    /// Its content: parts, from a text or a list of blocks.
    Parts(Blocks),
    /// Its content: one part `json` with this value.
    Json,
    /// Its content: bytes in base64.
    Data,
    /// Its content: bytes in a `data:` URL. Every other address is state outside.
    Address,
    /// Its content: bytes in a `data:` URL or in bare base64.
    DataOrAddress,
    /// Media type of the bytes.
    MediaType,
    /// Media type of the bytes, but for this beginning.
    MediaFormat(&'static str),
    /// Its id.
    Id,
    /// Its name.
    Name,
    /// Kept in its `options` under this name.
    Option(&'static str, Form),
    /// An object whose members say the same part.
    Within(&'static Shape),
    /// An object that says the same part, told apart by its member `type`.
    Choice(&'static [Block]),
    /// An object that makes this a part of this type.
    Variant(&'static str, &'static Shape),
    /// A value that makes this a part of this type, exactly as it is.
    ExactVariant(&'static str),
    /// The member makes this block say nothing: it is left out whole.
    Nothing,
}

/// A format of requests.
#[derive(Debug)]
pub struct Format {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
    /// The request.
    pub shape: &'static Shape,
}

/// A row of a table.
pub const fn row(name: &'static str, rule: Rule) -> MemberRow {
    MemberRow { name, rule }
}

/// What a person reads in the table and in `--explain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Brought to the one spelling.
    Normalised,
    /// Kept exactly as it is.
    Exact,
    /// Left out: transport.
    Transport,
    /// The member is `null`, which is the same as no member.
    Absent,
    /// Left out: secret.
    Secret,
    /// State outside of the request: refused.
    Outside,
    /// Refused.
    Refused,
}

impl Fate {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Fate::Normalised => "normalised",
            Fate::Exact => "kept exactly",
            Fate::Transport => "left out: transport",
            Fate::Absent => "null: the same as absent",
            Fate::Secret => "left out: secret",
            Fate::Outside => "refused: state outside",
            Fate::Refused => "refused",
        }
    }
}

impl Form {
    /// Whether a value of this form is foreign data.
    pub const fn fate(self) -> Fate {
        match self {
            Form::Exact => Fate::Exact,
            _ => Fate::Normalised,
        }
    }
}

impl Rule {
    /// What the table says of a member with a value.
    pub const fn fate(self) -> Fate {
        match self {
            Rule::Transport | Rule::Part(OfPart::Nothing) => Fate::Transport,
            Rule::Secret => Fate::Secret,
            Rule::Outside(_) => Fate::Outside,
            Rule::Refused(_) => Fate::Refused,
            Rule::Message(OfMessage::Exact(_)) | Rule::Part(OfPart::Exact | OfPart::ExactVariant(_) | OfPart::Json) => {
                Fate::Exact
            }
            Rule::Put(_, _, form)
            | Rule::Keep(form)
            | Rule::Message(OfMessage::Option(_, form))
            | Rule::Part(OfPart::Option(_, form) | OfPart::Member(form)) => form.fate(),
            Rule::Model(_)
            | Rule::Provider(_)
            | Rule::Spread(_)
            | Rule::Prompt(_)
            | Rule::Message(_)
            | Rule::Part(_) => Fate::Normalised,
        }
    }
}
