//! Writers and the time that their appends take.

use super::report::{LoadFigures, count};
use super::substrate::{self, items};
use crate::demo::cluster::Failure;
use selfsame_client::{ChipSession, Client, ClientError, Signer};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Time before a measurement that does not count.
const WARM_UP: Duration = Duration::from_secs(1);

/// What one submission carries.
#[derive(Clone, Copy, Debug)]
pub struct LoadShape {
    /// Items.
    pub items: usize,
    /// Bytes of one item's text.
    pub bytes: usize,
}

/// A chip that appends to one substrate.
#[derive(Clone)]
pub struct LoadWriter {
    client: Client,
    /// Its place in its substrate.
    pub session: ChipSession,
    /// Sequence number of the last acknowledged append; 0 before the first.
    pub acknowledged: u64,
    shape: LoadShape,
}

/// Microseconds of a duration.
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl LoadWriter {
    /// Brings a substrate into being and opens its session.
    pub async fn born(client: Client, chip: Signer, shape: LoadShape) -> Result<LoadWriter, Failure> {
        let session = substrate::born(&client, &chip).await?;
        Ok(LoadWriter::of(client, session, shape))
    }

    /// A writer of a substrate whose session is open.
    pub fn of(client: Client, session: ChipSession, shape: LoadShape) -> LoadWriter {
        LoadWriter { client, session, acknowledged: 0, shape }
    }

    /// Writers beside those that are there, up to `count` of them, on these clients in turn.
    pub async fn more(
        writers: &mut Vec<LoadWriter>,
        count: usize,
        clients: &[Client],
        chip: &Signer,
        shape: LoadShape,
    ) -> Result<(), Failure> {
        while writers.len() < count {
            let births = (writers.len()..count.min(writers.len() + super::target::AT_ONCE)).map(|i| {
                let client = clients[i % clients.len()].clone();
                LoadWriter::born(client, chip.clone(), shape)
            });
            writers.extend(futures::future::try_join_all(births).await?);
        }
        Ok(())
    }

    /// The same writer with other submissions.
    pub fn shaped(self, shape: LoadShape) -> LoadWriter {
        LoadWriter { shape, ..self }
    }

    /// One append, answered.
    pub async fn append(&mut self) -> Result<(), ClientError> {
        let envelope = substrate::append(&mut self.session, items(self.shape.items, self.shape.bytes));
        self.session.submit(&self.client, &envelope).await?;
        self.acknowledged = self.session.seq();
        Ok(())
    }

    /// Takes the number that the cluster has: whether the last one is used, only the cluster knows.
    pub async fn resume(&mut self) -> Result<(), ClientError> {
        self.session.resume(&self.client).await.map(|_| ())
    }

    async fn work(mut self, from: Instant, to: Instant) -> (LoadWriter, Vec<u64>, Vec<ClientError>) {
        let (mut taken, mut failures) = (Vec::new(), Vec::new());
        loop {
            let begin = Instant::now();
            if begin >= to {
                return (self, taken, failures);
            }
            let result = self.append().await;
            let end = Instant::now();
            match result {
                Ok(()) if end >= from && end < to => taken.push(micros(end - begin)),
                Ok(()) => {}
                Err(error) => {
                    // Without an answer the next append is refused, which asks again.
                    let _ = self.resume().await;
                    failures.push(error);
                }
            }
        }
    }

    /// Appends until `stop` is set, and counts what is answered.
    pub async fn pump(mut self, stop: &AtomicBool, answered: &AtomicU64) -> LoadWriter {
        while !stop.load(Ordering::Relaxed) {
            match self.append().await {
                Ok(()) => {
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                Err(_) => {
                    let _ = self.resume().await;
                }
            }
        }
        self
    }
}

/// Lets all writers work for a time; an append counts when it is answered in that time. Gives the writers back.
pub async fn measure(writers: Vec<LoadWriter>, time: Duration) -> Result<(LoadFigures, Vec<LoadWriter>), Failure> {
    let from = Instant::now() + WARM_UP;
    let to = from + time;
    let mut tasks = JoinSet::new();
    for writer in writers {
        tasks.spawn(writer.work(from, to));
    }
    let mut level = LoadFigures { seconds: time.as_secs_f64(), ..LoadFigures::default() };
    let mut back = Vec::new();
    while let Some(done) = tasks.join_next().await {
        let (writer, taken, failures) = done?;
        back.push(writer);
        level.micros.extend(taken);
        for failure in failures {
            count(&mut level.failures, &failure);
        }
    }
    Ok((level, back))
}
