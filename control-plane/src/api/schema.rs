//! Schemas of what the store's types are in JSON: words of a list, ids and times of the day.

use identity::permission::Scope;
use store::{
    Id,
    model::{
        account::{AccountMode, AccountStatus},
        audit::ActorKind,
        call::Direction,
        call_status::CallStatus,
        contact::AddressKind,
        identity::{KeyMode, KeyStatus, Role, UserStatus},
        message::{Channel, ConversationStatus, MessageDirection, MessageStatus, Sentiment, Urgency},
        number::NumberStatus,
        outgoing::{AttemptStatus, BatchStatus},
        queue::VoicemailStatus,
        recording::{RecordingPlace, RecordingSource, RecordingStatus},
        tenant::{TenantStatus, WebhookMode},
        usage::BudgetPeriod,
        webhook::{DeliveryStatus, EndpointStatus},
        work::JobStatus,
    },
};
use utoipa::openapi::{
    ArrayBuilder, ObjectBuilder, RefOr, Schema, Type,
    schema::SchemaType::{Array, Type as One},
};

/// A word of a list.
pub(crate) trait Word {
    /// The list.
    fn words() -> Vec<&'static str>;
}

macro_rules! words {
    ($($type:ty),+ $(,)?) => {
        $(impl Word for $type {
            fn words() -> Vec<&'static str> {
                Self::ALL.iter().map(|word| word.as_str()).collect()
            }
        })+
    };
}

impl Word for Scope {
    fn words() -> Vec<&'static str> {
        Self::ALL.iter().map(|scope| scope.as_str()).collect()
    }
}

words!(
    AccountMode,
    AccountStatus,
    ActorKind,
    AddressKind,
    AttemptStatus,
    BatchStatus,
    BudgetPeriod,
    CallStatus,
    Channel,
    ConversationStatus,
    DeliveryStatus,
    Direction,
    EndpointStatus,
    JobStatus,
    KeyMode,
    KeyStatus,
    MessageDirection,
    MessageStatus,
    NumberStatus,
    Role,
    RecordingPlace,
    RecordingSource,
    RecordingStatus,
    Sentiment,
    TenantStatus,
    Urgency,
    UserStatus,
    VoicemailStatus,
    WebhookMode,
);

fn of_words(words: Vec<&'static str>) -> Schema {
    Schema::Object(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build())
}

/// What a message is about.
pub(crate) fn message_type() -> Schema {
    of_words(messaging::MessageType::ALL.iter().map(|word| word.as_str()).collect())
}

/// Whether an email goes along with a message.
pub(crate) fn email_backup() -> Schema {
    of_words(messaging::plan::EmailBackup::ALL.iter().map(|word| word.as_str()).collect())
}

/// Channels of a step.
pub(crate) fn channels() -> Schema {
    let channel = RefOr::T(of_words(messaging::Channel::ALL.iter().map(|word| word.as_str()).collect()));
    Schema::Array(ArrayBuilder::new().items(channel).min_items(Some(1)).max_items(Some(5)).build())
}

/// Channels of which there may be none.
pub(crate) fn some_channels() -> Schema {
    let channel = RefOr::T(of_words(messaging::Channel::ALL.iter().map(|word| word.as_str()).collect()));
    Schema::Array(ArrayBuilder::new().items(channel).max_items(Some(5)).build())
}

/// One of the words of `W`.
pub(crate) fn word<W: Word>() -> Schema {
    Schema::Object(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(W::words())).build())
}

/// One of the words of `W`, or `null`.
pub(crate) fn optional_word<W: Word>() -> Schema {
    let types = Array(vec![Type::String, Type::Null]);
    let words = W::words().into_iter().map(serde_json::Value::from).chain([serde_json::Value::Null]);
    Schema::Object(ObjectBuilder::new().schema_type(types).enum_values(Some(words)).build())
}

/// A list of words of `W`.
pub(crate) fn words<W: Word>() -> Schema {
    Schema::Array(ArrayBuilder::new().items(RefOr::T(word::<W>())).unique_items(true).build())
}

/// The id of something.
pub(crate) fn id<I: Id>() -> Schema {
    Schema::Object(ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern::<I>())).build())
}

/// The id of something, or `null`.
pub(crate) fn optional_id<I: Id>() -> Schema {
    let types = Array(vec![Type::String, Type::Null]);
    Schema::Object(ObjectBuilder::new().schema_type(types).pattern(Some(pattern::<I>())).build())
}

/// How an id of 26 digits of Crockford's base 32 looks.
fn pattern<I: Id>() -> String {
    format!("^{}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$", I::PREFIX)
}

/// A time of the day, `HH:MM`.
pub(crate) fn clock_time() -> Schema {
    let time = ObjectBuilder::new().schema_type(One(Type::String));
    Schema::Object(time.pattern(Some("^([01][0-9]|2[0-3]):[0-5][0-9]$")).examples(["09:00"]).build())
}

/// A time of the day, or its end, `24:00`.
pub(crate) fn closing_time() -> Schema {
    let time = ObjectBuilder::new().schema_type(One(Type::String));
    Schema::Object(time.pattern(Some("^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")).examples(["17:30"]).build())
}

/// A phone number as people write it: E.164, with spaces, hyphens, dots, slashes and parentheses, which are left out.
pub(crate) fn phone() -> Schema {
    Schema::Object(written_number().schema_type(One(Type::String)).build())
}

/// The same, or `null`.
pub(crate) fn optional_phone() -> Schema {
    Schema::Object(written_number().schema_type(Array(vec![Type::String, Type::Null])).build())
}

fn written_number() -> ObjectBuilder {
    ObjectBuilder::new().pattern(Some(r"^ *\+[0-9 ()./-]{7,40}$")).examples(["+15550100"])
}

/// A phone number, E.164.
pub(crate) fn e164() -> Schema {
    let number = ObjectBuilder::new().schema_type(One(Type::String));
    Schema::Object(number.pattern(Some(r"^\+[1-9][0-9]{6,14}$")).examples(["+15550100"]).build())
}
