//! `/v1/files`: files that messages are to carry, where the tenant has no server of its own for them. The answer's address goes into
//! `media`; each channel takes the file from there in its way. The same file twice is one.

use super::{
    body::{Body, Check},
    need::MessagesSend,
    once::{Answer, Stop},
    op::Op,
};
use crate::{
    files::ending,
    keys::sha256_hex,
    problem::{Code, FaultCode, Faults, Problem},
    shared::Shared,
};
use axum::{http::StatusCode, response::Response};
use base64_simd::STANDARD;
use objects::Key;
use serde::{Deserialize, Serialize};
use std::{error::Error, sync::Arc};
use tracing::error;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Longest file, in bytes: what WhatsApp carries of a picture or a film.
const FILE_BYTES: usize = 16 * 1024 * 1024;
/// The same as base64.
const CONTENT_CHARS: usize = FILE_BYTES.div_ceil(3) * 4;

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(add_file))
}

/// A file for messages.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewFile)]
pub(crate) struct FileForm {
    /// What it is: a picture, sound or film of a common kind, a PDF, plain text, a calendar entry or a business card.
    #[schema(min_length = 1, max_length = 100, example = "image/jpeg")]
    content_type: String,
    /// What is in it, as base64; at most 16 MiB.
    #[schema(min_length = 1, max_length = 22369624, example = "R0lGODlhAQABAAAAACw=")]
    content: String,
}

impl Check for FileForm {
    fn check(&self, faults: &mut Faults) {
        if ending(&self.content_type).is_empty() {
            let detail = "files of this kind are not sent";
            faults.add_at("content_type", FaultCode::InvalidValue, detail);
        }
        if self.content.is_empty() || self.content.len() > CONTENT_CHARS {
            let detail = format!("a file has 1 to {FILE_BYTES} bytes");
            faults.add_at("content", FaultCode::OutOfRange, detail);
        } else if STANDARD.check(self.content.as_bytes()).is_err() {
            faults.add_at("content", FaultCode::InvalidValue, "it must be base64 with its padding");
        }
    }
}

/// A file that is there for messages.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = File)]
pub(crate) struct FileView {
    /// What goes into `media`.
    url: String,
    /// What it is.
    content_type: String,
    /// Its length, in bytes.
    #[schema(minimum = 1)]
    size: u64,
}

/// Keeps a file for messages.
#[utoipa::path(
    post, path = "/v1/files", tag = "Messages", security(("bearer" = ["messages:send"])), request_body = FileForm,
    responses((status = 201, description = "It is there", body = FileView)),
)]
async fn add_file(op: Op<MessagesSend>, body: Body<FileForm>) -> Result<Response, Stop> {
    let FileForm { content_type, content } = body.value;
    let content = STANDARD.decode_to_vec(content.as_bytes());
    let content = content.map_err(|_| Problem::invalid("the content is no base64"))?;
    let name = format!("{}{}", sha256_hex(&content), ending(&content_type));
    let key: Key = format!("{}{}/{name}", crate::files::UPLOADS, op.tenant())
        .parse()
        .map_err(|_| Problem::invalid("the file has no place"))?;
    let size = content.len() as u64;
    let url = op.shared.files.keep(&key, &content_type, &content.into()).await.map_err(|cause| {
        error!(error = &cause as &dyn Error, "a file for messages is not kept");
        Problem::new(Code::ProviderUnavailable, "the file cannot be kept now")
    })?;
    let mut work = op.begin_once(&body.once).await?;
    work.tx.note("file.add", &name, &serde_json::json!({ "size": size })).await?;
    let view = FileView { url, content_type, size };
    work.finish(Answer::new(StatusCode::CREATED, &view)?).await
}
