//! Calls and what belongs to them.

use crate::support::{CALLEE, NUMBER, Setup, eventually};
use futures_util::StreamExt;
use twilio_rest::{
    Account, Call, CallFilter, CallSid, CallStatus, CallUpdate, ConferenceFilter, ConferenceStatus,
    ConferenceUpdate, DetectionMode, MachineDetection, MediaFormat, MemberId, NewCall, NewParticipant,
    NewRecording, ParticipantId, ParticipantStatus, ParticipantUpdate, RecordingFilter, RecordingId,
    RecordingStatus, RecordingUpdate,
};

const PARKED: &str = r#"<Response><Pause length="60"/></Response>"#;

fn call(twiml: &str) -> NewCall {
    NewCall {
        to: CALLEE.to_owned(),
        from: NUMBER.to_owned(),
        twiml: Some(twiml.to_owned()),
        ..NewCall::default()
    }
}

async fn until(account: &Account, sid: &CallSid, status: CallStatus) -> Call {
    eventually(async || {
        let call = account.fetch_call(sid).await.unwrap();
        (call.status == status).then_some(call)
    })
    .await
}

#[tokio::test]
async fn a_call_is_placed_changed_and_hung_up() {
    let setup = Setup::new().await;
    let account = &setup.account;
    let made = account.create_call(&call(PARKED)).await.unwrap();
    assert_eq!((&made.status, made.direction.as_deref()), (&CallStatus::Queued, Some("outbound-api")));
    until(account, &made.sid, CallStatus::InProgress).await;
    let other = CallUpdate { twiml: Some(PARKED.to_owned()), ..CallUpdate::default() };
    account.update_call(&made.sid, &other).await.unwrap();
    account.hang_up(&made.sid).await.unwrap();
    let ended = until(account, &made.sid, CallStatus::Completed).await;
    assert!(ended.start_time.is_some() && ended.end_time.is_some());
    assert_eq!(ended.price.unwrap().micros(), Some(-13_000));
    assert_eq!(account.update_call(&made.sid, &other).await.unwrap_err().code(), Some(21220));
    account.hang_up(&made.sid).await.unwrap();
    let filter = CallFilter { to: Some(CALLEE.to_owned()), ..CallFilter::default() };
    assert_eq!(account.list_calls(&filter).unwrap().first(10).await.unwrap().len(), 1);
    let nothing_to_do = NewCall { twiml: None, ..call("") };
    assert!(account.create_call(&nothing_to_do).await.is_err());
}

#[tokio::test]
async fn who_answered_is_found_out() {
    let setup = Setup::new().await;
    setup.sandbox.knobs().change(|knobs| knobs.twilio_rest.callee.answered_by = "machine_start".to_owned());
    let machine_detection = Some(MachineDetection::new(DetectionMode::Enable, None));
    let made =
        setup.account.create_call(&NewCall { machine_detection, ..call("<Response/>") }).await.unwrap();
    let ended = until(&setup.account, &made.sid, CallStatus::Completed).await;
    assert_eq!(ended.answered_by.unwrap().as_str(), "machine_start");
}

#[tokio::test]
async fn a_recording_is_made_streamed_and_deleted() {
    let setup = Setup::new().await;
    let account = &setup.account;
    let made = account.create_call(&call(PARKED)).await.unwrap();
    until(account, &made.sid, CallStatus::InProgress).await;
    let dual = NewRecording { recording_channels: Some("dual".to_owned()), ..NewRecording::default() };
    let recording = account.start_recording(&made.sid, &dual).await.unwrap();
    assert_eq!((&recording.status, recording.duration), (&RecordingStatus::InProgress, None));
    let pause = RecordingUpdate { status: RecordingStatus::Paused, pause_behavior: None };
    let paused = account.update_recording(&made.sid, &RecordingId::Current, &pause).await.unwrap();
    assert_eq!(paused.status, RecordingStatus::Paused);
    account.hang_up(&made.sid).await.unwrap();
    until(account, &made.sid, CallStatus::Completed).await;

    let filter = RecordingFilter { call_sid: Some(made.sid.clone()), ..RecordingFilter::default() };
    let listed = account.list_recordings(&filter).unwrap().first(10).await.unwrap();
    assert_eq!(listed, [account.fetch_recording(&recording.sid).await.unwrap()]);
    assert_eq!(listed[0].status, RecordingStatus::Completed);
    let media = account.recording_media(&recording.sid, MediaFormat::Wav, true).await.unwrap();
    assert_eq!(media.content_type(), Some("audio/x-wav"));
    let pieces: Vec<_> = Box::pin(media.into_stream()).collect().await;
    let file: Vec<u8> = pieces.into_iter().flat_map(Result::unwrap).collect();
    assert!(file.starts_with(b"RIFF"));
    let mut mp3 = account.recording_media(&recording.sid, MediaFormat::Mp3, false).await.unwrap();
    assert_eq!(mp3.content_type(), Some("audio/mpeg"));
    while mp3.chunk().await.unwrap().is_some() {}
    account.delete_recording(&recording.sid).await.unwrap();
    let gone = account.recording_media(&recording.sid, MediaFormat::Wav, false).await;
    assert!(gone.unwrap_err().is_gone());
}

