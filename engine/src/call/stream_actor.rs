//! The shell around the playout ledger: one carrier socket, from its `start` to its end.
//!
//! Per inbound frame there is no allocation, no lock and no log line of ours, and no mailbox: the frame is parsed,
//! decoded into a buffer on the stack, shown to voice activity, put into recognition's lock-free queue and into the
//! recording's timeline, and the ledger is asked what is due.

use crate::{
    call::{
        caller_clock::CallerClock,
        journal::Decider,
        playout::{self, Fact, HeardEpoch, Output, Playout},
        shared::{RecorderCommand, Shared, StreamCommand, TtsCommand},
        stt_feed::{FRAME_SAMPLES, Frame, Voice},
        time::CallTime,
        timeline::{Timeline, TimelineOptions},
        turn::Input,
    },
    twilio::{
        media_stream::{self, Inbound, Media, PAYLOAD_AUDIO_BYTES_MAX, StreamSid, Track, WireError},
        socket::{AcceptedStream, Breach, CarrierSocket, Message, SocketError},
    },
};
use audio_dsp::vad::{Vad, VadEvent};
use bytes::BytesMut;
use std::{pin::Pin, sync::Arc};
use tokio::time::Sleep;

/// Runs until the stream ends, on whichever side. Its end is reported even if the future is dropped before that.
pub(super) fn run(shared: Arc<Shared>, accepted: AcceptedStream) -> impl Future<Output = ()> + Send {
    let mut stream = Stream::new(shared, accepted);
    async move {
        let end = stream.serve().await;
        stream.finish(end).await;
    }
}

/// How a stream ended.
#[derive(Debug)]
enum End {
    /// The carrier said so: the caller, or the carrier, hung up.
    Stopped,
    /// The socket is gone, or must not go on.
    Lost(Cause),
    /// We closed it.
    Closed,
}

/// Why a socket was given up.
#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error("the carrier closed the socket without a stop")]
    NoStop,
    #[error("the stream's actor was killed")]
    Killed,
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error("the carrier sent nothing for {0} ms")]
    Silence(u128),
    #[error("the carrier sent a message that is not of the protocol: {0}")]
    Wire(#[from] WireError),
    #[error("a message named another stream")]
    OtherStream,
    #[error("audio came {ahead_ms} ms ahead of its own clock")]
    Flood { ahead_ms: u64 },
}

struct Stream {
    shared: Arc<Shared>,
    socket: CarrierSocket,
    sid: StreamSid,
    ledger: Playout,
    clock: CallerClock,
    vad: Vad,
    voice: Voice,
    timeline: Option<Timeline>,
    /// Call position at which the timeline, which is this stream's own, begins.
    recording_from: u64,
    /// The carrier's timestamp at which it begins.
    timeline_from_ms: u64,
    outbound: BytesMut,
    payload: Box<[u8]>,
    last_message: CallTime,
    timer: Pin<Box<Sleep>>,
    timer_at: CallTime,
    frames: u64,
    reported: bool,
}

/// What woke the loop.
enum Woken {
    Message(Option<Result<Message, SocketError>>),
    Command(StreamCommand),
    Playable(playout::Input),
    Timer,
}

impl Stream {
    fn new(shared: Arc<Shared>, accepted: AcceptedStream) -> Self {
        let AcceptedStream { socket, sid } = accepted;
        let now = shared.clock.now();
        let record = shared.plan.recording.is_some();
        let ledger = Playout::new(playout::PlayoutOptions { record, ..shared.options.playout });
        Self {
            sid,
            ledger,
            clock: CallerClock::new(now),
            vad: Vad::new(shared.options.vad.clone()),
            voice: Voice::None,
            timeline: record.then(|| Timeline::new(TimelineOptions::default())),
            recording_from: CallerClock::position_of(now),
            timeline_from_ms: 0,
            outbound: BytesMut::with_capacity(8 * 1024),
            payload: vec![0; PAYLOAD_AUDIO_BYTES_MAX].into(),
            last_message: now,
            timer: Box::pin(tokio::time::sleep_until(shared.clock.instant(now))),
            timer_at: now,
            frames: 0,
            reported: false,
            shared,
            socket,
        }
    }

