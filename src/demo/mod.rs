//! The story of the README, played against real nodes. Every step checks what it claims; the first that does not hold
//! ends the demo with an error.

pub mod cluster;
mod equivocation;
pub mod liar;
mod story;

use cluster::{Cluster, Failure, Keys, free_ports};
use std::time::Instant;

/// Runs the story in a fresh directory and removes it, or keeps it and says where.
pub async fn run(keep: bool) -> Result<(), Failure> {
    let started = Instant::now();
    let dir = tempfile::Builder::new().prefix("selfsame-demo-").tempdir()?;
    let keys = Keys::fresh()?;
    let genesis = Cluster::genesis("demo", &keys);
    let http = (1..=3).map(|id| (id, "127.0.0.1:0".to_owned())).collect();
    let cluster = Cluster::start(dir.path(), genesis, keys, &free_ports(3)?, http).await?;
    println!("Three organisations, three nodes, one cluster. Data in {}\n", dir.path().display());
    let mut story = story::Story::new(cluster, started)?;
    let told = story.tell().await;
    story.cluster.stop().await;
    if keep {
        let kept = dir.keep();
        println!(
            "\nKept in {}. Try:\n  selfsame verify {}\n  (change one character of that file and try again)",
            kept.display(),
            kept.join("bundle.jsonl").display()
        );
    }
    told?;
    println!("\nEvery step held. {} steps in {:.1} s.", story.steps, started.elapsed().as_secs_f64());
    Ok(())
}
