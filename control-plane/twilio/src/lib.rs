//! Client of Twilio's REST API, version 2010-04-01, as far as the product uses it.
//!
//! - [`TwilioClient`]: connections, limits and retries, one for the whole program.
//! - [`Account`]: what is asked for, on behalf of one account; a method for each operation.
//! - [`TwilioError`] says what happened, and its [`RetryClass`] what follows from it.
//! - [`reconcile`]: what is done when nobody knows whether something was created.
//! - [`access_token`]: tokens for softphones.
//!
//! Nothing that creates, buys or redirects is ever sent again by itself unless Twilio said that it did not do
//! it (429) or nothing was sent. Twilio has no idempotency keys: a request whose answer was lost ends in
//! [`TwilioError::UnknownOutcome`], and [`reconcile`] finds out by listing.

pub mod access_token;
mod account;
mod client;
mod codes;
mod credentials;
mod date;
mod decimal;
mod error;
mod form;
mod limits;
mod media;
mod number;
mod options;
mod pages;
pub mod reconcile;
mod resources;
mod retry;
mod sid;
mod text_enum;

pub use account::Account;
pub use client::{ClientError, TwilioClient};
pub use codes::{RetryClass, retry_class};
pub use credentials::Credentials;
pub use decimal::{Decimal, DecimalError};
pub use error::{Refusal, TwilioError};
pub use media::Media;
pub use options::{RateOptions, RetryOptions, TwilioOptions};
pub use pages::Pages;
pub use resources::{
    accounts::{AccountDetails, AccountFilter, AccountStatus},
    applications::{Application, ApplicationSettings},
    balance::Balance,
    calls::{AnsweredBy, Call, CallFilter, CallStatus, CallUpdate, DetectionMode, MachineDetection, NewCall},
    conferences::{Conference, ConferenceFilter, ConferenceStatus, ConferenceUpdate},
    keys::{Key, NewKey},
    messages::{Message, MessageFilter, MessageStatus, NewMessage},
    numbers::{
        AvailableNumber, AvailableNumberFilter, Capabilities, IncomingNumber, NumberFilter, NumberKind,
        NumberSettings,
    },
    participants::{NewParticipant, Participant, ParticipantId, ParticipantStatus, ParticipantUpdate},
    queues::{MemberId, Queue, QueueMember, QueueSettings},
    recordings::{
        MediaFormat, NewRecording, Recording, RecordingFilter, RecordingId, RecordingStatus, RecordingUpdate,
    },
};
pub use sid::{
    AccountSid, ApplicationSid, CallSid, ConferenceSid, KeySid, MessageSid, NumberSid, QueueSid,
    RecordingSid, SidError,
};

/// `GET` or `POST`, for webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Parameters in the query.
    Get,
    /// Parameters in the body.
    Post,
}