#[tokio::test]
async fn a_caller_waits_in_a_queue_and_is_taken_out() {
    let setup = Setup::new().await;
    let account = &setup.account;
    let made = account.create_call(&call("<Response><Enqueue>support</Enqueue></Response>")).await.unwrap();
    let queue = eventually(async || {
        let queues = account.list_queues().unwrap().first(10).await.unwrap();
        queues.into_iter().find(|queue| queue.current_size == 1)
    })
    .await;
    let members = account.list_members(&queue.sid).unwrap().first(10).await.unwrap();
    assert_eq!((members.len(), members[0].position), (1, 1));
    assert_eq!(account.fetch_member(&queue.sid, &MemberId::Front).await.unwrap().call_sid, made.sid);
    let agent = "http://127.0.0.1:1/agent";
    account.dequeue(&queue.sid, &MemberId::Call(made.sid.clone()), agent).await.unwrap();
    assert!(account.fetch_member(&queue.sid, &MemberId::Front).await.unwrap_err().is_gone());
    until(account, &made.sid, CallStatus::Completed).await;
    account.delete_queue(&queue.sid).await.unwrap();
}

#[tokio::test]
async fn a_conference_is_made_by_whoever_is_called_into_it() {
    let setup = Setup::new().await;
    let account = &setup.account;
    let agent = NewParticipant {
        from: NUMBER.to_owned(),
        to: CALLEE.to_owned(),
        label: Some("the agent".to_owned()),
        ..NewParticipant::default()
    };
    let made = account.create_participant("ten_1-meeting", &agent).await.unwrap();
    let id = ParticipantId::Label("the agent".to_owned());
    eventually(async || {
        let participant = account.fetch_participant(&made.conference_sid, &id).await.unwrap();
        (participant.status == ParticipantStatus::Connected).then_some(())
    })
    .await;
    let name = Some("ten_1-meeting".to_owned());
    let filter = ConferenceFilter { friendly_name: name, status: Some(ConferenceStatus::InProgress) };
    assert_eq!(account.list_conferences(&filter).unwrap().first(10).await.unwrap().len(), 1);
    let muted = ParticipantUpdate { muted: Some(true), ..ParticipantUpdate::default() };
    assert!(account.update_participant(&made.conference_sid, &id, &muted).await.unwrap().muted);
    assert_eq!(account.list_participants(&made.conference_sid).unwrap().first(9).await.unwrap().len(), 1);
    let other = account.create_participant(made.conference_sid.as_str(), &agent).await.unwrap();
    assert_eq!(other.conference_sid, made.conference_sid);
    let by_call = ParticipantId::Call(made.call_sid.clone());
    account.remove_participant(&made.conference_sid, &by_call).await.unwrap();
    until(account, &made.call_sid, CallStatus::Completed).await;
    let end = ConferenceUpdate { status: Some(ConferenceStatus::Completed), ..ConferenceUpdate::default() };
    account.update_conference(&made.conference_sid, &end).await.unwrap();
    let conference = account.fetch_conference(&made.conference_sid).await.unwrap();
    assert_eq!(conference.status, ConferenceStatus::Completed);
}
