//! `tandem outage-twiml`: the file that callers hear when nothing of this installation runs.

use super::{Failure, Outcome};
use crate::cli::OutageTwiml;
use routing::twiml::{Twiml, Verb};

pub(super) fn run(outage: &OutageTwiml) -> Result<Outcome, Failure> {
    let text = outage.text.trim();
    if text.is_empty() {
        return Err(Failure::new("--text says nothing; write what callers are to hear"));
    }
    let document = Twiml::new(&[Verb::Say { voice: &outage.voice, text }, Verb::Hangup]).into_string();
    match &outage.out {
        Some(file) => std::fs::write(file, format!("{document}\n"))
            .map_err(|cause| Failure::new(format!("{} cannot be written: {cause}", file.display())))?,
        None => println!("{document}"),
    }
    Ok(Outcome::Success)
}
