//! The OpenAPI 3.1 document: what the handlers say of themselves, and what all of them have in common (who may ask, headers,
//! problems), which no handler has to repeat. It is committed as `openapi.json`, so that a change of the API is seen.

use crate::{
    problem::{Code, ProblemSchema},
    shared::Shared,
};
use deliveries::EventType;
use identity::permission::{Least, Permission};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

const ABOUT: &str = "\
Answers and places phone calls with an AI assistant, for many tenants.

- **Who asks** says `Authorization: Bearer <key or token>`. Each operation lists the permission that it needs.
- **For whom**: a key belongs to one tenant. Who may act for several names one in the header `Tandem-Tenant`.
- **Errors** are problem documents (RFC 9457) with a `code` of a closed list.
- **Once**: a POST with an `Idempotency-Key` has its effect once, however often it is sent.
- **Not over others' changes**: send the `ETag` that you read as `If-Match`.
- **Lists** come in pages: follow `next_cursor` until it is `null`.
- **Limits**: `RateLimit` tells how much is left.";

#[derive(OpenApi)]
#[openapi(components(schemas(ProblemSchema)))]
struct Base;

/// An empty document, for the router to fill.
pub(super) fn base() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::with_openapi(Base::openapi())
}

/// The document, complete.
pub(super) fn finish(filled: &utoipa::openapi::OpenApi) -> Value {
    let mut document = serde_json::to_value(filled).unwrap_or_default();
    document["info"] = json!({
        "title": "Tandem",
        "version": env!("CARGO_PKG_VERSION"),
        "description": ABOUT,
        "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
    });
    document["servers"] = json!([{ "url": "/" }]);
    flatten(&mut document["components"]["schemas"]);
    document["security"] = json!([{ "bearer": [] }]);
    document["webhooks"] = webhooks(&mut document["components"]["schemas"]);
    let components = &mut document["components"];
    components["securitySchemes"] = json!({ "bearer": {
        "type": "http", "scheme": "bearer",
        "description": "A key (`tdm_…`) or a user's access token. The scopes are the permissions that an operation needs.",
    }});
    components["headers"] = headers();
    components["parameters"] = parameters();
    components["responses"] = problems();
    if let Some(paths) = document["paths"].as_object_mut() {
        for (path, item) in paths {
            let Some(operations) = item.as_object_mut() else { continue };
            for (method, operation) in operations {
                complete(path, method, operation);
            }
        }
    }
    document
}

/// What the program sends: a message for each event, at an address that a tenant sets up.
fn webhooks(schemas: &mut Value) -> Value {
    let header = |name: &str, description: &str| json!({ "name": name, "in": "header", "required": true, "description": description, "schema": { "type": "string" } });
    let headers = [
        header("webhook-id", "Names the event: the same in every try. What came twice is dropped by it."),
        header("webhook-timestamp", "When it was sent, in seconds since 1970."),
        header(
            "webhook-signature",
            "`v1,` and the HMAC-SHA256 of id, timestamp and body (Standard Webhooks); two of them while a secret is exchanged.",
        ),
    ];
    let webhook = |kind: &EventType| {
        let (name, schema) = kind.payload();
        schemas[&name] = serde_json::to_value(schema).unwrap_or_default();
        let message = json!({
            "type": "object",
            "required": ["type", "timestamp", "data"],
            "properties": {
                "type": { "type": "string", "const": kind.as_str() },
                "timestamp": { "type": "string", "format": "date-time", "description": "When it happened." },
                "data": { "$ref": format!("#/components/schemas/{name}") },
            },
        });
        let operation = json!({
            "tags": ["Webhooks"],
            "summary": kind.about(),
            "operationId": kind.as_str().replace('.', "_"),
            "security": [],
            "parameters": headers,
            "requestBody": { "required": true, "content": { "application/json": { "schema": message } } },
            "responses": {
                "2XX": { "description": "It was taken." },
                "410": { "description": "Nothing is to be sent there any more: the endpoint is disabled." },
                "default": { "description": "It is sent again, for 24 hours." },
            },
        });
        (kind.as_str().to_owned(), json!({ "post": operation }))
    };
    Value::Object(EventType::ALL.iter().map(webhook).collect())
}

