//! What holds whatever comes in, in whatever order.

use super::sim::{Sim, even_words, ramp, sentence};
use crate::{
    call::playout::{Fact, Input, Playout, PlayoutOptions},
    ids::Epoch,
};
use proptest::prelude::*;
use std::time::Duration;

const TEXT: &str = "alpha beta gamma delta epsilon zeta eta theta iota kappa";

#[derive(Clone, Debug)]
enum Step {
    Announce,
    Audio { ms: u32, behind: u32, aligned: bool },
    Done { behind: u32 },
    Finish,
    NextEpoch,
    Hold,
    Resume,
    Drop,
    SynthesiserLost,
    Wait { ms: u64, late_ms: u64 },
    Marks { delay_ms: Option<u64> },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Announce),
        8 => (1..400_u32, 0..3_u32, any::<bool>())
            .prop_map(|(ms, behind, aligned)| Step::Audio { ms, behind, aligned }),
        3 => (0..3_u32).prop_map(|behind| Step::Done { behind }),
        1 => Just(Step::Finish),
        1 => Just(Step::NextEpoch),
        1 => Just(Step::Hold),
        2 => Just(Step::Resume),
        1 => Just(Step::Drop),
        1 => Just(Step::SynthesiserLost),
        8 => (1..400_u64, 0..100_u64).prop_map(|(ms, late_ms)| Step::Wait { ms, late_ms }),
        1 => proptest::option::weighted(0.8, 0..600_u64).prop_map(|delay_ms| Step::Marks { delay_ms }),
    ]
}

fn run(steps: Vec<Step>) -> Sim {
    let mut sim = Sim::new();
    let mut newest = sentence(1, 0);
    for step in steps {
        let of = |behind: u32| sentence(newest.epoch.0, newest.index.saturating_sub(behind));
        match step {
            Step::Announce => {
                newest.index += 1;
                sim.input(Input::Sentence { id: newest, text: TEXT.into() });
            }
            Step::Audio { ms, behind, aligned } => {
                let words = if aligned { even_words(TEXT, 5 * ms * 8) } else { Vec::new() };
                sim.input(Input::Audio { sentence: of(behind), audio: ramp(of(behind), 0, ms * 8), words });
            }
            Step::Done { behind } => sim.input(Input::SentenceDone { sentence: of(behind) }),
            Step::Finish => sim.input(Input::Finish { epoch: newest.epoch }),
            Step::NextEpoch => newest = sentence(newest.epoch.0 + 1, 0),
            Step::Hold => sim.input(Input::Hold),
            Step::Resume => sim.input(Input::Resume),
            Step::Drop => sim.input(Input::Drop { epoch: newest.epoch }),
            Step::SynthesiserLost => sim.input(Input::SynthesiserLost),
            Step::Wait { ms, late_ms } => {
                sim.run(Duration::from_millis(ms), Duration::from_millis(late_ms));
            }
            Step::Marks { delay_ms } => sim.mark_delay = delay_ms.map(Duration::from_millis),
        }
    }
    sim
}

