//! Consents as comma-separated values (RFC 4180), in and out.

use super::{ImportForm, Imported, csv};
use crate::{clock::rfc3339, who_answers::Part};
use store::{
    Filter, StoreError,
    model::{
        consent::{Consent, ConsentStatus},
        message::Channel,
    },
};

/// Consents that are read at once.
const PAGE: u16 = 500;

/// What is wrong with a text.
#[derive(Debug, thiserror::Error)]
pub(super) enum TableError {
    /// It is no table.
    #[error(transparent)]
    Csv(#[from] csv::CsvError),
    /// Nobody is named.
    #[error("the first line names the columns; one of them is address")]
    NoAddress,
    /// A word that is not known.
    #[error("line {line}: {text:?} is no {column}")]
    Word {
        /// Where.
        line: usize,
        /// What it stands for.
        column: &'static str,
        /// What stands there.
        text: String,
    },
    /// Too many.
    #[error("it has more than {0} lines")]
    TooMany(usize),
}

/// Reads what is to be imported; what a line does not say the form does.
pub(super) fn read(text: &str, form: &ImportForm, most: usize) -> Result<Vec<Imported>, TableError> {
    let mut lines = csv::Lines::of(text);
    let Some((_, names)) = lines.next_line()? else { return Err(TableError::NoAddress) };
    let names: Vec<String> = names.iter().map(|name| name.trim().to_lowercase()).collect();
    if !names.iter().any(|name| name == "address") {
        return Err(TableError::NoAddress);
    }
    let mut all = Vec::new();
    while let Some((line, fields)) = lines.next_line()? {
        if fields.len() == 1 && fields[0].trim().is_empty() {
            continue;
        }
        if fields.len() != names.len() {
            return Err(csv::CsvError::Fields(line).into());
        }
        if all.len() == most {
            return Err(TableError::TooMany(most));
        }
        let mut one = form.one(String::new());
        for (name, field) in names.iter().zip(fields) {
            let field = field.trim();
            let unknown = |column| TableError::Word { line, column, text: field.to_owned() };
            match name.as_str() {
                "address" => one.address = field.to_owned(),
                _ if field.is_empty() => {}
                "channel" => one.channel = word(Channel::ALL, field).ok_or_else(|| unknown("channel"))?,
                "status" => one.status = word(ConsentStatus::ALL, field).ok_or_else(|| unknown("status"))?,
                "sender" => field.clone_into(&mut one.sender),
                "evidence" => one.evidence = format!("{}: {field}", one.evidence),
                _ => {}
            }
        }
        all.push(one);
    }
    Ok(all)
}

fn word<W: Copy + std::fmt::Display>(all: &[W], text: &str) -> Option<W> {
    all.iter().copied().find(|word| word.to_string() == text)
}

/// One line for each proof of each consent.
pub(super) async fn written(part: &Part) -> Result<String, StoreError> {
    let mut text = "address,channel,sender,status,since,proof_at,proof_status,source,evidence\r\n".to_owned();
    let mut filter = Filter::first(PAGE).oldest_first();
    loop {
        let rows = part.list::<Consent>(&filter).await?;
        let Some(last) = rows.last() else { return Ok(text) };
        filter = filter.after(last.id.as_str());
        for consent in rows.iter().map(|row| &row.value) {
            for proof in &consent.proofs {
                let fields = [
                    consent.address.as_str(),
                    consent.channel.as_str(),
                    &consent.sender,
                    consent.status.as_str(),
                    &rfc3339(consent.since),
                    &rfc3339(proof.at),
                    proof.status.as_str(),
                    &proof.source,
                    &proof.evidence,
                ];
                for field in fields {
                    csv::push(&mut text, field);
                }
                text.pop();
                text.push_str("\r\n");
            }
        }
    }
}
