//! Pictures and files that come in with a message: fetched with the credentials of the account that it came through, from its provider and
//! from nowhere else, and kept once. Of an address that a webhook tells only the ids in it are used; where they are fetched is known here.

use crate::{
    carriers::credentials,
    directory::{Account, TenantView},
    files::{FileError, Files, ending},
    messengers::{Messengers, PHONE, WHAPI},
    sending::routes::TWILIO,
};
use bytes::{Bytes, BytesMut};
use gateways::GatewayError;
use objects::Key;
use store::{
    StoreError, Stored, TenantStore, TenantTx,
    ids::{InboundEventId, MessageId},
    model::{
        audit::Actor,
        message::{Media, Message, MessageDirection},
        webhook::{InboundEvent, InboundStatus},
        work::WorkKind,
    },
};
use tracing::warn;
use twilio_rest::TwilioError;

/// What is kept of a message whose files are to be fetched.
pub(crate) const SOURCE: &str = "message.media";
/// Who fetches them, in the audit log.
const SELF: &str = "files";
/// Longest file, in bytes: five times what a text message carries.
const FILE_BYTES: usize = 25 * 1024 * 1024;
/// A file is asked for so often, over some hours.
const LOOKS: i64 = 12;
/// Two who change one message at once are already unusual.
const TRIES: usize = 8;

