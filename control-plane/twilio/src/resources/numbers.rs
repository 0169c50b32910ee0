//! Phone numbers: those to be had, and those of the account.

use crate::{Account, ApplicationSid, Method, NumberSid, Pages, TwilioError, date, retry::Repetition};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a number can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// Calls.
    pub voice: bool,
    /// Text messages; older answers write it in capitals.
    #[serde(alias = "SMS")]
    pub sms: bool,
    /// Messages with media.
    #[serde(alias = "MMS")]
    pub mms: bool,
    /// Fax.
    pub fax: bool,
}

/// A kind of number that is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberKind {
    /// Of an area.
    Local,
    /// Free for the caller.
    TollFree,
    /// Of mobile phones.
    Mobile,
}

impl NumberKind {
    fn segment(self) -> &'static str {
        match self {
            Self::Local => "Local.json",
            Self::TollFree => "TollFree.json",
            Self::Mobile => "Mobile.json",
        }
    }
}

/// Which numbers are searched for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AvailableNumberFilter {
    /// US and Canada: three digits.
    pub area_code: Option<u16>,
    /// Digits and letters that it contains; `*` is any digit. At least two characters.
    pub contains: Option<String>,
    /// Whether it takes calls.
    pub voice_enabled: Option<bool>,
    /// Whether it takes text messages.
    pub sms_enabled: Option<bool>,
    /// Whether it takes messages with media.
    pub mms_enabled: Option<bool>,
    /// State or province.
    pub in_region: Option<String>,
    /// Town.
    pub in_locality: Option<String>,
}

/// A number that can be bought.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct AvailableNumber {
    /// E.164.
    pub phone_number: String,
    /// For people.
    pub friendly_name: String,
    /// Town.
    pub locality: Option<String>,
    /// State or province.
    pub region: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// ISO 3166-1, such as `US`.
    pub iso_country: Option<String>,
    /// What it can do.
    #[serde(default)]
    pub capabilities: Capabilities,
    /// `none`, `any`, `local` or `foreign`: which address the buyer must have given.
    pub address_requirements: Option<String>,
    /// New on Twilio's network.
    #[serde(default)]
    pub beta: bool,
}

/// What a number is bought with or changed to; what is `None` stays as it is. An application's SID overrides the
/// addresses of its kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NumberSettings {
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
    /// In the place of the voice addresses; empty takes it away.
    pub voice_application_sid: Option<String>,
    /// In the place of the message addresses; empty takes it away.
    pub sms_application_sid: Option<String>,
    /// The buyer's address, where the country wants one (`AD…`).
    pub address_sid: Option<String>,
    /// The buyer's regulatory bundle, where the country wants one (`BU…`).
    pub bundle_sid: Option<String>,
}

/// A number of the account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct IncomingNumber {
    /// Which.
    pub sid: NumberSid,
    /// E.164.
    pub phone_number: String,
    /// For people.
    pub friendly_name: String,
    /// What it can do.
    #[serde(default)]
    pub capabilities: Capabilities,
    /// Asked for TwiML.
    pub voice_url: Option<String>,
    /// `GET` or `POST`.
    pub voice_method: Option<String>,
    /// Asked when the other fails.
    pub voice_fallback_url: Option<String>,
    /// In the place of the voice addresses; empty if there is none.
    pub voice_application_sid: Option<String>,
    /// Told how calls end.
    pub status_callback: Option<String>,
    /// Asked for what to do with a message.
    pub sms_url: Option<String>,
    /// In the place of the message addresses; empty if there is none.
    pub sms_application_sid: Option<String>,
    /// `in-use`, or what the number waits for.
    pub status: Option<String>,
    /// When it was bought.
    #[serde(default, deserialize_with = "date::optional")]
    pub date_created: Option<Timestamp>,
}

/// Which of the account's numbers are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NumberFilter {
    /// E.164, or part of it; `*` is any digit.
    pub phone_number: Option<String>,
    /// With exactly this name.
    pub friendly_name: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Purchase<'a> {
    phone_number: &'a str,
    #[serde(flatten)]
    settings: &'a NumberSettings,
}

impl NumberSettings {
    /// Voice through an application.
    #[must_use]
    pub fn with_voice_application(mut self, sid: &ApplicationSid) -> Self {
        self.voice_application_sid = Some(sid.to_string());
        self
    }
}

impl Account {
    /// Searches numbers that can be bought. `country` is ISO 3166-1, such as `US`.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub fn available_numbers(
        &self,
        country: &str,
        kind: NumberKind,
        filter: &AvailableNumberFilter,
    ) -> Result<Pages<AvailableNumber>, TwilioError> {
        let doing = "searching for numbers";
        if country.len() != 2 || !country.bytes().all(|b| b.is_ascii_uppercase()) {
            let reason = "a country is two capital letters, such as US".to_owned();
            return Err(TwilioError::Invalid { doing, reason });
        }
        let url = self.url(&["AvailablePhoneNumbers", country, kind.segment()]);
        self.list(doing, url, "available_phone_numbers", filter)
    }

    /// Buys a number: it costs money from now on. Prefer [`crate::reconcile::buy_number_once`].
    ///
    /// # Errors
    /// See [`TwilioError`]; 21422 if somebody else has it.
    pub async fn buy_number(
        &self,
        phone_number: &str,
        settings: &NumberSettings,
    ) -> Result<IncomingNumber, TwilioError> {
        let url = self.url(&["IncomingPhoneNumbers.json"]);
        let purchase = Purchase { phone_number, settings };
        self.post("buying a number", url, Repetition::Doubles, &purchase).await
    }

    /// One number.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn fetch_number(&self, sid: &NumberSid) -> Result<IncomingNumber, TwilioError> {
        self.get("fetching a number", self.number_url(sid)).await
    }

    /// Changes a number's webhooks or name.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn update_number(
        &self,
        sid: &NumberSid,
        settings: &NumberSettings,
    ) -> Result<IncomingNumber, TwilioError> {
        self.post("changing a number", self.number_url(sid), Repetition::Harmless, settings).await
    }

    /// Gives a number back: at once, and perhaps for ever.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn release_number(&self, sid: &NumberSid) -> Result<(), TwilioError> {
        self.delete("releasing a number", self.number_url(sid)).await
    }

    /// The account's numbers.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub fn list_numbers(&self, filter: &NumberFilter) -> Result<Pages<IncomingNumber>, TwilioError> {
        let url = self.url(&["IncomingPhoneNumbers.json"]);
        self.list("listing numbers", url, "incoming_phone_numbers", filter)
    }

    fn number_url(&self, sid: &NumberSid) -> url::Url {
        self.url(&["IncomingPhoneNumbers", &format!("{sid}.json")])
    }
}