    async fn serve(&mut self) -> End {
        loop {
            let woken = self.wake().await;
            let now = self.shared.clock.now();
            let end = match woken {
                Woken::Message(message) => self.message(message, now),
                Woken::Command(StreamCommand::Close) => Some(End::Closed),
                Woken::Command(command) => {
                    self.command(command, now);
                    None
                }
                Woken::Playable(input) => {
                    self.ledger_input(input, now);
                    None
                }
                Woken::Timer => self.timer(now),
            };
            self.poll_ledger(now);
            if let Err(error) = self.carry_out().await {
                return End::Lost(error.into());
            }
            if let Some(end) = end {
                return end;
            }
        }
    }

    async fn wake(&mut self) -> Woken {
        let silent_at = self.last_message.after(self.shared.options.stream.silence);
        let at = self.ledger.poll_timeout().map_or(silent_at, |due| due.min(silent_at));
        // Nearly every wake-up comes from a frame, and its deadline is later than the one before. The timer is only
        // set anew when it would be late; fired early it finds nothing to do.
        if at < self.timer_at || self.timer.is_elapsed() {
            self.timer_at = at;
            self.timer.as_mut().reset(self.shared.clock.instant(at));
        }
        tokio::select! {
            biased;
            command = self.shared.stream.recv() => Woken::Command(command),
            message = self.socket.next() => Woken::Message(message),
            playable = self.shared.playable.recv(), if self.ledger.has_room() => Woken::Playable(playable),
            () = self.timer.as_mut() => Woken::Timer,
        }
    }

    fn timer(&self, now: CallTime) -> Option<End> {
        let silence = now.since(self.last_message);
        (silence >= self.shared.options.stream.silence)
            .then(|| End::Lost(Cause::Silence(silence.as_millis())))
    }

