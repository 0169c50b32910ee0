//! Recipients as comma-separated values (RFC 4180), in and out.

use crate::{api::phone, clock::rfc3339, who_answers::Part};
use mail::EmailAddress;
use routing::is_number;
use std::fmt::Write as _;
use store::{
    StoreError, Stored,
    ids::{BatchId, ContactId},
    model::{message::Message, outgoing::Recipient},
};

/// Messages that are read at once.
const PAGE: u16 = 1_000;

/// What is wrong with a text.
#[derive(Debug, thiserror::Error)]
pub(in crate::api) enum CsvError {
    /// It does not begin with names.
    #[error("the first line names the columns; one of them is phone, email, push or contact")]
    NoNames,
    /// A line has more or fewer fields than there are names.
    #[error("line {0} has not as many fields as the first one")]
    Fields(usize),
    /// A quoted field does not end.
    #[error("a quoted field that begins in line {0} does not end")]
    Open(usize),
    /// Somebody without an address.
    #[error("line {0} has no address")]
    Nobody(usize),
    /// A contact that is none.
    #[error("line {0} names a contact in a form that none has")]
    Contact(usize),
    /// A number that is none.
    #[error("line {0} has a phone that is no number with its country code, such as +15550100")]
    Phone(usize),
    /// An email address that is none.
    #[error("line {0} has an email address that nobody can have")]
    Email(usize),
    /// Too many.
    #[error("it has more than {0} recipients")]
    TooMany(usize),
}

/// Reads recipients; other columns are variables of their message.
pub(super) fn read(text: &str, most: usize) -> Result<Vec<Recipient>, CsvError> {
    let mut lines = Lines::of(text);
    let Some((_, names)) = lines.next_line()? else { return Err(CsvError::NoNames) };
    let names: Vec<String> = names.iter().map(|name| name.trim().to_lowercase()).collect();
    if !names.iter().any(|name| ["phone", "email", "push", "contact"].contains(&name.as_str())) {
        return Err(CsvError::NoNames);
    }
    let mut recipients = Vec::new();
    while let Some((line, fields)) = lines.next_line()? {
        if fields.len() == 1 && fields[0].trim().is_empty() {
            continue;
        }
        if fields.len() != names.len() {
            return Err(CsvError::Fields(line));
        }
        if recipients.len() == most {
            return Err(CsvError::TooMany(most));
        }
        recipients.push(recipient(line, &names, fields)?);
    }
    Ok(recipients)
}

fn recipient(line: usize, names: &[String], fields: Vec<String>) -> Result<Recipient, CsvError> {
    let mut recipient = Recipient::default();
    for (name, field) in names.iter().zip(fields) {
        let field = field.trim().to_owned();
        if field.is_empty() {
            continue;
        }
        match name.as_str() {
            "phone" => {
                let phone = phone::of_person(field);
                recipient.phone =
                    Some(Some(phone).filter(|phone| is_number(phone)).ok_or(CsvError::Phone(line))?);
            }
            "email" => {
                let email = EmailAddress::parse(&field).map_err(|_| CsvError::Email(line))?;
                recipient.email = Some(email.as_str().to_lowercase());
            }
            "push" => recipient.push = Some(field),
            "contact" => {
                let contact = ContactId::parse(&field).map_err(|_| CsvError::Contact(line))?;
                recipient.contact = Some(contact);
            }
            "language" => recipient.language = Some(field),
            other => {
                recipient.variables.insert(other.to_owned(), field.into());
            }
        }
    }
    let Recipient { contact, phone, email, push, .. } = &recipient;
    if contact.is_none() && phone.is_none() && email.is_none() && push.is_none() {
        return Err(CsvError::Nobody(line));
    }
    Ok(recipient)
}

/// The lines of a text, each with the number of the text's line that it begins in.
pub(in crate::api) struct Lines<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Lines<'a> {
    pub(in crate::api) fn of(text: &'a str) -> Self {
        Self { rest: text.trim_start_matches('\u{feff}'), line: 1 }
    }

    pub(in crate::api) fn next_line(&mut self) -> Result<Option<(usize, Vec<String>)>, CsvError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let began = self.line;
        let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
        let mut chars = self.rest.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if c == '\n' {
                self.line += 1;
            }
            match c {
                '"' if quoted => {
                    if chars.next_if(|(_, next)| *next == '"').is_some() {
                        field.push('"');
                    } else {
                        quoted = false;
                    }
                }
                '"' if field.is_empty() => quoted = true,
                ',' if !quoted => fields.push(std::mem::take(&mut field)),
                '\r' if !quoted => {}
                '\n' if !quoted => {
                    self.rest = &self.rest[at + 1..];
                    fields.push(field);
                    return Ok(Some((began, fields)));
                }
                c => field.push(c),
            }
        }
        if quoted {
            return Err(CsvError::Open(began));
        }
        self.rest = "";
        fields.push(field);
        Ok(Some((began, fields)))
    }
}

