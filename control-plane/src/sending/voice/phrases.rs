//! What is said around a message that is spoken: who calls, how to confirm, and goodbye.

/// The phrases of one language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Phrases {
    /// Before the first time, with the company's name in place of `{}`.
    intro: &'static str,
    /// After the message each time.
    pub(crate) press: &'static str,
    /// After the key.
    pub(crate) thanks: &'static str,
    /// When no key was pressed.
    pub(crate) goodbye: &'static str,
    /// Twilio's voice where the tenant's own speaks another language.
    voice: &'static str,
}

const ENGLISH: Phrases = Phrases {
    intro: "This is an automated message from {}.",
    press: "Press 1 to confirm that you have heard this message.",
    thanks: "Thank you. Goodbye.",
    goodbye: "Goodbye.",
    voice: "Polly.Amy",
};
const FRENCH: Phrases = Phrases {
    intro: "Ceci est un message automatique de {}.",
    press: "Appuyez sur la touche 1 pour confirmer que vous avez entendu ce message.",
    thanks: "Merci. Au revoir.",
    goodbye: "Au revoir.",
    voice: "Polly.Lea",
};
const SPANISH: Phrases = Phrases {
    intro: "Este es un mensaje automático de {}.",
    press: "Pulse 1 para confirmar que ha oído este mensaje.",
    thanks: "Gracias. Adiós.",
    goodbye: "Adiós.",
    voice: "Polly.Lucia",
};

/// The first part of a BCP 47 language.
fn primary(language: &str) -> &str {
    language.split(['-', '_']).next().unwrap_or_default()
}

impl Phrases {
    /// Those of a language; English where there are none.
    pub(crate) fn of(language: Option<&str>) -> Self {
        match primary(language.unwrap_or_default()).to_ascii_lowercase().as_str() {
            "fr" => FRENCH,
            "es" => SPANISH,
            _ => ENGLISH,
        }
    }

    /// Who calls.
    pub(crate) fn intro(&self, company: &str) -> String {
        self.intro.replace("{}", company)
    }

    /// Who speaks: the tenant's own voice in its own language, and in those that have no phrases.
    pub(crate) fn voice<'v>(&self, tenants_language: Option<&str>, tenants_voice: &'v str) -> &'v str {
        if *self == Self::of(tenants_language) { tenants_voice } else { self.voice }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_spoken_around_in_its_language() {
        for (language, pressed) in
            [(None, "Press"), (Some("en-GB"), "Press"), (Some("FR_ca"), "Appuyez"), (Some("es"), "Pulse")]
        {
            let phrases = Phrases::of(language);
            assert!(phrases.press.starts_with(pressed) && phrases.press.contains('1'), "{language:?}");
            assert!(phrases.intro("Bikes & Co").contains("Bikes & Co"));
        }
    }

    #[test]
    fn the_tenants_voice_speaks_the_tenants_language_alone() {
        assert_eq!(Phrases::of(None).voice(None, "Polly.Joanna"), "Polly.Joanna");
        assert_eq!(Phrases::of(Some("fr")).voice(None, "Polly.Joanna"), "Polly.Lea");
        assert_eq!(Phrases::of(Some("fr")).voice(Some("fr-CA"), "Polly.Chantal"), "Polly.Chantal");
        assert_eq!(Phrases::of(Some("en")).voice(Some("es"), "Polly.Mia"), "Polly.Amy");
    }
}
