//! A peer that asks nodes to cosign what they should not: trees that they passed long ago, other roots, trees that are
//! not there. The one who asks may lie; the node alone answers for what it signs.

use super::caller::Caller;
use crate::guard;
use crate::tap::Tap;
use rand::Rng;
use selfsame_node::raft::CosignHandler as _;
use selfsame_protocol::digest::Digest;
use selfsame_protocol::note::Checkpoint;
use std::sync::Arc;

/// Asks until the world stops.
pub async fn run(mut caller: Caller, cosigners: impl Fn(u64) -> Option<Arc<Tap>>) -> turmoil::Result {
    while !caller.stopped() {
        caller.pause(400).await;
        let node = caller.random.gen_range(1..=caller.nodes);
        let (kind, dice) = (caller.random.gen_range(0..3), caller.random.r#gen::<u32>());
        let Some(tap) = cosigners(node) else { continue };
        let texts = tap.tapped.texts();
        let Some(text) = texts.get(dice as usize % texts.len().max(1)) else { continue };
        let Ok(mut asked) = Checkpoint::parse(text) else { continue };
        match kind {
            // As it was signed once.
            0 => {}
            1 => asked.root = Digest::of(&dice.to_be_bytes()),
            _ => asked = Checkpoint { size: asked.size + 1, root: Digest::of(&dice.to_be_bytes()), ..asked },
        }
        // A damaged database may panic; on its own host that would end the process and nothing else.
        let _ = guard::catch_async(tap.cosign(vec![asked.to_text()])).await;
    }
    Ok(())
}
