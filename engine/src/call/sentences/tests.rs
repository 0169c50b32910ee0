//! Pieces for synthesis: where they are cut, what is taken out, and that deltas do not matter.

use super::{SentenceOptions, Sentences, weight_of};
use proptest::prelude::*;

fn pieces_of<'a>(deltas: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut sentences = Sentences::new(SentenceOptions::default());
    for delta in deltas {
        sentences.push(delta);
    }
    sentences.flush();
    std::iter::from_fn(|| sentences.next_piece()).collect()
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(pieces_of([text]), expected);
}

#[test]
fn the_first_clause_leaves_with_its_comma() {
    let mut sentences = Sentences::new(SentenceOptions::default());
    sentences.push("Sure, I can help");
    assert_eq!(sentences.next_piece(), None);
    sentences.push(",");
    assert_eq!(sentences.next_piece().as_deref(), Some("Sure, I can help,"));
    sentences.push(" what is your order number? And");
    assert_eq!(sentences.next_piece().as_deref(), Some("what is your order number?"));
}

#[test]
fn a_first_clause_without_punctuation_ends_at_a_word() {
    check(
        "I would be glad to look into that order for you today and call back.",
        &["I would be glad to look into that order", "for you today and call back."],
    );
}

#[test]
fn later_pieces_are_whole_sentences_and_short_ones_join() {
    check(
        "Of course, madam. Yes. No. It was shipped on Monday, by express, to your office. It is on its way.",
        &[
            "Of course, madam.",
            "Yes. No. It was shipped on Monday, by express, to your office.",
            "It is on its way.",
        ],
    );
}

#[test]
fn a_single_word_is_an_answer() {
    check("Yes.", &["Yes."]);
}

#[test]
fn amounts_times_abbreviations_and_addresses_stay_whole() {
    for whole in [
        "The total comes to $29.95 with tax.",
        "You will see Dr. Smith and Mrs. Jones there.",
        "Version 3.5 is the one that you want.",
        "We open at 10:30 and close at 6 p.m. on weekdays.",
        "Bring some papers, e.g. Your passport or licence.",
        "Please go to www.example.com/help.html for more.",
        "Your number is No. 45 of the list.",
        "Ask J. Miller for the key to the room.",
        "It was made in the U.S. Army depot back then.",
    ] {
        let text = format!("Well then, my friend: {whole}");
        check(&text, &["Well then, my friend:", whole]);
    }
}

#[test]
fn a_price_may_end_a_sentence() {
    check(
        "Well then, my friend: the price of that is $29. Would you like it?",
        &["Well then, my friend:", "the price of that is $29.", "Would you like it?"],
    );
}

#[test]
fn marks_in_a_row_and_closing_quotes_stay_with_their_sentence() {
    check(
        "He really said so?! “That is not possible at all.” Then he left… And nobody ever saw him again...",
        &[
            "He really said so?!",
            "“That is not possible at all.”",
            "Then he left… And nobody ever saw him again...",
        ],
    );
}

#[test]
fn spanish_and_french_punctuation_is_understood() {
    check(
        "¡Claro que sí! ¿En qué puedo ayudarle hoy? ¿Tiene su número?",
        &["¡Claro que sí!", "¿En qué puedo ayudarle hoy?", "¿Tiene su número?"],
    );
    check(
        "Bien sûr\u{202F}! Comment puis-je vous aider\u{202F}? Nous sommes là jusqu’à 18 h.",
        &["Bien sûr\u{202F}! Comment puis-je vous aider\u{202F}?", "Nous sommes là jusqu’à 18 h."],
    );
}

#[test]
fn wide_punctuation_ends_a_sentence_at_once() {
    let mut sentences = Sentences::new(SentenceOptions::default());
    sentences.push("かしこまりました。");
    assert_eq!(sentences.next_piece().as_deref(), Some("かしこまりました。"));
}