/// A struct that holds another's fields is described as both at once, which is nothing at all if one of them takes no field that
/// it does not know. It becomes one object with all of the fields.
fn flatten(schemas: &mut Value) {
    let known = schemas.clone();
    let Some(schemas) = schemas.as_object_mut() else { return };
    for schema in schemas.values_mut() {
        let Some(parts) = schema["allOf"].as_array().cloned() else { continue };
        let whole =
            |part: &Value| match part["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
                Some(name) => known[name].clone(),
                None => part.clone(),
            };
        let parts: Vec<_> = parts.iter().map(whole).collect();
        if !parts.iter().all(|part| part["properties"].is_object()) {
            continue;
        }
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for part in &parts {
            properties.extend(part["properties"].as_object().cloned().unwrap_or_default());
            required.extend(part["required"].as_array().cloned().unwrap_or_default());
        }
        let description = schema["description"].take();
        *schema = json!({ "type": "object", "properties": properties, "required": required });
        if description.is_string() {
            schema["description"] = description;
        }
    }
}

fn headers() -> Value {
    let text = |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    json!({
        "X-Request-Id": text("Names the request in the program's log."),
        "RateLimit-Policy": text("The limit that the request counts for: `\"read\";q=6000;w=60` is 6000 in 60 s."),
        "RateLimit": text("What is left of it, and in how many seconds all of it is there again: `\"read\";r=5999;t=1`."),
    })
}

fn parameters() -> Value {
    let header = |name: &str, max: usize, description: &str| {
        let pattern = if name.starts_with("If-") { "^[\\t -~]+$" } else { "^[!-~]+$" };
        json!({
            "name": name, "in": "header", "required": false, "description": description,
            "schema": { "type": "string", "minLength": 1, "maxLength": max, "pattern": pattern },
        })
    };
    json!({
        "Tandem-Tenant": header("Tandem-Tenant", 64, "For which tenant; needed only by those who may act for several."),
        "Idempotency-Key": header(
            "Idempotency-Key",
            super::once::KEY_MAX,
            "A name of your own for this request. Sent again with the same name, it has no second effect, and the answer of \
             the first time comes again.",
        ),
        "If-Match": header("If-Match", super::etag::TAGS_MAX, "The ETag of what you have read: if it was changed since, nothing is done."),
        "If-None-Match": header("If-None-Match", super::etag::TAGS_MAX, "The ETag of what you know: if it is still so, it is not sent again."),
    })
}

/// A response for each status that a problem can have, with the codes that come with it.
fn problems() -> Value {
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for &code in Code::ALL {
        by_status.entry(code.status().as_u16()).or_default().push(code);
    }
    let response = |(status, codes): (u16, Vec<Code>)| {
        let lines: Vec<_> =
            codes.iter().map(|code| format!("`{}`: {}.", code.as_str(), code.title())).collect();
        let schema = json!({ "$ref": "#/components/schemas/Problem" });
        let mut response = json!({
            "description": lines.join("\n\n"),
            "headers": { "X-Request-Id": { "$ref": "#/components/headers/X-Request-Id" } },
            "content": { "application/problem+json": { "schema": schema } },
        });
        if matches!(status, 429 | 503) {
            response["headers"]["Retry-After"] =
                json!({ "description": "Seconds to wait.", "schema": { "type": "integer", "minimum": 1 } });
        }
        (status.to_string(), response)
    };
    Value::Object(by_status.into_iter().map(response).collect())
}

/// The permission that an operation says it needs.
fn needed(operation: &Value) -> Option<Permission> {
    let name = operation["security"][0]["bearer"][0].as_str()?;
    Permission::ALL.iter().copied().find(|permission| permission.as_str() == name)
}

/// Whether an operation asks for no permission: it is for everybody, or for whoever has a credential, about themselves.
fn is_free(operation: &Value) -> bool {
    operation["security"].as_array().is_some_and(|ways| {
        ways.iter().all(|way| way.as_object().is_some_and(|way| way.is_empty() || way.contains_key("bearer")))
    }) && needed(operation).is_none()
}

/// Whether an operation's answers are secret, so that nothing of it is remembered for a repeated request.
fn is_secret(path: &str) -> bool {
    path.starts_with("/v1/auth")
        || path == "/v1/me"
        || path.starts_with("/v1/me/")
        || path == "/v1/softphone/token"
}

