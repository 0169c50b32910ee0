//! What is wrong with a request, where in it and why.

use serde::Serialize;
use utoipa::ToSchema;

/// Something that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Fault {
    /// Where.
    #[serde(flatten)]
    pub(crate) place: Place,
    /// For programs.
    pub(crate) code: FaultCode,
    /// For people.
    pub(crate) detail: String,
}

/// A place in a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// In the body: a JSON pointer (RFC 6901); empty for the whole of it.
    #[schema(example = "/routing/during/0/number")]
    Pointer(String),
    /// In the query: the parameter's name.
    #[schema(example = "limit")]
    Parameter(String),
}

impl Place {
    pub(crate) fn describe(&self) -> &str {
        match self {
            Self::Pointer(pointer) if pointer.is_empty() => "the body",
            Self::Pointer(text) | Self::Parameter(text) => text,
        }
    }
}

/// Why something will not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FaultCode {
    /// It is not of the type that it must be, a field is missing, or one is there that is not known.
    WrongShape,
    /// It is too long, too short, too large or too small.
    OutOfRange,
    /// It is of the right type but makes no sense.
    InvalidValue,
    /// What it names is not there, or is another tenant's.
    UnknownReference,
    /// It is there twice.
    Duplicate,
}

/// Collects what is wrong with a body, with the place that is being looked at.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    at: String,
    found: Vec<Fault>,
}

/// No answer lists more faults than this: nobody reads them, and a body of nothing but faults must not be answered
/// with a longer one.
const MOST: usize = 32;

impl Faults {
    /// Looks at a field.
    pub(crate) fn field(&mut self, name: &str, look: impl FnOnce(&mut Self)) {
        let before = self.at.len();
        push_token(&mut self.at, name);
        look(self);
        self.at.truncate(before);
    }

    /// Looks at each element of a list.
    pub(crate) fn each<T>(&mut self, name: &str, items: &[T], mut look: impl FnMut(&mut Self, &T)) {
        self.field(name, |faults| {
            for (index, item) in items.iter().enumerate() {
                faults.field(&index.to_string(), |faults| look(faults, item));
            }
        });
    }

    /// Something is wrong here.
    pub(crate) fn add(&mut self, code: FaultCode, detail: impl Into<String>) {
        if self.found.len() < MOST {
            let place = Place::Pointer(self.at.clone());
            self.found.push(Fault { place, code, detail: detail.into() });
        }
    }

    /// Something is wrong with the field `name`.
    pub(crate) fn add_at(&mut self, name: &str, code: FaultCode, detail: impl Into<String>) {
        self.field(name, |faults| faults.add(code, detail));
    }

    /// Something is wrong at `pointer`, which begins at what is being looked at.
    pub(crate) fn add_pointed(&mut self, pointer: &str, code: FaultCode, detail: impl Into<String>) {
        let before = self.at.len();
        self.at.push_str(pointer);
        self.add(code, detail);
        self.at.truncate(before);
    }

    /// A text must have between `min` and `max` characters.
    pub(crate) fn text(&mut self, name: &str, text: &str, min: usize, max: usize) {
        self.field(name, |faults| faults.own_text(text, min, max));
    }

    /// The text here must have between `min` and `max` characters.
    pub(crate) fn own_text(&mut self, text: &str, min: usize, max: usize) {
        let length = text.chars().count();
        if !(min..=max).contains(&length) {
            let detail = format!("it must have {min} to {max} characters, not {length}");
            self.add(FaultCode::OutOfRange, detail);
        } else if text.contains('\0') {
            self.add(FaultCode::InvalidValue, "it must not hold a NUL character");
        }
    }

    /// As [`Self::text`], if it is there.
    pub(crate) fn text_if(&mut self, name: &str, text: Option<&str>, min: usize, max: usize) {
        if let Some(text) = text {
            self.text(name, text, min, max);
        }
    }

    /// A number must be between `min` and `max`.
    pub(crate) fn number<N: PartialOrd + std::fmt::Display>(
        &mut self,
        name: &str,
        number: N,
        min: N,
        max: N,
    ) {
        if number < min || number > max {
            let detail = format!("it must be {min} to {max}, not {number}");
            self.add_at(name, FaultCode::OutOfRange, detail);
        }
    }

    /// A list must have at most `max` elements.
    pub(crate) fn at_most<T>(&mut self, name: &str, items: &[T], max: usize) {
        if items.len() > max {
            let detail = format!("it must have at most {max} elements, not {}", items.len());
            self.add_at(name, FaultCode::OutOfRange, detail);
        }
    }

    /// What was found.
    pub(crate) fn into_found(self) -> Vec<Fault> {
        self.found
    }
}

/// Adds a reference token to a JSON pointer.
fn push_token(pointer: &mut String, token: &str) {
    pointer.push('/');
    for character in token.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// A JSON pointer from a path as serde tells it.
pub(crate) fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => push_token(&mut pointer, &index.to_string()),
            Segment::Map { key } => push_token(&mut pointer, key),
            // A variant is no place in the JSON text; an unknown one is the end of what can be said.
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}
