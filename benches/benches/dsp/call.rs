//! What the whole signal processing of one busy call costs per 20 ms, step by step, and how many calls that is on one
//! core. Both parties speak all the time, which no call does.

use crate::harness::{self, Row};
use crate::signal::{self, FRAMES, Frames, frame_length};
use crate::table::{Goal, Report, Table, find};
use audio_dsp::chain::{PcmToUlaw, UlawToPcm};
use audio_dsp::g711::ulaw;
use audio_dsp::vad::{Vad, VadOptions};
use audio_dsp::{level, stereo};
use std::hint::black_box;

/// Calls that are served in turn, as in a busy server.
const CROWD: usize = 1_000;

/// Samples of a telephone frame.
const FRAME: usize = 160;

/// Rate that the recogniser is given, in Hz.
const RECOGNISER_HZ: u32 = 16_000;

/// Rate of the synthesiser, in Hz.
const SYNTHESISER_HZ: u32 = 24_000;

/// Frames of audio that go round: long enough that voice activity hears syllables and pauses.
const FRAMES_OF_SPEECH: usize = 50;

/// The state of one call, and the buffers that its frames pass through.
struct Call {
    vad: Vad,
    to_recogniser: UlawToPcm,
    to_caller: PcmToUlaw,
    /// The caller's frame; for a step that is measured alone, all frames that go round, decoded beforehand.
    caller: Vec<[i16; FRAME]>,
    /// Which of them is the present one.
    present: usize,
    assistant: [i16; FRAME],
    heard: [i16; 2 * FRAME],
    said: [u8; FRAME],
    recorded: [i16; 2 * FRAME],
    events: u64,
    loudest_dbfs: f32,
}

/// The step that has a goal of its own.
const VOICE_ACTIVITY: &str = "voice activity";

/// One step of a frame's way.
type Step = fn(&mut Call, &[u8], &[i16]);

/// The steps in their order. The first argument is the caller's frame, the second the synthesiser's.
const STEPS: [(&str, Step); 6] = [
    ("decode the caller's mu-law", |call, codes, _| {
        ulaw::decode(codes, &mut call.caller[call.present]);
    }),
    ("level of the caller", |call, _, _| {
        call.loudest_dbfs = call.loudest_dbfs.max(level::of_pcm(&call.caller[call.present]).rms_dbfs);
    }),
    (VOICE_ACTIVITY, |call, _, _| {
        let events = &mut call.events;
        call.vad.push_pcm(&call.caller[call.present], |_| *events += 1);
    }),
    ("mu-law 8 kHz to PCM 16 kHz", |call, codes, _| {
        call.to_recogniser.process_into(codes, &mut call.heard).expect("the output is long enough");
    }),
    ("PCM 24 kHz to mu-law 8 kHz", |call, _, samples| {
        call.to_caller.process_into(samples, &mut call.said).expect("the output is long enough");
    }),
    ("decode the assistant, interleave for the recorder", |call, _, _| {
        ulaw::decode(&call.said, &mut call.assistant);
        stereo::interleave(&call.caller[call.present], &call.assistant, &mut call.recorded);
    }),
];

impl Call {
    fn new(caller: Vec<[i16; FRAME]>) -> Self {
        Self {
            vad: Vad::new(VadOptions::default()),
            to_recogniser: UlawToPcm::new(RECOGNISER_HZ).expect("a rate it has"),
            to_caller: PcmToUlaw::new(SYNTHESISER_HZ).expect("a rate it has"),
            caller,
            present: 0,
            assistant: [0; FRAME],
            heard: [0; 2 * FRAME],
            said: [0; FRAME],
            recorded: [0; 2 * FRAME],
            events: 0,
            loudest_dbfs: level::SILENCE_DBFS,
        }
    }

    /// A call that takes its frames as they come.
    fn alone() -> Self {
        Self::new(vec![[0; FRAME]])
    }

    /// A call for one of the steps alone, which then hears what it would hear among the others: speech, and not one
    /// frame over and over, which voice activity would take for a voice without a pause.
    fn for_one_step(codes: &[u8]) -> Self {
        let decoded = codes.chunks_exact(FRAME).map(|codes| {
            let mut samples = [0; FRAME];
            ulaw::decode(codes, &mut samples);
            samples
        });
        Self::new(decoded.collect())
    }

    fn step(&mut self, step: Step, codes: &[u8], samples: &[i16]) {
        step(self, codes, samples);
        self.present = (self.present + 1) % self.caller.len();
    }

    fn frame(&mut self, codes: &[u8], samples: &[i16]) {
        for (_, step) in STEPS {
            step(self, codes, samples);
        }
    }
}

/// Measures each step and the whole.
pub(crate) fn run(report: &mut Report) {
    let mut codes = vec![0; FRAME * FRAMES_OF_SPEECH];
    ulaw::encode(&signal::speech(8_000, codes.len()), &mut codes);
    let length = frame_length(SYNTHESISER_HZ);
    let samples = signal::speech(SYNTHESISER_HZ, length * FRAMES);

    let mut rows: Vec<Row> = STEPS
        .iter()
        .map(|&(name, step)| {
            let mut call = Call::for_one_step(&codes);
            let mut codes = Frames::new(codes.clone(), FRAME);
            let mut samples = Frames::new(samples.clone(), length);
            let work = move || {
                black_box(&mut call).step(step, codes.next(), samples.next());
            };
            Row::new(name, work).repeats_at_least(FRAMES_OF_SPEECH as u32)
        })
        .collect();
    rows.push(one_call(&codes, &samples, length));
    rows.push(crowd(&codes, &samples, length));
    let times = harness::time(rows);
    let voice_activity = find(&times, VOICE_ACTIVITY).map(|time| time.median_ns() / 1_000.0);
    report.goals.push(Goal::at_most("voice activity, 20 ms of speech: at most 1 µs", 1.0, voice_activity));
    let calls_per_core = |name: &str| {
        find(&times, name).map_or_else(String::new, |time| format!("{:.0}", 20e6 / time.median_ns()))
    };
    report.add(
        Table::of_times("One busy call, 20 ms", &times, &[])
            .column("calls per core", calls_per_core)
            .note("Calls per core: 20 ms divided by the time, for that step alone or for all of them.")
            .for_readme(),
    );
}

fn one_call(codes: &[u8], samples: &[i16], length: usize) -> Row {
    let (mut codes, mut samples) =
        (Frames::new(codes.to_vec(), FRAME), Frames::new(samples.to_vec(), length));
    let mut call = Call::alone();
    let repeats = FRAMES_OF_SPEECH as u32;
    Row::new("all of it, one call", move || black_box(&mut call).frame(codes.next(), samples.next()))
        .repeats_at_least(repeats)
}

fn crowd(codes: &[u8], samples: &[i16], length: usize) -> Row {
    let mut calls: Vec<_> = (0..CROWD)
        .map(|number| {
            let caller = codes.chunks_exact(FRAME).cycle().nth(number % FRAMES_OF_SPEECH).map(<[u8]>::to_vec);
            let assistant = samples.chunks_exact(length).cycle().nth(number % FRAMES).map(<[i16]>::to_vec);
            (Call::alone(), caller.unwrap_or_default(), assistant.unwrap_or_default())
        })
        .collect();
    let mut next = 0;
    Row::new(format!("all of it, {CROWD} calls in turn"), move || {
        let (call, caller, assistant) = &mut calls[next];
        black_box(call).frame(caller, assistant);
        next = (next + 1) % CROWD;
    })
    .repeats_at_least(CROWD as u32)
}
