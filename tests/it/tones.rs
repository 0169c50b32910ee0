//! What the caller heard, word by word, when the synthesisers speak in marked tones.

use fixtures::{
    call::Fixture,
    mulaw,
    sandbox::{
        SandboxOptions, VoiceMode,
        tone::{self, Burst},
    },
};
use tandem::rehearsal::{Performance, sandbox_options};

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
    pub(crate) start_ms: u64,
    pub(crate) end_ms: u64,
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().filter(|word| tone::duration_ms(word) > 0).collect()
}

/// Finds the texts in what was played, one after the other, each word once and nothing else. What playback was cut
/// at may be there as a piece of a word before the whole of it, and up to `clipped` words may lack their end. The
/// error tells where audio and texts part.
pub(crate) fn heard(texts: &[String], bursts: &[Burst], clipped: usize) -> Result<Vec<Vec<Heard>>, String> {
    let mut bursts = bursts.iter().peekable();
    let mut clipped_so_far = 0;
    let mut all = Vec::new();
    for text in texts {
        let mut found: Vec<Heard> = Vec::new();
        for word in words(text) {
            let Some(mut burst) = bursts.next() else {
                return Err(format!("\"{word}\" and what follows was not heard of \"{text}\""));
            };
            if !burst.is_whole(word) {
                let is_piece = burst.end_ms - burst.start_ms < tone::duration_ms(word);
                match bursts.next_if(|next| next.is_whole(word)) {
                    Some(whole) if is_piece => burst = whole,
                    None if is_piece && burst.code == tone::code(word) => clipped_so_far += 1,
                    Some(_) | None => {
                        let Burst { start_ms, end_ms, code } = burst;
                        return Err(format!(
                            "from {start_ms} to {end_ms} ms there is {code}, not \"{word}\""
                        ));
                    }
                }
            }
            found.push(Heard { start_ms: burst.start_ms, end_ms: burst.end_ms });
        }
        all.push(found);
    }
    match bursts.next() {
        Some(burst) => Err(format!("at {} ms there is a word too many", burst.start_ms)),
        None if clipped_so_far > clipped => Err(format!("{clipped_so_far} words lack their end")),
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

/// The call went on in a second stream: the rest of what was being said was said there, and nothing twice; up to
/// `clipped` words lack their end.
pub(crate) fn assert_continued(name: &str, performance: &Performance, clipped: usize) {
    let Performance { report, call, .. } = performance;
    let fixture = Fixture::named(name).unwrap();
    assert_eq!((report.stream_sids.len(), call.streams), (2, 2), "{:?}", report.problems);
    assert_eq!(call.end_reason.as_deref(), Some(fixture.expect.end.as_str()));
    let texts = script(&fixture);
    let said = call.turns.iter().map(|turn| turn.assistant.as_str()).collect::<Vec<_>>().join(" ");
    assert_eq!(said, texts.join(" "), "the books");
    let callers = call.turns.iter().map(|turn| turn.caller.as_str()).filter(|text| !text.is_empty());
    assert!(callers.eq(fixture.utterances().map(|utterance| utterance.text.as_str())), "{call:?}");
    let words = heard(&texts, &bursts(&report.audio.as_ref().unwrap().assistant), clipped);
    let longest = longest_pause(&words.unwrap_or_else(|why| panic!("the caller's ear: {why}")));
    assert!(longest <= 1_500, "a pause of {longest} ms");
}