#[test]
fn markdown_and_emoji_are_not_spoken() {
    check(
        "## Your order\n\n**Great news** 🎉: it is *almost* there! See [the page](https://example.com/a_b).\n\n\
         - `first` item ✅\n- second_item 2 * 3\n> quoted 👍🏽\n---\nOrder #4512 is ~~lost~~ found.",
        &[
            "Your order Great news :",
            "it is almost there! See the page.",
            "first item second_item 2 * 3",
            "quoted Order #4512 is lost found.",
        ],
    );
    check("```rust\nlet x = 1;\n```\n", &["let x = 1;"]);
    check("🙂🙂 *** ... !", &[]);
}

#[test]
fn numbered_lists_keep_their_numbers() {
    check(
        "You need two things:\n1. Your passport, please.\n2. A recent photograph.",
        &["You need two things:", "1. Your passport, please.", "2. A recent photograph."],
    );
}

#[test]
fn what_comes_after_a_flush_starts_with_a_first_clause_again() {
    let mut sentences = Sentences::new(SentenceOptions::default());
    sentences.push("Let me look that up");
    sentences.flush();
    sentences.push("Here it is, madam, found");
    let pieces: Vec<String> = std::iter::from_fn(|| sentences.next_piece()).collect();
    assert_eq!(pieces, ["Let me look that up", "Here it is, madam,"]);
}

#[test]
fn a_long_sentence_is_split_at_a_clause_else_at_a_word_else_anywhere() {
    let clause = format!("Well now, then {}, {}", "aaaa ".repeat(30).trim(), "bbbb ".repeat(30).trim());
    let pieces = pieces_of([clause.as_str()]);
    assert!(pieces[1].ends_with("aaaa,"), "{pieces:?}");
    for text in ["word ".repeat(200), "x".repeat(2_000), "無".repeat(500)] {
        assert!(pieces_of([text.as_str()]).iter().all(|piece| weight_of(piece) <= 223));
    }
}

#[test]
fn an_endless_row_of_marks_does_not_pile_up() {
    let mut sentences = Sentences::new(SentenceOptions::default());
    for _ in 0..1_000 {
        sentences.push("?!…—##**__[[((>>");
    }
    assert!(sentences.text.len() < 2_000);
}

fn bare(text: &str) -> String {
    text.chars().filter(|char| !char.is_whitespace()).collect()
}

fn any_text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        6 => "[a-zA-Zéñß0-9]{1,9}",
        4 => Just(" ".to_owned()),
        3 => prop::sample::select(vec![
            ". ", ", ", "? ", "! ", ": ", "; ", " — ", "…", "...", "\n", "\n\n", "$29.95", "Dr. ", "e.g. ", "a.m. ",
            "**", "*", "_", "`", "```", "# ", "- ", "> ", "[", "](", ")", "\"", "’", "»", "«", "¿", "。", "，", "無",
            "🙂", "|", "~", "!", "1. ", "\u{202F}?", "https://example.com/a.b",
        ]).prop_map(str::to_owned),
    ];
    prop::collection::vec(part, 0..80).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn pieces_do_not_depend_on_the_deltas(text in any_text(), cuts in prop::collection::vec(1..12_usize, 1..40)) {
        let chars: Vec<char> = text.chars().collect();
        let mut deltas = Vec::new();
        let mut rest = &chars[..];
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (delta, tail) = rest.split_at(rest.len().min(*cut));
            deltas.push(delta.iter().collect::<String>());
            rest = tail;
        }
        prop_assert_eq!(pieces_of(deltas.iter().map(String::as_str)), pieces_of([text.as_str()]));
    }

    /// Text without markup comes through whole.
    #[test]
    fn no_text_is_lost(text in "([a-zA-Z0-9éñ¿$]{1,12}[ ,.;:?!…\n]{1,2}){0,60}end") {
        let joined: String = pieces_of([text.as_str()]).concat();
        prop_assert_eq!(bare(&joined), bare(&text));
    }

    /// Every piece can be spoken, is trimmed, and none is longer than the limit.
    #[test]
    fn every_piece_can_be_spoken(text in any_text()) {
        for piece in pieces_of([text.as_str()]) {
            prop_assert!(piece.chars().any(char::is_alphanumeric), "{piece:?}");
            prop_assert!(piece.trim() == piece && !piece.contains("  ") && !piece.contains('\n'), "{piece:?}");
            prop_assert!(weight_of(&piece) <= 223, "{piece:?}");
        }
    }
}