/// One line for each message of a batch.
pub(super) async fn written(part: &Part, batch: &BatchId) -> Result<String, StoreError> {
    let mut text = "message,address,channel,status,error,provider,provider_id,updated_at\r\n".to_owned();
    let mut after = String::new();
    loop {
        let rows = part.batch_messages(batch, None, &after, PAGE).await?;
        let Some(last) = rows.last() else { return Ok(text) };
        after.clone_from(&last.id);
        for row in rows {
            let row = Stored::<Message>::read(row)?;
            let message = &row.value;
            let fields = [
                row.id.as_str(),
                message.address.as_deref().unwrap_or_default(),
                message.channel.as_str(),
                message.status.as_str(),
                message.error.as_deref().unwrap_or_default(),
                message.provider.as_deref().unwrap_or_default(),
                message.provider_id.as_deref().unwrap_or_default(),
            ];
            for field in fields {
                push(&mut text, field);
            }
            // Writing to a String does not fail.
            write!(text, "{}\r\n", rfc3339(row.updated_at)).unwrap_or_default();
        }
    }
}

/// A field and its comma. What a spreadsheet would take for a formula is made text.
pub(in crate::api) fn push(text: &mut String, field: &str) {
    let is_figure = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let formula = field.starts_with(['=', '@', '\t', '\r', '\n'])
        || field.strip_prefix(['+', '-']).is_some_and(|rest| !is_figure(rest));
    let shown = if formula { format!("'{field}") } else { field.to_owned() };
    if shown.contains(['"', ',', '\r', '\n']) {
        // Writing to a String does not fail.
        write!(text, "\"{}\",", shown.replace('"', "\"\"")).unwrap_or_default();
    } else {
        text.push_str(&shown);
        text.push(',');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn recipients_are_read_with_quotes_and_what_their_messages_need() {
        let text = "\u{feff}Phone,name,email\r\n+1 (555) 010-0142,\"Smith, \"\"Ann\"\"\",\r\n,\"Bob\nLee\",BOB@Example.com\n\n";
        let read = read(text, 10).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].phone.as_deref(), Some("+15550100142"));
        assert_eq!(read[0].variables["name"], "Smith, \"Ann\"");
        assert_eq!(read[1].email.as_deref(), Some("bob@example.com"));
        assert_eq!(read[1].variables["name"], "Bob\nLee");
    }

    #[test]
    fn a_spreadsheet_takes_nothing_for_a_formula_and_numbers_stay_numbers() {
        let shown = |field: &str| {
            let mut text = String::new();
            push(&mut text, field);
            text
        };
        for formula in ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "\t=1+1", "+A1"] {
            assert!(shown(formula).trim_start_matches('"').starts_with('\''), "{formula}");
        }
        for plain in ["+15550100142", "-1.5", "-", "Ann", "a=b"] {
            assert_eq!(shown(plain), format!("{plain},"));
        }
    }

    #[test]
    fn a_number_that_would_be_guessed_at_is_refused_with_its_line_and_one_with_two_forms_is_kept_in_one() {
        let line = |text: &str| read(text, 10).unwrap_err().to_string();
        assert!(line("phone\n+15550100142\n15550100142\n").contains("line 3"), "STOP would not count for it");
        assert!(line("phone\nnobody\n").contains("line 2 has a phone"));
        assert!(line("email\nann@example.com\nann@\n").contains("line 3 has an email"));
        let read = read("phone\n+52 1 55 5555 0100\n", 10).unwrap();
        assert_eq!(read[0].phone.as_deref(), Some("+525555550100"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let line = |text: &str| read(text, 1).unwrap_err().to_string();
        assert!(line("name\nAnn\n").contains("names the columns"));
        assert!(line("phone,name\n+15550100,Ann,more\n").contains("line 2"));
        assert!(line("phone,name\n,Ann\n").contains("line 2 has no address"));
        assert!(line("phone\n\"+15550100\n").contains("begins in line 2"));
        assert!(line("phone\n+15550100\n+15550101\n").contains("more than 1"));
        assert!(line("contact\nAnn\n").contains("line 2"));
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "(\\PC|[,\"\r\n]|phone|email)*") {
            drop(read(&text, 10));
        }
    }
}
