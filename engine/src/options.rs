//! Every timer, queue and limit of a call, with its default, unit and reason.
//!
//! One struct, so that nothing waits or grows by a number that stands elsewhere. What a tenant may tune is set
//! per call through [`crate::ports::CallPlan`]; the rest belongs to the node.

use crate::call::{context::ContextLimits, endpointing::EndpointingOptions, playout::PlayoutOptions};
use audio_dsp::vad::VadOptions;
use std::time::Duration;

/// Limits of all calls of a node.
#[derive(Clone, Debug, Default)]
pub struct EngineOptions {
    /// When an answer is due, whose turn it is, how long silence may last.
    pub turn: TurnOptions,
    /// When the caller's utterance is complete.
    pub endpointing: EndpointingOptions,
    /// How much of the conversation is kept for the model.
    pub context: ContextLimits,
    /// How far ahead of the caller's ear audio is sent.
    pub playout: PlayoutOptions,
    /// What counts as the caller's voice.
    pub vad: VadOptions,
    /// The carrier's socket.
    pub stream: StreamOptions,
    /// Speech recognition.
    pub stt: SttOptions,
    /// Synthesis.
    pub tts: TtsOptions,
    /// Recording.
    pub recorder: RecorderOptions,
    /// Supervision and the call as a whole.
    pub call: CallOptions,
}

/// Turn-taking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnOptions {
    /// Silence after the assistant's last word before it asks whether somebody is there. 8 s: shorter feels
    /// pushed while people look something up.
    pub idle_after: Duration,
    /// Longest time in which neither side says anything, whatever the prompts are. 60 s: the line is dead.
    pub max_silence: Duration,
    /// Longest call; then the goodbye is said. 1 h.
    pub max_duration: Duration,
    /// Time for the goodbye after [`Self::max_duration`], then the call is cut. 15 s.
    pub max_duration_grace: Duration,
    /// Longest wait for a model's first token before the next provider is asked. 4 s: with less, slow but
    /// good answers are lost; with more, callers hang up.
    pub first_token: Duration,
    /// Longest pause between two tokens. 3 s.
    pub token_gap: Duration,
    /// Longest answer, bytes of the model's text. 20,000, about 20 minutes of speech: a model that writes on and on is stopped.
    pub answer_bytes: usize,
    /// How often an answer is asked for, over all providers, before the apology. 3.
    pub attempts: u32,
    /// From one try to the next but one: the first is repeated at once. 1 s, what a service that sheds load needs.
    pub ask_again_after: Duration,
    /// A tool that takes longer is covered by a spoken filler. 1.5 s: the longest silence that callers bear.
    pub filler_after: Duration,
    /// A tool is given up so long after its own limit. 1 s: whoever runs it knows the limit, and tells of it sooner.
    pub tool_grace: Duration,
    /// Tool rounds in one answer; then the model must answer without tools. 5: more is a loop.
    pub tool_rounds: u32,
    /// Tool calls at once in one round; further ones are refused to the model. 8.
    pub parallel_tools: usize,
    /// Held playback goes on when this long after the caller's voice ended no word was recognised. 700 ms:
    /// recognisers show a first word within 300 to 600 ms.
    pub hold_release: Duration,
    /// Voice that goes on this long over the answer is an interruption, even without a recognised word. 1.2 s.
    pub hold_limit: Duration,
    /// Longest wait for the playout's report of what was heard. 250 ms: it comes from the same process.
    pub heard_wait: Duration,
    /// Pause after a keypad digit that completes the entry. 1.5 s.
    pub keypad_gap: Duration,
    /// Digits of one keypad entry; `#` or this many complete it. 32: longer than any number people type.
    pub keypad_digits: usize,
    /// An answer that should have been heard by now is given up so long after it: no report of its end will come.
    /// 30 s, above what synthesis needs to try everything it has.
    pub unheard_grace: Duration,
    /// Longest time that speaking takes, per character. 250 ms, thrice what slow voices need.
    pub character: Duration,
    /// Time for a lost stream to come back. 12 s: three tries of the carrier's webhook.
    pub reattach: Duration,
}

impl Default for TurnOptions {
    fn default() -> Self {
        Self {
            idle_after: Duration::from_secs(8),
            max_silence: Duration::from_secs(60),
            max_duration: Duration::from_secs(3600),
            max_duration_grace: Duration::from_secs(15),
            first_token: Duration::from_secs(4),
            token_gap: Duration::from_secs(3),
            answer_bytes: 20_000,
            attempts: 3,
            ask_again_after: Duration::from_secs(1),
            filler_after: Duration::from_millis(1_500),
            tool_grace: Duration::from_secs(1),
            tool_rounds: 5,
            parallel_tools: 8,
            hold_release: Duration::from_millis(700),
            hold_limit: Duration::from_millis(1_200),
            heard_wait: Duration::from_millis(250),
            keypad_gap: Duration::from_millis(1_500),
            keypad_digits: 32,
            unheard_grace: Duration::from_secs(30),
            character: Duration::from_millis(250),
            reattach: Duration::from_secs(12),
        }
    }
}

