//! How long what was said and written is kept, as the API shows and takes it.

use super::body::Check;
use crate::problem::Faults;
use serde::{Deserialize, Serialize};
use store::model::tenant::RetentionSettings;
use utoipa::ToSchema;

/// Most days: a hundred years.
const DAYS_MAX: u32 = 36_500;

/// How long what was said and written is kept, in days from when it was; `null`: for ever. That there was a message or a call, when, by
/// which channel and at what price stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = RetentionSettings)]
pub(crate) struct RetentionForm {
    /// Text messages.
    #[schema(minimum = 1, maximum = 36_500)]
    sms_days: Option<u32>,
    /// Messages on WhatsApp.
    #[schema(minimum = 1, maximum = 36_500)]
    whatsapp_days: Option<u32>,
    /// Emails, with the files that came with them.
    #[schema(minimum = 1, maximum = 36_500)]
    email_days: Option<u32>,
    /// Notifications.
    #[schema(minimum = 1, maximum = 36_500)]
    push_days: Option<u32>,
    /// Messages that stand for calls or were said in them.
    #[schema(minimum = 1, maximum = 36_500)]
    voice_days: Option<u32>,
    /// What was said in calls, and what callers left as a message, as text.
    #[schema(minimum = 1, maximum = 36_500)]
    transcript_days: Option<u32>,
    /// Nothing of it ends while this is set, and erasures of people wait.
    legal_hold: bool,
}

impl Check for RetentionForm {
    fn check(&self, faults: &mut Faults) {
        for (name, days) in [
            ("sms_days", self.sms_days),
            ("whatsapp_days", self.whatsapp_days),
            ("email_days", self.email_days),
            ("push_days", self.push_days),
            ("voice_days", self.voice_days),
            ("transcript_days", self.transcript_days),
        ] {
            if let Some(days) = days {
                faults.number(name, days, 1, DAYS_MAX);
            }
        }
    }
}

impl From<RetentionSettings> for RetentionForm {
    fn from(settings: RetentionSettings) -> Self {
        Self {
            sms_days: settings.sms_days,
            whatsapp_days: settings.whatsapp_days,
            email_days: settings.email_days,
            push_days: settings.push_days,
            voice_days: settings.voice_days,
            transcript_days: settings.transcript_days,
            legal_hold: settings.legal_hold,
        }
    }
}

impl From<RetentionForm> for RetentionSettings {
    fn from(form: RetentionForm) -> Self {
        Self {
            sms_days: form.sms_days,
            whatsapp_days: form.whatsapp_days,
            email_days: form.email_days,
            push_days: form.push_days,
            voice_days: form.voice_days,
            transcript_days: form.transcript_days,
            legal_hold: form.legal_hold,
        }
    }
}
