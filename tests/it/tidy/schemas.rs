//! Schemas of the API: two types with one name would silently take each other's place in its description.

use super::{
    is_test,
    items::{Item, items},
    texts,
};
use std::collections::BTreeMap;

/// The names that types have in the description, and by which type: `(name, type)`.
fn names(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for item in items(text).iter().filter(|item| item.derives("ToSchema")) {
        found.push((own_name(item), item.name.clone()));
    }
    // Those that give themselves a name: `impl ToSchema for X { fn name() … "Name".into()`.
    for (at, _) in text.match_indices("ToSchema for ") {
        let rest = &text[at + "ToSchema for ".len()..];
        let kind: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let body = rest.split("\n}").next().unwrap_or_default();
        if let Some((_, name)) = body.split_once("fn name()")
            && let Some(name) = name.split('"').nth(1).filter(|name| !name.contains('{'))
        {
            found.push((name.to_owned(), kind));
        }
    }
    found
}

/// What `as` says, else the type's own name.
fn own_name(item: &Item) -> String {
    let schemas = item.attributes.split("schema(").skip(1);
    let given = schemas
        .filter_map(|schema| schema.split_once("as = "))
        .map(|(_, name)| name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>());
    given.last().unwrap_or_else(|| item.name.clone())
}

/// The types that are shown as `Item<T>` or taken as `Patch<T>`, with the name that these have.
fn wrapped(texts: &[(String, String)]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (_, text) in texts {
        for (at, _) in text.match_indices("impl Named for ") {
            let rest = &text[at + "impl Named for ".len()..];
            let kind: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let Some(name) =
                rest.split("NAME: &'static str = \"").nth(1).and_then(|rest| rest.split('"').next())
            else {
                continue;
            };
            for (wrapper, ending) in [("Item", ""), ("Patch", "Patch")] {
                let used = format!("{wrapper}<{kind}>");
                if texts.iter().any(|(_, text)| text.contains(&used)) {
                    found.push((format!("{name}{ending}"), used));
                }
            }
        }
    }
    found
}

/// Names that several types have.
fn doubles(named: Vec<(String, String)>) -> Vec<(String, Vec<String>)> {
    let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, kind) in named {
        by_name.entry(name).or_default().push(kind);
    }
    by_name.into_iter().filter(|(_, kinds)| kinds.len() > 1).collect()
}

#[test]
fn every_schema_of_the_api_has_a_name_of_its_own() {
    let mut sources = texts(&["rs"]);
    sources.retain(|(name, _)| name.starts_with("control-plane/") && !is_test(name));
    let mut named: Vec<_> = sources
        .iter()
        .flat_map(|(file, text)| {
            names(text).into_iter().map(move |(name, kind)| (name, format!("{kind} in {file}")))
        })
        .collect();
    let wrapped = wrapped(&sources);
    assert!(named.len() > 80 && wrapped.len() > 15, "{} {}", named.len(), wrapped.len());
    named.extend(wrapped);
    let doubles = doubles(named);
    assert!(doubles.is_empty(), "give one of them another name with #[schema(as = …)]: {doubles:#?}");
}

#[test]
fn two_types_with_one_name_are_found() {
    let one = "#[derive(Debug, ToSchema)]\nstruct SessionView {\n    id: String,\n}\n";
    let other = "#[derive(ToSchema)]\n#[serde(default)]\n#[schema(as = SessionView)]\nstruct Session { id: String }\n";
    let by_hand = "impl ToSchema for Code {\n    fn name() -> Cow<'static, str> {\n        \"SessionView\".into()\n    }\n}\n";
    let found = |texts: &[&str]| doubles(texts.iter().flat_map(|text| names(text)).collect());
    assert_eq!(
        found(&[one, other]),
        [("SessionView".to_owned(), vec!["SessionView".to_owned(), "Session".to_owned()])]
    );
    assert_eq!(found(&[one, by_hand]).len(), 1);
    assert!(found(&[one, "#[derive(ToSchema)]\nstruct Other;\n"]).is_empty());
    let views = "impl Named for TenantView {\n    const NAME: &'static str = \"Tenant\";\n}\ntype TenantItem = Item<TenantView>;\n";
    let derived = "#[derive(ToSchema)]\nstruct Tenant { id: String }\n";
    let mut named = wrapped(&[("a".to_owned(), views.to_owned())]);
    named.extend(names(derived));
    assert_eq!(doubles(named).len(), 1);
}
