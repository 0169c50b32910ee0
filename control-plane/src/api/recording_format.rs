//! Which format of a recording is asked for: `format` in the query, else the `Accept` header, else WAV if it is there.

use crate::{
    problem::{Code, Problem},
    recordings::RecordingFormat,
};
use std::cmp::Reverse;
use url::form_urlencoded;

/// What will do, in thousandths (RFC 9110, section 12.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    wav: u16,
    ogg: u16,
    /// It was named in the query, so that there is nothing to negotiate.
    named: bool,
}

impl Choice {
    /// Reads the query and, if it names no format, the header.
    pub(crate) fn read(query: &str, accept: Option<&str>) -> Result<Self, Problem> {
        let mut choice = match accept.filter(|accept| !accept.trim().is_empty()) {
            Some(accept) => Self {
                wav: quality(accept, &["audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"]),
                ogg: quality(accept, &["audio/ogg", "application/ogg"]),
                named: false,
            },
            None => Self { wav: 1_000, ogg: 1_000, named: false },
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            choice = match (&*name, &*value) {
                ("format", "wav") => Self { wav: 1_000, ogg: 0, named: true },
                ("format", "ogg") => Self { wav: 0, ogg: 1_000, named: true },
                ("format", _) => return Err(Problem::invalid("format is wav or ogg")),
                _ => return Err(Problem::invalid(format!("there is no parameter {name:?}"))),
            };
        }
        Ok(choice)
    }

    /// Whether this format will do.
    pub(crate) fn takes(&self, format: RecordingFormat) -> bool {
        self.quality(format) > 0
    }

    /// All formats, the one that is liked best first; WAV before Ogg if it is liked as much.
    pub(crate) fn in_order(&self) -> [RecordingFormat; 2] {
        let mut formats = RecordingFormat::ALL;
        formats.sort_by_key(|&format| Reverse(self.quality(format)));
        formats
    }

    /// The answer if none of what will do is there, but `others` are.
    pub(crate) fn nothing(&self, others: &[RecordingFormat]) -> Problem {
        match others {
            [] => Problem::new(Code::NoRecording, "there is no recording of this call"),
            [other, ..] if self.named => Problem::new(
                Code::NoRecording,
                format!("the recording of this call is there as {} only", other.name()),
            ),
            [other, ..] => Problem::new(
                Code::NotAcceptable,
                format!("the recording of this call is there as {} only", other.media_type()),
            ),
        }
    }

    const fn quality(&self, format: RecordingFormat) -> u16 {
        match format {
            RecordingFormat::Wav => self.wav,
            RecordingFormat::Ogg => self.ogg,
        }
    }
}

/// How much the header likes any of these names of a media type: what names it exactly counts, then what names its
/// upper half, then `*/*`.
fn quality(accept: &str, names: &[&str]) -> u16 {
    let ranges = accept.split(',').filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next()?.to_ascii_lowercase();
        let precision = match name.as_str() {
            "*/*" => 0,
            "audio/*" => 1,
            name if names.contains(&name) => 2,
            _ => return None,
        };
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        // What cannot be understood counts as not said.
        let weight = weight.and_then(|weight| weight.parse::<f32>().ok()).unwrap_or(1.0);
        // The cast saturates, and takes what is no number for 0.
        Some((precision, (weight.clamp(0.0, 1.0) * 1_000.0) as u16))
    });
    ranges.max().map_or(0, |(_, weight)| weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use RecordingFormat::{Ogg, Wav};
    use axum::http::StatusCode;

    fn order(query: &str, accept: Option<&str>) -> Vec<RecordingFormat> {
        let choice = Choice::read(query, accept).unwrap();
        choice.in_order().into_iter().filter(|&format| choice.takes(format)).collect()
    }

    #[test]
    fn the_header_is_read_as_rfc_9110_has_it_and_the_query_goes_over_it() {
        for (query, accept, expected) in [
            ("", None, vec![Wav, Ogg]),
            ("", Some("*/*"), vec![Wav, Ogg]),
            ("", Some("audio/*"), vec![Wav, Ogg]),
            ("", Some("audio/ogg"), vec![Ogg]),
            ("", Some("Audio/OGG; codecs=opus"), vec![Ogg]),
            ("", Some("audio/x-wav"), vec![Wav]),
            ("", Some("audio/ogg, */*;q=0.5"), vec![Ogg, Wav]),
            ("", Some("audio/wav;q=0.2, audio/ogg;q=0.9"), vec![Ogg, Wav]),
            ("", Some("audio/*, audio/wav;q=0"), vec![Ogg]),
            ("", Some("audio/ogg;q=much"), vec![Ogg]),
            ("", Some("application/json"), vec![]),
            ("", Some(" "), vec![Wav, Ogg]),
            ("format=ogg", Some("audio/wav"), vec![Ogg]),
            ("format=wav", None, vec![Wav]),
        ] {
            assert_eq!(order(query, accept), expected, "{query} {accept:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for query in ["format=mp3", "format=", "fromat=ogg"] {
            assert_eq!(
                Choice::read(query, None).map_err(|problem| problem.status()),
                Err(StatusCode::BAD_REQUEST)
            );
        }
    }

    #[test]
    fn what_is_not_there_is_not_found_if_it_was_named_and_not_acceptable_if_it_was_negotiated() {
        let named = Choice::read("format=ogg", None).unwrap();
        assert_eq!(named.nothing(&[Wav]).status(), StatusCode::NOT_FOUND);
        let negotiated = Choice::read("", Some("audio/ogg")).unwrap();
        assert_eq!(negotiated.nothing(&[Wav]).status(), StatusCode::NOT_ACCEPTABLE);
        assert_eq!(negotiated.nothing(&[]).status(), StatusCode::NOT_FOUND);
    }
}
