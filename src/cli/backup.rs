//! `selfsame node backup` and `selfsame node restore`.

use super::context::{CliError, Done, Global};
use super::prepare::{environment, ready};
use super::trust::policy;
use super::verify::status;
use selfsame_client::Client;
use selfsame_env::{Clock as _, SystemClock};
use selfsame_node::backup::{self, BackupError, Whose};
use selfsame_node::config::{self, Loaded, Purpose};
use selfsame_node::node;
use selfsame_offline::Options;
use selfsame_protocol::time::Timestamp;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

/// Time between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(2);
/// Longest wait for the snapshot of a running node.
const SNAPSHOT: Duration = Duration::from_secs(600);
/// Time between two looks at whether it is there.
const LOOK: Duration = Duration::from_millis(100);

fn failed(error: BackupError) -> CliError {
    match error {
        BackupError::Failed(failure) => CliError::with(status(&failure), failure),
        error => CliError::with(5, error),
    }
}

/// Says now and then how much is done.
fn saying<'a>(global: &'a Global, file: &'a Path) -> impl FnMut(&str, u64, u64) + 'a {
    let mut said = Instant::now();
    move |what, done, of| {
        if said.elapsed() >= PROGRESS {
            said = Instant::now();
            let of = if of > 0 { format!(" of {of}") } else { String::new() };
            global.say(&format!("{}: {what}, {done}{of}", file.display()));
        }
    }
}

/// Asks the node for a snapshot of what it has applied by now, when it runs.
async fn snapshot(loaded: &Loaded) -> Result<(), CliError> {
    let id = loaded.config.id;
    let Some(member) = loaded.config.members.get(&id) else { return Ok(()) };
    let client = Client::builder().endpoints([&member.client_addr]);
    let client = client.attempt_timeout(PROGRESS).call_timeout(PROGRESS).build()?;
    let state = async || client.statuses().await.into_iter().next().and_then(Result::ok);
    // A node that does not answer may be stopped; if it is not, its newest snapshot is what there is.
    let Some(now) = state().await else { return Ok(()) };
    if now.node_id != id {
        let found = format!("node {} answers on {}", now.node_id, member.client_addr);
        return Err(CliError::with(
            5,
            format!("the node file is of node {id}, but {found}: check members.{id}.client"),
        ));
    }
    client.snapshot().await?;
    let begun = Instant::now();
    while begun.elapsed() < SNAPSHOT {
        if state().await.is_some_and(|state| state.snapshot_index >= now.applied_index) {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
    Err(CliError::with(3, format!("node {id} wrote no snapshot in {} s", SNAPSHOT.as_secs())))
}

/// Takes a backup.
pub async fn take(global: &Global, config: &Path, file: &Path, trust: Option<&Path>, as_it_is: bool) -> Done {
    let loaded = config::check(config, Purpose::Read)?.loaded;
    // Without a policy it is enough that the file is consistent: its own node gave it.
    let options = Options { policy: policy(trust)?, consistency_only: true, ..Options::default() };
    if !as_it_is {
        snapshot(&loaded).await?;
    }
    let genesis = loaded.genesis.digest().to_string();
    let whose = Whose { cluster: &loaded.genesis.cluster, genesis, node: loaded.config.id };
    let now = Timestamp::from_millis(SystemClock.now_ms());
    let taken =
        backup::take(&loaded.data_dir, &whose, file, now, &options, &mut saying(global, file)).map_err(failed)?;
    let of = if taken.running { "the newest snapshot of a running node" } else { "the last state of a stopped node" };
    global.print(
        "Backup",
        json!({"file": file, "of": of, "node": whose.node, "index": taken.index, "bytes": taken.bytes, "verified": taken.verified}),
    );
    Ok(())
}

/// Makes a new node from a backup.
pub fn restore(global: &Global, config: &Path, file: &Path, trust: &Path, origins: Vec<String>) -> Done {
    let (loaded, key) = ready(global, config, Purpose::Init)?;
    let id = loaded.config.id;
    if loaded.genesis.nodes.iter().any(|node| node.id == id) {
        let text = format!(
            "node {id} is a founding node: one that lost its data comes back under a new id, enrolled by its organisation (governance enrol-node)"
        );
        return Err(CliError::with(5, text));
    }
    let options =
        Options { policy: policy(Some(trust))?.map(|policy| policy.with_origins(origins)), ..Options::default() };
    let env = environment(&loaded)?;
    let restored =
        node::restore(file, &loaded.config, &loaded.genesis, &key, &env, &options, &mut saying(global, file))
            .map_err(failed)?;
    global.say(&format!("start it with `selfsame node join`, then add it with `selfsame cluster add-learner {id}`"));
    global.print(
        "Restore",
        json!({"file": file, "node": id, "data_dir": loaded.data_dir, "index": restored.index, "verified": restored.verified}),
    );
    Ok(())
}
