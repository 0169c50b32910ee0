//! What an export does: one archive with all that is kept of a person, which ends by itself.
//!
//! `person.json` has the contacts, consents, conversations with their messages, calls with what was said, and voicemails; the recordings
//! and the files that came with mails lie beside it. Whoever is killed in between makes the archive anew under the same name.

use super::{
    messages::own_file,
    person::{PAGE, Part, Person},
    state::ExportFile,
    worker::{Next, Run},
    zip::{Zip, ZipError},
};
use crate::{
    api::recording::stored_key,
    clock::{now_us, rfc3339},
    recordings::row::ending,
    work::micros,
};
use bytes::Bytes;
use futures_util::stream;
use objects::{Key, LocalFile, ObjectError};
use serde_json::{Value, json};
use std::{convert::Infallible, io, path::Path, time::Duration};
use store::{
    Call, Filter, StoreError, Stored,
    model::{
        consent::Consent,
        contact::Contact,
        message::{Conversation, Message},
        queue::Voicemail,
        recording::Recording,
    },
};

/// An archive is deleted after so long: who asked for it has it by then, and it holds all of a person.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Media type.
pub(crate) const MEDIA_TYPE: &str = "application/zip";

/// Finds the person, then makes the archive.
pub(super) async fn portion(run: &mut Run<'_>) -> Result<Next, StoreError> {
    if run.step() == super::worker::FIRST {
        let known = std::mem::take(&mut run.state.person);
        run.state.person = known.find(run.part, &run.state.subject).await?;
        return Ok(Next::Step("file"));
    }
    let folder = run.shared.data_dir.join("incoming");
    tokio::fs::create_dir_all(&folder).await.map_err(not_written)?;
    let path = folder.join(format!("{}.zip", run.id));
    let made = make(run, &path).await;
    match tokio::fs::remove_file(&path).await {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(not_written(cause)),
        Ok(()) | Err(_) => {}
    }
    made?;
    Ok(Next::Done)
}

/// Deletes the archive when its time is over.
pub(super) async fn end_file(run: &mut Run<'_>) -> Result<(), StoreError> {
    let Some(file) = run.state.file.take() else { return Ok(()) };
    if let Ok(key) = file.key.parse::<Key>() {
        run.shared.objects.delete(&key).await.map_err(super::messages::not_deleted)?;
    }
    run.state.forget();
    let tx = run.begin().await?;
    run.save(tx).await
}

fn not_written(cause: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable { doing: "making the file of an export", source: Box::new(cause) }
}

async fn make(run: &mut Run<'_>, path: &Path) -> Result<(), StoreError> {
    let mut zip = Zip::create(path).await.map_err(not_written)?;
    let mut files = Files { zip: &mut zip, names: Vec::new(), left_out: Vec::new() };
    let told = told(run, &mut files).await?;
    let Files { names, left_out, .. } = files;
    let told = json!({ "made_at": rfc3339(now_us()), "person": told, "files": names, "left_out": left_out });
    let text = serde_json::to_vec_pretty(&told).unwrap_or_default();
    let body = stream::iter([Ok::<_, Infallible>(Bytes::from(text))]);
    zip.add("person.json", body).await.map_err(not_written)?;
    zip.finish().await.map_err(not_written)?;
    let file = LocalFile::measure(path, MEDIA_TYPE).await.map_err(not_written)?;
    let key = format!("exports/{}/{}.zip", run.part.id(), run.id);
    let parsed = key.parse::<Key>().map_err(not_written)?;
    run.shared.objects.put(&parsed, &file).await.map_err(not_written)?;
    let until = now_us().saturating_add(micros(KEPT));
    run.state.count("files", u64::try_from(names.len()).unwrap_or(0));
    run.state.file = Some(ExportFile { key, bytes: file.length, sha256: file.sha256, until });
    Ok(())
}

/// The files of an archive.
struct Files<'z> {
    zip: &'z mut Zip,
    names: Vec<String>,
    /// What is not in it, and why.
    left_out: Vec<Value>,
}

impl Files<'_> {
    /// Adds an object, if it is there; its name in the archive.
    async fn add(&mut self, run: &Run<'_>, key: &Key, name: String) -> Result<Option<String>, StoreError> {
        if self.names.contains(&name) {
            return Ok(Some(name));
        }
        let Some(info) = run.shared.objects.head(key).await.map_err(not_written)? else { return Ok(None) };
        if info.length > self.zip.room() {
            self.left_out.push(json!({ "name": name, "why": "the archive would be too large" }));
            return Ok(None);
        }
        let object = match run.shared.objects.get(key, None).await {
            Ok(object) => object,
            Err(ObjectError::Missing) => return Ok(None),
            Err(cause) => return Err(not_written(cause)),
        };
        match self.zip.add(&name, object.body).await {
            Ok(()) => {}
            Err(cause @ (ZipError::File(_) | ZipError::Source(_) | ZipError::TooLarge)) => {
                return Err(not_written(cause));
            }
        }
        self.names.push(name.clone());
        Ok(Some(name))
    }
}

