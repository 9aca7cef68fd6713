//! A session with a client: signing, sending, and taking the answer in one.

use super::{Activation, Birth, ChipSession, Opening, Sealing};
use crate::{Client, ClientError, Rail, Substrate, Written};
use selfsame_protocol::command::{GoalVector, Item};
use selfsame_protocol::envelope::Envelope;
use selfsame_protocol::p104::Amendment;
use selfsame_protocol::response::{
    AmendmentQueued, CommandResult, CycleClosed, ItemsAppended, MigrationAborted, MigrationArrived, MigrationSealed,
    OtherResult, SessionClosed, SubmitResponse, SubstrateBorn,
};

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

    /// Submits what this session signed, whose result is of one kind.
    async fn write_for<T>(&mut self, client: &Client, envelope: &Envelope) -> Result<Written<T>, ClientError>
    where
        T: TryFrom<CommandResult, Error = OtherResult>,
    {
        match client.submit_for(envelope).await {
            Ok((response, written)) => {
                self.accepted(&response);
                Ok(written)
            }
            Err(error) => Err(self.failed(envelope, error)),
        }
    }

    /// Brings the substrate into being, held by this chip. Its time is part of the bytes: to repeat a birth after a
    /// restart, keep its time or its envelope, and [`resume`](Self::resume) then.
    pub async fn birth(&mut self, client: &Client, birth: Birth) -> Result<Written<SubstrateBorn>, ClientError> {
        self.idle()?;
        let envelope = self.sign_birth(birth);
        self.write_for(client, &envelope).await
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
    pub async fn append(&mut self, client: &Client, items: Vec<Item>) -> Result<Written<ItemsAppended>, ClientError> {
        self.idle()?;
        let envelope = self.sign_append(items);
        self.write_for(client, &envelope).await
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
    pub async fn amend(
        &mut self,
        client: &Client,
        amendment: Amendment,
    ) -> Result<Written<AmendmentQueued>, ClientError> {
        self.idle()?;
        let envelope = self.sign_amend(amendment);
        self.write_for(client, &envelope).await
    }

    /// Closes a cycle, whose name is unique in the substrate.
    pub async fn close_cycle(
        &mut self,
        client: &Client,
        cycle_id: impl Into<String>,
        goalvector: GoalVector,
    ) -> Result<Written<CycleClosed>, ClientError> {
        self.idle()?;
        let envelope = self.sign_close_cycle(cycle_id, goalvector);
        self.write_for(client, &envelope).await
    }

    /// Closes the session. From then on [`continuity_hash`](Self::continuity_hash) is the one to keep.
    pub async fn close(&mut self, client: &Client) -> Result<Written<SessionClosed>, ClientError> {
        self.idle()?;
        let envelope = self.sign_close();
        self.write_for(client, &envelope).await
    }

    /// Seals the substrate for a migration: from then on nobody writes until the destination arrives or this chip aborts.
    /// Fails with [`ClientError::NeverClosed`] before a session of the substrate was closed. The depths that are stated
    /// must be the ledger's; otherwise somebody wrote meanwhile, and STATE_MISMATCH says so.
    pub async fn seal(&mut self, client: &Client, sealing: Sealing) -> Result<Written<MigrationSealed>, ClientError> {
        self.idle()?;
        let envelope = self.sign_seal(sealing).ok_or(ClientError::NeverClosed)?;
        self.write_for(client, &envelope).await
    }

    /// Makes this chip, the destination of a migration, the active one. What it attests is what the activation says: verify
    /// the substrate's bundle before, with `selfsame_protocol::bundle`, and compare head and continuity hash.
    pub async fn arrive(
        &mut self,
        client: &Client,
        activation: &Activation,
    ) -> Result<Written<MigrationArrived>, ClientError> {
        self.idle()?;
        let envelope = self.sign_arrive(activation);
        self.write_for(client, &envelope).await
    }

    /// Ends a migration before the destination arrived, and makes this chip, its origin, active again.
    pub async fn abort(
        &mut self,
        client: &Client,
        activation: &Activation,
    ) -> Result<Written<MigrationAborted>, ClientError> {
        self.idle()?;
        let envelope = self.sign_abort(activation);
        self.write_for(client, &envelope).await
    }

    /// Sends what has no answer again, in order and byte for byte, and gives the answers. The outcome of an open that was
    /// answered this way stands in the substrate's state.
    pub async fn retry(&mut self, client: &Client) -> Result<Vec<SubmitResponse>, ClientError> {
        let mut responses = Vec::new();
        while let Some(envelope) = self.unanswered.front().map(|one| one.envelope.clone()) {
            responses.push(self.submit(client, &envelope).await?);
        }
        Ok(responses)
    }

    /// Takes what the cluster knows for what this chip knows, and gives it: after a restart, or after a refusal that says
    /// that somebody else wrote. Writes without an answer are forgotten, and may be taken all the same, even after this: a
    /// node may go on forwarding one. Whoever must not write twice sends them again before, with [`retry`](Self::retry).
    /// When
    /// another chip holds the substrate, this one writes nothing more: each attempt is refused, and recorded.
    pub async fn resume(&mut self, client: &Client) -> Result<Substrate, ClientError> {
        let state = client.substrate(&self.substrate_id).await?;
        self.adopt(&state);
        Ok(state)
    }
}
