//! A leader that does not hear one organisation.

use super::byzantine::Adversary;
use super::byzantine_peer::channel;
use super::kind::{Fault, Kind};
use crate::cluster::{host, root_key};
use crate::env::tamper;
use crate::history::Answer;
use crate::world::World;
use rand::Rng;
use selfsame_protocol::command::{Command, EnrolChip};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::p104::Technology;
use selfsame_wire::v1::TransferLeaderRequest;
use selfsame_wire::v1::cluster_service_client::ClusterServiceClient;

/// B7: a leader does not hear one organisation, whichever way its words come.
pub const WITHHOLDING_LEADER: Kind = Kind {
    name: "B7_withholding_leader",
    most: 1,
    for_ms: (4_000, 8_000),
    draw: |random, _| Box::new(Withholding { number: random.r#gen::<u32>().into(), leader: 0 }),
};

struct Withholding {
    number: u64,
    leader: u64,
}

impl std::fmt::Debug for Withholding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} number {:x}", WITHHOLDING_LEADER.name, self.number)
    }
}

impl Fault for Withholding {
    fn kind(&self) -> &'static str {
        WITHHOLDING_LEADER.name
    }
    fn begin(&mut self, world: &mut World) -> bool {
        let Some(leader) = world.leader() else { return false };
        self.leader = leader;
        let (name, arrive) = Adversary::on_host(WITHHOLDING_LEADER.name, self.number, world);
        let last = world.genesis.organisations.len() as u64 - 1;
        // The author's key stands in every signed command as text.
        let words = root_key(world.seed(), last).public().to_string();
        tamper::deafen(&host(leader), Some(words.as_bytes()));
        world.client(&name, async move {
            let mut adversary = arrive();
            let root = adversary.root(last);
            let chip = adversary.fresh_key("chip").public();
            let enrol = Command::EnrolChip(EnrolChip { chip, technology: Technology::Software });
            let envelope = adversary.sign(&root, enrol);
            for attempt in 0.. {
                let call = adversary.oracle.invoked(&adversary.name, "B7 withheld", Digest::of(&envelope.to_bytes()));
                let answer = Answer::of(adversary.client.submit(&envelope).await);
                adversary.oracle.answered(call, answer.clone());
                match answer {
                    Answer::Ok(_) => break,
                    Answer::Refused(code) => adversary.succeeded(format!("an honest command is refused as {code}")),
                    _ if attempt == 20 => break,
                    _ => {}
                }
                // The others see that nothing of this organisation arrives, and let somebody else lead.
                let leading = adversary.client.statuses().await.into_iter().flatten().map(|status| status.leader_id);
                if leading.max() == Some(leader) {
                    let nodes = adversary.genesis.nodes.len() as u64;
                    let transfer = TransferLeaderRequest { node_id: leader % nodes + 1 };
                    let mut cluster = ClusterServiceClient::new(channel(&format!("{}:7001", host(leader))));
                    let asked = cluster.transfer_leader(transfer).await.map(|_| ());
                    adversary.oracle.note(format!(
                        "{}: leader {leader} asked to go: {:?}",
                        adversary.name,
                        asked.is_ok()
                    ));
                }
                adversary.pause(300).await;
            }
            tamper::deafen("", None);
            Ok(())
        });
        true
    }
    fn end(&mut self, _: &mut World) {
        tamper::deafen("", None);
    }
}
