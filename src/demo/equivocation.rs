//! An organisation signs two histories, and is caught.

use super::cluster::{Cluster, Failure, ORGANISATIONS};
use super::liar::Liar;
use selfsame_audit::{AuditReport, NodeSource, compare, keys_of};
use selfsame_env::TcpNet;
use selfsame_offline::files;
use selfsame_protocol::cosigning;
use selfsame_protocol::equivocation::Evidence;
use selfsame_protocol::ledger::Ledger;
use std::sync::Arc;

/// Who lies: cygnus, with node 3.
const LIAR: usize = 2;

async fn audit(cluster: &Cluster, addresses: &[String]) -> Result<AuditReport, Failure> {
    let source = |address: &String| NodeSource::new(address, Arc::new(TcpNet));
    let sources = addresses.iter().map(source).collect::<Result<Vec<_>, _>>()?;
    Ok(compare(&sources, &keys_of(&cluster.genesis), &|_, _, _| {}).await)
}

/// Audits the honest cluster, lets one organisation show another history under its own key, and audits again. Returns what
/// happened, line by line; fails when the honest cluster is accused or the liar is not.
pub async fn play(cluster: &Cluster) -> Result<Vec<String>, Failure> {
    let mut said = Vec::new();
    let mut addresses = Vec::new();
    for id in 1..=ORGANISATIONS.len() as u64 {
        let node = cluster.node(id).ok_or("a node is not running")?;
        for ledger in Ledger::BOTH {
            node.cosigner.published_from(ledger, 1).await.ok_or("a node stops")?;
        }
        addresses.push(node.http_addr.clone().ok_or("a node serves no HTTP")?);
    }
    let honest = audit(cluster, &addresses).await?;
    if honest.status() != 0 {
        return Err(format!("the honest cluster was accused: {honest:?}").into());
    }
    let entries: u64 = honest.checked.iter().map(|checked| checked.entries.0).sum();
    let tiles: u64 = honest.checked.iter().map(|checked| checked.tiles.0).sum();
    said.push(format!("an auditor hashed {entries} entries and compared {tiles} tiles of three nodes: one history"));

    let (node, name) = (LIAR as u64 + 1, ORGANISATIONS[LIAR]);
    let key = cluster.keys.nodes[LIAR].cosigner();
    let cosigner = cluster.genesis.cosigner_name(node);
    let now = cluster.node(node).map_or(0, |node| node.now_ms()) / 1000;
    let sign = |note: &mut selfsame_protocol::note::Note| note.cosign(&cosigner, &key, now);
    let other = br#"{"observation":"the pressure was normal all the time"}"#.to_vec();
    let liar = Liar::start(&addresses[LIAR], Arc::new(TcpNet), Ledger::Evidence, (1, other), sign).await?;
    let size = liar.note.text.split('\n').nth(1).unwrap_or_default().to_owned();
    said.push(format!(
        "{name} rewrites an entry, signs the other history of size {size} with its real key, shows it to one reader"
    ));

    addresses[LIAR] = liar.address.clone();
    let report = audit(cluster, &addresses).await?;
    let conflict = report.conflicts.iter().find(|conflict| !conflict.guilty.is_empty());
    let conflict = conflict.ok_or("the equivocation was not seen")?;
    let file = cluster.root.join("equivocation.json");
    files::replace(&file, &[&conflict.evidence.to_bytes()[..], b"\n"].concat())?;

    // Anybody can do this with the file and one key.
    let trusted = cosigning::vkey(&cosigner, key.public());
    let verdict = Evidence::from_bytes(&std::fs::read(&file)?)?.verify(std::slice::from_ref(&trusted))?;
    let guilty: Vec<&str> = verdict.guilty.iter().map(|guilty| guilty.name.as_str()).collect();
    if guilty != [cosigner.as_str()] || conflict.guilty != guilty {
        return Err(format!("expected {cosigner} to be named, found {guilty:?}").into());
    }
    said.push(format!("caught: {} in the evidence ledger; guilty: {cosigner} ({name})", verdict.kind.as_str()));
    said.push(format!("offline: selfsame verify equivocation.json --trust {}", trusted.to_text()));
    Ok(said)
}
