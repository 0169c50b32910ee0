//! Per inbound frame nothing is allocated: the message is parsed, decoded, shown to voice activity, queued for
//! recognition, put into the recording's timeline, and the ledger is asked what is due. Counted with an allocator.
//!
//! There is no lock on this path (`SttFeed` is lock-free, everything else belongs to the stream's task) and no actor's
//! mailbox: frames travel in the queue, and the actor that reads it is woken by a permit.

#![expect(unsafe_code, reason = "an allocator that counts must be an allocator, and that is unsafe")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use audio_dsp::vad::{Vad, VadOptions};
use engine::{
    call::{
        playout::{Input, Playout, PlayoutOptions},
        stt_feed::{Frame, SttFeed, Voice},
        time::CallTime,
        timeline::{Timeline, TimelineOptions},
    },
    options::SttOptions,
    twilio::media_stream::{self, Inbound, PAYLOAD_AUDIO_BYTES_MAX},
};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: everything is handed to the system's allocator as it came; counting touches a thread-local number that
// needs neither initialisation nor a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The whole path of one stream.
struct Path {
    payload: Box<[u8]>,
    vad: Vad,
    feed: SttFeed,
    timeline: Timeline,
    ledger: Playout,
}

impl Path {
    fn frame(&mut self, message: &str, now: CallTime) {
        let Ok(Inbound::Media(media)) = media_stream::parse(message) else { panic!("not media: {message}") };
        let length = media_stream::decode_payload(&media.payload, &mut self.payload).unwrap();
        let audio = &self.payload[..length];
        let mut voice = Voice::None;
        self.vad.push_ulaw(audio, |_| voice = Voice::Speaking);
        self.feed.push(Frame::new(media.timestamp_ms * 8, audio, voice), voice);
        self.timeline.caller(media.timestamp_ms, audio, now);
        let timeline = &mut self.timeline;
        self.ledger.take_played(now, |at, audio| timeline.assistant(at, audio));
        self.ledger.handle(Input::Poll, now);
        assert!(self.ledger.poll_output().is_none());
    }
}

fn message(number: u64) -> String {
    // A voice-like wobble, so that voice activity has something to do. 160 bytes are 53 groups and one byte.
    let group = ["gICA", "AAAA", "////", "kJCQ"][(number % 4) as usize];
    format!(
        r#"{{"event":"media","sequenceNumber":"{}","media":{{"track":"inbound","chunk":"{}","timestamp":"{}","payload":"{}gA=="}},"streamSid":"MZ00000000000000000000000000000001"}}"#,
        number + 2,
        number + 1,
        number * 20,
        group.repeat(53),
    )
}

#[test]
fn invariant_10_a_frame_allocates_nothing() {
    let mut path = Path {
        payload: vec![0; PAYLOAD_AUDIO_BYTES_MAX].into(),
        vad: Vad::new(VadOptions::default()),
        feed: SttFeed::new(&SttOptions::default()),
        timeline: Timeline::new(TimelineOptions::default()),
        ledger: Playout::new(PlayoutOptions::default()),
    };
    let messages: Vec<String> = (0..600).map(message).collect();
    let at = |number: usize| CallTime::from_ms((number as u64 + 1) * 20);
    // The buffers of the timeline grow to a block and the time that frames may be late, once.
    for (number, message) in messages.iter().enumerate().take(200) {
        path.frame(message, at(number));
        while path.timeline.next_block(at(number)).is_some() {}
        while path.feed.pop().is_some() {}
    }
    for (number, message) in messages.iter().enumerate().skip(200) {
        let before = ALLOCATIONS.get();
        path.frame(message, at(number));
        assert_eq!(ALLOCATIONS.get() - before, 0, "frame {number} has allocated");
        // Once a second a block leaves for the disk, and that is one allocation in 50 frames, of the recording's own.
        while path.timeline.next_block(at(number)).is_some() {}
        while path.feed.pop().is_some() {}
    }
}
