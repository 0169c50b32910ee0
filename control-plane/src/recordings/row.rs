//! The rows of recordings: what they are called, where their objects are, and when they are deleted.

use super::RecordingFormat;
use objects::{Key, KeyError};
use sha2::{Digest, Sha256};
use store::{
    CallId, TenantId,
    ids::RecordingId,
    model::{
        recording::{Recording, RecordingPlace, RecordingSource, RecordingStatus},
        tenant::RecordingSettings,
    },
};

/// Crockford's alphabet, as ids have it.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Digits of an id that say when it was made, and a little more.
const TIME_DIGITS: usize = 13;
/// All of its digits.
const DIGITS: usize = 26;
/// A day, in µs.
const DAY: i64 = 24 * 3_600 * 1_000_000;

/// The id of our own recording of a call in a format: always the same, so that it is made only once. It sorts with the call.
pub(crate) fn own_id(call: &CallId, format: RecordingFormat) -> RecordingId {
    let hash = Sha256::digest(format!("{call}.{}", format.name()));
    let of_call = call.as_str().strip_prefix("call_").unwrap_or_default().chars().take(TIME_DIGITS);
    let of_hash = hash.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    let digits: String = of_call.chain(of_hash).take(DIGITS).collect();
    RecordingId::known(format!("rec_{digits}"))
}

/// A recording that we made and that is to be stored.
pub(super) fn own(call: &CallId, format: RecordingFormat, duration_ms: Option<i64>) -> Recording {
    Recording {
        call: call.clone(),
        source: RecordingSource::Tandem,
        carrier_sid: None,
        status: RecordingStatus::Pending,
        location: None,
        place: RecordingPlace::File,
        media_type: format.media_type().to_owned(),
        channels: 2,
        duration_ms,
        bytes: None,
        sha256: None,
        legal_hold: false,
        delete_after: None,
        error: None,
    }
}

/// A recording that the carrier made and that is to be fetched.
#[cfg(test)]
pub(super) fn carriers(call: &CallId, sid: &str) -> Recording {
    Recording {
        source: RecordingSource::Carrier,
        carrier_sid: Some(sid.to_owned()),
        channels: 1,
        ..own(call, RecordingFormat::Wav, None)
    }
}

/// How the names of such files end.
pub(crate) fn ending(media_type: &str) -> &'static str {
    match media_type {
        "audio/ogg" => "ogg",
        "audio/mpeg" => "mp3",
        _ => "wav",
    }
}

/// The format of a recording that we made.
pub(crate) fn format_of(recording: &Recording) -> Option<RecordingFormat> {
    RecordingFormat::ALL.into_iter().find(|format| {
        recording.source == RecordingSource::Tandem && recording.media_type == format.media_type()
    })
}

/// Where a recording's object is kept: `recordings/<tenant>/<call>.ogg` for our own; a call may have several of the
/// carrier's, so their names have the recording's id too.
///
/// # Errors
/// When the ids make no key, which would be a fault of ours.
pub(crate) fn key(tenant: &TenantId, id: &RecordingId, recording: &Recording) -> Result<Key, KeyError> {
    let call = &recording.call;
    let ending = ending(&recording.media_type);
    match recording.source {
        RecordingSource::Tandem => format!("recordings/{tenant}/{call}.{ending}").parse(),
        RecordingSource::Carrier => format!("recordings/{tenant}/{call}.{id}.{ending}").parse(),
    }
}

/// When a recording of a call that began at `created_at` is deleted; `None`: never.
pub(super) fn delete_after(settings: &RecordingSettings, created_at: i64) -> Option<i64> {
    settings.retention_days.map(|days| created_at.saturating_add(i64::from(days).saturating_mul(DAY)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_our_own_recording_is_always_the_same_and_sorts_with_its_call() {
        let (earlier, later) = (CallId::generate(), CallId::generate());
        let ids = RecordingFormat::ALL.map(|format| own_id(&earlier, format));
        assert_eq!(ids, RecordingFormat::ALL.map(|format| own_id(&earlier, format)));
        assert_ne!(ids[0], ids[1]);
        for id in &ids {
            assert_eq!(RecordingId::parse(id.as_str()).as_ref(), Ok(id));
            assert_eq!(id.as_str()[4..17], earlier.as_str()[5..18]);
        }
        assert_ne!(own_id(&later, RecordingFormat::Ogg), ids[1]);
    }

    #[test]
    fn each_recording_has_a_place_of_its_own() {
        let (tenant, call) = (TenantId::known("ten_1"), CallId::generate());
        let id = RecordingId::generate();
        let ogg = own(&call, RecordingFormat::Ogg, None);
        assert_eq!(key(&tenant, &id, &ogg).unwrap().as_str(), format!("recordings/ten_1/{call}.ogg"));
        let voicemail = carriers(&call, "RE1");
        let key = key(&tenant, &id, &voicemail).unwrap();
        assert_eq!(key.as_str(), format!("recordings/ten_1/{call}.{id}.wav"));
    }

    #[test]
    fn retention_counts_from_the_call() {
        let kept = |retention_days| RecordingSettings { retention_days, ..RecordingSettings::default() };
        assert_eq!(delete_after(&kept(None), 5), None);
        assert_eq!(delete_after(&kept(Some(1)), 5), Some(5 + DAY));
        assert_eq!(delete_after(&kept(Some(u32::MAX)), i64::MAX), Some(i64::MAX));
    }
}
