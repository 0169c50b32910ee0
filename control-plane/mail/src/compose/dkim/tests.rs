//! Signatures, checked by a verifier that is written here from the RFC and first proved with the RFC's own message.

use super::*;
use crate::{Attachment, Automatic, ComposeLimits, Draft, EmailAddress, Mailbox, MessageId, compose};
use aws_lc_rs::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use bytes::Bytes;

/// RFC 8463 A.2: the public key of `brisbane._domainkey.football.example.com`.
const RFC_KEY: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
/// RFC 8463 A.3, the Ed25519 signature.
const RFC_MESSAGE: &str = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n d=football.example.com; i=@football.example.com;\r\n q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n subject : date : message-id : from : subject : date;\r\n bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\nFrom: Joe SixPack <joe@football.example.com>\r\nTo: Suzie Q <suzie@shopping.example.net>\r\nSubject: Is dinner ready?\r\nDate: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\nMessage-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\r\nHi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";

/// RFC 6376 6.1, for a message whose first header is the signature. The key is raw for Ed25519, and PKCS #1 for RSA.
fn verifies(message: &str, key: &[u8]) -> bool {
    let (headers, body) = message.split_once("\r\n\r\n").unwrap();
    let unfolded = headers.replace("\r\n ", " ").replace("\r\n\t", " ");
    let fields: Vec<(String, String)> = unfolded
        .lines()
        .map(|line| line.split_once(':').unwrap())
        .map(|(name, value)| {
            (name.trim().to_lowercase(), value.split_whitespace().collect::<Vec<_>>().join(" "))
        })
        .collect();
    assert_eq!(fields[0].0, "dkim-signature");
    let tag = |name: &str| {
        let mut tags = fields[0].1.split(';').map(|tag| tag.trim().split_once('=').unwrap());
        tags.find(|(tag, _)| *tag == name).map(|(_, value)| value.replace(' ', ""))
    };
    let mut lines: Vec<String> = Vec::new();
    for line in body.split("\r\n") {
        let words = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        lines.push(if line.starts_with([' ', '\t']) && !words.is_empty() {
            format!(" {words}")
        } else {
            words
        });
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    let body: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    if STANDARD.encode_to_string(Sha256::digest(body)) != tag("bh").unwrap() {
        return false;
    }
    let mut left: Vec<&(String, String)> = fields.iter().skip(1).collect();
    let mut signed = String::new();
    for name in tag("h").unwrap().split(':') {
        if let Some(at) = left.iter().rposition(|(field, _)| field == name) {
            let (field, value) = left.remove(at);
            signed.push_str(&format!("{field}:{value}\r\n"));
        }
    }
    let value = &fields[0].1;
    let signature_at = value.rfind("b=").unwrap() + 2;
    signed.push_str(&format!("dkim-signature:{}", &value[..signature_at]));
    let signature = STANDARD.decode_to_vec(tag("b").unwrap()).unwrap();
    match tag("a").unwrap().as_str() {
        "ed25519-sha256" => {
            UnparsedPublicKey::new(&ED25519, key).verify(&Sha256::digest(signed), &signature).is_ok()
        }
        "rsa-sha256" => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
            .verify(signed.as_bytes(), &signature)
            .is_ok(),
        other => panic!("{other}"),
    }
}

fn pem(der: &[u8]) -> Secret {
    Secret::new(&format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode_to_string(der)
    ))
}

fn ed25519() -> (DkimKey, Vec<u8>) {
    let document = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).unwrap();
    let public = Ed25519KeyPair::from_pkcs8_maybe_unchecked(document.as_ref()).unwrap();
    let key = DkimKey::from_pem("Tandem.Example", "s1", &pem(document.as_ref())).unwrap();
    (key, public.public_key().as_ref().to_vec())
}

fn rsa() -> (DkimKey, Vec<u8>) {
    let pair = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let key = DkimKey::from_pem("tandem.example", "s1", &pem(der.as_ref())).unwrap();
    (key, pair.public_key().as_ref().to_vec())
}

