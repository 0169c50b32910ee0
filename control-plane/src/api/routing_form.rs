//! Who answers a number, as the API shows and takes it.

use super::{crud::Reference, phone, schema};
use crate::problem::{FaultCode, Faults};
use serde::{Deserialize, Serialize};
use store::{
    Table,
    ids::{AssistantId, HoursId, QueueId, UserId},
    model::number::{Destination, Routing},
};
use utoipa::ToSchema;

/// Destinations that are tried one after the other; a caller who has heard so many give up has given up too.
const TRIED_MAX: usize = 10;

/// Who answers a number, during and after hours.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = Routing)]
pub(crate) struct RoutingForm {
    /// When it is open; `null`: the tenant's own hours, and always if it has none.
    #[schema(schema_with = schema::optional_id::<HoursId>)]
    hours: Option<HoursId>,
    /// Tried in order during hours; empty: the tenant's assistant.
    #[schema(max_items = 10)]
    during: Vec<DestinationForm>,
    /// Tried in order after hours; empty: the same as during.
    #[schema(max_items = 10)]
    after: Vec<DestinationForm>,
}

/// Where a call goes.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "to", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = Destination)]
pub(crate) enum DestinationForm {
    /// An assistant answers.
    Assistant {
        /// Which; `null`: the tenant's own.
        #[serde(default)]
        #[schema(schema_with = schema::optional_id::<AssistantId>, required = false)]
        assistant: Option<AssistantId>,
    },
    /// A person answers.
    User {
        /// Who.
        #[schema(schema_with = schema::id::<UserId>)]
        user: UserId,
        /// How long it rings, in s.
        #[serde(default)]
        #[schema(minimum = 5, maximum = 600)]
        timeout_s: Option<u32>,
    },
    /// The caller waits until somebody is free.
    Queue {
        /// Where.
        #[schema(schema_with = schema::id::<QueueId>)]
        queue: QueueId,
    },
    /// The caller leaves a message.
    Voicemail {
        /// Said before the beep.
        #[serde(default)]
        #[schema(min_length = 1, max_length = 1000)]
        greeting: Option<String>,
    },
    /// Something is said, then the call ends.
    Message {
        /// What.
        #[schema(min_length = 1, max_length = 1000)]
        text: String,
    },
    /// Another number is called.
    Forward {
        /// Which.
        #[serde(deserialize_with = "phone::number")]
        #[schema(schema_with = schema::phone)]
        number: String,
        /// Said to the one who answers, before the caller is put through.
        #[serde(default)]
        #[schema(min_length = 1, max_length = 1000)]
        whisper: Option<String>,
        /// How long it rings, in s.
        #[serde(default)]
        #[schema(minimum = 5, maximum = 600)]
        timeout_s: Option<u32>,
    },
}

impl RoutingForm {
    /// Notes what will not do; `own` is the number that is routed.
    pub(crate) fn check(&self, faults: &mut Faults, own: Option<&str>) {
        for (name, tried) in [("during", &self.during), ("after", &self.after)] {
            faults.at_most(name, tried, TRIED_MAX);
            faults.each(name, tried, |faults, destination| destination.check(faults, own));
        }
    }

    /// What it names, `at` a place in the body.
    pub(crate) fn references(&self, at: &str) -> Vec<Reference> {
        let hours =
            self.hours.iter().map(|id| Reference::new(format!("{at}/hours"), Table::BusinessHours, id));
        let tried = [("during", &self.during), ("after", &self.after)].into_iter();
        let destinations = tried.flat_map(|(name, tried)| {
            tried.iter().enumerate().filter_map(move |(index, destination)| {
                destination.reference(&format!("{at}/{name}/{index}"))
            })
        });
        hours.chain(destinations).collect()
    }
}

impl DestinationForm {
    fn check(&self, faults: &mut Faults, own: Option<&str>) {
        match self {
            Self::Assistant { .. } | Self::Queue { .. } => {}
            Self::User { timeout_s, .. } => check_timeout(faults, *timeout_s),
            Self::Voicemail { greeting } => faults.text_if("greeting", greeting.as_deref(), 1, 1_000),
            Self::Message { text } => faults.text("text", text, 1, 1_000),
            Self::Forward { number, whisper, timeout_s } => {
                faults.e164("number", number);
                if own == Some(number) {
                    faults.add_at(
                        "number",
                        FaultCode::InvalidValue,
                        "a number cannot be forwarded to itself",
                    );
                }
                faults.text_if("whisper", whisper.as_deref(), 1, 1_000);
                check_timeout(faults, *timeout_s);
            }
        }
    }

    fn reference(&self, at: &str) -> Option<Reference> {
        match self {
            Self::Assistant { assistant } => {
                let id = assistant.as_ref()?;
                Some(Reference::new(format!("{at}/assistant"), Table::Assistants, id))
            }
            Self::User { user, .. } => Some(Reference::new(format!("{at}/user"), Table::Users, user)),
            Self::Queue { queue } => Some(Reference::new(format!("{at}/queue"), Table::Queues, queue)),
            Self::Voicemail { .. } | Self::Message { .. } | Self::Forward { .. } => None,
        }
    }
}

fn check_timeout(faults: &mut Faults, timeout_s: Option<u32>) {
    if let Some(seconds) = timeout_s {
        faults.number("timeout_s", seconds, 5, 600);
    }
}

impl From<Routing> for RoutingForm {
    fn from(routing: Routing) -> Self {
        let forms = |tried: Vec<Destination>| tried.into_iter().map(DestinationForm::from).collect();
        Self { hours: routing.hours, during: forms(routing.during), after: forms(routing.after) }
    }
}

impl From<RoutingForm> for Routing {
    fn from(form: RoutingForm) -> Self {
        let tried = |forms: Vec<DestinationForm>| forms.into_iter().map(Destination::from).collect();
        Self { hours: form.hours, during: tried(form.during), after: tried(form.after) }
    }
}

impl From<Destination> for DestinationForm {
    fn from(destination: Destination) -> Self {
        match destination {
            Destination::Assistant { assistant } => Self::Assistant { assistant },
            Destination::User { user, timeout_s } => Self::User { user, timeout_s },
            Destination::Queue { queue } => Self::Queue { queue },
            Destination::Voicemail { greeting } => Self::Voicemail { greeting },
            Destination::Message { text } => Self::Message { text },
            Destination::Forward { number, whisper, timeout_s } => {
                Self::Forward { number, whisper, timeout_s }
            }
        }
    }
}

impl From<DestinationForm> for Destination {
    fn from(form: DestinationForm) -> Self {
        match form {
            DestinationForm::Assistant { assistant } => Self::Assistant { assistant },
            DestinationForm::User { user, timeout_s } => Self::User { user, timeout_s },
            DestinationForm::Queue { queue } => Self::Queue { queue },
            DestinationForm::Voicemail { greeting } => Self::Voicemail { greeting },
            DestinationForm::Message { text } => Self::Message { text },
            DestinationForm::Forward { number, whisper, timeout_s } => {
                Self::Forward { number, whisper, timeout_s }
            }
        }
    }
}
