//! Texts and conditions over a body that somebody else wrote, such as the webhook of a shop. Tenants write them, so they are as bounded as
//! templates are; what a body has many of may be gone through.

use super::engine::{Bounded, Form, SOURCE_MAX, end_of_tag, environment, only_what_is_allowed, reason};
use minijinja::{Environment, Value, filters, tests as whether, value::Serde};

/// Steps of the engine: some hundred lines of an order.
const FUEL: u64 = 20_000;
/// What may stand in `{% %}`.
const STATEMENTS: &[&str] = &["if", "elif", "else", "endif", "for", "endfor"];

/// A body, read once for all that is filled in from it.
#[derive(Clone, Debug)]
pub struct Body(Value);

impl Body {
    /// Of JSON.
    #[must_use]
    pub fn of(body: &serde_json::Value) -> Self {
        Self(Value::from(Serde(body)))
    }

    /// Fills a text in. What it names and the body has not is an error: nobody is greeted by a blank.
    ///
    /// # Errors
    /// Why not, in words that have nothing of the body.
    pub fn fill(&self, source: &str) -> Result<String, String> {
        check_text(source)?;
        let engine = engine();
        let template = engine.template_from_str(source).map_err(|error| reason(&error))?;
        let mut written = Bounded::default();
        template.render_captured_to(self.0.clone(), &mut written).map_err(|error| without_body(&error))?;
        String::from_utf8(written.bytes).map_err(|_| "it is not UTF-8".to_owned())
    }

    /// Whether a condition holds.
    ///
    /// # Errors
    /// As [`Body::fill`].
    pub fn holds(&self, condition: &str) -> Result<bool, String> {
        check_condition(condition)?;
        let engine = engine();
        let expression = engine.compile_expression(condition).map_err(|error| reason(&error))?;
        expression.eval(self.0.clone()).map(|value| value.is_true()).map_err(|error| without_body(&error))
    }
}

/// What is wrong with a text, for people.
///
/// # Errors
/// That.
pub fn check_text(source: &str) -> Result<(), String> {
    if source.len() > SOURCE_MAX {
        return Err(format!("it is longer than {SOURCE_MAX} bytes"));
    }
    only_what_is_allowed(source, STATEMENTS)?;
    engine().template_from_str(source).map(drop).map_err(|error| reason(&error))
}

/// What is wrong with a condition, for people.
///
/// # Errors
/// That.
pub fn check_condition(condition: &str) -> Result<(), String> {
    if condition.len() > SOURCE_MAX {
        return Err(format!("it is longer than {SOURCE_MAX} bytes"));
    }
    if end_of_tag(condition, '{')? != condition.len() {
        return Err("it is an expression, not a template".to_owned());
    }
    engine().compile_expression(condition).map(drop).map_err(|error| reason(&error))
}

fn engine() -> Environment<'static> {
    let mut engine = environment(Form::Plain);
    engine.set_fuel(Some(FUEL));
    engine.add_filter("default", filters::default);
    engine.add_filter("first", filters::first);
    engine.add_filter("last", filters::last);
    engine.add_test("defined", whether::is_defined);
    engine.add_test("none", whether::is_none);
    engine
}

/// What the engine says when it runs may quote the body.
fn without_body(error: &minijinja::Error) -> String {
    error.kind().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn order() -> Body {
        let lines: Vec<_> = (0..200).map(|_| json!({ "title": "x".repeat(5_000) })).collect();
        Body::of(
            &json!({ "name": "#1001", "customer": null, "line_items": [{ "title": "Bell" }], "many": lines }),
        )
    }

    #[test]
    fn what_a_text_names_and_the_body_has_not_makes_no_text() {
        let order = order();
        assert_eq!(order.fill("Order {{ name }}").unwrap(), "Order #1001");
        assert_eq!(
            order.fill("{% for line in line_items %}{{ line.title | upper }}{% endfor %}").unwrap(),
            "BELL"
        );
        assert_eq!(order.fill("{{ note | default('none') }}").unwrap(), "none");
        assert!(order.fill("Dear {{ customer.first_name }}").is_err());
        assert!(order.holds("name == '#1001'").unwrap() && !order.holds("name == '#1002'").unwrap());
        assert!(!order.holds("note is defined").unwrap());
    }

    #[test]
    fn a_text_over_a_body_cannot_make_itself_large_or_slow() {
        let order = order();
        for source in [
            "{{ 'x' * 1000000000 }}",
            "{% set a = name ~ name %}{{ a }}",
            "{{ name | replace('#', name) }}",
            "{{ many | join(name) }}",
            "{% for a in range(100000) %}x{% endfor %}",
            "{% for a in many %}{% for b in many %}{{ a.title }}{% endfor %}{% endfor %}",
            "{% for a in many %}{% for b in many %}{% for c in many %}{% endfor %}{% endfor %}{% endfor %}",
            "{% macro a() %}{{ a() }}{% endmacro %}",
        ] {
            assert!(order.fill(source).is_err(), "{source}");
        }
        for condition in ["'x' * 1000000000 == name", "name ~ name == name", "name }} {{ name", "a =="] {
            assert!(order.holds(condition).is_err(), "{condition}");
        }
        let error = order.fill("{{ many[0].title | date('%Y') }}").unwrap_err();
        assert!(!error.contains("xxx"), "{error}");
    }
}