fn draft() -> Draft {
    let address = |text: &str| Mailbox::from(EmailAddress::parse(text).unwrap());
    Draft {
        from: address("support@tandem.example"),
        to: vec![address("ada@example.com")],
        cc: Vec::new(),
        reply_to: None,
        bounces_to: None,
        subject: "A rather long subject that has to be folded over several lines because it says so much"
            .to_owned(),
        text: Some(" leading\ttabs  and   spaces   \n\n\nend\n\n\n".to_owned()),
        html: Some("<p>é</p>".to_owned()),
        attachments: vec![Attachment {
            name: "a.bin".to_owned(),
            media_type: "application/octet-stream".to_owned(),
            content: Bytes::from(vec![7; 1_000]),
            content_id: None,
        }],
        message_id: MessageId::parse("m1@tandem.example").unwrap(),
        date: 1_795_219_200_000_000,
        thread: None,
        automatic: Some(Automatic::Generated),
        unsubscribe: None,
    }
}

fn signed(key: &DkimKey) -> String {
    let composed = compose(&draft(), &ComposeLimits::default(), Some(key)).unwrap();
    String::from_utf8(composed.bytes.to_vec()).unwrap()
}

#[test]
fn the_message_of_the_rfc_verifies() {
    let key = STANDARD.decode_to_vec(RFC_KEY).unwrap();
    assert!(verifies(RFC_MESSAGE, &key));
    assert!(!verifies(&RFC_MESSAGE.replace("hungry", "angry"), &key));
}

#[test]
fn what_is_signed_verifies_with_both_kinds_of_keys() {
    for (key, public) in [ed25519(), rsa()] {
        let message = signed(&key);
        assert!(verifies(&message, &public), "{message}");
        assert!(message.lines().all(|line| line.len() <= 998));
        assert!(message.starts_with("DKIM-Signature: v=1; a="));
    }
}

#[test]
fn a_change_to_what_people_see_breaks_the_signature() {
    let (key, public) = ed25519();
    let message = signed(&key);
    for changed in [
        message.replace("To: ada@", "To: eve@"),
        message.replace("rather long", "rather short"),
        message.replace("\r\nTo:", "\r\nFrom: eve@example.com\r\nTo:"),
        message.replace("leading", "misleading"),
    ] {
        assert_ne!(changed, message);
        assert!(!verifies(&changed, &public));
    }
}

#[test]
fn a_key_says_what_the_dns_has_to_say_and_nothing_of_itself() {
    let (key, public) = ed25519();
    assert_eq!(key.record_name(), "s1._domainkey.tandem.example");
    assert_eq!(
        key.record().unwrap(),
        format!("v=DKIM1; k=ed25519; p={}", STANDARD.encode_to_string(&public))
    );
    assert_eq!(format!("{key:?}"), "DkimKey(s1._domainkey.tandem.example)");
    let (key, public) = rsa();
    let record = key.record().unwrap();
    let info = STANDARD.decode_to_vec(record.strip_prefix("v=DKIM1; k=rsa; p=").unwrap()).unwrap();
    assert!(info.ends_with(&public) && info.len() > public.len());
}

#[test]
fn what_is_no_key_is_refused() {
    let refused = |domain: &str, selector: &str, pem: &str| {
        DkimKey::from_pem(domain, selector, &Secret::new(pem)).unwrap_err()
    };
    assert_eq!(refused("tandem.example", "s1", "hello"), DkimError::Pem);
    let garbage = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert_eq!(refused("tandem.example", "s1", garbage), DkimError::Kind);
    let document = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).unwrap();
    let good = pem(document.as_ref());
    assert_eq!(refused("tandem.example; x=", "s1", good.reveal()), DkimError::Name);
    assert_eq!(refused("tandem.example", "", good.reveal()), DkimError::Name);
}