proptest! {
    /// The carrier's buffer never holds more than 160 ms and no message more than 100 ms (the simulation
    /// asserts both), the timer never spins (it asserts that too), and the recorder gets exactly what the
    /// carrier played, sample by sample, each at its time.
    #[test]
    fn the_recorder_gets_what_the_carrier_played(steps in prop::collection::vec(step(), 1..60)) {
        let mut sim = run(steps);
        sim.run_ms(1_000);
        prop_assert!(sim.recorder_is_right());
    }

    /// The journal, which leaves out polls without output and all audio but its length, gives the same outputs.
    #[test]
    fn a_journal_without_idle_polls_replays_to_the_same_outputs(steps in prop::collection::vec(step(), 1..60)) {
        let sim = run(steps);
        let mut ledger = Playout::new(PlayoutOptions::default());
        let mut replayed = Vec::new();
        for (at, input) in &sim.journal {
            let json = serde_json::to_string(input).unwrap();
            ledger.handle(serde_json::from_str(&json).unwrap(), *at);
            while let Some(output) = ledger.poll_output() {
                replayed.push(output);
            }
        }
        prop_assert_eq!(shape(&replayed), shape(&sim.outputs));
    }

    /// Without a hold, all audio is played, once and in order, however it arrives and however late polls are.
    #[test]
    fn all_audio_is_played_once_and_in_order(
        pieces in prop::collection::vec((1..3_000_u32, 0..300_u64, 0..100_u64), 1..40),
    ) {
        let mut sim = Sim::new();
        let id = sentence(1, 0);
        let mut given = 0;
        sim.input(Input::Sentence { id, text: TEXT.into() });
        for (samples, wait, late) in pieces {
            sim.input(Input::Audio { sentence: id, audio: ramp(id, given, samples), words: vec![] });
            given += samples;
            sim.run(Duration::from_millis(wait), Duration::from_millis(late));
        }
        sim.input(Input::SentenceDone { sentence: id });
        sim.input(Input::Finish { epoch: Epoch(1) });
        sim.run_ms(u64::from(given) / 8 + 1_000);
        prop_assert!(sim.played() == ramp(id, 0, given));
        let is_drained = matches!(sim.facts.last(), Some(Fact::Drained { confirmed: true, .. }));
        prop_assert!(is_drained);
    }

    /// With polls on time, be it the caller's frames or the timer alone, the lead never falls below 120 ms while audio waits.
    #[test]
    fn the_lead_never_falls_below_120_ms_while_audio_waits(
        start_us in 0..20_000_u64, piece in 1..2_000_u32, ms in 200..3_000_u64, frames in any::<bool>(),
    ) {
        let mut sim = Sim::new();
        sim.frames = frames;
        sim.now.0 += start_us;
        let id = sentence(1, 0);
        sim.input(Input::Sentence { id, text: TEXT.into() });
        for n in 0..40_000 / piece {
            sim.input(Input::Audio { sentence: id, audio: ramp(id, n * piece, piece), words: vec![] });
        }
        sim.least_lead = Duration::MAX;
        sim.run_ms(ms);
        prop_assert!(sim.least_lead >= Duration::from_millis(120), "{:?}", sim.least_lead);
    }

    /// Over any sequence of holds and a final cut, with marks up to 300 ms late: every word reported as heard
    /// was played but for 60 ms at most, and every word played whole is reported.
    #[test]
    fn the_words_reported_are_the_words_played(
        holds in prop::collection::vec((1..900_u64, 0..300_u64), 0..5),
        last in 1..3_000_u64,
        mark_delay in 0..300_u64,
    ) {
        let mut sim = Sim::new();
        sim.mark_delay = Some(Duration::from_millis(mark_delay));
        let id = sentence(1, 0);
        let samples = 40_000;
        sim.input(Input::Sentence { id, text: TEXT.into() });
        // Unlike the ramp, two bytes that tell the offset in steps of 8 samples would not fit: one per 200.
        let audio: Vec<u8> = (0..samples).map(|at| (at / 200) as u8).collect();
        sim.input(Input::Audio { sentence: id, audio: audio.into(), words: even_words(TEXT, samples) });
        sim.input(Input::SentenceDone { sentence: id });
        for (play, pause) in holds {
            sim.run_ms(play);
            sim.input(Input::Hold);
            sim.run_ms(pause);
            sim.input(Input::Resume);
        }
        sim.run_ms(last);
        sim.input(Input::Drop { epoch: Epoch(1) });
        let Some(Fact::Dropped { heard }) = sim.facts.last() else { panic!("{:?}", sim.facts) };
        let text = heard.sentences[0].text_heard;
        let farthest = sim.played().iter().max().map_or(0, |&step| u32::from(step) * 200 + 200);
        for word in even_words(TEXT, samples) {
            if word.text <= text {
                prop_assert!(farthest + 480 >= word.samples, "{word:?} was not played: {farthest}");
            } else {
                prop_assert!(farthest <= word.samples + 200, "{word:?} was played: {farthest}");
            }
        }
    }
}

/// Outputs without the audio itself, which a journal does not hold.
fn shape(outputs: &[crate::call::playout::Output]) -> Vec<String> {
    use crate::call::playout::Output;
    outputs
        .iter()
        .map(|output| match output {
            Output::Media(media) => format!("media {}", media.samples()),
            Output::Mark(_) | Output::Clear | Output::Fact(_) => format!("{output:?}"),
        })
        .collect()
}
