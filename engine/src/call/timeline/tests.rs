//! The recording against a model: a plain buffer per side.

use super::{Block, Timeline, TimelineOptions};
use crate::call::time::CallTime;
use audio_dsp::g711::{ULAW_SILENCE as SILENCE, ulaw::decode_sample as decode};
use proptest::prelude::*;

/// The carrier's clock is this far behind the call's.
const AHEAD_MS: u64 = 340;

fn ms(ms: u64) -> CallTime {
    CallTime::from_ms(ms)
}

/// The caller's frame number `n`, 20 ms, as it arrives without delay.
fn frame(timeline: &mut Timeline, n: u64, sample: u8) {
    timeline.caller(n * 20, &[sample; 160], ms(AHEAD_MS + n * 20 + 20));
}

fn side(blocks: &[Block], channel: usize) -> Vec<i16> {
    blocks.iter().flat_map(|block| block.stereo.iter().skip(channel).step_by(2).copied()).collect()
}

fn finish(timeline: &mut Timeline, now: CallTime) -> Vec<Block> {
    let mut blocks: Vec<Block> = std::iter::from_fn(|| timeline.next_block(now)).collect();
    blocks.push(timeline.flush());
    let mut next = 0;
    for block in &blocks {
        assert_eq!(block.start, next, "blocks touch");
        next += block.stereo.len() as u64 / 2;
    }
    blocks
}

#[test]
fn lost_frames_leave_silence_and_late_ones_land_where_they_belong() {
    let mut timeline = Timeline::new(TimelineOptions::default());
    for n in [0, 1, 4, 2, 5] {
        timeline.caller(n * 20, &[n as u8; 160], ms(AHEAD_MS + 120));
    }
    let left = side(&finish(&mut timeline, ms(AHEAD_MS + 120)), 0);
    let expected: Vec<i16> =
        [0, 1, 2, SILENCE, 4, 5].into_iter().flat_map(|code| [decode(code); 160]).collect();
    assert_eq!(left, expected);
}

#[test]
fn a_block_leaves_within_about_a_second_of_its_end() {
    let mut timeline = Timeline::new(TimelineOptions::default());
    let mut left_at = None;
    for n in 0..100 {
        frame(&mut timeline, n, 1);
        let now = ms(AHEAD_MS + n * 20 + 20);
        if let Some(block) = timeline.next_block(now) {
            assert_eq!(block.stereo.len(), 16_000);
            left_at.get_or_insert(n * 20 + 20);
        }
    }
    assert_eq!(left_at, Some(1_200));
}

#[test]
fn frames_that_a_stall_delayed_are_not_lost() {
    let mut timeline = Timeline::new(TimelineOptions::default());
    for n in 0..10 {
        frame(&mut timeline, n, 1);
    }
    assert!(timeline.next_block(ms(AHEAD_MS + 5_000)).is_none());
    for n in 10..250 {
        timeline.caller(n * 20, &[1; 160], ms(AHEAD_MS + 5_000));
    }
    let left = side(&finish(&mut timeline, ms(AHEAD_MS + 5_000)), 0);
    assert!(left == vec![decode(1); 250 * 160]);
    assert_eq!(timeline.counters().late_caller, 0);
}

#[test]
fn a_silent_carrier_does_not_hold_the_recording_back_for_ever() {
    let mut timeline = Timeline::new(TimelineOptions::default());
    frame(&mut timeline, 0, 1);
    let mut kept = 0;
    for second in 1..60 {
        let now = ms(AHEAD_MS + second * 1_000);
        timeline.assistant(now, &[2; 800]);
        while timeline.next_block(now).is_some() {}
        kept = kept.max(timeline.left.len().max(timeline.right.len()));
    }
    assert!(kept <= 12 * 8_000, "{kept} samples kept");
    timeline.caller(20, &[1; 160], ms(AHEAD_MS + 60_000));
    assert_eq!(timeline.counters().late_caller, 160, "too late is counted");
}

