//! How long to wait, after the voice has ended, for the caller to go on: what they said tells.
//!
//! The lists are of English, Spanish and French together; a word of one language seldom ends a sentence of
//! another, and a wrong guess costs half a second.

use super::EndpointingOptions;
use std::time::Duration;

/// Ends a sentence.
const SENTENCE_ENDS: &[char] = &['.', '?', '!', '…', '。', '？', '！', '｡', '．'];

/// May stand after the end of a sentence.
const CLOSINGS: &[char] = &['"', '\'', '”', '’', '»', ')', ']', '」', '』'];

/// Shows that more is to come.
const CONTINUATIONS: &[char] = &[',', ';', ':', '-', '–', '—', '，', '、', '；', '：'];

/// Conjunctions, prepositions, articles and fillers that nobody ends with.
const TRAILING: &[&str] = &[
    "and", "but", "or", "because", "if", "with", "for", "to", "of", "from", "at", "in", "into", "about",
    "than", "the", "a", "an", "my", "your", "our", "um", "umm", "uh", "uhm", "er", "erm", "hmm",
    "like", //
    "y", "e", "o", "u", "pero", "porque", "pues", "entonces", "que", "de", "del", "con", "para", "por", "en",
    "sin", "al", "el", "los", "las", "mi", "su", "eh", "em", "ehm", //
    "et", "mais", "ou", "donc", "car", "parce", "qui", "des", "du", "le", "la", "les", "un", "une", "à",
    "au", "aux", "avec", "pour", "dans", "chez", "sans", "mon", "ma", "mes", "alors", "euh", "heu", "ben",
];

/// Something that is read out in digits.
const DICTATED: &[&str] = &[
    "number",
    "numbers",
    "phone",
    "telephone",
    "mobile",
    "code",
    "zip",
    "postcode",
    "digits",
    "pin",
    "reference", //
    "número",
    "numero",
    "teléfono",
    "telefono",
    "móvil",
    "movil",
    "celular",
    "código",
    "codigo",
    "dígitos",
    "digitos",
    "cédula",
    "cedula",
    "dni",
    "referencia", //
    "numéro",
    "téléphone",
    "portable",
    "chiffres",
    "référence",
];

/// Words for numbers, with how many digits each stands for.
const NUMBERS: &[(usize, &[&str])] = &[
    (
        1,
        &[
            "zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", //
            "cero", "uno", "una", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve", //
            "zéro", "un", "une", "deux", "trois", "quatre", "cinq", "sept", "huit", "neuf",
        ],
    ),
    (
        2,
        &[
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
            "thirty",
            "forty",
            "fifty",
            "sixty",
            "seventy",
            "eighty",
            "ninety", //
            "diez",
            "once",
            "doce",
            "trece",
            "catorce",
            "quince",
            "dieciséis",
            "diecisiete",
            "dieciocho",
            "diecinueve",
            "veinte",
            "treinta",
            "cuarenta",
            "cincuenta",
            "sesenta",
            "setenta",
            "ochenta",
            "noventa", //
            "dix",
            "onze",
            "douze",
            "treize",
            "quatorze",
            "quinze",
            "seize",
            "vingt",
            "trente",
            "quarante",
            "cinquante",
            "soixante",
        ],
    ),
];

/// How long to wait after `text`, when the assistant had `asked` something; zero if it is complete.
#[must_use]
pub fn allowance(text: &str, asked: Option<&str>, options: &EndpointingOptions) -> Duration {
    let words = words(text);
    let ends_in_number = words.last().is_some_and(|word| digits_of(word) > 0);
    if ends_in_number {
        let is_dictated = |words: &[String]| words.iter().any(|word| DICTATED.contains(&word.as_str()));
        let in_context = is_dictated(&words) || asked.is_some_and(|asked| is_dictated(&self::words(asked)));
        let digits: usize = words.iter().map(|word| digits_of(word)).sum();
        if in_context && digits < options.dictated_digits {
            return options.dictation;
        }
    }
    let end = text.trim_end().trim_end_matches(CLOSINGS);
    let trails = words.last().is_some_and(|word| TRAILING.contains(&word.as_str()));
    if end.ends_with(SENTENCE_ENDS) {
        Duration::ZERO
    } else if end.ends_with(CONTINUATIONS) || trails {
        options.trailing
    } else if ends_in_number {
        options.number
    } else {
        options.unpunctuated
    }
}

/// Lower case, without punctuation around them.
fn words(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| c.is_whitespace() || c == '-' || c == '–');
    let bare = parts.map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
    bare.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// How many digits a word stands for; none if it is no number.
fn digits_of(word: &str) -> usize {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    if digits > 0 && word.chars().all(|c| !c.is_alphabetic()) {
        return digits;
    }
    NUMBERS.iter().find(|(_, words)| words.contains(&word)).map_or(0, |(digits, _)| *digits)
}
