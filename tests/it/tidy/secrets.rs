//! What holds a secret in plain cannot be printed by accident: it is a `Secret`, or has no derived `Debug`.

use super::{
    is_test,
    items::{Item, items},
    texts,
};

/// How the name of a field tells that it holds a secret, whole or as one of its words.
const WORDS: [&str; 8] =
    ["secret", "password", "token", "recovery_codes", "api_key", "credential", "passphrase", "private_key"];
/// What such a field is made of, if it is not a type that hides it.
const PLAIN: [&str; 7] = ["String", "str", "Vec<u8>", "[u8", "Bytes", "Zeroizing", "RawValue"];
/// Words that say that it is none, or not any more.
const NOT_SECRET: [&str; 5] = ["hash", "sid", "field", "source", "endpoint"];

/// Fields that are called like a secret and are none.
const HARMLESS: [(&str, &str, &str); 7] = [
    ("ConfigView", "api_key", "the id of a key, by the name that it had"),
    ("ConfigForm", "api_key", "the id of a key, by the name that it had"),
    ("AccessClaims", "token", "the id of a token, not the token"),
    ("Verified", "token", "the id of a token, not the token"),
    ("MailServerOptions", "tokeninfo", "an address where tokens are asked about"),
    ("Mail", "token_url", "an address where tokens are asked for"),
    ("Checkout", "token", "how a shop names a checkout in its own pages; nothing is opened with it"),
];

/// The fields of an item that would print a secret.
fn printable(item: &Item) -> Vec<&str> {
    if !item.derives("Debug") {
        return Vec::new();
    }
    let is_secret = |name: &str| {
        let shown = name.to_lowercase();
        WORDS.iter().any(|word| shown.contains(word))
            && !NOT_SECRET.iter().any(|word| shown.split('_').any(|part| part == *word))
    };
    // What the keys of a map are made of does not matter.
    let is_plain = |kind: &str| {
        let kind = kind.replace("Map<String, ", "");
        PLAIN.iter().any(|plain| kind.contains(plain)) && !kind.contains("Secret")
    };
    let harmless =
        |name: &str| HARMLESS.iter().any(|(owner, field, _)| *owner == item.name && *field == name);
    let fields =
        item.fields.iter().filter(|(name, kind)| is_secret(name) && is_plain(kind) && !harmless(name));
    fields.map(|(name, _)| name.as_str()).collect()
}

#[test]
fn no_type_with_a_plain_secret_derives_debug() {
    let mut found = Vec::new();
    let mut seen = 0;
    for (name, text) in texts(&["rs"]) {
        if is_test(&name) || name.starts_with("fixtures/") || name.contains("/examples/") {
            continue;
        }
        for item in items(&text) {
            seen += 1;
            found.extend(printable(&item).into_iter().map(|field| format!("{name}: {}.{field}", item.name)));
        }
    }
    assert!(seen > 500, "{seen}");
    assert!(found.is_empty(), "these would be printed: {found:#?}");
}

#[test]
fn a_plain_secret_with_debug_is_found() {
    let view = |derived: &str, field: &str| {
        let text = format!("#[derive({derived})]\npub(crate) struct View {{\n    {field},\n}}\n");
        items(&text)
            .iter()
            .flat_map(|item| printable(item).into_iter().map(str::to_owned).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    for field in [
        "token: String",
        "pub(crate) secret: Option<String>",
        "recovery_codes: Vec<String>",
        "auth_token: Arc<str>",
        "refresh_token: &'a str",
    ] {
        assert_eq!(view("Clone, Debug", field).len(), 1, "{field}");
        assert!(view("Clone", field).is_empty(), "{field}");
    }
    for field in [
        "token: Secret",
        "token_hash: String",
        "input_tokens: u32",
        "name: String",
        "signing_secret: Option<Secret>",
        "has_secret: bool",
    ] {
        assert!(view("Debug", field).is_empty(), "{field}");
    }
}
