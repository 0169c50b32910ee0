//! Messages in which something is written. The newest are looked through first, and no request looks through all that a tenant
//! has ever written: where it stopped is the next page's cursor.

use super::{MessageItem, form::MessageParams, view::MessageView};
use crate::{
    api::{
        item::Item,
        need::ContactsRead,
        op::Op,
        page::{List, Page},
    },
    problem::Problem,
};
use store::{Filter, Stored, model::message::Message};

/// Messages that are read at once.
const READ: u16 = 500;
/// Messages that one request looks through.
const LOOKED_THROUGH: usize = 5_000;
/// Longest text that is looked for, in characters.
const TEXT_MAX: usize = 100;

/// A page of those in which `text` is written.
pub(super) async fn search(
    op: &Op<ContactsRead>,
    list: &List<MessageParams>,
    text: &str,
) -> Result<Page<MessageItem>, Problem> {
    let wanted = text.trim().to_lowercase();
    if wanted.is_empty() || wanted.chars().count() > TEXT_MAX {
        return Err(Problem::parameter("text", format!("text has 1 to {TEXT_MAX} characters")));
    }
    let mut after = list.resources::<Message>()?.after;
    let (mut found, mut looked) = (Vec::new(), 0);
    while looked < LOOKED_THROUGH {
        let filter = Filter {
            parent: list.filter.conversation.as_ref().map(ToString::to_string),
            after: after.clone(),
            ..Filter::first(READ)
        };
        let rows: Vec<Stored<Message>> = op.store.list(&filter).await?;
        let is_last = rows.len() < usize::from(READ);
        for row in rows {
            looked += 1;
            after = Some(row.id.to_string());
            if holds(&row.value, &wanted) {
                found.push(Item::of(row, |message| MessageView::of(message, &op.shared.files)));
            }
            if found.len() == usize::from(list.limit) {
                return Ok(list.stopped_at(found, after));
            }
        }
        if is_last {
            return Ok(list.stopped_at(found, None));
        }
    }
    Ok(list.stopped_at(found, after))
}

fn holds(message: &Message, wanted: &str) -> bool {
    let texts = [Some(&message.content), message.subject.as_ref()];
    texts.into_iter().flatten().any(|text| text.to_lowercase().contains(wanted))
}
