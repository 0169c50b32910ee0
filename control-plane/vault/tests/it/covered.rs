//! Every place in the store that holds a sealed secret is known to whoever seals secrets anew. A new one fails here until it is.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Fields that are sealed, as `file: field`, and the kind of row by which they are sealed anew.
const COVERED: [(&str, &str); 9] = [
    ("store/src/model/account.rs: secrets", "ProviderAccount"),
    ("store/src/model/account.rs: current", "ProviderAccount"),
    ("store/src/model/account.rs: previous", "ProviderAccount"),
    ("store/src/model/webhook.rs: secret", "WebhookEndpoint"),
    ("store/src/model/webhook.rs: previous_secret", "WebhookEndpoint"),
    ("store/src/model/identity.rs: totp", "User"),
    // Within an assistant's configuration, which the store does not read.
    ("src/assistants.rs: signing_secret", "Assistant"),
    // Within a job's state.
    ("provisioning/src/admission.rs: auth_token", "Job"),
    ("provisioning/src/admission.rs: own", "Job"),
];

fn control_plane() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !matches!(name, "tests" | "target" | "vault" | "examples") {
            sources(&path, found);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            found.push(path);
        }
    }
}

/// The fields of structs whose type is a sealed secret, or a struct that has one.
fn sealed_fields() -> BTreeSet<String> {
    let (root, mut files) = (control_plane(), Vec::new());
    sources(&root, &mut files);
    assert!(files.len() > 100, "{}", files.len());
    let mut found = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        let (mut in_struct, name) = (false, file.strip_prefix(&root).unwrap().display());
        for line in text.lines() {
            let code = line.trim();
            let is_head =
                ["struct ", "pub struct ", "pub(crate) struct "].iter().any(|head| code.starts_with(head));
            in_struct = (in_struct || is_head && code.ends_with('{')) && line != "}";
            let Some((field, kind)) = code.split_once(": ").filter(|_| in_struct && !code.starts_with("//"))
            else {
                continue;
            };
            let words: Vec<_> = kind.split(|c: char| !c.is_alphanumeric()).collect();
            if ["Sealed", "SealedAccount", "Credential"].iter().any(|sealed| words.contains(sealed)) {
                let field = field.rsplit(' ').next().unwrap();
                found.insert(format!("{name}: {field}"));
            }
        }
    }
    found
}

#[test]
fn every_sealed_field_of_the_store_is_sealed_anew_with_its_tenants_data_key() {
    let known: BTreeSet<_> = COVERED.iter().map(|(field, _)| (*field).to_owned()).collect();
    assert_eq!(
        sealed_fields(),
        known,
        "a sealed field came or went: see to `holders.rs` and `rotate.rs`, then to this list"
    );
    let rotate = fs::read_to_string(control_plane().join("vault/src/rotate.rs")).unwrap();
    let status = fs::read_to_string(control_plane().join("vault/src/status.rs")).unwrap();
    for (field, kind) in COVERED {
        assert!(rotate.contains(&format!("reseal_all::<{kind}>")), "{field} is not sealed anew");
        assert!(status.contains(&format!("count::<{kind}>")), "{field} is not counted");
    }
}

#[test]
fn every_place_of_a_secret_is_known_to_whoever_seals_anew() {
    let places = fs::read_to_string(control_plane().join("vault/src/place.rs")).unwrap();
    let holders = fs::read_to_string(control_plane().join("vault/src/holders.rs")).unwrap();
    let made = places.lines().filter_map(|line| line.trim().strip_prefix("pub fn ")?.split('(').next());
    let made: Vec<_> = made.collect();
    assert!(made.len() >= 4, "{made:?}");
    for place in made {
        assert!(
            holders.contains(&format!("Place::{place}(")),
            "what is sealed at Place::{place} keeps its old key"
        );
    }
}
