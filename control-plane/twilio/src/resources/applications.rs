//! TwiML applications: a set of webhooks with an id, for softphones and for numbers that share them.

use crate::{Account, ApplicationSid, Method, Pages, TwilioError, date, retry::Repetition};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What an application is made with or changed to; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ApplicationSettings {
    /// For people, at most 64 characters.
    pub friendly_name: Option<String>,
    /// Asked for TwiML.
    pub voice_url: Option<String>,
    /// How.
    pub voice_method: Option<Method>,
    /// Asked when the other fails.
    pub voice_fallback_url: Option<String>,
    /// How.
    pub voice_fallback_method: Option<Method>,
    /// Told how calls end.
    pub status_callback: Option<String>,
    /// How.
    pub status_callback_method: Option<Method>,
    /// Asked for what to do with a message.
    pub sms_url: Option<String>,
    /// How.
    pub sms_method: Option<Method>,
    /// Asked when the other fails.
    pub sms_fallback_url: Option<String>,
    /// Told how messages end.
    pub message_status_callback: Option<String>,
}

/// An application.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Application {
    /// Which.
    pub sid: ApplicationSid,
    /// For people.
    pub friendly_name: String,
    /// Asked for TwiML.
    pub voice_url: Option<String>,
    /// `GET` or `POST`.
    pub voice_method: Option<String>,
    /// Asked when the other fails.
    pub voice_fallback_url: Option<String>,
    /// Told how calls end.
    pub status_callback: Option<String>,
    /// Asked for what to do with a message.
    pub sms_url: Option<String>,
    /// Told how messages end.
    pub message_status_callback: Option<String>,
    /// When it was made.
    #[serde(default, deserialize_with = "date::optional")]
    pub date_created: Option<Timestamp>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Filter<'a> {
    friendly_name: Option<&'a str>,
}

impl Account {
    /// Makes an application.
    ///
    /// # Errors
    /// See [`TwilioError`]; an unknown outcome is for [`crate::reconcile`].
    pub async fn create_application(
        &self,
        settings: &ApplicationSettings,
    ) -> Result<Application, TwilioError> {
        let url = self.url(&["Applications.json"]);
        self.post("creating an application", url, Repetition::Doubles, settings).await
    }

    /// One application.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn fetch_application(&self, sid: &ApplicationSid) -> Result<Application, TwilioError> {
        self.get("fetching an application", self.application_url(sid)).await
    }

    /// Changes an application.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn update_application(
        &self,
        sid: &ApplicationSid,
        settings: &ApplicationSettings,
    ) -> Result<Application, TwilioError> {
        let url = self.application_url(sid);
        self.post("changing an application", url, Repetition::Harmless, settings).await
    }

    /// Deletes an application.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn delete_application(&self, sid: &ApplicationSid) -> Result<(), TwilioError> {
        self.delete("deleting an application", self.application_url(sid)).await
    }

    /// All applications, or those with exactly this name.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub fn list_applications(&self, friendly_name: Option<&str>) -> Result<Pages<Application>, TwilioError> {
        let url = self.url(&["Applications.json"]);
        self.list("listing applications", url, "applications", &Filter { friendly_name })
    }

    fn application_url(&self, sid: &ApplicationSid) -> url::Url {
        self.url(&["Applications", &format!("{sid}.json")])
    }
}
