//! Where the carrier is to find us, and how what it has differs from that.

use serde::Serialize;
use twilio_rest::{ApplicationSettings, Capabilities, IncomingNumber, Method, NumberSettings};
use url::Url;

/// Our own addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    base: String,
    /// A file elsewhere that is heard when we are not there.
    outage: Option<Url>,
}

/// A setting of a number that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Twilio's name for it, such as `voice_url`.
    pub setting: &'static str,
    /// As it is at Twilio; empty if it is not set.
    pub there: String,
    /// As it should be.
    pub ours: String,
}

impl Addresses {
    /// Those of the server that is reached at `base`.
    #[must_use]
    pub fn of(base: &Url) -> Self {
        Self { base: base.as_str().trim_end_matches('/').to_owned(), outage: None }
    }

    /// The same, with a file elsewhere that is heard when we are not there, in place of our own fallback.
    #[must_use]
    pub fn with_outage(self, outage: Option<Url>) -> Self {
        Self { outage, ..self }
    }

    /// Asked what to do with a call.
    #[must_use]
    pub fn voice(&self) -> String {
        format!("{}/api/voice/incoming", self.base)
    }

    /// Asked when the other fails.
    #[must_use]
    pub fn voice_fallback(&self) -> String {
        match &self.outage {
            Some(file) => file.to_string(),
            None => format!("{}/api/voice/fallback", self.base),
        }
    }

    /// How it is asked: a file is only read.
    fn voice_fallback_method(&self) -> Method {
        if self.outage.is_some() { Method::Get } else { Method::Post }
    }

    /// Told how calls go.
    #[must_use]
    pub fn status(&self) -> String {
        format!("{}/api/voice/status", self.base)
    }

    /// Asked what to do with a message.
    #[must_use]
    pub fn message(&self) -> String {
        format!("{}/hooks/twilio/sms", self.base)
    }

    /// A number's settings for calls. An application that was there would go over the addresses, so it is taken away.
    #[must_use]
    pub fn number(&self) -> NumberSettings {
        NumberSettings {
            voice_url: Some(self.voice()),
            voice_method: Some(Method::Post),
            voice_fallback_url: Some(self.voice_fallback()),
            voice_fallback_method: Some(self.voice_fallback_method()),
            status_callback: Some(self.status()),
            status_callback_method: Some(Method::Post),
            voice_application_sid: Some(String::new()),
            ..NumberSettings::default()
        }
    }

    /// All of a number's settings: those for messages only where it takes any.
    #[must_use]
    pub fn number_with(&self, can: Capabilities) -> NumberSettings {
        let calls = self.number();
        if !can.sms {
            return calls;
        }
        NumberSettings {
            sms_url: Some(self.message()),
            sms_method: Some(Method::Post),
            sms_application_sid: Some(String::new()),
            ..calls
        }
    }

    /// The settings of the application that softphones call through.
    #[must_use]
    pub fn application(&self, friendly_name: &str) -> ApplicationSettings {
        ApplicationSettings {
            friendly_name: Some(friendly_name.to_owned()),
            voice_url: Some(self.voice()),
            voice_method: Some(Method::Post),
            voice_fallback_url: Some(self.voice_fallback()),
            voice_fallback_method: Some(self.voice_fallback_method()),
            status_callback: Some(self.status()),
            status_callback_method: Some(Method::Post),
            ..ApplicationSettings::default()
        }
    }

    /// What of a number's settings is not as it should be.
    #[must_use]
    pub fn differences(&self, number: &IncomingNumber) -> Vec<Difference> {
        let messages = [
            ("sms_url", number.sms_url.as_deref(), self.message()),
            ("sms_application_sid", number.sms_application_sid.as_deref(), String::new()),
        ];
        let calls = [
            ("voice_url", number.voice_url.as_deref(), self.voice()),
            ("voice_method", number.voice_method.as_deref(), "POST".to_owned()),
            ("voice_fallback_url", number.voice_fallback_url.as_deref(), self.voice_fallback()),
            ("status_callback", number.status_callback.as_deref(), self.status()),
            ("voice_application_sid", number.voice_application_sid.as_deref(), String::new()),
        ];
        calls
            .into_iter()
            .chain(messages.into_iter().filter(|_| number.capabilities.sms))
            .map(|(setting, there, ours)| Difference {
                setting,
                there: there.unwrap_or_default().to_owned(),
                ours,
            })
            .filter(|difference| difference.there != difference.ours)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_nothing_of_ours_runs_a_file_elsewhere_is_read() {
        let base: Url = "https://calls.example.com/".parse().unwrap();
        let own = Addresses::of(&base).number();
        assert_eq!(own.voice_fallback_url.as_deref(), Some("https://calls.example.com/api/voice/fallback"));
        assert_eq!(own.voice_fallback_method, Some(Method::Post));
        let file = "https://files.example.com/outage.xml";
        let elsewhere = Addresses::of(&base).with_outage(Some(file.parse().unwrap()));
        for settings in [elsewhere.number().voice_fallback_url, elsewhere.application("A").voice_fallback_url]
        {
            assert_eq!(settings.as_deref(), Some(file));
        }
        assert_eq!(elsewhere.number().voice_fallback_method, Some(Method::Get));
        assert_eq!(elsewhere.number().voice_url, own.voice_url, "calls still come to us");
    }

    #[test]
    fn messages_come_here_where_a_number_takes_any() {
        let addresses = Addresses::of(&"https://calls.example.com/".parse().unwrap());
        let there = |sms: bool, sms_url: &str| -> IncomingNumber {
            serde_json::from_value(serde_json::json!({
                "sid": format!("PN{}", "0".repeat(32)), "phone_number": "+15550100", "friendly_name": "Main",
                "capabilities": { "voice": true, "sms": sms, "mms": false },
                "voice_url": addresses.voice(), "voice_method": "POST", "voice_fallback_url": addresses.voice_fallback(),
                "status_callback": addresses.status(), "sms_url": sms_url,
            }))
            .unwrap()
        };
        let elsewhere = there(true, "https://elsewhere.example.com/");
        let differences = addresses.differences(&elsewhere);
        assert_eq!((differences.len(), differences[0].setting), (1, "sms_url"));
        assert_eq!(differences[0].ours, "https://calls.example.com/hooks/twilio/sms");
        assert_eq!(addresses.differences(&there(true, &addresses.message())), []);
        assert_eq!(addresses.differences(&there(false, "")), [], "it takes none");
        let settings = addresses.number_with(elsewhere.capabilities);
        assert_eq!(settings.sms_url, Some(addresses.message()));
        assert_eq!(addresses.number_with(there(false, "").capabilities), addresses.number());
    }
}
