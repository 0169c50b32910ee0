//! Recordings of calls, from the carrier or from us to where they stay, and to their end.

use super::{resource, words};
use crate::ids::{CallId, RecordingId};
use serde::{Deserialize, Serialize};

/// A recording. `parent` is the call, `lookup` the carrier's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// Of which call.
    pub call: CallId,
    /// Who made it.
    pub source: RecordingSource,
    /// The carrier's id for it (`RE…`), if the carrier made it.
    pub carrier_sid: Option<String>,
    /// How far it has come.
    pub status: RecordingStatus,
    /// Where it is: a path below the recordings' folder, or a key in the bucket.
    pub location: Option<String>,
    /// In what kind of place that is.
    pub place: RecordingPlace,
    /// Media type, such as `audio/wav`.
    pub media_type: String,
    /// 1 or 2.
    pub channels: u8,
    /// Its length, in ms.
    pub duration_ms: Option<i64>,
    /// Its size, in bytes.
    pub bytes: Option<i64>,
    /// SHA-256 of the file, lower-case hexadecimal.
    #[serde(default)]
    pub sha256: Option<String>,
    /// It is not deleted while this is set.
    #[serde(default)]
    pub legal_hold: bool,
    /// It is deleted after this time.
    #[serde(default)]
    pub delete_after: Option<i64>,
    /// Why the last try to move it failed.
    #[serde(default)]
    pub error: Option<String>,
}
resource!(Recording, RecordingId, Recordings);

/// Who made a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordingSource {
    /// We did, from the stream.
    Tandem,
    /// The carrier.
    Carrier,
}
words!(RecordingSource, "recording source", { Tandem => "tandem", Carrier => "carrier" });

/// In what kind of place a recording is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordingPlace {
    /// A folder.
    File,
    /// A bucket of an object store.
    S3,
}
words!(RecordingPlace, "recording place", { File => "file", S3 => "s3" });

/// How far a recording has come. It only moves on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordingStatus {
    /// It is being made.
    Recording,
    /// It is to be fetched or stored.
    Pending,
    /// It is where it stays; the carrier's copy is still there.
    Stored,
    /// It is where it stays and nowhere else.
    Kept,
    /// It is to be deleted.
    Deleting,
    /// It is gone.
    Deleted,
    /// It was lost.
    Failed,
}
words!(RecordingStatus, "recording status", {
    Recording => "recording", Pending => "pending", Stored => "stored", Kept => "kept", Deleting => "deleting",
    Deleted => "deleted", Failed => "failed",
});
