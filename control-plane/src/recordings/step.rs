//! What is to be done with a recording next: decided from its row alone.

use store::model::recording::{Recording, RecordingSource, RecordingStatus};

/// The next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Store our file.
    StoreOwn,
    /// Fetch the carrier's, and store it.
    StoreCarriers,
    /// It is stored: remove our working file.
    RemoveOwn,
    /// It is stored: delete it at the carrier's.
    RemoveCarriers,
    /// Nothing until then.
    Wait(i64),
    /// Nothing any more.
    Rest,
    /// It is to be deleted from now on.
    BeginDeletion,
    /// Delete it wherever it is.
    Delete,
}

/// What a decision needs beside the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Circumstances {
    /// The tenant keeps everything for now.
    pub(super) tenant_holds: bool,
    /// Whether the carrier's copy goes once we have ours.
    pub(super) delete_at_carrier: bool,
    /// How long until a recording that is held although its time is over is looked at again, in µs.
    pub(super) hold_recheck: i64,
}

/// What is to be done with the recording at the time `now`.
pub(super) fn next(recording: &Recording, around: Circumstances, now: i64) -> Step {
    match (recording.status, recording.source) {
        (RecordingStatus::Recording | RecordingStatus::Failed | RecordingStatus::Deleted, _) => Step::Rest,
        (RecordingStatus::Pending, RecordingSource::Tandem) => Step::StoreOwn,
        (RecordingStatus::Pending, RecordingSource::Carrier) => Step::StoreCarriers,
        (RecordingStatus::Stored, RecordingSource::Tandem) => Step::RemoveOwn,
        (RecordingStatus::Stored, RecordingSource::Carrier) if around.delete_at_carrier => {
            Step::RemoveCarriers
        }
        (RecordingStatus::Stored | RecordingStatus::Kept, _) => match recording.delete_after {
            None => Step::Rest,
            Some(at) if at > now => Step::Wait(at),
            Some(_) if recording.legal_hold || around.tenant_holds => {
                Step::Wait(now.saturating_add(around.hold_recheck))
            }
            Some(_) => Step::BeginDeletion,
        },
        (RecordingStatus::Deleting, _) => Step::Delete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recordings::{RecordingFormat, row};
    use proptest::{option, prelude::*, sample::select};
    use store::CallId;

    const AROUND: Circumstances =
        Circumstances { tenant_holds: false, delete_at_carrier: true, hold_recheck: 10 };

    fn recording(status: RecordingStatus, source: RecordingSource) -> Recording {
        let own = row::own(&CallId::generate(), RecordingFormat::Ogg, None);
        Recording { status, source, ..own }
    }

    #[test]
    fn a_recording_is_removed_elsewhere_only_once_it_is_stored() {
        let step = |status, source| next(&recording(status, source), AROUND, 0);
        assert_eq!(step(RecordingStatus::Pending, RecordingSource::Tandem), Step::StoreOwn);
        assert_eq!(step(RecordingStatus::Stored, RecordingSource::Tandem), Step::RemoveOwn);
        assert_eq!(step(RecordingStatus::Pending, RecordingSource::Carrier), Step::StoreCarriers);
        assert_eq!(step(RecordingStatus::Stored, RecordingSource::Carrier), Step::RemoveCarriers);
        let keeps = Circumstances { delete_at_carrier: false, ..AROUND };
        let stored = recording(RecordingStatus::Stored, RecordingSource::Carrier);
        assert_eq!(next(&stored, keeps, 0), Step::Rest);
    }

    #[test]
    fn what_is_held_is_kept_although_its_time_is_over() {
        let kept = Recording {
            delete_after: Some(100),
            ..recording(RecordingStatus::Kept, RecordingSource::Tandem)
        };
        assert_eq!(next(&kept, AROUND, 99), Step::Wait(100));
        assert_eq!(next(&kept, AROUND, 100), Step::BeginDeletion);
        let held = Recording { legal_hold: true, ..kept.clone() };
        assert_eq!(next(&held, AROUND, 100), Step::Wait(110));
        let tenant_holds = Circumstances { tenant_holds: true, ..AROUND };
        assert_eq!(next(&kept, tenant_holds, 100), Step::Wait(110));
    }

    proptest! {
        #[test]
        fn nothing_that_is_held_is_ever_deleted_by_the_clock(
            status in select(RecordingStatus::ALL.to_vec()), source in select(RecordingSource::ALL.to_vec()),
            delete_after in option::of(any::<i64>()), now in any::<i64>(), mine in any::<bool>(),
        ) {
            let held = Recording { delete_after, legal_hold: mine, ..recording(status, source) };
            let around = Circumstances { tenant_holds: !mine, ..AROUND };
            prop_assert_ne!(next(&held, around, now), Step::BeginDeletion);
        }
    }
}