/// Has the files of a message fetched, in the unit of work that keeps it.
pub(super) async fn schedule(
    tx: &mut (dyn TenantTx + 'static),
    message: &Stored<Message>,
) -> Result<(), StoreError> {
    let fetched = [TWILIO, WHAPI].contains(&message.value.provider.as_deref().unwrap_or_default());
    if message.value.media.is_empty() || !fetched || message.value.direction != MessageDirection::Inbound {
        return Ok(());
    }
    let event = InboundEvent {
        source: SOURCE.to_owned(),
        dedupe_key: message.id.to_string(),
        raw: message.id.to_string(),
        status: InboundStatus::Received,
        outcome: None,
    };
    let (id, now) = (InboundEventId::generate(), tx.now());
    if tx.insert_new(id.clone(), event).await?.is_some() {
        tx.schedule(WorkKind::InboundEvent, id.as_str(), now).await?;
    }
    Ok(())
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fetched {
    /// All that can be had is kept.
    Done(&'static str),
    /// Some cannot be had now.
    Later,
}

/// Why a file is not there.
#[derive(Debug, thiserror::Error)]
enum NoFile {
    /// It will not be there later either.
    #[error("{0}")]
    Never(&'static str),
    #[error("the carrier does not give it")]
    Carrier(#[from] TwilioError),
    #[error("the gateway does not give it")]
    Gateway(#[from] GatewayError),
    #[error("it cannot be kept")]
    File(#[from] FileError),
}

impl NoFile {
    fn is_for_good(&self) -> bool {
        match self {
            Self::Never(_) => true,
            Self::Carrier(cause) => cause.is_gone(),
            Self::Gateway(GatewayError::Refused { refusal, .. }) => refusal.status == 404,
            Self::Gateway(_) | Self::File(_) => false,
        }
    }
}

/// A file that is kept: its address at the carrier, its address here, and its place.
type File = (String, String, Key);

/// What fetches files.
pub(crate) struct Fetcher {
    pub(crate) messengers: Messengers,
    pub(crate) files: Files,
}

impl Fetcher {
    /// Fetches the files of a message, the `looks`-th time.
    ///
    /// # Errors
    /// When the database does not serve.
    pub(crate) async fn fetch(
        &self,
        part: &(dyn TenantStore + 'static),
        view: &TenantView,
        message: &MessageId,
        looks: i64,
    ) -> Result<Fetched, StoreError> {
        let Some(row) = part.get::<Message>(message).await? else {
            return Ok(Fetched::Done("the message is gone"));
        };
        let (mut kept, mut missing, mut later) = (Vec::new(), false, false);
        for (index, media) in row.value.media.iter().enumerate() {
            if self.files.key(&media.url).is_some() {
                continue;
            }
            let name = format!("{index}{}", ending(media.content_type.as_deref().unwrap_or_default()));
            let Ok(key) = format!("files/{}/{message}/{name}", part.id()).parse::<Key>() else { continue };
            match self.bring(view, &row.value, media, &key).await {
                Ok(address) => kept.push((media.url.clone(), address, key)),
                Err(cause) => {
                    let for_good = cause.is_for_good() || looks >= LOOKS;
                    (missing, later) = (missing | for_good, later | !for_good);
                    let cause = &cause as &dyn std::error::Error;
                    warn!(tenant = %part.id(), %message, for_good, error = cause, "a file of a message is not there");
                }
            }
        }
        self.write(part, message, kept).await?;
        Ok(match (later, missing) {
            (true, _) => Fetched::Later,
            (false, true) => Fetched::Done("some files cannot be had"),
            (false, false) => Fetched::Done("its files are kept"),
        })
    }

    /// Brings one file here, and takes it away there if the tenant wants that; gives its address.
    async fn bring(
        &self,
        view: &TenantView,
        message: &Message,
        media: &Media,
        key: &Key,
    ) -> Result<String, NoFile> {
        let is_kept = self.files.is_kept(key).await?;
        match message.provider.as_deref() {
            Some(TWILIO) => {
                let [account, sid, file] = at_twilio(&media.url).ok_or(NoFile::Never("it has no id"))?;
                let account = view.twilio_account(account).and_then(credentials);
                let account = account.ok_or(NoFile::Never("its account is gone"))?;
                let account = self.messengers.twilio.account(account);
                if !is_kept {
                    let content = whole(account.message_media(sid, file).await?).await?;
                    self.files.keep(key, media_type(media), &content).await?;
                }
                if view.tenant.settings.recording.delete_at_carrier == Some(true) {
                    match account.delete_message_media(sid, file).await {
                        Err(cause) if !cause.is_gone() => return Err(cause.into()),
                        Ok(()) | Err(_) => {}
                    }
                }
            }
            Some(WHAPI) if !is_kept => {
                let account = whapi_account(view, &message.to_number);
                let channel = account.and_then(|account| self.messengers.channel(account));
                let channel = channel.ok_or(NoFile::Never("its account is gone"))?;
                let id = at_whapi(&media.url).ok_or(NoFile::Never("it has no id"))?;
                let file = channel.fetch_media(id).await?;
                if file.content.len() > FILE_BYTES {
                    return Err(NoFile::Never("it is too long"));
                }
                self.files.keep(key, media_type(media), &file.content).await?;
            }
            Some(_) | None => {}
        }
        Ok(self.files.address(key))
    }

    /// Puts the addresses of what is kept into the message. What was taken out of it meanwhile is not kept either.
    async fn write(
        &self,
        part: &(dyn TenantStore + 'static),
        message: &MessageId,
        kept: Vec<File>,
    ) -> Result<(), StoreError> {
        if kept.is_empty() {
            return Ok(());
        }
        for _ in 0..TRIES {
            let row = part.get::<Message>(message).await?;
            let mut left: Vec<&File> = kept.iter().collect();
            if let Some(Stored { id, version, mut value, .. }) = row {
                left = put(&mut value.media, left);
                let mut tx = part.begin(&Actor::system(SELF), crate::clock::now_us()).await?;
                let written = match tx.update(&id, version, value).await {
                    Ok(_) => tx.commit().await,
                    Err(cause) => Err(cause),
                };
                match written {
                    Err(StoreError::Stale { .. }) => continue,
                    other => other?,
                }
            }
            for (_, _, key) in left {
                self.files.objects.delete(key).await.map_err(|cause| StoreError::Unavailable {
                    doing: "deleting a file",
                    source: Box::new(cause),
                })?;
            }
            return Ok(());
        }
        Err(StoreError::Unavailable {
            doing: "keeping a message's files",
            source: "it was changed by others all the time".into(),
        })
    }
}

/// Puts the addresses of files where those of the carrier are; gives the files that no message has any more. One that is there already
/// was put there by another who fetched it at the same time.
fn put<'f>(media: &mut [Media], files: Vec<&'f File>) -> Vec<&'f File> {
    let mut left = Vec::new();
    for file in files {
        let (before, address, _) = file;
        match media.iter_mut().find(|media| media.url == *before || media.url == *address) {
            Some(media) => media.url.clone_from(address),
            None => left.push(file),
        }
    }
    left
}

fn media_type(media: &Media) -> &str {
    media.content_type.as_deref().filter(|kind| !kind.is_empty()).unwrap_or(crate::files::TO_SAVE)
}

/// The account, message and file that an address of Twilio's names.
fn at_twilio(address: &str) -> Option<[&str; 3]> {
    let path = address.split(['?', '#']).next()?;
    let mut parts = path.rsplit('/');
    let (file, media, message, messages, account) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_sid = |text: &str| text.len() == 34 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let named =
        media == "Media" && messages == "Messages" && [file, message, account].iter().all(|id| is_sid(id));
    named.then_some([account, message, file])
}

/// The file that an address of the gateway's names.
fn at_whapi(address: &str) -> Option<&str> {
    address.rsplit_once("/media/").map(|(_, id)| id).filter(|id| !id.is_empty())
}

/// The account at Whapi that was written to.
fn whapi_account<'v>(view: &'v TenantView, own: &str) -> Option<&'v Account> {
    view.accounts.iter().find(|account| {
        let phone = account.properties.get(PHONE).unwrap_or(&account.sid);
        account.kind == WHAPI && phone == own
    })
}

/// All of a download, if it is not too long.
async fn whole(mut media: twilio_rest::Media) -> Result<Bytes, NoFile> {
    let too_long = || NoFile::Never("it is too long");
    if media.content_length().is_some_and(|length| length > FILE_BYTES as u64) {
        return Err(too_long());
    }
    let mut whole = BytesMut::new();
    while let Some(piece) = media.chunk().await? {
        whole.extend_from_slice(&piece);
        if whole.len() > FILE_BYTES {
            return Err(too_long());
        }
    }
    Ok(whole.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_another_has_put_into_the_message_meanwhile_stays() {
        let file = |number: usize| -> File {
            let place = format!("files/ten_1/msg_1/{number}.jpg");
            (
                format!("https://carrier.test/{number}"),
                format!("https://own.test/{place}"),
                place.parse().unwrap(),
            )
        };
        let files = [file(0), file(1), file(2)];
        let media = |url: &str| Media { url: url.to_owned(), content_type: None };
        // The first was put there by another, the second is still the carrier's, the third was taken out.
        let mut message = [media(&files[0].1), media(&files[1].0)];
        let left = put(&mut message, files.iter().collect());
        assert_eq!(left, [&files[2]]);
        assert_eq!(message, [media(&files[0].1), media(&files[1].1)]);
    }

    #[test]
    fn of_an_address_only_its_ids_are_used() {
        let sid = |kind: &str| format!("{kind}{}", "0".repeat(32));
        let (account, message, file) = (sid("AC"), sid("MM"), sid("ME"));
        let path = format!("/2010-04-01/Accounts/{account}/Messages/{message}/Media/{file}");
        for host in ["https://api.twilio.com", "http://169.254.169.254", ""] {
            let address = format!("{host}{path}");
            let found = at_twilio(&address).unwrap();
            assert_eq!(found, [account.as_str(), message.as_str(), file.as_str()]);
        }
        for wrong in
            ["", "https://example.com/a.jpg", &path.replace("Media", "media"), &path[..path.len() - 1]]
        {
            assert_eq!(at_twilio(wrong), None, "{wrong}");
        }
        assert_eq!(at_whapi("https://gate.whapi.cloud/media/jpeg-1"), Some("jpeg-1"));
        assert_eq!(at_whapi("https://storage.example.com/a.jpg"), None);
    }
}
