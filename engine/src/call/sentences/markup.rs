//! Takes Markdown out of streamed text, one character at a time, so that nobody hears "asterisk asterisk".
//!
//! Gone: emphasis, headings, bullets, quotes, rules, backticks, fences with their language, table bars, square
//! brackets, the addresses of links. Numbers, number signs and the names of things keep their characters.

/// The longest link address or line marker waited for before it is taken for text.
const PENDING_MAX: usize = 512;

#[derive(Clone, Debug, Default)]
pub(super) struct Markup {
    state: State,
    /// What was last let through.
    last: Option<char>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// At the start of a line; holds what may turn out to be its marker.
    LineStart(String),
    /// Within a line.
    Text,
    /// After characters `*`, `_`, `~` or `` ` `` that may be emphasis.
    Emphasis(char, usize),
    /// After `!`, which may start an image.
    Bang,
    /// After a `]`, which may close a link's text.
    LinkClosed,
    /// In a link's address.
    Address(usize),
    /// In the rest of a fence's line.
    Fence,
}

impl Default for State {
    fn default() -> Self {
        Self::LineStart(String::new())
    }
}

impl Markup {
    /// What can be said of the text once this character is known.
    pub(super) fn push(&mut self, char: char) -> String {
        let mut out = String::new();
        self.step(char, &mut out);
        if let Some(last) = out.chars().next_back() {
            self.last = Some(last);
        }
        out
    }

    /// What was held back at the end of the text.
    pub(super) fn flush(&mut self) -> String {
        let out = match std::mem::take(&mut self.state) {
            State::Bang => "!".to_owned(),
            State::LineStart(_)
            | State::Text
            | State::Emphasis(..)
            | State::LinkClosed
            | State::Address(_)
            | State::Fence => String::new(),
        };
        *self = Self::default();
        out
    }

    fn step(&mut self, char: char, out: &mut String) {
        match std::mem::replace(&mut self.state, State::Text) {
            State::LineStart(marker) => self.line_start(marker, char, out),
            State::Text => self.text(char, out),
            State::Emphasis(mark, count) if char == mark && count < PENDING_MAX => {
                self.state = State::Emphasis(mark, count + 1);
            }
            State::Emphasis('`', 3..) if char != '\n' && matches!(self.last, None | Some('\n')) => {
                self.state = State::Fence;
            }
            State::Emphasis(mark, count) => {
                let before = out.chars().next_back().or(self.last);
                if is_literal(mark, count, before, char) {
                    out.push(mark);
                }
                self.text(char, out);
            }
            State::Bang => {
                if char != '[' {
                    out.push('!');
                }
                self.text(char, out);
            }
            State::LinkClosed if char == '(' => self.state = State::Address(0),
            State::LinkClosed => self.text(char, out),
            State::Address(_) if char == ')' => {}
            State::Address(length) if length < PENDING_MAX && char != '\n' => {
                self.state = State::Address(length + 1);
            }
            State::Address(_) => self.text(char, out),
            State::Fence if char == '\n' => self.text(char, out),
            State::Fence => self.state = State::Fence,
        }
    }

    fn text(&mut self, char: char, out: &mut String) {
        match char {
            '\n' => {
                out.push('\n');
                self.state = State::LineStart(String::new());
            }
            '*' | '_' | '~' | '`' => self.state = State::Emphasis(char, 1),
            '!' => self.state = State::Bang,
            '[' => {}
            ']' => self.state = State::LinkClosed,
            '|' => out.push(' '),
            _ => out.push(char),
        }
    }

    fn line_start(&mut self, mut marker: String, char: char, out: &mut String) {
        let is_marker = |char: char| matches!(char, '#' | '-' | '*' | '+' | '>' | '•' | '=' | '_');
        if char == '\n' || (marker.is_empty() && char.is_whitespace()) {
            // A line of markers alone is a rule or an underline.
            self.state = State::LineStart(String::new());
            if char == '\n' {
                out.push('\n');
            }
        } else if is_marker(char) && marker.len() < PENDING_MAX {
            marker.push(char);
            self.state = State::LineStart(marker);
        } else if char.is_whitespace() {
            // Heading, bullet or quote; another may follow (`> - item`).
            self.state = State::LineStart(String::new());
        } else {
            // No marker after all: emphasis at the start of a line, `#1`, `-5`, `+1 555…`.
            for char in marker.chars() {
                self.step(char, out);
            }
            self.step(char, out);
        }
    }
}

/// Whether a run of emphasis characters is meant as it stands: `2 * 3`, `snake_case`, `~5`.
fn is_literal(mark: char, count: usize, before: Option<char>, after: char) -> bool {
    let spaced = before.is_some_and(char::is_whitespace) && after.is_whitespace();
    let within_word = before.is_some_and(char::is_alphanumeric) && after.is_alphanumeric();
    count == 1
        && match mark {
            '*' => spaced,
            '_' => within_word,
            '~' => !before.is_some_and(char::is_alphanumeric) && after.is_alphanumeric(),
            _ => false,
        }
}
