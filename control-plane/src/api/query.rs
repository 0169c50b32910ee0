//! The query of a list. What is not known is refused: a misspelt filter must not list everything.

use crate::{api::cursor, problem::Problem, settings::ControlPlaneOptions};
use jiff::Timestamp;
use store::{CallFilter, CallStatus, Page};
use url::form_urlencoded;

/// Reads `limit`, `cursor`, `status`, `from`, `to`, `created_after` and `created_before`.
pub(crate) fn read(query: &str, limits: &ControlPlaneOptions) -> Result<(CallFilter, Page), Problem> {
    let mut filter = CallFilter::default();
    let mut page = Page { after: None, limit: limits.page_default };
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "limit" => page.limit = limit(&value, limits.page_max)?,
            "cursor" => page.after = Some(cursor::read(&value)?),
            "status" => {
                let status = CallStatus::parse(&value)
                    .map_err(|_| Problem::invalid(format!("there is no status {value:?}")))?;
                filter.status = Some(status);
            }
            "from" => filter.from_number = Some(value.into_owned()),
            "to" => filter.to_number = Some(value.into_owned()),
            "created_after" => filter.created_from = Some(time(&name, &value)?),
            "created_before" => filter.created_until = Some(time(&name, &value)?),
            _ => return Err(Problem::invalid(format!("there is no parameter {name:?}"))),
        }
    }
    Ok((filter, page))
}

fn limit(value: &str, max: u16) -> Result<u16, Problem> {
    match value.parse() {
        Ok(limit) if (1..=max).contains(&limit) => Ok(limit),
        Ok(_) | Err(_) => Err(Problem::invalid(format!("limit is a number from 1 to {max}"))),
    }
}

fn time(name: &str, value: &str) -> Result<i64, Problem> {
    value
        .parse::<Timestamp>()
        .map(Timestamp::as_microsecond)
        .map_err(|_| Problem::invalid(format!("{name} is an RFC 3339 time, such as 2026-11-21T04:00:00Z")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_refused() {
        let limits = ControlPlaneOptions::default();
        for query in [
            "staus=completed",
            "status=in-progress",
            "limit=0",
            "limit=101",
            "limit=x",
            "cursor=%21",
            "created_after=yesterday",
        ] {
            assert_eq!(read(query, &limits).unwrap_err().code, "invalid_request", "{query}");
        }
    }

    #[test]
    fn a_query_names_what_is_listed() {
        let (filter, page) = read(
            "limit=7&status=no_answer&from=%2B15550100&created_after=2026-11-21T04:00:00Z",
            &ControlPlaneOptions::default(),
        )
        .unwrap();
        assert_eq!(page, Page { after: None, limit: 7 });
        assert_eq!(filter.status, Some(CallStatus::NoAnswer));
        assert_eq!(filter.from_number.as_deref(), Some("+15550100"));
        assert_eq!(filter.created_from, Some(1_795_233_600_000_000));
    }
}
