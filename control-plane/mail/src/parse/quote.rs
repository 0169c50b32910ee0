//! What somebody wrote anew, without the history that mail programs put below or above it, and without the signature.
//!
//! Told by the marks that programs leave: lines with `>`, "On … wrote:" in the languages that are asked for, and the headers that
//! Outlook puts before what it quotes. When all of it seems to be history, all of it is kept: too much is better than nothing.

/// Endings of the line before a quotation, in lower case, without the colon.
const WROTE: [&str; 9] = [
    "wrote",      // en
    "a écrit",    // fr
    "a ecrit",    // fr
    "escribió",   // es
    "escribio",   // es
    "escreveu",   // pt
    "schrieb",    // de
    "ha scritto", // it
    "schreef",    // nl
];
/// Beginnings of the line before a quotation, in lower case.
const ON: [&str; 9] = ["on ", "le ", "el ", "em ", "am ", "il ", "op ", "a ", "den "];
/// The line between an answer and what it answers, in lower case, without its dashes.
const ORIGINAL: [&str; 8] = [
    "original message",
    "forwarded message",
    "message d'origine",
    "message transféré",
    "mensaje original",
    "mensaje reenviado",
    "mensagem original",
    "ursprüngliche nachricht",
];
/// Names of the first header that Outlook puts before what it quotes, in lower case.
const FROM: [&str; 4] = ["from:", "de:", "von:", "da:"];
/// Names of one of those that follow, in lower case.
const SENT: [&str; 8] =
    ["sent:", "envoyé:", "enviado:", "enviado el:", "enviada em:", "gesendet:", "date:", "fecha:"];
/// Lines that "On … wrote:" can be broken into.
const LONGEST_ATTRIBUTION: usize = 4;
/// Lines after "From:" that are looked at.
const HEADER_LINES: usize = 4;

/// The text without quoted history and signature.
#[must_use]
pub fn without_history(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut kept: Vec<&str> = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        if begins_the_past(&lines, at) {
            break;
        }
        let attribution = attribution(&lines, at);
        if attribution > 0 {
            at += attribution;
            continue;
        }
        // RFC 3676 4.3; what follows is the signature, and below it only history.
        if *line == "-- " || *line == "--" {
            break;
        }
        if !line.trim_start().starts_with('>') {
            kept.push(line);
        }
        at += 1;
    }
    let kept = kept.join("\n");
    let kept = kept.trim();
    if kept.is_empty() { text.trim().to_owned() } else { collapsed(kept) }
}

/// Whether all from this line on is what is answered.
fn begins_the_past(lines: &[&str], at: usize) -> bool {
    let lower = |at: usize| lines.get(at).map(|line| line.trim().replace('\u{a0}', " ").to_lowercase());
    let Some(line) = lower(at) else { return false };
    let between = line.trim_matches(['-', '_', ' ']);
    if line.starts_with('-') && ORIGINAL.contains(&between) {
        return true;
    }
    // Outlook's rule, or none, and then headers.
    let first = if line.len() >= 10 && line.bytes().all(|byte| byte == b'_') { at + 1 } else { at };
    let is_one_of = |line: Option<String>, names: &[&str]| {
        line.is_some_and(|line| {
            let line = line.trim_start_matches('*').replace(" :", ":").replace(":*", ":");
            names.iter().any(|name| line.starts_with(name))
        })
    };
    is_one_of(lower(first), &FROM) && (1..=HEADER_LINES).any(|next| is_one_of(lower(first + next), &SENT))
}

/// How many lines from here on are "On … wrote:" before a quotation, or at the end; 0 if these are not.
fn attribution(lines: &[&str], at: usize) -> usize {
    let Some(first) = lines.get(at) else { return 0 };
    let start = first.trim_start().to_lowercase();
    if !ON.iter().any(|word| start.starts_with(word)) {
        return 0;
    }
    let mut whole = String::new();
    for count in 1..=LONGEST_ATTRIBUTION {
        let Some(line) = lines.get(at + count - 1) else { return 0 };
        if line.trim().is_empty() || line.trim_start().starts_with('>') {
            return 0;
        }
        whole.push_str(line.trim());
        whole.push(' ');
        let Some(end) = whole.trim_end().strip_suffix(':') else { continue };
        let end = end.trim_end().to_lowercase();
        // German puts the name behind the verb.
        let says_so = WROTE.iter().any(|verb| end.ends_with(verb)) || end.contains(" schrieb ");
        let next = lines.iter().skip(at + count).find(|line| !line.trim().is_empty());
        let quoted = next.is_none_or(|line| line.trim_start().starts_with('>'));
        return if says_so && quoted { count } else { 0 };
    }
    0
}

/// At most one empty line in a row.
fn collapsed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = false;
    for line in text.lines() {
        let line = line.trim_end();
        if line.is_empty() {
            empty = true;
            continue;
        }
        if !out.is_empty() {
            out.push_str(if empty { "\n\n" } else { "\n" });
        }
        empty = false;
        out.push_str(line);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_answer_is_told_from_what_it_answers() {
        for (text, new) in [
            (
                "Yes, please.\n\nOn Mon, 2 Nov 2026 at 10:00, Ada <ada@example.com> wrote:\n> Shall we?\n> Ada",
                "Yes, please.",
            ),
            (
                "Yes.\n\nOn Mon, 2 Nov 2026 at 10:00, Ada Lovelace\n<ada@example.com> wrote:\n\n> Shall we?",
                "Yes.",
            ),
            ("Oui.\n\nLe lun. 2 nov. 2026 à 10:00, Ada <ada@example.com> a écrit :\n\n> On y va ?", "Oui."),
            ("Sí.\n\nEl lun, 2 nov 2026 a las 10:00, Ada escribió:\n> ¿Vamos?", "Sí."),
            ("Ja.\n\nAm 02.11.26 um 10:00 schrieb Ada:\n> Gehen wir?", "Ja."),
            ("Yes.\n\n-----Original Message-----\nFrom: Ada\nSent: Monday\n\nShall we?", "Yes."),
            (
                "Yes.\n\n________________________________\nFrom: Ada <ada@example.com>\nSent: Monday\nTo: Bob\nSubject: x\n\nShall we?",
                "Yes.",
            ),
            ("Yes.\n\n*From:* Ada\n*Sent:* Monday\n\nShall we?", "Yes."),
            ("De : Ada\nEnvoyé : lundi\n\nOn y va ?", "De : Ada\nEnvoyé : lundi\n\nOn y va ?"),
            ("> Monday?\n\nNo, Tuesday.\n\n> Where?\n\nAt the port.", "No, Tuesday.\n\nAt the port."),
            ("Fine.\n\n-- \nBob\nExample Ltd", "Fine."),
        ] {
            assert_eq!(without_history(text), new, "{text:?}");
        }
    }

    #[test]
    fn what_only_looks_like_history_stays() {
        for text in [
            "On Monday I wrote:\nplease call",
            "From: the bottom of my heart\nthanks",
            "a > b",
            "On the other hand: yes",
            "> all of it\n> is quoted",
            "",
        ] {
            assert_eq!(without_history(text), text, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_made_up(text in "(On |wrote:|> |-- |From: |Sent: |a|\n| ){0,40}") {
            let new = without_history(&text);
            prop_assert!(new.lines().all(|line| line.is_empty() || text.contains(line)));
            prop_assert_eq!(new.is_empty(), text.trim().is_empty());
        }
    }
}
