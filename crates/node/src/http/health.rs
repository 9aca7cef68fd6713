//! Whether the process lives, and whether the node can answer clients.

use super::{Http, text};
use crate::raft::RaftRole;
use crate::scrub::Scrubbed;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use std::fmt::Write as _;
use std::time::Duration;

/// A quorum that does not answer in this time is none for whoever asks; below the usual patience of a prober.
const QUORUM_WITHIN: Duration = Duration::from_secs(2);

/// 200 while the process can continue; 503 with the reason once it should be ended.
pub async fn live(State(http): State<Http>) -> Response {
    let reason = http.api.raft.fatal().borrow().clone();
    match reason {
        None => text(StatusCode::OK, "ok\n".into()),
        Some(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("cannot continue: {reason}\n")),
    }
}

/// One check: its name, and why it fails.
type Check = (&'static str, Result<String, String>);

/// 200 when every check holds. Names the failing ones; all of them with `?verbose`.
pub async fn ready(State(http): State<Http>, RawQuery(query): RawQuery) -> Response {
    let checks = checks(&http).await;
    let holds = checks.iter().all(|(_, result)| result.is_ok());
    let verbose = query.is_some_and(|query| query.split('&').any(|part| part == "verbose" || part == "verbose=true"));
    let mut body = String::new();
    for (name, result) in &checks {
        // Writing to a string does not fail.
        let _ = match result {
            Ok(detail) if verbose => writeln!(body, "[+] {name}: {detail}"),
            Ok(_) => Ok(()),
            Err(reason) => writeln!(body, "[-] {name}: {reason}"),
        };
    }
    body.push_str(if holds { "ok\n" } else { "not ready\n" });
    text(if holds { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, body)
}

async fn checks(http: &Http) -> Vec<Check> {
    let status = http.api.raft.status();
    let standing = match http.api.serving_status() {
        None => Ok("in good standing".into()),
        Some(refusal) => Err(refusal.to_string()),
    };
    let member = match status.role {
        RaftRole::Leader | RaftRole::Follower | RaftRole::Candidate => Ok("voter".into()),
        RaftRole::Learner => Err("a learner has no vote".into()),
        RaftRole::Stopped => Err("the consensus core stopped".into()),
    };
    // "Could not check" is never "ok".
    let scrub = match &*http.scrubbed.borrow() {
        Scrubbed::Done { rows, bad: 0 } => Ok(format!("{rows} rows match their digests")),
        Scrubbed::Done { rows, bad } => Err(format!("{bad} of {rows} rows failed their digest")),
        Scrubbed::Running => Err("not all rows were read yet".into()),
        Scrubbed::Unknown(reason) => Err(format!("could not be checked: {reason}")),
    };
    // A linearizable read shows at once that there is a leader with a quorum, and that this node has caught up.
    let quorum = match tokio::time::timeout(QUORUM_WITHIN, http.api.raft.linearize()).await {
        Ok(Ok(())) => Ok(format!("caught up to index {}", http.api.raft.status().applied)),
        Ok(Err(refusal)) => Err(refusal.to_string()),
        Err(_) => Err(format!("no quorum answered within {QUORUM_WITHIN:?}")),
    };
    // Entries are committed without it; what waits are receipts. So it is said, and does not make a node unready.
    let published = match http.api.cosigner.problem() {
        Some(problem) => format!("nothing newer is published: {problem}"),
        None => "no problem known".into(),
    };
    vec![
        ("published", Ok(published)),
        ("standing", standing),
        ("member", member),
        ("storage", scrub),
        ("quorum", quorum),
    ]
}
