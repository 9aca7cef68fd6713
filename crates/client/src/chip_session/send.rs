//! A session with a client: signing, sending, and taking the answer in one.

use super::{ChipSession, Opening};
use crate::{Client, ClientError, Rail};
use selfsame_protocol::command::{GoalVector, Item};
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::p104::Amendment;
use selfsame_protocol::response::SubmitResponse;

impl ChipSession {
    /// Refuses a new write while another has no answer.
    fn idle(&self) -> Result<(), ClientError> {
        match self.unanswered().next() {
            None => Ok(()),
            Some(envelope) => Err(ClientError::Unanswered { submission: envelope.digest() }),
        }
    }

    /// Takes an error: a refusal that is final frees the number.
    fn failed(&mut self, envelope: &Envelope, error: ClientError) -> ClientError {
        if error.code().is_some_and(|code| !code.retryable()) {
            self.refused(envelope);
        }
        error
    }

    /// Submits what this session signed, and takes the answer. Without an answer it stays
    /// [unanswered](Self::unanswered).
    pub async fn submit(&mut self, client: &Client, envelope: &Envelope) -> Result<SubmitResponse, ClientError> {
        match client.submit(envelope).await {
            Ok(response) => {
                self.accepted(&response);
                Ok(response)
            }
            Err(error) => Err(self.failed(envelope, error)),
        }
    }

    /// Opens a session, presenting the continuity hash that the chip holds. The outcome is the rail's. Called again after
    /// no answer, it sends the same bytes.
    pub async fn open(&mut self, client: &Client) -> Result<Rail, ClientError> {
        let opening = Opening { continuity_hash: self.continuity_hash(), ..Opening::default() };
        self.open_with(client, opening).await
    }

    /// As [`open`](Self::open), presenting this. Called again after no answer, it sends the bytes of before, whatever is
    /// presented now.
    pub async fn open_with(&mut self, client: &Client, opening: Opening) -> Result<Rail, ClientError> {
        let waiting = match (self.unanswered.front(), self.unanswered.len()) {
            (Some(one), 1) if one.opens => Some(one.envelope.clone()),
            _ => None,
        };
        let envelope = match waiting {
            Some(envelope) => envelope,
            None => {
                self.idle()?;
                self.sign_opening(opening)
            }
        };
        match client.open_session(&envelope).await {
            Ok(rail) => {
                self.accepted(&rail.response);
                Ok(rail)
            }
            Err(error) => Err(self.failed(&envelope, error)),
        }
    }

    /// Appends 1 to 1,000 items, all or none.
    pub async fn append(&mut self, client: &Client, items: Vec<Item>) -> Result<SubmitResponse, ClientError> {
        self.idle()?;
        let envelope = self.sign_append(items);
        self.submit(client, &envelope).await
    }

    /// Appends batches of items in order over one stream, each as [`append`](Self::append) does, without waiting for one
    /// before the next is sent. `each` gets the place of each batch and its answer. All are signed first: their number
    /// bounds the memory. Ends at the first refusal that no retry can change; without an answer, what was not answered stays
    /// [unanswered](Self::unanswered).
    pub async fn append_all(
        &mut self,
        client: &Client,
        batches: impl IntoIterator<Item = Vec<Item>>,
        mut each: impl FnMut(usize, &SubmitResponse),
    ) -> Result<(), ClientError> {
        self.idle()?;
        let envelopes: Vec<Envelope> = batches.into_iter().map(|items| self.sign_append(items)).collect();
        self.submit_all(client, &envelopes, |place, response| each(place, response)).await
    }

    /// Submits what this session signed, in order over one stream, and takes the answers.
    pub async fn submit_all(
        &mut self,
        client: &Client,
        envelopes: &[Envelope],
        mut each: impl FnMut(usize, &SubmitResponse),
    ) -> Result<(), ClientError> {
        let mut answered = 0;
        let ended = client.submit_all(envelopes, |place, response| {
            self.accepted(&response);
            answered = place + 1;
            each(place, &response);
        });
        match ended.await {
            Ok(()) => Ok(()),
            Err(error) => match envelopes.get(answered) {
                Some(envelope) => Err(self.failed(envelope, error)),
                None => Err(error),
            },
        }
    }

    /// Queues an amendment; it is enacted when the cycle closes.
    pub async fn amend(&mut self, client: &Client, amendment: Amendment) -> Result<SubmitResponse, ClientError> {
        self.idle()?;
        let envelope = self.sign_amend(amendment);
        self.submit(client, &envelope).await
    }

    /// Closes a cycle, whose name is unique in the substrate.
    pub async fn close_cycle(
        &mut self,
        client: &Client,
        cycle_id: impl Into<String>,
        goalvector: GoalVector,
    ) -> Result<SubmitResponse, ClientError> {
        self.idle()?;
        let envelope = self.sign_close_cycle(cycle_id, goalvector);
        self.submit(client, &envelope).await
    }

    /// Closes the session. From then on [`continuity_hash`](Self::continuity_hash) is the one to keep.
    pub async fn close(&mut self, client: &Client) -> Result<SubmitResponse, ClientError> {
        self.idle()?;
        let envelope = self.sign_close();
        self.submit(client, &envelope).await
    }

    /// Sends what has no answer again, in order and byte for byte, and gives the answers. The outcome of an open that was
    /// answered this way stands in the substrate's state.
    pub async fn retry(&mut self, client: &Client) -> Result<Vec<SubmitResponse>, ClientError> {
        let mut responses = Vec::new();
        while let Some(envelope) = self.unanswered.front().map(|one| one.envelope.clone()) {
            let response = self.submit(client, &envelope).await?;
            let foreign = response.submission != envelope.digest();
            responses.push(response);
            if foreign {
                // It would be sent without end.
                return Err(ClientError::Unanswered { submission: envelope.digest() });
            }
        }
        Ok(responses)
    }

    /// Takes what the cluster knows for what this chip knows: after a restart, or after a refusal that says that somebody
    /// else wrote. Writes without an answer are forgotten: whether they were taken, the state says.
    pub async fn resume(&mut self, client: &Client) -> Result<(), ClientError> {
        let state = client.substrate(&self.substrate_id).await?;
        self.adopt(&state);
        Ok(())
    }
}
