//! What is put into a bucket comes out of it, for those who may.

use crate::support::{Setup, content, key, options, range, read};
use engine::provider::{
    Secret,
    http::{HttpOptions, http_client},
};
use jiff::Timestamp;
use objects::{Encryption, Link, ObjectError, ObjectStore, PlaceKind, S3};
use std::time::Duration;

#[tokio::test]
async fn an_object_is_kept_encrypted_and_read_back_whole_and_in_part_until_it_is_deleted() {
    let setup = Setup::new().await;
    let (s3, key, content) = (&setup.s3, key(), content(1_000_000));
    let file = setup.file(&content).await;
    assert_eq!(s3.kind(), PlaceKind::S3);
    assert!(s3.head(&key).await.unwrap().is_none());
    assert!(matches!(s3.get(&key, None).await, Err(ObjectError::Missing)));
    for _again in 0..2 {
        s3.put(&key, &file).await.unwrap();
    }
    let kept = &setup.sandbox.s3()[key.as_str()];
    assert_eq!((&kept["encryption"], &kept["media_type"]), (&"AES256".into(), &"audio/ogg".into()));
    assert_eq!(kept["sha256"], file.sha256.as_str());
    let info = s3.head(&key).await.unwrap().unwrap();
    assert_eq!((info.length, info.media_type.as_deref()), (1_000_000, Some("audio/ogg")));
    assert_eq!(read(s3.get(&key, None).await.unwrap()).await.unwrap(), content);
    let part = s3.get(&key, range(999_990, 2_000_000)).await.unwrap();
    assert_eq!((part.length, part.range.clone()), (1_000_000, 999_990..1_000_000));
    assert_eq!(read(part).await.unwrap(), content[999_990..]);
    for _again in 0..2 {
        s3.delete(&key).await.unwrap();
    }
    assert_eq!(setup.sandbox.s3(), serde_json::json!({}));
}

#[tokio::test]
async fn an_empty_file_is_an_object_too() {
    let setup = Setup::with(|options| options.encryption = Encryption::OfBucket).await;
    let file = setup.file(b"").await;
    setup.s3.put(&key(), &file).await.unwrap();
    assert_eq!(setup.s3.head(&key()).await.unwrap().unwrap().length, 0);
    assert!(setup.sandbox.s3()[key().as_str()]["encryption"].is_null());
}

async fn follow(url: &str) -> Result<reqwest::Response, reqwest::Error> {
    http_client(HttpOptions::default())?.get(url).send().await
}

#[tokio::test]
async fn a_link_is_followed_without_credentials_until_it_ends() {
    let setup = Setup::new().await;
    let file = setup.file(&content(5_000)).await;
    setup.s3.put(&key(), &file).await.unwrap();
    let link = Link {
        lasts: Duration::from_secs(900),
        media_type: "audio/ogg".to_owned(),
        file_name: "call.ogg".to_owned(),
    };
    let now = Timestamp::now();
    let url = setup.s3.signed_url(&key(), &link, now).unwrap();
    let answer = follow(url.as_str()).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.bytes().await.unwrap(), content(5_000));
    // Neither its query nor its path can be changed.
    for wrong in [url.as_str().replace("call.ogg", "call.exe"), url.as_str().replace("call_1", "call_2")] {
        assert_eq!(follow(&wrong).await.unwrap().status(), 403);
    }
    let earlier = now.checked_sub(jiff::SignedDuration::from_secs(901)).unwrap();
    let ended = setup.s3.signed_url(&key(), &link, earlier).unwrap();
    assert_eq!(follow(ended.as_str()).await.unwrap().status(), 403);
}

#[tokio::test]
async fn a_link_names_the_public_address_and_the_bucket_where_the_settings_say() {
    let setup = Setup::new().await;
    let mut options = options(&setup.sandbox);
    options.path_style = false;
    options.public_endpoint = Some("https://objects.example.com:8443".parse().unwrap());
    let link =
        Link { lasts: Duration::from_secs(1), media_type: "a/b".to_owned(), file_name: "c".to_owned() };
    // The sandbox's address has no name to put the bucket before.
    options.endpoint = "https://s3.example.com".parse().unwrap();
    let url = S3::new(options.clone()).unwrap().signed_url(&key(), &link, Timestamp::now()).unwrap();
    assert_eq!(
        (url.host_str(), url.port(), url.path()),
        (Some("recordings.objects.example.com"), Some(8443), "/recordings/ten_1/call_1.ogg")
    );
    options.bucket = "../other".to_owned();
    assert!(S3::new(options).is_err());
}

#[tokio::test]
async fn a_wrong_key_is_refused_for_good_and_shows_no_secret() {
    let setup = Setup::with(|options| options.secret_access_key = Secret::new("CANARY-SECRET")).await;
    let file = setup.file(b"audio").await;
    let error = setup.s3.put(&key(), &file).await.unwrap_err();
    assert!(!error.is_retryable(), "{error:?}");
    assert!(error.to_string().contains("SignatureDoesNotMatch"), "{error}");
    for text in [format!("{error:?}"), format!("{:?}", setup.s3)] {
        assert!(!text.contains("CANARY"), "{text}");
    }
}
