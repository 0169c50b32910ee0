//! Requests as Twilio wants them: form fields, in the body or in the query.

use serde::Serialize;
use serde_json::Value;

/// Names and values, in the order of the names.
pub(crate) type Fields = Vec<(String, String)>;

/// The fields of a request's struct, which is named as Twilio names them: what is `None` is left out, a list
/// repeats its name.
///
/// # Errors
/// If it is no struct, or holds what a form cannot.
pub(crate) fn fields(request: &impl Serialize) -> Result<Fields, serde_json::Error> {
    let value = serde_json::to_value(request)?;
    let mut fields = Vec::new();
    if let Value::Object(members) = value {
        for (name, value) in members {
            push(&mut fields, &name, value);
        }
    }
    Ok(fields)
}

fn push(fields: &mut Fields, name: &str, value: Value) {
    match value {
        Value::Null => {}
        Value::Bool(flag) => fields.push((name.to_owned(), flag.to_string())),
        Value::Number(number) => fields.push((name.to_owned(), number.to_string())),
        Value::String(text) => fields.push((name.to_owned(), text)),
        Value::Array(values) => values.into_iter().for_each(|value| push(fields, name, value)),
        Value::Object(members) => members.into_iter().for_each(|(name, value)| push(fields, &name, value)),
    }
}

/// As a body or a query.
pub(crate) fn encode(fields: &[(String, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Request {
        status_callback_event: Vec<&'static str>,
        timeout: Option<u32>,
        record: Option<bool>,
        sms_url: Option<String>,
    }

    #[test]
    fn a_list_repeats_its_name_and_nothing_is_left_out() {
        let request = Request {
            status_callback_event: vec!["initiated", "answered"],
            timeout: Some(20),
            record: None,
            sms_url: Some(String::new()),
        };
        assert_eq!(
            encode(&fields(&request).unwrap()),
            "SmsUrl=&StatusCallbackEvent=initiated&StatusCallbackEvent=answered&Timeout=20"
        );
    }
}
