//! An export.

use super::world::*;
use axum::{body::Body, http::Request};
use serde_json::{Value, json};
use std::process::Command;

/// What the archive has, by the names of its files.
fn read(folder: &std::path::Path, zip: &[u8]) -> Value {
    let path = folder.join("read.zip");
    std::fs::write(&path, zip).unwrap();
    let script = "import sys,zipfile,json; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; \
                  print(json.dumps({i.filename:z.read(i).decode() for i in z.infolist()}))";
    let read = Command::new("python3").args(["-c", script]).arg(&path).output().unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    serde_json::from_slice(&read.stdout).unwrap()
}

#[tokio::test]
async fn an_export_holds_all_that_is_kept_of_a_person_and_of_nobody_else() {
    let world = World::new().await;
    let _background = world.stage.harness.plane.background();
    let receipt = world.asked("exports", &json!({ "email": EMAIL.to_uppercase(), "reason": "asked" })).await;
    assert_eq!(
        (&receipt["kind"], &receipt["counts"]["messages"]),
        (&json!("export"), &json!(1)),
        "{receipt}"
    );
    assert!(receipt["file_until"].is_string(), "{receipt}");
    let id = receipt["id"].as_str().unwrap();
    let link = world.stage.harness.get(&format!("/v1/privacy/requests/{id}/url")).await.json();
    let path = link["url"].as_str().unwrap().strip_prefix(&world.stage.base).unwrap().to_owned();
    let file = world.stage.harness.send(Request::get(&path).body(Body::empty()).unwrap()).await;
    assert_eq!((file.status.as_u16(), file.header("content-type")), (200, "application/zip"));
    assert_eq!(file.body.len() as u64, link["bytes"].as_u64().unwrap());
    let files = read(&world.stage.harness.folder.0, &file.body);
    let person: Value = serde_json::from_str(files["person.json"].as_str().unwrap()).unwrap();
    let told = &person["person"];
    assert_eq!(told["contacts"][0]["name"], NAME);
    assert_eq!(told["calls"][0]["turns"][0]["caller"], format!("I said {WORDS}."));
    assert_eq!(told["consents"].as_array().unwrap().len(), 2);
    assert_eq!(told["messages_without_conversation"].as_array().unwrap().len(), 3);
    let recording = told["calls"][0]["recordings"][0]["file"].as_str().unwrap();
    assert_eq!(files[recording], format!("OggS {WORDS}"));
    let with_file = told["conversations"][0]["messages"].as_array().unwrap().iter();
    let with_file = with_file.flat_map(|one| one["media"].as_array().unwrap()).next().unwrap();
    assert_eq!(files[with_file["file"].as_str().unwrap()], WORDS);
    let all = files.to_string();
    assert!(!all.contains(OTHER_WORDS) && !all.contains(OTHER_PHONE), "{all}");
    let spoilt = Request::get(format!("{path}x")).body(Body::empty()).unwrap();
    assert_ne!(world.stage.harness.send(spoilt).await.status, 200);

    // Whoever is erased afterwards is in no archive any more.
    let erasure = json!({ "phone": PHONE, "reason": "asked" });
    let erased = world.stage.post("/v1/privacy/erasures", &erasure, None).await.json();
    done(&world.stage.harness, erased["id"].as_str().unwrap()).await;
    let gone = world.stage.harness.send(Request::get(&path).body(Body::empty()).unwrap()).await;
    assert_eq!(gone.status, 404);
    let link = world.stage.harness.get(&format!("/v1/privacy/requests/{id}/url")).await;
    assert_eq!(link.problem(409), "conflict");
}
