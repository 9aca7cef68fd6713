//! How far a subject's history goes in two trees, counted in a state that has both.

use crate::genesis::Genesis;
use crate::view::{ReadError, Table, View};
use crate::{read, state};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::entry::Entry;
use selfsame_protocol::ledger::{Ledger, PerLedger};
use selfsame_protocol::p104::IdentityStatement;
use selfsame_protocol::record::Record;
use selfsame_protocol::subject::Subject;
use selfsame_protocol::subject_head::{Extent, SubjectHead};
use selfsame_protocol::time::Timestamp;

/// Reasoning entries behind a tree that are looked at for a statement in that tree. A publication takes far less than so
/// many entries of one substrate; whoever finds more asks for a newer tree.
const NEWER: usize = 1_024;

/// Entries of a subject in the tree of the first `size` entries of a ledger.
pub fn entries_in(view: &dyn View, subject: &Subject, ledger: Ledger, size: u64) -> Result<u64, ReadError> {
    let (mut low, mut high) = (0, read::subject_depth(view, subject, ledger)?);
    // Indexes ascend with the depth: the first depth whose index is not below `size`.
    while low < high {
        let middle = low + (high - low) / 2;
        let row = view.get(Table::Subjects, &state::subject_key(subject, ledger, middle))?;
        let index = row.as_deref().and_then(|bytes| <[u8; 8]>::try_from(bytes).ok()).map(u64::from_be_bytes);
        let Some(index) = index else {
            return Err(state::undecodable(
                Table::Subjects,
                subject.to_string().as_bytes(),
                "an entry of the chain is missing",
            ));
        };
        if index < size {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// The subjects of governance: the cluster, and every organisation that is or was a member.
pub fn governance_subjects(view: &dyn View) -> Result<Vec<Subject>, ReadError> {
    let organisations = read::organisations(view)?;
    let named = organisations.into_iter().map(|organisation| Subject::Organisation(organisation.name));
    Ok(std::iter::once(Subject::Cluster).chain(named).collect())
}

/// How far a subject goes in the trees of these sizes. With a time, the statement of a substrate at that
/// time stands in it. The state must have both trees.
pub fn subject_head(
    view: &dyn View,
    genesis: &Genesis,
    subject: &Subject,
    roots: PerLedger<(u64, Digest)>,
    statement: Option<Timestamp>,
) -> Result<Result<SubjectHead, Refusal>, ReadError> {
    let extent = |ledger: Ledger| -> Result<Extent, ReadError> {
        let (size, root) = roots[ledger];
        Ok(Extent { size, root, entries: entries_in(view, subject, ledger, size)? })
    };
    let trees = PerLedger::try_from_fn(extent)?;
    let mut governance = 0;
    for subject in governance_subjects(view)? {
        governance += entries_in(view, &subject, Ledger::Reasoning, trees.reasoning.size)?;
    }
    let statement = match statement {
        None => None,
        Some(time) => match statement_in(view, subject, &trees, time)? {
            Ok(statement) => Some((time, statement.statement_hash)),
            Err(refusal) => return Ok(Err(refusal)),
        },
    };
    let (origin, genesis) = (genesis.origin.clone(), genesis.digest());
    Ok(Ok(SubjectHead { origin, genesis, subject: subject.clone(), trees, governance, statement }))
}

/// The identity statement of a substrate in these trees, at a time that is not before their last entries. What came behind
/// them may be content alone: anything else, and the statement of the trees is not that of the state.
pub fn statement_in(
    view: &dyn View,
    subject: &Subject,
    trees: &PerLedger<Extent>,
    time: Timestamp,
) -> Result<Result<IdentityStatement, Refusal>, ReadError> {
    let Some(id) = subject.substrate() else {
        let sentence = "this is no substrate and has no identity statement: ask for the history of the run";
        return Ok(Err(Refusal::new(Code::Malformed, sentence, "substrate:…", subject)));
    };
    for (ledger, extent) in trees.iter() {
        let Some(last) = extent.size.checked_sub(1) else { continue };
        let entry = entry(view, ledger, last)?;
        if entry.time > time {
            let sentence = "the statement would be older than the entries that it counts: ask for the present";
            return Ok(Err(Refusal::new(Code::Malformed, sentence, format!("{} or later", entry.time), time)));
        }
    }
    let newer = read::subject_indexes(view, subject, Ledger::Reasoning, trees.reasoning.entries, NEWER + 1)?;
    let mut content_alone = newer.len() <= NEWER;
    for index in newer.into_iter().take(NEWER) {
        content_alone &= matches!(entry(view, Ledger::Reasoning, index)?.record, Record::Reasoning(_));
    }
    // A close stands in Evidence as well, and in Reasoning too; what else is in Evidence is content.
    if !content_alone || trees.reasoning.entries == 0 {
        let sentence = "the substrate was changed behind these trees: ask again for newer ones";
        let found = format!("{} entries of it in Reasoning", trees.reasoning.entries);
        return Ok(Err(Refusal::new(Code::NotCosigned, sentence, "no identity record behind them", found)));
    }
    Ok(read::statement(view, id, time, false)?.map(|mut statement| {
        statement.evidence_ledger_depth = trees.evidence.entries;
        statement.reasoning_ledger_depth = trees.reasoning.entries;
        statement.statement_hash = statement.expected_hash();
        statement
    }))
}

fn entry(view: &dyn View, ledger: Ledger, index: u64) -> Result<Entry, ReadError> {
    let leaf = read::leaf(view, ledger, index)?;
    let missing = || state::undecodable(Table::Subjects, &index.to_be_bytes(), "an entry is missing");
    Entry::from_leaf(&leaf.ok_or_else(missing)?)
        .map_err(|error| state::undecodable(Table::Subjects, &index.to_be_bytes(), error))
}