    fn message(&mut self, message: Option<Result<Message, SocketError>>, now: CallTime) -> Option<End> {
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Control)) => return None,
            Some(Err(error)) => return Some(End::Lost(error.into())),
            None => return Some(End::Lost(Cause::NoStop)),
        };
        self.last_message = now;
        match media_stream::parse(&text) {
            Ok(inbound) => self.inbound(inbound, now),
            Err(error) => Some(End::Lost(error.into())),
        }
    }

    fn inbound(&mut self, inbound: Inbound<'_>, now: CallTime) -> Option<End> {
        let of_this_stream = |sid: &str| sid == self.sid.as_str();
        match inbound {
            Inbound::Media(media) if of_this_stream(&media.stream_sid) => self.media(&media, now),
            Inbound::Mark { stream_sid, name } if of_this_stream(&stream_sid) => {
                self.ledger_input(playout::Input::Mark { name: name.into_owned() }, now);
                None
            }
            Inbound::Dtmf { stream_sid, digit } if of_this_stream(&stream_sid) => {
                self.shared.tell(Input::Keypad { digit });
                None
            }
            Inbound::Stop { stream_sid } if of_this_stream(&stream_sid) => Some(End::Stopped),
            Inbound::Media(_) | Inbound::Mark { .. } | Inbound::Dtmf { .. } | Inbound::Stop { .. } => {
                Some(End::Lost(Cause::OtherStream))
            }
            Inbound::Connected { .. } | Inbound::Start(_) | Inbound::Unknown { .. } => {
                metrics::counter!("tandem_stream_messages_ignored_total").increment(1);
                None
            }
        }
    }

    fn media(&mut self, media: &Media<'_>, now: CallTime) -> Option<End> {
        if media.track != Track::Inbound {
            return None;
        }
        let mut buffer = std::mem::take(&mut self.payload);
        let end = match media_stream::decode_payload(&media.payload, &mut buffer) {
            Ok(length) => self.audio(media.timestamp_ms, buffer.get(..length).unwrap_or_default(), now),
            Err(error) => Some(End::Lost(error.into())),
        };
        self.payload = buffer;
        end
    }

    /// One frame of the caller's audio.
    fn audio(&mut self, timestamp_ms: u64, audio: &[u8], now: CallTime) -> Option<End> {
        self.frames += 1;
        let placed = self.clock.place(timestamp_ms, audio.len(), now);
        let burst = self.shared.options.stream.burst_frames * FRAME_SAMPLES as u64;
        if placed.ahead > burst {
            return Some(End::Lost(Cause::Flood { ahead_ms: placed.ahead / 8 }));
        }
        if placed.gap > 0 {
            self.vad.skip(placed.gap);
        }
        self.listen(audio);
        for (index, piece) in audio.chunks(FRAME_SAMPLES).enumerate() {
            let position = placed.position + (index * FRAME_SAMPLES) as u64;
            self.shared.caller_audio.push(Frame::new(position, piece, self.voice), self.voice);
        }
        self.record(Some((timestamp_ms, audio)), now);
        None
    }

    /// Shows the caller's audio to voice activity and reports what it finds.
    fn listen(&mut self, audio: &[u8]) {
        let Self { vad, voice, clock, shared, .. } = self;
        vad.push_ulaw(audio, |event| match event {
            VadEvent::SpeechStarted { onset } => {
                *voice = Voice::Speaking;
                shared.tell(Input::VoiceStarted { onset: clock.call_time_in_stream(onset) });
            }
            VadEvent::SpeechSustained { onset } => {
                shared.tell(Input::VoiceSustained { onset: clock.call_time_in_stream(onset) });
            }
            VadEvent::SpeechEnded { end } => {
                *voice = Voice::EndedAt(clock.position_in_stream(end));
                shared.tell(Input::VoiceEnded { end: clock.call_time_in_stream(end) });
            }
        });
    }

    /// Gives both sides to the recording: what the caller said, and what they have heard by now.
    fn record(&mut self, caller: Option<(u64, &[u8])>, now: CallTime) {
        if let Some((timestamp_ms, _)) = caller {
            self.follow_listeners(timestamp_ms, now);
        }
        let Some(timeline) = &mut self.timeline else { return };
        if let Some((timestamp_ms, audio)) = caller {
            timeline.caller(timestamp_ms.saturating_sub(self.timeline_from_ms), audio, now);
        }
        self.ledger.take_played(now, |at, audio| timeline.assistant(at, audio));
        while let Some(block) = timeline.next_block(now) {
            give_out(&self.shared, self.recording_from + block.start, block.stereo);
        }
    }

    /// A call that is not recorded has a timeline only while somebody listens in.
    fn follow_listeners(&mut self, timestamp_ms: u64, now: CallTime) {
        if self.shared.plan.recording.is_some() {
            return;
        }
        match (&self.timeline, self.shared.taps.is_heard()) {
            (None, true) => {
                self.ledger.set_taped(true);
                self.timeline = Some(Timeline::new(TimelineOptions::default()));
                self.recording_from = CallerClock::position_of(now);
                self.timeline_from_ms = timestamp_ms;
            }
            (Some(_), false) => {
                self.ledger.set_taped(false);
                self.timeline = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }

    fn command(&mut self, command: StreamCommand, now: CallTime) {
        match command {
            StreamCommand::Hold(epoch) if self.ledger.current() == Some(epoch) => {
                self.ledger_input(playout::Input::Hold, now);
            }
            StreamCommand::Resume(epoch) if self.ledger.current() == Some(epoch) => {
                self.ledger_input(playout::Input::Resume, now);
            }
            StreamCommand::Drop(epoch) => self.ledger_input(playout::Input::Drop { epoch }, now),
            StreamCommand::Hold(_) | StreamCommand::Resume(_) | StreamCommand::Close => {}
        }
    }

    fn ledger_input(&mut self, input: playout::Input, now: CallTime) {
        self.shared.journal.note(now, Decider::Playout, &input);
        self.ledger.handle(input, now);
    }

    fn poll_ledger(&mut self, now: CallTime) {
        self.ledger.handle(playout::Input::Poll, now);
        if self.ledger.has_output() {
            self.shared.journal.note(now, Decider::Playout, &playout::Input::Poll);
        }
    }

    async fn carry_out(&mut self) -> Result<(), SocketError> {
        if !self.ledger.has_output() {
            return Ok(());
        }
        let mut written = false;
        while let Some(output) = self.ledger.poll_output() {
            match output {
                Output::Media(media) => {
                    media_stream::write_media(
                        &mut self.outbound,
                        &self.sid,
                        media.parts().iter().map(|part| &**part),
                    );
                    self.write().await?;
                    written = true;
                }
                Output::Mark(name) => {
                    media_stream::write_mark(&mut self.outbound, &self.sid, &name.to_string());
                    self.write().await?;
                    written = true;
                }
                Output::Clear => {
                    media_stream::write_clear(&mut self.outbound, &self.sid);
                    self.write().await?;
                    written = true;
                }
                Output::Fact(fact) => self.report(fact),
            }
        }
        // What is due together leaves together.
        if written { self.socket.flush().await } else { Ok(()) }
    }

    async fn write(&mut self) -> Result<(), SocketError> {
        let message = self.outbound.split().freeze();
        self.socket.write(message).await
    }

    fn report(&self, fact: Fact) {
        match fact {
            Fact::Started { epoch, .. } => self.shared.tell(Input::PlaybackStarted { epoch }),
            Fact::FirstMarkReturned { epoch, .. } => self.shared.tell(Input::MarkReturned { epoch }),
            Fact::Held { heard } | Fact::Dropped { heard } => self.shared.tell(Input::Held(heard)),
            Fact::Drained { heard, .. } => self.shared.tell(Input::Drained(heard)),
            Fact::SynthesisCut { resume } => {
                self.shared.command(&self.shared.tts, "tts", TtsCommand::Resynthesise(resume));
            }
            Fact::Stalled { epoch, since } => {
                metrics::counter!("tandem_playout_stalls_total").increment(1);
                tracing::warn!(call = %self.shared.plan.call, %epoch, %since, "the carrier's marks stay away");
            }
            Fact::Heard(_) => {}
        }
    }

    /// What was heard of the epoch that is playing.
    fn heard(&self, now: CallTime) -> Option<HeardEpoch> {
        self.ledger.current().map(|epoch| self.ledger.heard(epoch, now))
    }

    /// Tells what the caller has heard and gives the rest to the recording, once.
    fn report_end(&mut self, end: &End) {
        if std::mem::replace(&mut self.reported, true) {
            return;
        }
        let now = self.shared.clock.now();
        let call = &self.shared.plan.call;
        let counters = self.ledger.counters();
        metrics::counter!("tandem_stream_frames_total").increment(self.frames);
        metrics::counter!("tandem_playout_underruns_total").increment(counters.underruns);
        tracing::debug!(%call, ?counters, frames = self.frames, "the stream's counters");
        match end {
            End::Stopped => self.shared.tell(Input::HungUp { heard: self.heard(now) }),
            End::Lost(cause) => {
                tracing::warn!(%call, %cause, "the stream was lost");
                self.shared.lose_stream();
                self.shared.tell(Input::StreamLost { heard: self.heard(now) });
            }
            End::Closed => {}
        }
        self.record(None, now);
        if let Some(timeline) = &mut self.timeline {
            let rest = timeline.flush();
            give_out(&self.shared, self.recording_from + rest.start, rest.stereo);
        }
    }

    async fn finish(&mut self, end: End) {
        self.report_end(&end);
        let breach = match &end {
            End::Lost(cause @ (Cause::Wire(_) | Cause::OtherStream | Cause::Flood { .. })) => {
                Some(Breach::policy(cause.to_string()))
            }
            End::Lost(Cause::Socket(error)) => error.breach(),
            End::Lost(Cause::NoStop | Cause::Killed | Cause::Silence(_)) | End::Stopped | End::Closed => None,
        };
        self.socket.close(breach).await;
    }
}

/// A finished stretch of both sides goes to whoever listens and to the recording.
fn give_out(shared: &Shared, start: u64, stereo: Vec<i16>) {
    if shared.taps.is_heard() {
        shared.taps.give(start, &stereo);
    }
    if shared.plan.recording.is_some() {
        shared.command(&shared.recorder, "recorder", RecorderCommand::Block { start, stereo });
    }
}

impl Drop for Stream {
    /// Killed, or panicked: only the ledger knows what the caller has heard, and it goes with this.
    fn drop(&mut self) {
        if self.reported {
            return;
        }
        let report = std::panic::AssertUnwindSafe(|| self.report_end(&End::Lost(Cause::Killed)));
        if std::panic::catch_unwind(report).is_err() {
            // It panicked for what the report needs as well; what was heard is not known then.
            self.shared.tell(Input::StreamLost { heard: None });
        }
    }
}
