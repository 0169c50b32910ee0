//! What the outbox reads and writes of a tenant, within a unit of work.

use store::{
    Filter, StoreError, Stored, Table, TenantTx,
    ids::ConsentId,
    model::{
        consent::{Consent, ConsentStatus, Proof},
        message::{Channel, Conversation, Message},
    },
};

/// What somebody said about messages: senders and channels are few.
const CONSENTS: u16 = 200;
/// Proofs that are kept of a consent; the first and the newest count.
const PROOFS: usize = 50;

/// What is known of a person's wishes and of the conversation with them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Person {
    pub(crate) consents: Vec<Consent>,
    pub(crate) conversation: Option<Stored<Conversation>>,
}

/// Reads what is known of whoever a message goes to.
pub(crate) async fn person(
    tx: &mut (dyn TenantTx + 'static),
    message: &Message,
    addresses: impl IntoIterator<Item = &str>,
) -> Result<Person, StoreError> {
    let mut person = Person::default();
    for address in addresses {
        for row in tx.documents(Table::Consents, &Filter::first(CONSENTS).of(address)).await? {
            person.consents.push(Stored::<Consent>::read(row)?.value);
        }
    }
    if let Some(conversation) = &message.conversation {
        person.conversation = tx.get::<Conversation>(conversation).await?;
    }
    Ok(person)
}

/// Notes what somebody said, or what a provider told of them.
///
/// # Errors
/// When the database does not serve.
pub async fn note_consent(
    tx: &mut (dyn TenantTx + 'static),
    channel: Channel,
    sender: &str,
    address: &str,
    proof: Proof,
) -> Result<(), StoreError> {
    let lookup = Consent::lookup(channel, sender, address);
    match tx.find::<Consent>(&lookup).await? {
        Some(Stored { id, version, mut value, .. }) => {
            let turned = value.status != proof.status;
            if !turned && proof.source == "provider" {
                // Told again with every message that is refused: it says nothing new, but that it still is so.
                if sender == Consent::NOBODY {
                    value.since = proof.at;
                    tx.update(&id, version, value).await?;
                }
                return Ok(());
            }
            if turned {
                (value.status, value.since) = (proof.status, proof.at);
            }
            value.proofs.push(proof);
            if value.proofs.len() > PROOFS {
                value.proofs.remove(1);
            }
            tx.update(&id, version, value).await?;
        }
        None => {
            let consent = Consent {
                channel,
                sender: sender.to_owned(),
                address: address.to_owned(),
                status: proof.status,
                since: proof.at,
                proofs: vec![proof],
            };
            if tx.insert_new(ConsentId::generate(), consent).await?.is_none() {
                // Somebody else has just noted something of them: that must not hide this.
                return Err(StoreError::Stale { what: "consent" });
            }
        }
    }
    Ok(())
}

/// A proof that a provider gave.
pub(crate) fn told_by_provider(at: i64, evidence: &str) -> Proof {
    Proof {
        at,
        status: ConsentStatus::OptedOut,
        source: "provider".to_owned(),
        evidence: evidence.to_owned(),
    }
}
