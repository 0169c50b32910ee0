//! A call gets a stream: whoever comes with the token of its TwiML is let in.

use super::{
    HookError, Webhook,
    route::{other_side, own_number},
};
use crate::{
    clock::now_us,
    contacts,
    inbox::calls,
    keys::random_token,
    tokens::WaitingCall,
    twiml::{StreamToken, Twiml, Verb},
};
use engine::ports::Assistant;
use serde_json::json;
use std::{error::Error, sync::Arc};
use store::{Call, Event, Record, ids::ContactId};
use tokio::time::Instant;
use tracing::error;

impl Webhook {
    /// A new token for the call's next stream, which `assistant` answers, or the tenant's own if that is gone. It is told
    /// who is on the line, if that is one of the tenant's contacts.
    pub(super) async fn hand_out(
        &self,
        call: &Call,
        assistant: &str,
        had_stream: bool,
    ) -> Result<String, HookError> {
        let tenant = &self.tenant;
        let mut answering = tenant.answering(assistant, own_number(call)).ok_or(HookError::NobodyAnswers)?;
        let contact = contacts::on_the_line(&*self.store, other_side(call)).await;
        answering.assistant = contacts::introduced(&answering.assistant, contact.as_ref());
        if let Some(contact) = &contact {
            answering.assistant = self.told_what_was_written(answering.assistant, &contact.id).await;
        }
        if !had_stream {
            self.note_in_conversation(call);
        }
        if let Some(contact) = contact.filter(|_| !had_stream) {
            let data = json!({ "contact": contact.id, "name": contact.value.name });
            let event = Event { at: now_us(), kind: "contact_known".to_owned(), data: data.to_string() };
            self.shared.log.note(&tenant.id, Record::Event { call: call.id.clone(), event });
        }
        let token = random_token();
        let waiting = WaitingCall {
            call: call.id.as_str().into(),
            tenant: tenant.id.clone(),
            account: self.account().to_owned(),
            answering,
            record: tenant.record,
            from: call.from_number.clone(),
            to: call.to_number.clone(),
            had_stream,
        };
        let sid = call.carrier_sid.as_deref().unwrap_or(call.id.as_str());
        self.shared
            .tokens
            .lock()
            .hand_out(Instant::now(), sid, &token, waiting)
            .map_err(|_| HookError::TooManyWaiting)?;
        Ok(token)
    }

    /// The assistant, told what was written with the contact. A call is answered even if that cannot be found out.
    async fn told_what_was_written(&self, assistant: Arc<Assistant>, contact: &ContactId) -> Arc<Assistant> {
        match calls::written_before(&*self.store, contact).await {
            Ok(written) if written.is_empty() => assistant,
            Ok(written) => {
                let prompt = format!("{}{written}", assistant.prompt);
                Arc::new(Assistant { prompt, ..Assistant::clone(&assistant) })
            }
            Err(cause) => {
                error!(error = &cause as &dyn Error, "it cannot be found out what was written before a call");
                assistant
            }
        }
    }

    /// Puts the call into the conversation with whoever is on the line, who does not wait for that.
    fn note_in_conversation(&self, call: &Call) {
        let (shared, tenant, call) = (Arc::clone(&self.shared), self.store.id().clone(), call.clone());
        tokio::spawn(async move {
            if let Err(cause) = calls::note(&*shared.store_of(&tenant), &call).await {
                error!(call = %call.id, error = &cause as &dyn Error, "a call is not in its conversation");
            }
        });
    }

    /// TwiML that opens a stream for the call, with a new token; `action` is the path that is asked when it has ended.
    pub(super) async fn connect(
        &self,
        call: &Call,
        had_stream: bool,
        action: &str,
    ) -> Result<Twiml, HookError> {
        let token = self.hand_out(call, &call.assistant_id, had_stream).await?;
        let urls = &self.shared.urls;
        let token = StreamToken(&token);
        Ok(Twiml::new(&[Verb::Connect { action: &urls.of(action), stream: &urls.stream(), token }]))
    }
}