/// All that is known of the person.
async fn told(run: &mut Run<'_>, files: &mut Files<'_>) -> Result<Value, StoreError> {
    let person = run.state.person.clone();
    let part = run.part;
    let (mut contacts, mut consents, mut conversations, mut calls) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for contact in &person.contacts {
        if let Some(row) = part.get::<Contact>(contact).await? {
            contacts.push(of_row(&row.id.to_string(), row.created_at, &row.value));
        }
    }
    for address in &person.addresses {
        for row in part.list::<Consent>(&Filter::first(PAGE).of(address.as_str())).await? {
            consents.push(of_row(&row.id.to_string(), row.created_at, &row.value));
        }
    }
    for conversation in &person.conversations {
        if let Some(row) = part.get::<Conversation>(conversation).await? {
            let mut told = of_row(&row.id.to_string(), row.created_at, &row.value);
            told["messages"] = messages_of(run, files, &row).await?;
            conversations.push(told);
        }
    }
    let strays = strays(run, files, &person).await?;
    for call in &person.calls {
        if let Some(call) = part.call(call).await? {
            calls.push(told_of_call(run, files, call).await?);
        }
    }
    for (what, list) in [
        ("contacts", &contacts),
        ("consents", &consents),
        ("conversations", &conversations),
        ("calls", &calls),
        ("messages without a conversation", &strays),
    ] {
        run.state.count(what, u64::try_from(list.len()).unwrap_or(u64::MAX));
    }
    let messages =
        conversations.iter().filter_map(|one| one["messages"].as_array()).map(Vec::len).sum::<usize>();
    run.state.count("messages", u64::try_from(messages).unwrap_or(u64::MAX));
    Ok(json!({
        "addresses": person.addresses, "contacts": contacts, "consents": consents, "conversations": conversations,
        "messages_without_conversation": strays, "calls": calls,
    }))
}

/// A row as it is kept, with its id and when it was made.
fn of_row(id: &str, created_at: i64, value: &impl serde::Serialize) -> Value {
    let mut told = serde_json::to_value(value).unwrap_or_default();
    if let Some(fields) = told.as_object_mut() {
        // How a message is sent is the program's own, and says nothing more of the person.
        fields.remove("dispatch");
        fields.insert("id".to_owned(), id.into());
        fields.insert("created_at".to_owned(), rfc3339(created_at).into());
    }
    told
}

async fn messages_of(
    run: &Run<'_>,
    files: &mut Files<'_>,
    conversation: &Stored<Conversation>,
) -> Result<Value, StoreError> {
    let mut told = Vec::new();
    let mut filter = Filter::first(PAGE).of(conversation.id.as_str()).oldest_first();
    loop {
        let rows = run.part.list::<Message>(&filter).await?;
        let Some(last) = rows.last() else { return Ok(Value::Array(told)) };
        filter = filter.after(last.id.as_str());
        for row in rows {
            told.push(told_of_message(run, files, row).await?);
        }
    }
}

async fn strays(run: &Run<'_>, files: &mut Files<'_>, person: &Person) -> Result<Vec<Value>, StoreError> {
    let mut told = Vec::new();
    for address in &person.addresses {
        for row in run.part.messages_with(address, true, u16::MAX).await? {
            told.push(told_of_message(run, files, Stored::read(row)?).await?);
        }
    }
    Ok(told)
}

async fn told_of_message(
    run: &Run<'_>,
    files: &mut Files<'_>,
    row: Stored<Message>,
) -> Result<Value, StoreError> {
    let mut told = of_row(row.id.as_str(), row.created_at, &row.value);
    for (index, media) in row.value.media.iter().enumerate() {
        let Some(key) = own_file(run.shared, run.part.id(), &media.url) else { continue };
        let ending = key.as_str().rsplit('/').next().unwrap_or("file").to_owned();
        let name = format!("files/{}.{ending}", row.id);
        if let Some(name) = files.add(run, &key, name).await? {
            told["media"][index]["file"] = name.into();
        }
    }
    Ok(told)
}

async fn told_of_call(run: &mut Run<'_>, files: &mut Files<'_>, call: Call) -> Result<Value, StoreError> {
    let part: &Part = run.part;
    let turn = |turn: store::Turn| json!({ "number": turn.number, "caller": turn.caller, "assistant": turn.assistant });
    let turns: Vec<_> = part.turns(&call.id).await?.into_iter().map(turn).collect();
    let of_call = Filter::first(PAGE).of(call.id.as_str());
    let mut voicemails = Vec::new();
    for row in part.list::<Voicemail>(&of_call).await? {
        voicemails.push(of_row(row.id.as_str(), row.created_at, &row.value));
    }
    let mut recordings = Vec::new();
    for row in part.list::<Recording>(&of_call).await? {
        let mut told = of_row(row.id.as_str(), row.created_at, &row.value);
        if let Some(key) = stored_key(&row.value) {
            let name = format!("recordings/{}.{}", row.id, ending(&row.value.media_type));
            if let Some(name) = files.add(run, &key, name).await? {
                told["file"] = name.into();
            }
        }
        recordings.push(told);
    }
    Ok(json!({
        "id": call.id, "direction": call.direction, "from": call.from_number, "to": call.to_number,
        "status": call.status, "created_at": rfc3339(call.created_at), "ended_at": call.ended_at.map(rfc3339),
        "duration_ms": call.duration_ms, "turns": turns, "voicemails": voicemails, "recordings": recordings,
    }))
}
