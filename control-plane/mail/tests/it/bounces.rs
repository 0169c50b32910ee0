//! A real server's bounce.

use crate::support::{MemoryInbox, draft, imap_options, poller, send, sender, server};
use mail::{Security, parse::AutomaticReason};

#[tokio::test]
async fn a_mail_to_nobody_comes_back_as_a_bounce_that_names_it() {
    let Some(server) = server().await else { return };
    let ours = server.mailbox("support");
    let lost = draft(&ours.address, "nobody@tandem.test", "Your order", "It is on its way.");
    send(&sender(&server, &ours, Security::StartTls), &lost).await;
    let inbox = MemoryInbox::default();
    let _poller = poller(&server, &ours, &inbox, imap_options(&server));
    let kept = inbox.until(|kept| kept.mails.len() == 1).await;
    let report = kept.mails[0].mail.clone().unwrap();
    assert_eq!(report.automatic, Some(AutomaticReason::Bounce));
    let bounce = report.bounce.unwrap();
    assert_eq!(bounce.original.as_ref(), Some(&lost.message_id));
    let failed: Vec<_> = bounce.failed().collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].address, "nobody@tandem.test");
    assert_eq!(failed[0].status.unwrap().class, 5);
}
