//! Lists in pages: `limit` and `cursor` of the query, and what comes back. A cursor is opaque to whoever asks, and stable
//! while things are added.

use crate::{problem::Problem, settings::ControlPlaneOptions, shared::Shared};
use axum::{extract::FromRequestParts, http::request::Parts};
use base64_simd::URL_SAFE_NO_PAD;
use serde::{
    Serialize,
    de::{
        DeserializeOwned, Deserializer, IntoDeserializer, Visitor,
        value::{self, MapDeserializer},
    },
    forward_to_deserialize_any,
};
use std::sync::Arc;
use store::{Filter, Id, Resource, Stored};
use url::form_urlencoded;
use utoipa::{IntoParams, ToSchema};

/// The query of a list: where the page starts, how long it is, and `F`, which says what is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct List<F> {
    pub(crate) filter: F,
    pub(crate) limit: u16,
    /// Where the page before ended.
    after: Option<String>,
}

/// A list that is not filtered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct All {}

/// The parameters that every list has.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only describes the parameters")]
pub(crate) struct PageParams {
    /// At most so many.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<V> {
    pub(crate) data: Vec<V>,
    /// For the next page; `null` after the last.
    pub(crate) next_cursor: Option<String>,
}

impl<F: DeserializeOwned> List<F> {
    /// Reads a query. What is not known is refused: a misspelt filter must not list everything.
    pub(crate) fn read(query: &str, limits: &ControlPlaneOptions) -> Result<Self, Problem> {
        let (mut limit, mut after) = (limits.page_default, None);
        let mut rest: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "limit" => limit = read_limit(&value, limits.page_max)?,
                "cursor" => after = Some(read_cursor(&value)?),
                _ if rest.iter().any(|(known, _)| *known == name) => {
                    return Err(Problem::parameter(&name, format!("{name:?} is there twice")));
                }
                _ => rest.push((name.into_owned(), value.into_owned())),
            }
        }
        let texts = rest.iter().map(|(name, value)| (name.as_str(), Text(value)));
        let filter = serde_path_to_error::deserialize(MapDeserializer::<_, value::Error>::new(texts))
            .map_err(|error| {
                let name = error.path().to_string();
                Problem::parameter(name.trim_matches('.'), error.into_inner().to_string())
            })?;
        Ok(Self { filter, limit, after })
    }
}

impl<F> List<F> {
    /// Where the page before ended, as an id.
    pub(crate) fn after<I: Id>(&self) -> Result<Option<I>, Problem> {
        self.after.as_deref().map(|id| I::parse(id).map_err(|_| foreign_cursor())).transpose()
    }

    /// Where the page before ended, as it was given to [`Page::of`].
    pub(crate) fn position(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// For the store: one more than the page is long, which tells whether there is another page.
    pub(crate) fn one_more(&self) -> u16 {
        self.limit.saturating_add(1)
    }

    /// For the store: resources, the newest first.
    pub(crate) fn resources<T: Resource>(&self) -> Result<Filter, Problem> {
        let filter = Filter::first(self.one_more());
        Ok(match self.after::<T::Id>()? {
            Some(id) => filter.after(id.as_str()),
            None => filter,
        })
    }

    /// The page that `rows` are, of which there is one more than is shown if there is another page. `position` of the last
    /// row that is shown is where the next page starts.
    pub(crate) fn page<R, V>(
        &self,
        mut rows: Vec<R>,
        position: impl FnOnce(&R) -> String,
        view: impl FnMut(R) -> V,
    ) -> Page<V> {
        let length = usize::from(self.limit);
        let has_more = rows.len() > length;
        rows.truncate(length);
        let next_cursor = rows.last().filter(|_| has_more).map(|last| cursor(&position(last)));
        Page { data: rows.into_iter().map(view).collect(), next_cursor }
    }

    /// A page of what was found up to a position, where the next goes on; none: all was looked through.
    pub(crate) fn stopped_at<V>(&self, data: Vec<V>, position: Option<String>) -> Page<V> {
        Page { data, next_cursor: position.map(|position| cursor(&position)) }
    }

    /// The page of resources.
    pub(crate) fn page_of<T: Resource, V>(
        &self,
        rows: Vec<Stored<T>>,
        view: impl FnMut(Stored<T>) -> V,
    ) -> Page<V> {
        self.page(rows, |row| row.id.as_str().to_owned(), view)
    }
}

impl<F: DeserializeOwned> FromRequestParts<Arc<Shared>> for List<F> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
        Self::read(parts.uri.query().unwrap_or_default(), &shared.limits)
    }
}

/// The value of a parameter: a text, or what a text can stand for.
#[derive(Clone, Copy)]
struct Text<'a>(&'a str);

impl<'de> IntoDeserializer<'de, value::Error> for Text<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Text<'_> {
    type Error = value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, value::Error> {
        visitor.visit_str(self.0)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, value::Error> {
        match self.0 {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            other => visitor.visit_str(other),
        }
    }

    /// A parameter that is there is not empty-handed.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, value::Error> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}

fn cursor(position: &str) -> String {
    URL_SAFE_NO_PAD.encode_to_string(position)
}

fn read_cursor(cursor: &str) -> Result<String, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode_to_vec(cursor).map_err(|_| foreign_cursor())?;
    String::from_utf8(bytes).map_err(|_| foreign_cursor())
}

/// The answer to a cursor that this list did not hand out.
pub(crate) fn foreign_cursor() -> Problem {
    Problem::parameter("cursor", "the cursor is not one that was handed out")
}

fn read_limit(value: &str, max: u16) -> Result<u16, Problem> {
    match value.parse() {
        Ok(limit) if (1..=max).contains(&limit) => Ok(limit),
        Ok(_) | Err(_) => Err(Problem::parameter("limit", format!("limit is a number from 1 to {max}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Code;
    use proptest::prelude::*;
    use serde::Deserialize;
    use store::ids::NumberId;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Colours {
        colour: Option<String>,
    }

    fn read(query: &str) -> Result<List<Colours>, Problem> {
        List::read(query, &ControlPlaneOptions::default())
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for query in
            ["color=red", "limit=0", "limit=101", "limit=x", "cursor=%21", "colour=a&colour=b", "%ff=1"]
        {
            let problem = read(query).unwrap_err();
            assert_eq!((problem.code, problem.faults.len()), (Code::InvalidRequest, 1), "{query}");
        }
    }

    #[test]
    fn a_query_names_what_is_listed() {
        let list = read("colour=red&limit=7").unwrap();
        assert_eq!((list.filter.colour.as_deref(), list.limit, list.position()), (Some("red"), 7, None));
        assert_eq!(read("").unwrap().limit, 20);
    }

    #[test]
    fn a_page_leads_to_the_next() {
        let list = List { filter: All {}, limit: 2, after: None };
        let ids: Vec<_> = (0..3).map(|_| NumberId::generate()).collect();
        let page = list.page(ids.clone(), |id| id.as_str().to_owned(), |id| id);
        assert_eq!(page.data, ids[..2]);
        let next = List::<Colours>::read(
            &format!("cursor={}", page.next_cursor.unwrap()),
            &ControlPlaneOptions::default(),
        );
        assert_eq!(next.unwrap().after::<NumberId>().unwrap(), Some(ids[1].clone()));
        assert_eq!(list.page(ids[..2].to_vec(), ToString::to_string, |id| id).next_cursor, None);
    }

    proptest! {
        #[test]
        fn no_query_breaks_it(query in any::<String>()) {
            drop(read(&query));
        }
    }
}
