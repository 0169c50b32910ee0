//! HTML as text: for the text part that goes beside it, and for HTML that comes without text.
//!
//! Not a browser: tags are taken as they come, whatever they close. Lists, headings and table rows are lines, links show where they
//! go, quotations get `> ` before their lines (so that [`crate::parse`] finds them), and what nobody reads (scripts, styles, comments)
//! is left out. Any input gives a text, in time linear in its length.

use mail_parser::decoders::html::add_html_token;

/// Longest name of an entity, `&CounterClockwiseContourIntegral;`.
const LONGEST_ENTITY: usize = 33;
/// Quotations inside of quotations that are told apart.
const DEEPEST_QUOTE: usize = 10;

/// The text that the HTML shows.
pub(crate) fn to_text(html: &str) -> String {
    let mut page = Page::default();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (text, tag) = rest.split_at(at);
        page.text(text);
        rest = page.tag(tag);
    }
    page.text(rest);
    page.finish()
}

#[derive(Default)]
struct Page {
    out: String,
    /// The line that is being written, without its quotation marks.
    line: String,
    /// White space came since the last word.
    space: bool,
    /// Empty lines due before the next line.
    gap: bool,
    quote: usize,
    preformatted: usize,
    /// Where the present link goes, and how the text ended when it began.
    link: Option<(String, usize)>,
}

impl Page {
    fn text(&mut self, text: &str) {
        let mut rest = text;
        while let Some(char) = rest.chars().next() {
            if char == '&'
                && let Some(end) = rest.char_indices().take(LONGEST_ENTITY).find(|(_, c)| *c == ';')
                && let Some(entity) = rest.get(..=end.0)
                && entity.is_ascii()
            {
                let mut decoded = String::new();
                add_html_token(&mut decoded, entity.as_bytes(), false);
                for char in decoded.chars() {
                    self.char(char);
                }
                rest = rest.get(end.0 + 1..).unwrap_or_default();
                continue;
            }
            self.char(char);
            rest = rest.get(char.len_utf8()..).unwrap_or_default();
        }
    }

    fn char(&mut self, char: char) {
        if self.preformatted > 0 && char == '\n' {
            self.end_line();
        } else if char.is_whitespace() && (self.preformatted == 0 || char.is_control()) {
            self.space = true;
        } else if !char.is_control()
            && !matches!(char, '\u{200b}'..='\u{200d}' | '\u{feff}' | '\u{ad}' | '\u{34f}')
        {
            self.flush_space();
            self.line.push(char);
        }
    }

    fn flush_space(&mut self) {
        if self.space && !self.line.is_empty() {
            self.line.push(' ');
        }
        self.space = false;
    }

    /// Reads the tag at the beginning of `html` and gives what is behind it.
    fn tag<'a>(&mut self, html: &'a str) -> &'a str {
        if let Some(comment) = html.strip_prefix("<!--") {
            return comment.find("-->").and_then(|at| comment.get(at + 3..)).unwrap_or_default();
        }
        let begins = html.as_bytes().get(1);
        if !begins.is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'/' | b'!' | b'?')) {
            self.char('<');
            return html.get(1..).unwrap_or_default();
        }
        let Some(end) = end_of_tag(html) else { return "" };
        let inside = html.get(1..end).unwrap_or_default();
        let rest = html.get(end + 1..).unwrap_or_default();
        let (closing, inside) = match inside.strip_prefix('/') {
            Some(inside) => (true, inside),
            None => (false, inside),
        };
        let name_end = inside.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(inside.len());
        let (name, attributes) = inside.split_at(name_end);
        let name = name.to_ascii_lowercase();
        if !closing && matches!(name.as_str(), "script" | "style" | "head" | "title" | "template" | "svg") {
            return skip_past_end(rest, &name);
        }
        self.element(&name, closing, attributes);
        rest
    }

    fn element(&mut self, name: &str, closing: bool, attributes: &str) {
        match name {
            "br" => self.end_line(),
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ul" | "ol" | "table" | "dl" => {
                self.paragraph();
            }
            "div" | "tr" | "section" | "article" | "header" | "footer" | "address" | "dt" | "dd"
            | "center" => {
                self.break_line();
            }
            "td" | "th" => self.space = true,
            "li" => {
                self.break_line();
                if !closing {
                    self.line.push_str("- ");
                }
            }
            "hr" => {
                self.break_line();
                self.line.push_str("---");
                self.break_line();
            }
            "pre" => {
                self.break_line();
                self.preformatted =
                    if closing { self.preformatted.saturating_sub(1) } else { self.preformatted + 1 };
            }
            "blockquote" => {
                self.paragraph();
                self.quote = if closing { self.quote.saturating_sub(1) } else { self.quote + 1 };
            }
            "a" if closing => self.end_link(),
            "a" => {
                self.end_link();
                let target = attribute(attributes, "href");
                self.link = target
                    .filter(|href| href.starts_with("http://") || href.starts_with("https://"))
                    .map(|href| (href, self.line.len()));
            }
            "img" => {
                if let Some(shown) = attribute(attributes, "alt") {
                    self.text(&shown);
                }
            }
            _ => {}
        }
    }

    /// Says where a link went, unless its text does.
    fn end_link(&mut self) {
        let Some((href, start)) = self.link.take() else { return };
        let shown = self.line.get(start..).unwrap_or_default().trim();
        let says_it =
            href.trim_end_matches('/').ends_with(shown.trim_end_matches('/')) && shown.contains('.');
        if !shown.is_empty() && !says_it {
            self.line.push_str(" (");
            let mut decoded = Self::default();
            decoded.text(&href);
            self.line.push_str(&decoded.line);
            self.line.push(')');
        }
    }

    /// Ends the line if there is anything on it.
    fn break_line(&mut self) {
        if self.line.is_empty() {
            self.space = false;
        } else {
            self.end_line();
        }
    }

    fn paragraph(&mut self) {
        self.break_line();
        self.gap = true;
    }

    fn end_line(&mut self) {
        // A link that began on this line is only known by where it stood.
        self.end_link();
        self.space = false;
        let marks = self.quote.min(DEEPEST_QUOTE);
        if self.gap && !self.out.is_empty() && !self.line.is_empty() {
            self.out.push_str(&">".repeat(marks));
            self.out.push('\n');
        }
        self.gap = self.gap && self.line.is_empty();
        if marks > 0 {
            self.out.push_str(&">".repeat(marks));
            self.out.push(' ');
        }
        self.out.push_str(self.line.trim_end());
        self.out.push('\n');
        self.line.clear();
    }

    fn finish(mut self) -> String {
        self.break_line();
        // At most one empty line in a row.
        let mut text = String::with_capacity(self.out.len());
        let mut empty = true;
        for line in self.out.lines() {
            let line = line.trim_end();
            if line.is_empty() && empty {
                continue;
            }
            empty = line.is_empty();
            text.push_str(line);
            text.push('\n');
        }
        text.truncate(text.trim_end().len());
        text
    }
}

