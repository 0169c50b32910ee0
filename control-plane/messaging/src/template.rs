//! The words of a message: by language and channel, with variables that are checked before anything is written.
//!
//! - A variable that is missing, of the wrong kind or not declared is an error that names it. Nothing is sent with a hole in it.
//! - `fr-CA` falls back to `fr` and then to the template's own language, by channel.
//! - HTML alone is escaped. A subject has one line.
//! - Templates come from tenants and share a process: their size, their work and what they write are bounded, and they cannot calculate
//!   ([`check`](Template::check)).

mod engine;
pub mod told;
mod values;

use crate::{channel::Channel, words::words};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
pub use values::{Kind, Variable, VariableError};

words! {
    /// What a template is for (requirement S3-19).
    pub enum Category, "template category" {
        /// Appointments: made, near, moved.
        Appointment => "appointment",
        /// After a call or a visit.
        FollowUp => "follow_up",
        /// A person takes over from the assistant.
        HumanControl => "human_control",
        /// Orders, receipts, deliveries.
        Order => "order",
        /// Sign-ins and codes.
        Security => "security",
        /// Offers.
        Marketing => "marketing",
        /// Anything else.
        Other => "other",
    }
}

/// A template: one text for each language and channel that it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// What it is for.
    pub category: Category,
    /// The language that is used where there is no better one, BCP 47.
    pub default_language: String,
    /// What is filled in, by name.
    #[serde(default)]
    pub variables: BTreeMap<String, Variable>,
    /// The texts, by language.
    pub languages: BTreeMap<String, Texts>,
}

/// The texts of one language.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Texts {
    /// A text message.
    pub sms: Option<String>,
    /// A WhatsApp message.
    pub whatsapp: Option<Whatsapp>,
    /// A mail.
    pub email: Option<Email>,
    /// A notification.
    pub push: Option<Push>,
    /// What is spoken in a call.
    pub voice: Option<String>,
}

/// A WhatsApp message: as text within the 24-hour window, and as a template that the provider approved outside of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Whatsapp {
    /// The text.
    pub text: Option<String>,
    /// The provider's template.
    pub approved: Option<Approved>,
}

/// A template that the provider approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    /// Its id there: `HX…` at Twilio.
    pub id: String,
    /// What is filled in there, by its name there (`1`, `2`): a text with our variables.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
}

/// A mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Email {
    /// One line.
    pub subject: String,
    /// Plain.
    pub text: String,
    /// HTML, if there is any; variables are escaped in it.
    #[serde(default)]
    pub html: Option<String>,
}

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    /// One line.
    pub title: String,
    /// What follows.
    pub body: String,
}

/// What is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendered {
    /// The language that was found.
    pub language: String,
    /// The texts.
    pub content: Content,
}

/// The filled texts of one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "channel", rename_all = "snake_case")]
pub enum Content {
    /// A text message.
    Sms {
        /// The text.
        text: String,
    },
    /// A WhatsApp message.
    Whatsapp {
        /// The text, for within the window.
        text: Option<String>,
        /// The provider's template, for outside of it.
        approved: Option<Approved>,
    },
    /// A mail.
    Email {
        /// One line.
        subject: String,
        /// Plain.
        text: String,
        /// HTML.
        html: Option<String>,
    },
    /// A notification.
    Push {
        /// One line.
        title: String,
        /// What follows.
        body: String,
    },
    /// A call.
    Voice {
        /// What is spoken.
        text: String,
    },
}

/// What is wrong with a template, with a JSON pointer to where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{pointer}: {reason}")]
pub struct Fault {
    /// Where, in the template.
    pub pointer: String,
    /// What, for people.
    pub reason: String,
}

/// Why nothing could be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// Variables are missing, wrong or not declared.
    #[error("{}", values::said(.0))]
    Variables(Vec<VariableError>),
    /// The template has no text for this channel in any language that can be used.
    #[error("there is no text for {0}")]
    NoText(Channel),
    /// A text of the template is wrong.
    #[error("{0}")]
    Text(Fault),
}

