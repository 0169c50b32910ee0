//! Whatever goes wrong on the way, an object is there whole or not at all, and nobody waits for ever.

use crate::support::{Setup, content, key, read};
use fixtures::sandbox::{Fault, Service};
use objects::{ObjectError, ObjectStore};
use std::time::Duration;

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing_and_succeeds_when_it_is_tried_again() {
    let setup = Setup::new().await;
    let file = setup.file(&content(2_000_000)).await;
    setup.knobs(|knobs| knobs.s3_faults.cut_upload_after = Some(500_000));
    let error = setup.s3.put(&key(), &file).await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    assert_eq!(setup.sandbox.s3(), serde_json::json!({}));
    setup.knobs(|knobs| knobs.s3_faults.cut_upload_after = None);
    setup.s3.put(&key(), &file).await.unwrap();
    assert_eq!(setup.sandbox.s3()[key().as_str()]["sha256"], file.sha256.as_str());
}

#[tokio::test]
async fn an_upload_that_gets_stuck_is_given_up() {
    let short = Duration::from_millis(100);
    let setup = Setup::with(|options| (options.idle, options.answer) = (short, short)).await;
    let file = setup.file(&content(20_000_000)).await;
    setup.knobs(|knobs| knobs.s3_faults.stall_upload_after = Some(1));
    let error = setup.s3.put(&key(), &file).await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("no progress"), "{error}");
    setup.knobs(|knobs| knobs.s3.fault = Some(Fault::HalfOpen));
    let error = setup.s3.head(&key()).await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("no progress"), "{error}");
}

#[tokio::test]
async fn an_answer_that_was_lost_is_found_out_by_doing_it_again() {
    let setup = Setup::new().await;
    let file = setup.file(b"audio").await;
    setup.knobs(|knobs| knobs.s3_faults.lose_answer = true);
    assert!(setup.s3.put(&key(), &file).await.unwrap_err().is_retryable());
    assert!(setup.sandbox.s3()[key().as_str()].is_object());
    assert!(setup.s3.delete(&key()).await.unwrap_err().is_retryable());
    setup.knobs(|knobs| knobs.s3_faults.lose_answer = false);
    setup.s3.delete(&key()).await.unwrap();
    setup.s3.put(&key(), &file).await.unwrap();
}

#[tokio::test]
async fn trouble_of_the_store_may_be_tried_again_and_a_refusal_not() {
    let setup = Setup::new().await;
    let file = setup.file(b"audio").await;
    for (status, again) in [(500, true), (503, true), (429, true), (403, false)] {
        setup.knobs(|knobs| knobs.s3.fault = Some(Fault::Status { status, retry_after_ms: None }));
        let before = setup.sandbox.requests(Service::S3);
        let error = setup.s3.put(&key(), &file).await.unwrap_err();
        assert_eq!(error.is_retryable(), again, "{status}: {error:?}");
        assert_eq!(setup.sandbox.requests(Service::S3), before + 1, "nothing is sent again by itself");
    }
}

#[tokio::test]
async fn clocks_that_lie_apart_are_set_by_the_other_sides() {
    for ahead in [-7_200, 86_400] {
        let setup = Setup::new().await;
        let file = setup.file(b"audio").await;
        setup.knobs(|knobs| knobs.s3_faults.clock_ahead_s = ahead);
        setup.s3.put(&key(), &file).await.unwrap();
        let requests = setup.sandbox.requests(Service::S3);
        assert_eq!(requests, 2);
        setup.s3.head(&key()).await.unwrap().unwrap();
        assert_eq!(setup.sandbox.requests(Service::S3), requests + 1, "from then on the first try is right");
    }
}

#[tokio::test]
async fn a_download_that_breaks_off_does_not_look_complete() {
    let setup = Setup::new().await;
    let file = setup.file(&content(300_000)).await;
    setup.s3.put(&key(), &file).await.unwrap();
    setup.knobs(|knobs| knobs.s3_faults.cut_download_after = Some(100_000));
    let object = setup.s3.get(&key(), None).await.unwrap();
    assert_eq!(object.length, 300_000);
    assert!(read(object).await.unwrap_err().is_retryable());
}

#[tokio::test]
async fn a_file_that_changed_after_it_was_measured_is_not_kept() {
    let setup = Setup::new().await;
    for change in [&b"short"[..], &b"of the same length!"[..]] {
        let file = setup.file(b"what was measured 1").await;
        std::fs::write(&file.path, change).unwrap();
        let error = setup.s3.put(&key(), &file).await.unwrap_err();
        let is_noticed = matches!(&error, ObjectError::Changed { .. } | ObjectError::Unavailable { .. });
        assert!(is_noticed, "{error:?}");
        assert_eq!(setup.sandbox.s3(), serde_json::json!({}));
    }
}
