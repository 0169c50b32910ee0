//! The words. English: Twilio's defaults, with REVOKE and OPTOUT, which carriers ask for since 2025. French and Spanish: those that carriers
//! and Twilio's advanced opt-out suggest.

use super::{
    Keyword::{self, Help, Start, Stop},
    Language::{self, En, Es, Fr},
    Recognised,
};

/// Longest word, in characters, with what may stand around it: anything longer is no keyword.
const WORD_MAX: usize = 40;

/// Upper case, without accents.
const WORDS: &[(Keyword, Language, &[&str])] = &[
    (
        Stop,
        En,
        &[
            "STOP",
            "STOPALL",
            "STOP ALL",
            "UNSUBSCRIBE",
            "END",
            "QUIT",
            "CANCEL",
            "OPTOUT",
            "OPT OUT",
            "REVOKE",
        ],
    ),
    (Stop, Fr, &["ARRET", "ARRETER", "ARRETEZ", "DESABONNER", "DESINSCRIRE", "DESINSCRIPTION"]),
    (Stop, Es, &["BAJA", "PARAR", "ALTO", "CANCELAR", "DETENER"]),
    (Start, En, &["START", "UNSTOP"]),
    (Start, Fr, &["COMMENCER", "DEMARRER", "REPRENDRE"]),
    (Start, Es, &["INICIAR", "COMENZAR", "EMPEZAR", "ALTA"]),
    (Help, En, &["HELP", "INFO"]),
    (Help, Fr, &["AIDE"]),
    (Help, Es, &["AYUDA"]),
];

/// Said to many questions, so they only count for somebody who opted out.
const YES: &[(Language, &str)] = &[(En, "YES"), (Fr, "OUI"), (Es, "SI")];

pub(super) fn recognise(body: &str) -> Option<Recognised> {
    let word = folded(body)?;
    if let Some((_, language)) =
        YES.iter().map(|(language, yes)| (yes, language)).find(|(yes, _)| **yes == word)
    {
        return Some(Recognised { keyword: Start, language: *language, only_after_stop: true });
    }
    let (keyword, language, _) = WORDS.iter().find(|(_, _, words)| words.contains(&word.as_str()))?;
    Some(Recognised { keyword: *keyword, language: *language, only_after_stop: false })
}

/// Upper case, without accents, hyphens as spaces, and without what stands around it.
fn folded(body: &str) -> Option<String> {
    let trimmed = body.trim_matches(|c: char| !c.is_alphanumeric());
    if trimmed.is_empty() || trimmed.chars().count() > WORD_MAX {
        return None;
    }
    let mut word = String::new();
    for c in trimmed.chars().flat_map(char::to_uppercase) {
        match plain(c) {
            Some(' ') if word.ends_with(' ') => {}
            Some(c) => word.push(c),
            None => {}
        }
    }
    Some(word)
}

/// A letter without its accent; `None` for an accent that stands alone.
fn plain(c: char) -> Option<char> {
    Some(match c {
        '\u{300}'..='\u{36f}' => return None,
        'À'..='Å' => 'A',
        'Ç' => 'C',
        'È'..='Ë' => 'E',
        'Ì'..='Ï' => 'I',
        'Ñ' => 'N',
        'Ò'..='Ö' => 'O',
        'Ù'..='Ü' => 'U',
        '-' | '_' => ' ',
        c if c.is_whitespace() => ' ',
        c => c,
    })
}