/// What every operation has.
fn complete(path: &str, method: &str, operation: &mut Value) {
    let is_platforms = needed(operation).is_some_and(|needed| needed.least() == Least::Platform);
    let names_tenant = path.contains("{tenant_id}");
    let mut headers = Vec::new();
    if !is_platforms && !names_tenant && !is_free(operation) {
        headers.push("Tandem-Tenant");
    }
    let mut statuses = vec![400, 401, 403, 404, 429, 500, 503];
    match method {
        "post" => {
            if !is_secret(path) {
                headers.push("Idempotency-Key");
            }
            statuses.extend([408, 409, 413, 415, 422]);
        }
        "put" | "patch" => {
            // A page that is put together from several resources has no version.
            if method == "patch" || path.contains("/secrets/") {
                headers.push("If-Match");
            }
            statuses.extend([408, 409, 412, 413, 415, 422]);
        }
        "delete" => {
            headers.push("If-Match");
            statuses.extend([409, 412]);
        }
        _ => {
            if operation["responses"]["304"].is_object() {
                headers.push("If-None-Match");
            }
        }
    }
    if !operation["parameters"].is_array() {
        operation["parameters"] = json!([]);
    }
    if let Some(parameters) = operation["parameters"].as_array_mut() {
        parameters
            .extend(headers.iter().map(|name| json!({ "$ref": format!("#/components/parameters/{name}") })));
    }
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    for response in responses.values_mut().filter(|response| response["$ref"].is_null()) {
        if !response["headers"].is_object() {
            response["headers"] = Value::Object(Map::new());
        }
        for name in ["X-Request-Id", "RateLimit-Policy", "RateLimit"] {
            response["headers"][name] = json!({ "$ref": format!("#/components/headers/{name}") });
        }
    }
    for status in statuses {
        responses
            .entry(status.to_string())
            .or_insert_with(|| json!({ "$ref": format!("#/components/responses/{status}") }));
    }
}

#[cfg(test)]
mod tests {
    use crate::api;
    use deliveries::EventType;
    use serde_json::Value;
    use std::{collections::HashSet, fs};

    const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

    /// `UPDATE_EXPECT=1 cargo test -p control-plane openapi` writes the document anew.
    #[test]
    fn the_committed_document_is_what_the_code_says() {
        let document = format!("{:#}\n", api::document());
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(COMMITTED, &document).unwrap();
        }
        let committed = fs::read_to_string(COMMITTED).unwrap();
        assert!(committed == document, "openapi.json is not what the code says: run with UPDATE_EXPECT=1");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn check(value: &Value, document: &Value) {
            match value {
                Value::Object(fields) => {
                    if let Some(Value::String(reference)) = fields.get("$ref") {
                        let pointer = reference.strip_prefix('#').unwrap();
                        assert!(document.pointer(pointer).is_some(), "{reference}");
                    }
                    fields.values().for_each(|value| check(value, document));
                }
                Value::Array(values) => values.iter().for_each(|value| check(value, document)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        let document = api::document();
        check(&document, &document);
    }

    #[test]
    fn every_event_says_what_is_in_its_message() {
        let document = api::document();
        for kind in EventType::ALL {
            let operation = &document["webhooks"][kind.as_str()]["post"];
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            assert_eq!(schema["properties"]["type"]["const"], kind.as_str());
            let reference = schema["properties"]["data"]["$ref"].as_str().unwrap();
            let data = document.pointer(reference.strip_prefix('#').unwrap()).unwrap();
            let fields = data["properties"].as_object().unwrap();
            assert!(!fields.is_empty(), "{kind:?}");
            for (name, field) in fields {
                assert!(field["description"].is_string(), "{kind:?}: {name}");
                assert!(
                    data["required"].as_array().unwrap().iter().any(|required| *required == **name),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn every_operation_says_what_it_is_called_and_what_it_needs() {
        let document = api::document();
        let mut names = HashSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let name = operation["operationId"].as_str().unwrap();
                assert!(names.insert(name.to_owned()), "{name} is there twice");
                assert!(operation["summary"].is_string() && operation["tags"].is_array(), "{method} {path}");
                let said = super::needed(operation).is_some();
                assert!(said != super::is_free(operation), "{method} {path}: {}", operation["security"]);
                let may_be_free = super::is_secret(path);
                assert!(said || may_be_free, "{method} {path} needs no permission");
            }
        }
        assert!(names.len() > 3);
    }
}