impl Template {
    /// Looks for everything that is wrong with it: texts that cannot be read, variables that are not declared, examples that are not of their
    /// kind, and a default language without a text.
    ///
    /// # Errors
    /// Every fault.
    pub fn check(&self) -> Result<(), Vec<Fault>> {
        let mut faults = values::check(&self.variables);
        if !self.languages.contains_key(&self.default_language) {
            let reason = "the default language has no texts".to_owned();
            faults.push(Fault { pointer: "/default_language".to_owned(), reason });
        }
        for (language, texts) in &self.languages {
            for (pointer, source, _) in texts.sources() {
                let pointer = format!("/languages/{}{pointer}", escaped(language));
                faults.extend(
                    engine::check(source, &self.variables)
                        .into_iter()
                        .map(|reason| Fault { pointer: pointer.clone(), reason }),
                );
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// Writes the message for a channel in the best language for `language`, BCP 47.
    ///
    /// # Errors
    /// [`RenderError`]; every wrong variable is named.
    pub fn render(
        &self,
        channel: Channel,
        language: &str,
        values: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<Rendered, RenderError> {
        let context = values::context(&self.variables, values).map_err(RenderError::Variables)?;
        let (language, texts) = self.texts(channel, language).ok_or(RenderError::NoText(channel))?;
        let mut filled: BTreeMap<String, String> = BTreeMap::new();
        for (pointer, source, form) in
            texts.sources().into_iter().filter(|(pointer, ..)| is_of(pointer, channel))
        {
            let wrong = |reason| {
                RenderError::Text(Fault {
                    pointer: format!("/languages/{}{pointer}", escaped(language)),
                    reason,
                })
            };
            let text = engine::render(source, form, &self.variables, &context).map_err(wrong)?;
            filled.insert(pointer, text);
        }
        let content = texts.content(channel, filled).ok_or(RenderError::NoText(channel))?;
        Ok(Rendered { language: language.to_owned(), content })
    }

    /// Looks whether every value is there and of its kind, without writing anything.
    ///
    /// # Errors
    /// Every variable that is wrong.
    pub fn check_values(
        &self,
        values: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<(), Vec<VariableError>> {
        values::context(&self.variables, values).map(|_| ())
    }

    /// The values of its variables among texts, such as those of a table, whose names may be written in any case. What the template
    /// has no variable for is left out; what cannot be read as its kind stays a text, to be refused by its name.
    #[must_use]
    pub fn values_of_texts(
        &self,
        texts: &BTreeMap<String, serde_json::Value>,
    ) -> serde_json::Map<String, serde_json::Value> {
        let mut values = serde_json::Map::new();
        for (name, variable) in &self.variables {
            let same = |given: &&String| given.eq_ignore_ascii_case(name);
            let given = texts.get(name).or_else(|| texts.get(texts.keys().find(same)?));
            if let Some(given) = given {
                let read = given.as_str().and_then(|text| values::of_text(variable.kind, text));
                values.insert(name.clone(), read.unwrap_or_else(|| given.clone()));
            }
        }
        values
    }

    /// Writes it with the examples of its variables.
    ///
    /// # Errors
    /// As [`Template::render`]; a variable without an example is missing.
    pub fn preview(&self, channel: Channel, language: &str) -> Result<Rendered, RenderError> {
        let examples = self
            .variables
            .iter()
            .filter_map(|(name, variable)| variable.example.clone().map(|example| (name.clone(), example)));
        self.render(channel, language, &examples.collect())
    }

    /// The texts for a channel in the best language: `fr-CA`, `fr`, the default.
    fn texts(&self, channel: Channel, language: &str) -> Option<(&str, &Texts)> {
        let mut wanted = vec![language];
        let mut shorter = language;
        while let Some((front, _)) = shorter.rsplit_once(['-', '_']) {
            wanted.push(front);
            shorter = front;
        }
        wanted.push(&self.default_language);
        wanted.into_iter().find_map(|wanted| {
            let found = self.languages.iter().find(|(name, _)| same_language(name, wanted));
            found.filter(|(_, texts)| texts.has(channel)).map(|(name, texts)| (name.as_str(), texts))
        })
    }
}

impl Texts {
    fn has(&self, channel: Channel) -> bool {
        match channel {
            Channel::Sms => self.sms.is_some(),
            Channel::Whatsapp => {
                self.whatsapp.as_ref().is_some_and(|text| text.text.is_some() || text.approved.is_some())
            }
            Channel::Email => self.email.is_some(),
            Channel::Push => self.push.is_some(),
            Channel::Voice => self.voice.is_some(),
        }
    }

    /// Every text with the pointer to it and its form.
    fn sources(&self) -> Vec<(String, &str, engine::Form)> {
        use engine::Form::{Html, Line, Plain};
        let mut sources: Vec<(String, &str, engine::Form)> = Vec::new();
        if let Some(text) = &self.sms {
            sources.push(("/sms".to_owned(), text, Plain));
        }
        if let Some(whatsapp) = &self.whatsapp {
            if let Some(text) = &whatsapp.text {
                sources.push(("/whatsapp/text".to_owned(), text, Plain));
            }
            for (name, text) in whatsapp.approved.iter().flat_map(|approved| &approved.variables) {
                sources.push((format!("/whatsapp/approved/variables/{}", escaped(name)), text, Line));
            }
        }
        if let Some(email) = &self.email {
            sources.push(("/email/subject".to_owned(), &email.subject, Line));
            sources.push(("/email/text".to_owned(), &email.text, Plain));
            if let Some(html) = &email.html {
                sources.push(("/email/html".to_owned(), html, Html));
            }
        }
        if let Some(push) = &self.push {
            sources.push(("/push/title".to_owned(), &push.title, Line));
            sources.push(("/push/body".to_owned(), &push.body, Plain));
        }
        if let Some(text) = &self.voice {
            sources.push(("/voice".to_owned(), text, Plain));
        }
        sources
    }

    fn content(&self, channel: Channel, mut filled: BTreeMap<String, String>) -> Option<Content> {
        let mut take = |pointer: &str| filled.remove(pointer);
        Some(match channel {
            Channel::Sms => Content::Sms { text: take("/sms")? },
            Channel::Voice => Content::Voice { text: take("/voice")? },
            Channel::Push => Content::Push { title: take("/push/title")?, body: take("/push/body")? },
            Channel::Email => Content::Email {
                subject: take("/email/subject")?,
                text: take("/email/text")?,
                html: take("/email/html"),
            },
            Channel::Whatsapp => {
                let text = take("/whatsapp/text");
                let approved = self.whatsapp.as_ref()?.approved.as_ref().map(|approved| Approved {
                    id: approved.id.clone(),
                    variables: approved
                        .variables
                        .keys()
                        .filter_map(|name| {
                            let filled = take(&format!("/whatsapp/approved/variables/{}", escaped(name)))?;
                            Some((name.clone(), filled))
                        })
                        .collect(),
                });
                Content::Whatsapp { text, approved }
            }
        })
    }
}

fn is_of(pointer: &str, channel: Channel) -> bool {
    pointer.split('/').nth(1) == Some(channel.as_str())
}

fn same_language(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.replace('_', "-").eq_ignore_ascii_case(&b.replace('_', "-"))
}

/// A name as a part of a JSON pointer (RFC 6901).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests;
