//! The story of the README, played against real nodes. Every step checks what it claims; the first that does not hold
//! ends the demo with an error.

pub mod cluster;
mod equivocation;
pub mod liar;
mod story;

use crate::console::layout;
use cluster::{Cluster, Failure, Keys, free_ports};
use selfsame_offline::files::Scratch;
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// Runs the story in a fresh directory and removes it, or keeps it and says where. Ends early when `stop` is cancelled.
pub async fn run(keep: bool, stop: &CancellationToken) -> Result<(), Failure> {
    let started = Instant::now();
    let dir = Scratch::new("selfsame-demo-")?;
    let keys = Keys::fresh()?;
    let genesis = Cluster::genesis("demo", &keys)?;
    let http = (1..=3).map(|id| (id, "127.0.0.1:0".to_owned())).collect();
    let cluster = Cluster::start(dir.path(), genesis, keys, &free_ports(3)?, http).await?;
    layout(&format!("Three organisations, three nodes, one cluster. Data in {}\n\n", dir.path().display()));
    let mut story = story::Story::new(cluster, started)?;
    let told = tokio::select! {
        told = story.tell() => told,
        () = stop.cancelled() => Err("interrupted".into()),
    };
    story.cluster.stop().await;
    if keep {
        let kept = dir.keep();
        layout(&format!(
            "\nKept in {}. Try:\n  selfsame verify {} --policy {}\n  (change one character of that file and try again)\n",
            kept.display(),
            kept.join("bundle.jsonl").display(),
            kept.join("policy.txt").display()
        ));
    }
    told?;
    layout(&format!("\nEvery step held. {} steps in {:.1} s.\n", story.steps, started.elapsed().as_secs_f64()));
    Ok(())
}