/// The carrier's socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamOptions {
    /// From the upgrade to a valid `start`. 10 s: the carrier sends it at once; anything else is a stranger.
    pub start_within: Duration,
    /// No message of the carrier for this long means that the socket is dead. 15 s: frames come every 20 ms.
    pub silence: Duration,
    /// Largest message accepted, bytes. 64 KiB: a start message is below 4 KiB, a media message below 1 KiB.
    pub message_max: usize,
    /// Longest time that one write may take. 5 s: TCP's buffer is full and the far side is gone.
    pub write: Duration,
    /// Pieces of synthesised audio waiting for the ledger; synthesis waits when it is full. 64.
    pub audio: usize,
    /// Media messages that may arrive ahead of the audio's own clock before the stream is closed as a flood.
    /// 1,500 frames, 30 s of audio: a carrier's burst after a network stall is far below.
    pub burst_frames: u64,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            start_within: Duration::from_secs(10),
            silence: Duration::from_secs(15),
            message_max: 64 * 1024,
            write: Duration::from_secs(5),
            audio: 64,
            burst_frames: 1_500,
        }
    }
}

/// Speech recognition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SttOptions {
    /// Silence after which the recogniser calls speech finished, ms. 300: below, pauses inside sentences cut
    /// people off; above, every answer is later by the difference.
    pub endpointing_ms: u32,
    /// Silence after the last word that ends an utterance even in noise, ms. 1,000 is the least allowed.
    pub utterance_end_ms: u32,
    /// Frames between the stream and the recogniser's sender; the oldest is dropped and counted. 400, 8 s.
    pub queue_frames: usize,
    /// Audio kept for a new session, ms. 8,000: longer than the recogniser ever waits with a final.
    pub replay_ms: u64,
    /// Audio is handed on after so much has gathered while nobody speaks, ms. 100: the sender wakes a fifth as
    /// often, for most of the call. While the caller speaks every frame is handed on at once.
    pub batch_quiet_ms: u64,
    /// So is every frame for this long after their voice ended: the recogniser's endpointing waits for exactly
    /// these. 1,500 ms.
    pub prompt_after_voice_ms: u64,
    /// Longest wait for a connection. 3 s.
    pub connect: Duration,
    /// Voice without any transcript for this long: the session is taken for dead. 3 s.
    pub no_words: Duration,
    /// Sessions that fail one after the other before the next provider is tried. 2.
    pub failures_per_provider: u32,
    /// Failures without a final transcript in between, over all providers, before the stage gives up. 6.
    pub failures: u32,
    /// Pause before the second and further reconnects. 250 ms, doubled up to 2 s.
    pub backoff: Duration,
    /// Time for a session to close in order after the call. 2 s; then it is cut, and nothing waits for it.
    pub goodbye: Duration,
}

impl Default for SttOptions {
    fn default() -> Self {
        Self {
            endpointing_ms: 300,
            utterance_end_ms: 1_000,
            queue_frames: 400,
            replay_ms: 8_000,
            batch_quiet_ms: 100,
            prompt_after_voice_ms: 1_500,
            connect: Duration::from_secs(3),
            no_words: Duration::from_secs(3),
            failures_per_provider: 2,
            failures: 6,
            backoff: Duration::from_millis(250),
            goodbye: Duration::from_secs(2),
        }
    }
}

/// Synthesis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TtsOptions {
    /// Longest wait for a connection. 3 s.
    pub connect: Duration,
    /// Text sent and no audio for this long: the session is taken for dead. 2 s: the caller hears nothing meanwhile.
    pub no_audio: Duration,
    /// Sessions that fail one after the other before the next provider is tried. 2.
    pub failures_per_provider: u32,
    /// Failures without a whole sentence in between, over all providers, before the stage gives up. 4: twice two
    /// providers.
    pub failures: u32,
    /// An unused session is closed after this and opened again for the next answer. 15 s: providers close
    /// idle ones after 20.
    pub idle_close: Duration,
    /// Commands waiting for synthesis; a further one is dropped, counted and logged. 64: sentences are none, they go to
    /// what it owes.
    pub queue: usize,
}

impl Default for TtsOptions {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            no_audio: Duration::from_secs(2),
            failures_per_provider: 2,
            failures: 4,
            idle_close: Duration::from_secs(15),
            queue: 64,
        }
    }
}

/// Recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecorderOptions {
    /// Blocks of stereo audio waiting for the disk; a further one is dropped, counted and logged, and the
    /// recording lacks it. 16, one per second.
    pub queue: usize,
    /// Time to finish the file when the call ends. 3 s.
    pub finish: Duration,
}

impl Default for RecorderOptions {
    fn default() -> Self {
        Self { queue: 16, finish: Duration::from_secs(3) }
    }
}

/// The call as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallOptions {
    /// Facts waiting for `llm_turn`. 512: a second of the worst burst seen, several times over.
    pub inbox: usize,
    /// Commands waiting for another actor. 64.
    pub commands: usize,
    /// The journal is handed to the log this often. 1 s: what a power cut may cost.
    pub journal_every: Duration,
    /// Journal entries kept while the log takes none; then the oldest are dropped and counted. 16,384.
    pub journal_entries: usize,
    /// Live calls; further streams are refused. 2,000: one node's worth.
    pub calls: usize,
}

impl Default for CallOptions {
    fn default() -> Self {
        Self {
            inbox: 512,
            commands: 64,
            journal_every: Duration::from_secs(1),
            journal_entries: 16_384,
            calls: 2_000,
        }
    }
}
