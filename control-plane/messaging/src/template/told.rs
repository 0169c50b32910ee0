//! Texts and conditions over what another system told, whose form nobody declared: the body of a webhook.
//!
//! They come from tenants and are bounded as templates are: texts are not joined or multiplied and nothing is assigned. Lists may be gone
//! through (`for`), because what is repeated is written, and no more is written than a long mail.

use super::engine::{
    Form, STATEMENTS_OF_LISTS, environment, only_what_is_allowed, reason, short_enough, written,
};
use minijinja::{Environment, Value, filters, tests as asked, value::Serde};

fn engine() -> Environment<'static> {
    let mut engine = environment(Form::Plain);
    engine.add_filter("default", filters::default);
    engine.add_filter("first", filters::first);
    engine.add_filter("last", filters::last);
    engine.add_filter("int", filters::int);
    engine.add_filter("float", filters::float);
    engine.add_test("defined", asked::is_defined);
    engine.add_test("undefined", asked::is_undefined);
    engine.add_test("none", asked::is_none);
    engine.add_test("in", asked::is_in);
    engine
}

/// Whether a text can be filled in.
///
/// # Errors
/// What is wrong with it, for people.
pub fn check_text(source: &str) -> Result<(), String> {
    with_text(source, |_| Ok(()))
}

/// Fills in a text.
///
/// # Errors
/// When the body has not what it names, or it takes or writes too much. Nothing of the body is quoted.
pub fn fill(source: &str, body: &serde_json::Value) -> Result<String, String> {
    with_text(source, |template| written(template, Value::from(Serde(body))))
}

/// Whether a condition can be asked.
///
/// # Errors
/// What is wrong with it, for people.
pub fn check_condition(condition: &str) -> Result<(), String> {
    with_condition(condition, |_| Ok(()))
}

/// Whether a condition holds.
///
/// # Errors
/// As for [`fill`].
pub fn holds(condition: &str, body: &serde_json::Value) -> Result<bool, String> {
    with_condition(condition, |expression| {
        let value = expression.eval(Value::from(Serde(body))).map_err(|error| reason(&error))?;
        Ok(value.is_true())
    })
}

fn with_text<T>(
    source: &str,
    then: impl FnOnce(&minijinja::Template<'_, '_>) -> Result<T, String>,
) -> Result<T, String> {
    short_enough(source)?;
    only_what_is_allowed(source, STATEMENTS_OF_LISTS)?;
    let engine = engine();
    then(&engine.template_from_str(source).map_err(|error| reason(&error))?)
}

fn with_condition<T>(
    condition: &str,
    then: impl FnOnce(&minijinja::Expression<'_, '_>) -> Result<T, String>,
) -> Result<T, String> {
    short_enough(condition)?;
    // What may stand in a place that is filled in.
    only_what_is_allowed(&format!("{{{{{condition}}}}}"), &[])?;
    let engine = engine();
    then(&engine.compile_expression(condition).map_err(|error| reason(&error))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_text_is_filled_from_a_body_and_not_with_what_it_has_not() {
        let body =
            json!({ "name": "#1001", "customer": null, "lines": [{ "title": "Bell" }, { "title": "Lamp" }] });
        assert_eq!(fill("Order {{ name }}", &body).unwrap(), "Order #1001");
        let listed = "{% for line in lines %}{{ line.title }};{% endfor %}";
        assert_eq!(fill(listed, &body).unwrap(), "Bell;Lamp;");
        assert!(fill("Dear {{ customer.first_name }}", &body).is_err());
        assert!(holds("name == '#1001' and customer is none", &body).unwrap());
        assert!(!holds("name == '#1002' or lines|length > 2", &body).unwrap());
        assert!(holds("name ==", &body).is_err());
    }

    #[test]
    fn no_text_and_no_condition_takes_much_memory_or_time() {
        let many: Vec<u32> = (0..10_000).collect();
        let body = json!({ "x": "xxxxxxxxxx", "many": many });
        for source in [
            "{{ x|indent(1000000000000, true) }}",
            "{{ 'x' * 99999999 }}",
            "{{ x ~ x }}",
            "{% set y = x %}{{ y }}",
            "{% for a in many %}{% for b in many %}{{ x }}{% endfor %}{% endfor %}",
            "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        ] {
            assert!(fill(source, &body).is_err(), "{source}");
        }
        for condition in ["x|indent(1000000000000, true) == x", "('x' * 99999999)|length > 1", "x }} {{ x"] {
            assert!(holds(condition, &body).is_err(), "{condition}");
        }
    }
}
