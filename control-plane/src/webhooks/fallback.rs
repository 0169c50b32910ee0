//! What a caller hears when nothing else works: they can leave a message.

use crate::{
    settings::CarrierTexts,
    shared::Shared,
    twiml::{Record, Twiml, Verb},
};
use axum::extract::State;
use std::sync::Arc;

/// Always the same, whoever asks: it is asked for when the rest is in trouble, and reveals and changes nothing.
pub(crate) async fn fallback(State(shared): State<Arc<Shared>>) -> Twiml {
    leave_message(&shared, &CarrierTexts::default())
}

pub(crate) fn leave_message(shared: &Shared, texts: &CarrierTexts) -> Twiml {
    Twiml::new(&[
        Verb::Say { voice: &texts.voice, text: &texts.leave_message },
        Verb::Record(Record {
            max_s: shared.limits.voicemail_max_s,
            action: &shared.own_url("/api/voice/emergency-recording"),
            transcript: None,
            status: Some(&shared.own_url("/api/voice/recording-status")),
        }),
    ])
}
