//! What a tenant knows of who wants messages counts for what is sent, and can be shown.

use crate::messages_sent::Stage;
use serde_json::{Value, json};

const ANN: &str = "+15550142";
const BOB: &str = "+15550143";

fn to(phone: &str) -> Value {
    json!({ "to": { "phone": phone }, "chain": [{ "channels": ["sms"] }], "type": "critical", "text": "Hello." })
}

#[tokio::test]
async fn whom_the_api_opted_out_is_told_nothing_until_the_api_has_proof_of_the_contrary() {
    let stage = Stage::new().await;
    let consent = |status: &str, evidence: &str| json!({ "channel": "sms", "address": "+1 555-0142", "status": status, "evidence": evidence });
    let noted = stage.post("/v1/consents", &consent("opted_out", "said so at the counter"), None).await;
    assert_eq!((noted.status.as_u16(), &noted.json()["address"]), (200, &json!(ANN)), "{}", noted.text());
    let id = stage.sent(&to(ANN)).await;
    stage.when(&id, "failed").await;
    assert!(stage.at_carrier().is_empty(), "not even a critical one");
    let unproven = stage.post("/v1/consents", &consent("opted_in", ""), None).await;
    assert_eq!(unproven.status, 422, "{}", unproven.text());
    stage.post("/v1/consents", &consent("opted_in", "signed a form"), None).await;
    let id = stage.sent(&to(ANN)).await;
    stage.when(&id, "delivered").await;
    let listed = stage.harness.get("/v1/consents?address=%2B15550142").await.json();
    let proofs = listed["data"][0]["proofs"].as_array().unwrap();
    assert_eq!(proofs.len(), 2, "{listed}");
    assert!(proofs.iter().all(|proof| proof["source"] == "api"), "{listed}");
}

#[tokio::test]
async fn opt_outs_of_a_provider_are_taken_in_and_the_proofs_given_out() {
    let stage = Stage::new().await;
    let csv = format!("address,channel,evidence\n{ANN},sms,21610\n{BOB},whatsapp,\n");
    let import = json!({ "channel": "sms", "csv": csv, "evidence": "the carrier's list" });
    let answer = stage.post("/v1/consents/import", &import, None).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({ "noted": 2 })), "{}", answer.text());
    let (ann, bob) = (stage.sent(&to(ANN)).await, stage.sent(&to(BOB)).await);
    stage.when(&ann, "failed").await;
    stage.when(&bob, "delivered").await;
    let answer = stage.harness.get("/v1/consents/export").await;
    let exported = answer.text();
    let lines: Vec<_> = exported.lines().collect();
    assert_eq!(lines.len(), 3, "{exported}");
    assert!(lines[1].starts_with("+15550142,sms,*,opted_out,"), "{exported}");
    assert!(lines[1].ends_with(",opted_out,import,the carrier's list: 21610"), "{exported}");
    let wrong =
        json!({ "channel": "sms", "csv": "address,channel\n+15550142,pigeon\n", "evidence": "a list" });
    let refused = stage.post("/v1/consents/import", &wrong, None).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("line 2"), "{}", refused.text());
    let nobody = json!({ "channel": "sms", "addresses": [ANN, "nobody"], "evidence": "a list" });
    let refused = stage.post("/v1/consents/import", &nobody, None).await.json();
    assert_eq!(refused["errors"][0]["pointer"], "/addresses/1/address", "{refused}");
}
