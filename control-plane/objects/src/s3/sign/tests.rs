//! The examples of the S3 API's reference ("Authenticating Requests: Using the Authorization Header" and "… Using Query
//! Parameters"), with the keys that are printed there.

use super::*;

/// SHA-256 of nothing.
const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn signer() -> Signer {
    Signer {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        session_token: None,
        region: "us-east-1".to_owned(),
    }
}

fn at() -> Timestamp {
    "2013-05-24T00:00:00Z".parse().unwrap()
}

const GET: Unsigned<'_> = Unsigned {
    method: "GET",
    host: "examplebucket.s3.amazonaws.com",
    path: "/test.txt",
    query: &[],
    headers: &[],
    payload_sha256: NOTHING,
};

fn authorization(headers: Vec<(&'static str, String)>) -> String {
    headers.into_iter().find(|(name, _)| *name == "authorization").unwrap().1
}

#[test]
fn a_link_is_signed_as_in_the_reference() {
    assert_eq!(
        signer().presigned_query(&GET, 86_400, at()),
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
         &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
         &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    );
}

#[test]
fn reading_a_part_is_signed_as_in_the_reference() {
    let request = Unsigned { headers: &[("range", "bytes=0-9".to_owned())], ..GET };
    assert_eq!(
        authorization(signer().headers(&request, at())),
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
         SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
         Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    );
}

#[test]
fn an_upload_is_signed_as_in_the_reference() {
    let headers = [
        ("date", "Fri, 24 May 2013 00:00:00 GMT".to_owned()),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY".to_owned()),
    ];
    let request = Unsigned {
        method: "PUT",
        path: "/test%24file.text",
        headers: &headers,
        payload_sha256: "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
        ..GET
    };
    let authorization = authorization(signer().headers(&request, at()));
    assert!(
        authorization.ends_with("98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
        "{authorization}"
    );
}

#[test]
fn a_listing_is_signed_as_in_the_reference() {
    let request =
        Unsigned { path: "/", query: &[("prefix", "J".to_owned()), ("max-keys", "2".to_owned())], ..GET };
    let authorization = authorization(signer().headers(&request, at()));
    assert!(
        authorization.ends_with("34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
        "{authorization}"
    );
}

#[test]
fn a_session_token_is_sent_and_signed() {
    let signer = Signer { session_token: Some(Secret::new("token/1")), ..signer() };
    let headers = signer.headers(&GET, at());
    assert!(headers.contains(&("x-amz-security-token", "token/1".to_owned())));
    assert!(authorization(headers).contains("x-amz-date;x-amz-security-token,"));
    assert!(signer.presigned_query(&GET, 1, at()).contains("&X-Amz-Security-Token=token%2F1&"));
}
