//! Stops a server that would run the library out of stack, which nothing catches.
//!
//! The library reads a `BODYSTRUCTURE`, in which lists stand in lists, by calling itself, and a server can send one that nobody asked
//! for. So what comes is watched: behind that word a list may hold only so many others. Mail that only speaks of it passes: such a
//! list ends with its line.

/// Lists within lists. A mail that a mail program shows has fewer than ten.
const DEEPEST: u32 = 100;
/// Such lists that are open at the same time: the word can stand in the strings of one.
const MOST_OPEN: usize = 64;
const WORD: &[u8] = b"BODYSTRUCTURE (";

/// Watches bytes as they come.
#[derive(Debug, Default)]
pub(super) struct Nesting {
    /// Bytes of the word that have come.
    matched: usize,
    /// One for each place where the word was: which one the library reads is not known here.
    open: Vec<List>,
}

/// A list that is being read, from behind its first parenthesis on.
#[derive(Debug)]
struct List {
    depth: u32,
    within: Within,
}

#[derive(Clone, Copy, Debug)]
enum Within {
    List,
    Quoted,
    Escaped,
    /// Between `{` and `}`.
    Length(usize),
    /// Behind `}`, before the line's end.
    LengthEnd(usize),
    /// So many bytes that mean nothing.
    Literal(usize),
}

impl Nesting {
    /// Takes what came; `false` if it goes too deep.
    pub(super) fn watch(&mut self, bytes: &[u8]) -> bool {
        for byte in bytes {
            if self.open.iter_mut().any(|list| list.take(*byte) && list.depth > DEEPEST) {
                return false;
            }
            if !self.open.is_empty() {
                self.open.retain(|list| list.depth > 0);
            }
            let fits = WORD.get(self.matched).is_some_and(|letter| letter.eq_ignore_ascii_case(byte));
            // Only its first letter is a B: what does not fit can at most begin it anew.
            self.matched =
                if fits { self.matched + 1 } else { usize::from(byte.eq_ignore_ascii_case(&b'B')) };
            if self.matched == WORD.len() {
                self.matched = 0;
                self.open.push(List { depth: 1, within: Within::List });
                if self.open.len() > MOST_OPEN {
                    return false;
                }
            }
        }
        true
    }
}

impl List {
    /// Takes a byte; says whether it was another parenthesis.
    fn take(&mut self, byte: u8) -> bool {
        self.within = match (self.within, byte) {
            (Within::List, b'(') => {
                self.depth += 1;
                return true;
            }
            (Within::List, b')') => {
                self.depth -= 1;
                Within::List
            }
            // The line is over, and with it the list.
            (Within::List, b'\n') => {
                self.depth = 0;
                Within::List
            }
            (Within::List, b'"') => Within::Quoted,
            (Within::List, b'{') => Within::Length(0),
            (Within::Quoted, b'"') => Within::List,
            (Within::Quoted, b'\\') => Within::Escaped,
            (Within::Escaped, _) => Within::Quoted,
            (Within::Length(length), b'0'..=b'9') => {
                Within::Length(length.saturating_mul(10).saturating_add(usize::from(byte - b'0')))
            }
            (Within::Length(length), b'}') => Within::LengthEnd(length),
            (Within::LengthEnd(length), b'\r') => Within::LengthEnd(length),
            (Within::LengthEnd(0), b'\n') | (Within::Literal(0 | 1), _) => Within::List,
            (Within::LengthEnd(length), b'\n') => Within::Literal(length),
            (Within::Literal(left), _) => Within::Literal(left - 1),
            (Within::List | Within::Length(_) | Within::LengthEnd(_), _) => Within::List,
            (Within::Quoted, _) => Within::Quoted,
        };
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(text: &str) -> bool {
        let mut nesting = Nesting::default();
        // In pieces, as the network brings it.
        text.as_bytes().chunks(7).all(|piece| nesting.watch(piece))
    }

    #[test]
    fn what_servers_send_and_people_write_passes() {
        let usual = "* 1 FETCH (BODYSTRUCTURE ((\"TEXT\" \"PLAIN\" (\"a\" \"((((\") NIL NIL {3}\r\n((( 1 1)(\"text\" \"html\")) UID 9)\r\n";
        assert!(passes(usual));
        assert!(passes(&usual.repeat(1_000)));
        assert!(passes(&"(".repeat(10_000)));
        assert!(passes(&format!("BODYSTRUCTURE (it is)\r\n{}", ":-(".repeat(10_000))));
        assert!(passes(&format!("BODYSTRUCTURE (it is\r\n{}", "(".repeat(10_000))));
    }

    #[test]
    fn lists_without_end_do_not_however_they_are_hidden() {
        let deep = "(".repeat(101);
        for text in [
            format!("* 1 FETCH (BODYSTRUCTURE {deep}"),
            format!("* 1 FETCH (x BODYSTRUCTURE bodySTRUCTURE {deep}"),
            format!("* 1 FETCH (x \"BODYSTRUCTURE (\" BODYSTRUCTURE {deep}"),
            "* 1 FETCH (BODYSTRUCTURE ".to_owned()
                + &"(\"MESSAGE\" \"RFC822\" NIL \"))))\" {4}\r\n)))) ".repeat(101),
            "* 1 FETCH (BODYSTRUCTURE ".to_owned() + &"(\"a\\\")\" \"BODYSTRUCTURE ()\" ".repeat(101),
            "* 1 FETCH (BODYSTRUCTURE ".to_owned() + &"(1 {0}\r\n ".repeat(101),
        ] {
            assert!(!passes(&text), "{}", text.chars().take(80).collect::<String>());
        }
    }
}
