//! Structs and enums as they stand in a source file: enough of Rust to know their attributes, names and fields.

/// A struct or an enum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) name: String,
    /// All attributes before it, as text.
    pub(super) attributes: String,
    /// Names and types of its fields, those of an enum's variants too. A field without a name is called by its place.
    pub(super) fields: Vec<(String, String)>,
}

impl Item {
    pub(super) fn derives(&self, name: &str) -> bool {
        self.attributes.split("derive(").skip(1).any(|rest| {
            let derived = rest.split(')').next().unwrap_or_default();
            derived.split(',').any(|path| path.trim().rsplit("::").next() == Some(name))
        })
    }
}

/// The items of a file, tests left out.
pub(super) fn items(text: &str) -> Vec<Item> {
    let mut found = Vec::new();
    let mut attributes = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let code = line.trim();
        if code.starts_with("#[cfg(test)]")
            && lines.peek().is_some_and(|next| next.trim().starts_with("mod tests {"))
        {
            break;
        }
        if code.starts_with("#[") {
            attributes.push_str(&attribute(code, &mut lines));
            continue;
        }
        if code.is_empty() || code.starts_with("//") {
            continue;
        }
        let words: Vec<_> =
            code.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '(' && c != ')').collect();
        let kind = words.iter().position(|word| *word == "struct" || *word == "enum");
        let begins = |word: &&str| ["pub", "struct", "enum"].contains(word) || word.starts_with("pub(");
        if let (Some(kind), true) = (kind, words.first().is_some_and(begins)) {
            let name = words.get(kind + 1).unwrap_or(&"").split('(').next().unwrap_or_default().to_owned();
            let mut body = code.to_owned();
            // To its closing bracket, or to the semicolon of one without a body.
            while !is_whole(&body) {
                let Some(next) = lines.next() else { break };
                let next = next.trim();
                if next.starts_with("#[") {
                    attribute(next, &mut lines);
                } else if !next.starts_with("//") {
                    body.push(' ');
                    body.push_str(next);
                }
            }
            found.push(Item { name, attributes: attributes.clone(), fields: fields(&body) });
        }
        attributes.clear();
    }
    found
}

/// An attribute to its last bracket.
fn attribute<'a>(first: &str, lines: &mut impl Iterator<Item = &'a str>) -> String {
    let mut whole = first.to_owned();
    while whole.matches('[').count() > whole.matches(']').count() {
        let Some(next) = lines.next() else { break };
        whole.push(' ');
        whole.push_str(next.trim());
    }
    whole
}

fn is_whole(body: &str) -> bool {
    let count = |of: &[char]| body.matches(of).count();
    let closed = count(&['{', '(']) == count(&['}', ')']);
    closed && (body.ends_with('}') || body.ends_with(';'))
}

/// `name: type` wherever it stands, and the types in `Name(type)`.
fn fields(body: &str) -> Vec<(String, String)> {
    let start = body.find(['{', '(']).map_or(body.len(), |start| start + 1);
    let mut fields = Vec::new();
    let mut piece = String::new();
    let mut depth = 0_u32;
    for char in body[start..].chars().chain([',']) {
        match char {
            '<' | '[' => depth += 1,
            '>' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > 0 || !matches!(char, ',' | '{' | '}' | '(' | ')' | ';') {
            piece.push(char);
            continue;
        }
        let text = piece.trim().trim_start_matches("pub ").trim();
        let is_visibility = matches!(text, "pub" | "crate" | "super" | "");
        match text.split_once(": ") {
            Some((name, kind)) => {
                fields.push((name.trim_start_matches("crate ").to_owned(), kind.to_owned()))
            }
            None if !is_visibility => fields.push((fields.len().to_string(), text.to_owned())),
            None => {}
        }
        piece.clear();
    }
    fields
}

#[test]
fn items_are_read_with_their_attributes_and_fields() {
    let text = "
/// A key.
#[derive(Clone, Debug)]
#[schema(as = Key)]
pub(crate) struct KeyView<T> {
    /// Which.
    pub(crate) id: String,
    #[schema(
        min_length = 1,
        max_length = 2,
    )]
    key: Option<String>,
    pairs: BTreeMap<String, Vec<u8>>,
}

#[derive(
    Debug,
    utoipa::ToSchema,
)]
enum Shown { No, Once { token: String, until: i64 }, Text(String) }

struct Unit;
#[cfg(test)]
mod tests {
    #[derive(Debug)]
    struct Other { secret: String }
}
";
    let found = items(text);
    let names: Vec<_> = found.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(names, ["KeyView", "Shown", "Unit"]);
    assert!(found[0].derives("Debug") && !found[0].derives("ToSchema") && found[1].derives("ToSchema"));
    let of = |item: &Item, name: &str| {
        item.fields.iter().find(|(known, _)| known == name).map(|(_, kind)| kind.clone())
    };
    assert_eq!(of(&found[0], "id").as_deref(), Some("String"));
    assert_eq!(of(&found[0], "key").as_deref(), Some("Option<String>"));
    assert_eq!(of(&found[0], "pairs").as_deref(), Some("BTreeMap<String, Vec<u8>>"));
    assert_eq!(of(&found[1], "token").as_deref(), Some("String"));
    assert!(!found[2].derives("Debug"));
}
