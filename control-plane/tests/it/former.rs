//! What the former systems could ask for, by the names that they had.

use crate::support::*;
use axum::{
    body::Body,
    http::{Method, Request},
};
use engine::provider::Secret;
use fixtures::sandbox::{Sandbox, SandboxOptions};
use serde_json::{Value, json};
use twilio_rest::{Credentials, TwilioClient, TwilioOptions};

const SANDBOX_ACCOUNT: &str = "AC00000000000000000000000000000000";
const SANDBOX_TOKEN: &str = "sandbox";

struct Platform {
    harness: Harness,
    key: String,
    sandbox: Sandbox,
}

impl Platform {
    async fn new() -> Self {
        let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
        let address = sandbox.base_url();
        let harness = Harness::with(|settings| {
            settings.twilio = TwilioOptions::at(address.parse().unwrap());
            settings.tenant.twilio.account_sid = String::new();
        })
        .await;
        let platform = store::TenantId::platform();
        let key = harness.plane.issue_key(&platform.as_str().into(), "platform").await.unwrap();
        Self { harness, key: key.reveal().to_owned(), sandbox }
    }

    async fn ask(&self, method: Method, path: &str, tenant: Option<&str>, body: &Value) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("authorization", format!("Bearer {}", self.key));
        if let Some(tenant) = tenant {
            request = request.header("tandem-tenant", tenant);
        }
        if body.is_null() {
            return self.harness.send(request.body(Body::empty()).unwrap()).await;
        }
        let request = request.header("content-type", "application/json");
        self.harness.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn tenant(&self, slug: &str) -> String {
        let made = self.ask(Method::POST, "/v1/tenants", None, &json!({ "name": slug, "slug": slug })).await;
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()["id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn an_api_key_and_its_secret_are_tried_kept_and_never_shown() {
    let platform = Platform::new().await;
    let id = platform.tenant("first").await;
    let page = format!("/api/companies/{id}/twilio/config");
    let client = TwilioClient::new(TwilioOptions::at(platform.sandbox.base_url().parse().unwrap())).unwrap();
    let credentials = Credentials::AuthToken {
        account_sid: SANDBOX_ACCOUNT.parse().unwrap(),
        auth_token: Secret::new(SANDBOX_TOKEN),
    };
    let key = client.account(credentials).create_key("Softphone").await.unwrap();
    let put = async |body: Value| platform.ask(Method::PUT, &page, None, &body).await;
    let account = json!({ "accountSid": SANDBOX_ACCOUNT, "authToken": SANDBOX_TOKEN });
    assert_eq!(put(account).await.status, 200);
    let wrong = put(json!({ "apiKey": key.sid.to_string(), "apiSecret": "canary" })).await;
    assert_eq!(wrong.problem(422), "credentials_rejected");
    assert!(!wrong.text().contains("canary"));
    let before = platform.ask(Method::GET, &page, None, &Value::Null).await.json();
    assert_eq!(
        (&before["apiKey"], &before["hasApiSecret"]),
        (&Value::Null, &json!(false)),
        "nothing was stored"
    );
    let set = put(json!({ "apiKey": key.sid.to_string(), "apiSecret": key.secret.reveal() })).await;
    assert_eq!(set.status, 200, "{}", set.text());
    let shown = platform.ask(Method::GET, &page, None, &Value::Null).await;
    assert_eq!(
        (&shown.json()["apiKey"], &shown.json()["hasApiSecret"]),
        (&json!(key.sid.to_string()), &json!(true))
    );
    for answer in [&set, &shown] {
        assert!(!answer.text().contains(key.secret.reveal()), "it is only written");
    }
    let alone = put(json!({ "apiKey": "SK00000000000000000000000000000009" })).await;
    assert_eq!(alone.problem(422), "credentials_rejected", "another key needs its own secret");
}

#[tokio::test]
async fn the_platform_sees_which_tenants_have_their_telephony_and_how_it_is() {
    let platform = Platform::new().await;
    let (with, without) = (platform.tenant("with").await, platform.tenant("without").await);
    let account = json!({ "accountSid": SANDBOX_ACCOUNT, "authToken": SANDBOX_TOKEN });
    let page = format!("/api/companies/{with}/twilio/config");
    assert_eq!(platform.ask(Method::PUT, &page, None, &account).await.status, 200);
    for tenant in [&with, &without] {
        let checked =
            platform.ask(Method::POST, "/v1/health/providers/check", Some(tenant), &json!({})).await;
        assert_eq!(checked.status, 200, "{}", checked.text());
    }
    let path = "/api/admin/notifications/dependency-health";
    let all = platform.ask(Method::GET, path, None, &Value::Null).await.json();
    let of = |tenant: &str| {
        let rows = all["dependencies"].as_array().unwrap().iter();
        rows.filter(|row| row["tenant"] == tenant).cloned().collect::<Vec<_>>()
    };
    let [set_up] = &of(&with)[..] else { panic!("{all}") };
    assert_eq!((&set_up["name"], &set_up["status"]), (&json!("twilio"), &json!("HEALTHY")), "{all}");
    assert_eq!(set_up["details"], json!({ "credentialSource": "company:with", "accountStatus": "active" }));
    let [not_set_up] = &of(&without)[..] else { panic!("{all}") };
    assert_eq!((&not_set_up["status"], &not_set_up["critical"]), (&json!("NOT_CONFIGURED"), &json!(false)));
    assert_eq!((&all["status"], &all["critical"]), (&json!("HEALTHY"), &json!(false)), "{all}");
    let tested = platform.ask(Method::POST, "/api/real/test/twilio", Some(&with), &json!({})).await;
    assert_eq!(
        (tested.status.as_u16(), &tested.json()["status"]),
        (200, &json!("HEALTHY")),
        "{}",
        tested.text()
    );
    let by_tenant = platform.harness.get(path).await;
    assert_eq!(by_tenant.problem(403), "forbidden", "the alarm of all is the platform's");
}

#[tokio::test]
async fn the_body_of_a_former_route_may_name_the_company() {
    let platform = Platform::new().await;
    let id = platform.tenant("bici-demo").await;
    let place = async |body: Value, tenant: Option<&str>| {
        platform.ask(Method::POST, "/api/real/voice/call", tenant, &body).await
    };
    let to = "+1 555-0178";
    assert_eq!(place(json!({ "to": to }), None).await.problem(400), "tenant_required");
    for name in ["companyId", "organizationId", "orgId", "company"] {
        for company in ["bici-demo", id.as_str()] {
            // It has no number to call from: the company was found, and nothing is placed.
            let answer = place(json!({ "to": to, name: company }), None).await;
            assert_eq!(answer.problem(422), "invalid_body", "{name} {company}");
            assert_eq!(answer.json()["errors"][0]["pointer"], "/from", "{}", answer.text());
        }
    }
    assert_eq!(place(json!({ "to": to, "companyId": "nobody" }), None).await.problem(404), "not_found");
    let two = place(json!({ "to": to, "companyId": "bici-demo" }), Some("ten_1")).await;
    assert_eq!(two.problem(404), "not_found", "who names two tenants can act for neither");
    let foreign = json!({ "to": to, "companyId": "bici-demo" });
    for path in ["/api/real/voice/call", "/api/vapi/call"] {
        assert_eq!(platform.harness.post_json(path, &foreign).await.problem(404), "not_found", "{path}");
    }
    let new_route = platform.ask(Method::POST, "/v1/calls", Some(&id), &foreign).await;
    assert_eq!(new_route.problem(422), "invalid_body", "only the former routes take it");
}