/// Where the `>` is that ends the tag; those within quotation marks do not.
fn end_of_tag(html: &str) -> Option<usize> {
    let mut within = None;
    let mut first = None;
    for (at, byte) in html.bytes().enumerate() {
        match (within, byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => within = Some(byte),
            (Some(mark), byte) if mark == byte => within = None,
            (Some(_), b'>') if first.is_none() => first = Some(at),
            (Some(_) | None, _) => {}
        }
    }
    // A quotation mark that nothing ends.
    first
}

/// Behind `</name …>`.
fn skip_past_end<'a>(html: &'a str, name: &str) -> &'a str {
    let mut rest = html;
    while let Some(at) = rest.find("</") {
        rest = rest.get(at + 2..).unwrap_or_default();
        if rest.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name)) {
            return rest.find('>').and_then(|end| rest.get(end + 1..)).unwrap_or_default();
        }
    }
    ""
}

/// The value of one attribute of a tag.
fn attribute(attributes: &str, name: &str) -> Option<String> {
    let mut rest = attributes;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(|c: char| c.is_whitespace() || c == '=' || c == '/').unwrap_or(rest.len());
        let (key, behind) = rest.split_at(end.max(1).min(rest.len()));
        let behind = behind.trim_start();
        let Some(value) = behind.strip_prefix('=') else {
            rest = behind;
            continue;
        };
        let value = value.trim_start();
        let (value, behind) = match value.chars().next() {
            Some(mark @ ('"' | '\'')) => {
                let value = value.get(1..).unwrap_or_default();
                value.split_once(mark).unwrap_or((value, ""))
            }
            _ => value.split_once(char::is_whitespace).unwrap_or((value, "")),
        };
        if key.eq_ignore_ascii_case(name) {
            return Some(value.trim().to_owned());
        }
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_see_is_what_the_text_says() {
        let html = "<html><head><title>T</title><style>p{}</style></head><body><h1>Hello &amp; welcome</h1>\
            <p>Your  order\n<b>42</b> is <a href=\"https://shop.example/o/42?a=1&amp;b=2\">on its way</a>.<br>Thanks!</p>\
            <ul><li>One</li><li>Two &lt;3</li></ul><script>alert('</p>')</script><!-- <p>no</p> -->\
            <p><a href='https://shop.example'>https://shop.example</a></p><table><tr><td>a</td><td>b</td></tr></table></body></html>";
        let text = "Hello & welcome\n\nYour order 42 is on its way (https://shop.example/o/42?a=1&b=2).\nThanks!\n\n- One\n- Two <3\n\nhttps://shop.example\n\na b";
        assert_eq!(to_text(html), text);
    }

    #[test]
    fn a_quotation_is_marked_as_in_text() {
        let html = "<div>Yes.</div><div>On Monday Ada wrote:</div><blockquote><p>Shall we?</p><blockquote>Maybe</blockquote></blockquote>";
        assert_eq!(to_text(html), "Yes.\nOn Monday Ada wrote:\n>\n> Shall we?\n>>\n>> Maybe");
    }

    #[test]
    fn broken_html_gives_a_text_all_the_same() {
        for (html, text) in [
            ("a < b & c; 1 &lt; 2", "a < b & c; 1 < 2"),
            ("<p>one<p>two", "one\n\ntwo"),
            ("text <a href=\"unended>link", "text link"),
            ("x<style>never ended", "x"),
            ("x<!-- never ended", "x"),
            ("<", "<"),
            ("</", ""),
            ("<pre>a  b\nc</pre>", "a  b\nc"),
            ("&#x1F600;&#99999999;&unknown;", "😀\u{fffd}&unknown;"),
            ("", ""),
        ] {
            assert_eq!(to_text(html), text, "{html:?}");
        }
    }

    proptest! {
        #[test]
        fn no_html_is_too_much_for_it(html in "(<|>|/|\"|'|&|;|=|!--|-->|a|p|blockquote|li|script|href|é| |\n){0,60}") {
            let text = to_text(&html);
            prop_assert!(text.chars().all(|char| !char.is_control() || char == '\n'));
        }
    }
}