#[test]
fn the_assistant_is_where_the_caller_heard_it_and_has_no_seam() {
    let mut timeline = Timeline::new(TimelineOptions::default());
    frame(&mut timeline, 0, SILENCE);
    timeline.assistant(ms(AHEAD_MS + 100), &[2; 80]);
    // A frame with less delay than the first moves the clocks' offset; the run goes on without a gap.
    timeline.caller(20, &[SILENCE; 160], ms(AHEAD_MS + 36));
    timeline.assistant(ms(AHEAD_MS + 110), &[3; 80]);
    timeline.assistant(ms(AHEAD_MS + 200), &[4; 80]);
    let right = side(&finish(&mut timeline, ms(AHEAD_MS + 300)), 1);
    assert_eq!(right[799..961].iter().filter(|&&sample| sample == decode(SILENCE)).count(), 2);
    assert_eq!(right[800], decode(2));
    assert_eq!(right[880], decode(3));
    assert_eq!((right[204 * 8 - 1], right[204 * 8]), (decode(SILENCE), decode(4)));
}

#[test]
fn an_impossible_timestamp_is_placed_by_its_arrival() {
    let mut timeline = Timeline::new(TimelineOptions::default());
    for n in 0..5 {
        frame(&mut timeline, n, 1);
    }
    timeline.caller(u64::MAX, &[2; 160], ms(AHEAD_MS + 120));
    frame(&mut timeline, 6, 3);
    let left = side(&finish(&mut timeline, ms(AHEAD_MS + 140)), 0);
    let expected: Vec<i16> = [1, 1, 1, 1, 1, 2, 3].into_iter().flat_map(|code| [decode(code); 160]).collect();
    assert_eq!(left, expected);
    assert_eq!(timeline.counters().implausible_frames, 1);
}

#[test]
fn a_second_stream_goes_on_where_the_call_is() {
    let mut timeline = Timeline::new(TimelineOptions::default());
    for n in 0..5 {
        frame(&mut timeline, n, 1);
    }
    timeline.stream_restarted(ms(AHEAD_MS + 500));
    timeline.caller(0, &[2; 160], ms(AHEAD_MS + 520));
    let left = side(&finish(&mut timeline, ms(AHEAD_MS + 520)), 0);
    assert_eq!(left.len(), 520 * 8);
    assert_eq!((left[799], left[800], left[3_999], left[4_000]), (decode(1), 0, 0, decode(2)));
}

proptest! {
    /// Frames that come at most 200 ms out of order, some twice, some never, with timestamps that wobble by
    /// less than 3 ms never, give the caller's side sample for sample.
    #[test]
    fn the_callers_side_is_what_arrived(
        delays in prop::collection::vec((0..180_u64, prop::bool::weighted(0.1), prop::bool::weighted(0.1)), 1..150),
    ) {
        let mut timeline = Timeline::new(TimelineOptions::default());
        let mut arrivals = Vec::new();
        let mut expected = vec![decode(SILENCE); delays.len() * 160];
        for (n, &(delay, lost, twice)) in delays.iter().enumerate() {
            if lost {
                continue;
            }
            expected[n * 160..][..160].fill(decode((n % 100) as u8));
            arrivals.push((n as u64 * 20 + 20 + delay, n as u64));
            if twice {
                arrivals.push((n as u64 * 20 + 20 + delay + 5, n as u64));
            }
        }
        arrivals.sort_unstable();
        let mut blocks = Vec::new();
        for &(at, n) in &arrivals {
            timeline.caller(n * 20, &[(n % 100) as u8; 160], ms(AHEAD_MS + at));
            while let Some(block) = timeline.next_block(ms(AHEAD_MS + at)) {
                blocks.push(block);
            }
        }
        blocks.push(timeline.flush());
        let left = side(&blocks, 0);
        prop_assert!(left.len() <= expected.len());
        prop_assert!(left[..] == expected[..left.len()]);
        prop_assert_eq!(timeline.counters().late_caller, 0);
    }
}
