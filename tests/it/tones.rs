//! What the caller heard, word by word, when the synthesisers speak in marked tones.

use fixtures::{
    call::Fixture,
    mulaw,
    sandbox::{
        SandboxOptions, VoiceMode,
        tone::{self, Burst},
    },
};
use tandem::rehearsal::sandbox_options;

/// The sandbox with tones for voices.
pub(crate) fn tones() -> SandboxOptions {
    SandboxOptions { voice: VoiceMode::Tone, ..sandbox_options() }
}

/// What the assistant says in a recorded call whose rules stand in the order of the call, greeting first.
pub(crate) fn script(fixture: &Fixture) -> Vec<String> {
    let results = fixture.scenario.tool_results.iter().map(|tool| tool.result.clone());
    let result = serde_json::Value::Object(results.flatten().collect());
    let replies = fixture.scenario.rules.iter().map(|rule| rule.filled(&result));
    std::iter::once(fixture.assistant.greeting.clone()).chain(replies).collect()
}

/// A word as it was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) word: String,
    pub(crate) start_ms: u64,
    pub(crate) end_ms: u64,
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().filter(|word| tone::duration_ms(word) > 0).collect()
}

/// Finds the texts in what was played, one after the other, each word once and nothing else; the piece of a word at
/// which playback was cut does not count. The error tells where audio and texts part.
pub(crate) fn heard(texts: &[String], bursts: &[Burst]) -> Result<Vec<Vec<Heard>>, String> {
    let mut bursts = bursts.iter().peekable();
    let mut all = Vec::new();
    for text in texts {
        let mut found: Vec<Heard> = Vec::new();
        for word in words(text) {
            let burst = loop {
                let Some(burst) = bursts.next() else {
                    return Err(format!("\"{word}\" and what follows was not heard of \"{text}\""));
                };
                if burst.is_whole(word) {
                    break burst;
                }
                let cut_short = burst.end_ms - burst.start_ms < tone::duration_ms(word);
                if burst.code != tone::code(word) || !cut_short {
                    return Err(format!("at {} ms there is another word than \"{word}\"", burst.start_ms));
                }
            };
            found.push(Heard { word: word.to_owned(), start_ms: burst.start_ms, end_ms: burst.end_ms });
        }
        all.push(found);
    }
    match bursts.next() {
        Some(burst) => Err(format!("at {} ms there is a word too many", burst.start_ms)),
        None => Ok(all),
    }
}

/// The words in the audio of the line.
pub(crate) fn bursts(mulaw: &[u8]) -> Vec<Burst> {
    tone::decode(&mulaw.iter().map(|code| mulaw::decode(*code)).collect::<Vec<_>>())
}

/// The longest silence between two words of the same text, ms.
pub(crate) fn longest_pause(heard: &[Vec<Heard>]) -> u64 {
    let pauses = heard.iter().flat_map(|text| text.windows(2).map(|pair| pair[1].start_ms - pair[0].end_ms));
    pauses.max().unwrap_or_default()
}
