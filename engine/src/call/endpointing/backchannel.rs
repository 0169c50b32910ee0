//! Tells a listener's "uh-huh" from somebody who wants to speak.

/// Longest backchannel, in words; who says more wants to be heard.
const WORDS_MAX: usize = 3;

const SOUNDS: &[&str] =
    &["mm", "mmm", "mhm", "mmhm", "hm", "hmm", "uh huh", "mm hm", "mm hmm", "aha", "ah", "oh"];

const ENGLISH: &[&str] = &[
    "yeah",
    "yep",
    "yup",
    "yes",
    "ok",
    "okay",
    "right",
    "sure",
    "alright",
    "all right",
    "i see",
    "got it",
    "great",
    "good",
    "cool",
    "exactly",
    "of course",
];

const SPANISH: &[&str] = &[
    "sí",
    "si",
    "claro",
    "vale",
    "ya",
    "ajá",
    "aja",
    "bueno",
    "bien",
    "exacto",
    "de acuerdo",
    "por supuesto",
    "ok",
    "okay",
    "entiendo",
];

const FRENCH: &[&str] = &[
    "oui",
    "ouais",
    "d'accord",
    "d accord",
    "ok",
    "okay",
    "bien",
    "très bien",
    "bien sûr",
    "voilà",
    "exactement",
    "je vois",
    "c'est ça",
    "hum",
];

/// Whether `text` only says that its speaker listens: at most three words, all of them from the list of the
/// language (BCP 47; a language without a list, such as `multi`, has all of them). A question never is.
#[must_use]
pub fn is_backchannel(text: &str, language: &str) -> bool {
    if text.contains(['?', '？']) {
        return false;
    }
    let lists: &[&[&str]] =
        match language.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "en" => &[SOUNDS, ENGLISH],
            "es" => &[SOUNDS, SPANISH],
            "fr" => &[SOUNDS, FRENCH],
            _ => &[SOUNDS, ENGLISH, SPANISH, FRENCH],
        };
    let plain = text.to_lowercase().replace('’', "'");
    let words: Vec<&str> =
        plain.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty()).collect();
    (1..=WORDS_MAX).contains(&words.len()) && are_listed(&words, lists)
}

/// Whether the words are a row of phrases from the lists.
fn are_listed(words: &[&str], lists: &[&[&str]]) -> bool {
    words.is_empty()
        || (1..=words.len()).any(|length| {
            let phrase = words[..length].join(" ");
            lists.iter().any(|list| list.contains(&phrase.as_str())) && are_listed(&words[length..], lists)
        })
}
