//! Run identity: declarations, attestations, disagreements, executions.

use crate::error::{Stop, refuse};
use crate::state::{self, Run, pair_key, prefix_end};
use crate::txn::Txn;
use crate::view::{Table, View};
use selfsame_protocol::code::{Code, Refusal};
use selfsame_protocol::command::{DeclareRun, ReportOutcome};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::record::{OrganisationRun, Record, RunOutcome};
use selfsame_protocol::response::{Disagreement, ExecutionReported, RunDeclared};
use selfsame_protocol::run::{Declaration, compare};
use selfsame_protocol::subject::Subject;
use std::collections::BTreeMap;

pub fn declare(txn: &mut Txn<'_>, command: &DeclareRun) -> Result<RunDeclared, Stop> {
    let (declaration, request) = (&command.declaration, command.request.as_deref());
    let parsed = Declaration::from_value(declaration.clone()).map_err(|e| {
        Refusal::new(Code::DeclarationInvalid, &format!("this is no declaration of a run: {e}"), "", "")
    })?;
    let run_id = parsed.run_id();
    let subject = Subject::Run(run_id);
    let organisation = txn.author.organisation.clone();
    let known = state::load::<Run>(&txn.over, Table::Runs, run_id.as_bytes())?;
    let new = known.is_none();
    let mut run = match known {
        Some(run) => run,
        None => {
            let elements = parsed.element_digests();
            let record =
                Record::RunDeclaration { run_id, elements: elements.clone(), declaration: declaration.clone() };
            let entry = txn.push(Ledger::Evidence, &subject, record)?;
            Run { elements, declared: entry.index, attestations: BTreeMap::new() }
        }
    };
    let earlier = match request {
        Some(request) => tie(txn, request, run_id)?,
        None => true,
    };
    // One attestation for each organisation, and one more whenever it ties a further reference to the run.
    if !run.attestations.contains_key(&organisation) || !earlier {
        let record =
            Record::RunAttestation { run_id, organisation: organisation.clone(), request: request.map(Into::into) };
        let entry = txn.push(Ledger::Evidence, &subject, record)?;
        run.attestations.entry(organisation).or_insert(entry.index);
    }
    let elements = run.elements.clone();
    state::save(&mut txn.over, Table::Runs, *run_id.as_bytes(), &run);
    let disagreements = match request {
        Some(request) if !earlier => disagree(txn, request, run_id, &elements)?,
        _ => Vec::new(),
    };
    Ok(RunDeclared { run_id, elements, new, disagreements })
}

/// Ties a reference to a run for the author's organisation; `true` when it was tied to this run before.
fn tie(txn: &mut Txn<'_>, request: &str, run_id: Digest) -> Result<bool, Stop> {
    let key = pair_key(request, &txn.author.organisation);
    match txn.over.get(Table::References, &key)? {
        Some(bytes) if bytes == run_id.as_bytes() => Ok(true),
        Some(bytes) => {
            let first = <[u8; 32]>::try_from(bytes.as_slice())
                .map(Digest::from_bytes)
                .map_err(|_| state::undecodable(Table::References, &key, "not a digest"))?;
            refuse(
                Code::IdentityConflict,
                "your organisation tied this reference to another run before: give this run another reference",
                first,
                run_id,
            )
        }
        None => {
            txn.over.put(Table::References, key, *run_id.as_bytes());
            Ok(false)
        }
    }
}

/// Records a disagreement with every other organisation that tied the reference to another identity.
fn disagree(
    txn: &mut Txn<'_>,
    request: &str,
    run_id: Digest,
    elements: &selfsame_protocol::run::ElementDigests,
) -> Result<Vec<Disagreement>, Stop> {
    let prefix = pair_key(request, "");
    let rows = txn.over.scan(Table::References, &prefix, &prefix_end(&prefix), 1_000)?;
    let mut found = Vec::new();
    for (key, value) in rows {
        let other = <[u8; 32]>::try_from(value.as_slice())
            .map(Digest::from_bytes)
            .map_err(|_| state::undecodable(Table::References, &key, "not a digest"))?;
        let organisation = state::organisation_of(Table::References, &key, prefix.len())?;
        if other == run_id {
            continue;
        }
        let Some(run) = state::load::<Run>(&txn.over, Table::Runs, other.as_bytes())? else { continue };
        let elements = compare(&run.elements, elements);
        let first = OrganisationRun { organisation, run_id: other };
        let second = OrganisationRun { organisation: txn.author.organisation.clone(), run_id };
        found.push(Disagreement { with: first.organisation.clone(), run_id: other, elements: elements.clone() });
        let subject = Subject::Run(run_id);
        txn.push(
            Ledger::Evidence,
            &subject,
            Record::RunDisagreement { request: request.into(), first, second, elements },
        )?;
    }
    Ok(found)
}

pub fn outcome(txn: &mut Txn<'_>, command: &ReportOutcome) -> Result<ExecutionReported, Stop> {
    let ReportOutcome { run_id, execution_id, status, outputs, reproduction_of } = command;
    txn.require_run(run_id)?;
    let key = |id: &str| [&run_id.as_bytes()[..], id.as_bytes()].concat();
    if txn.over.get(Table::Executions, &key(execution_id))?.is_some() {
        return refuse(
            Code::IdentityConflict,
            "this execution was reported before: give the new one another id",
            "an unused id",
            execution_id,
        );
    }
    if let Some(original) = reproduction_of
        && txn.over.get(Table::Executions, &key(original))?.is_none()
    {
        return refuse(
            Code::DanglingReference,
            "the execution that was reproduced is not recorded in this run: report it first, or check its id",
            "",
            original,
        );
    }
    let record = Record::RunOutcome(RunOutcome {
        run_id: *run_id,
        execution_id: execution_id.clone(),
        status: *status,
        outputs: outputs.clone(),
        reproduction_of: reproduction_of.clone(),
        organisation: txn.author.organisation.clone(),
    });
    let entry = txn.push(Ledger::Evidence, &Subject::Run(*run_id), record)?;
    txn.over.put(Table::Executions, key(execution_id), entry.index.0.to_be_bytes());
    Ok(ExecutionReported { run_id: *run_id, execution_id: execution_id.clone() })
}
