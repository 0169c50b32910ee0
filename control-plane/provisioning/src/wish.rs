//! The number that a new tenant is to have: which one, and how it is found once the tenant's account is there.

use crate::{ProvisionError, Provisioner, Purchase, state::TenantFacts};
use serde::{Deserialize, Serialize};
use store::{
    Filter, TenantId,
    model::number::{Number, NumberStatus},
};
use twilio_rest::{AvailableNumberFilter, NumberKind};

/// A number that a tenant is to have as soon as its account is set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberWish {
    /// This one.
    Exactly {
        /// E.164.
        e164: String,
        /// For people; without it the number itself.
        name: Option<String>,
        /// The account has it already: nothing is bought.
        adopted: bool,
    },
    /// The first one that the carrier offers.
    First {
        /// ISO 3166-1, two capital letters.
        country: String,
        /// Of which kind.
        kind: WishedKind,
        /// US and Canada: three digits.
        area_code: Option<u16>,
        /// Digits that it contains; `*` is any digit.
        contains: Option<String>,
        /// For people; without it the number itself.
        name: Option<String>,
    },
}

/// A kind of number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WishedKind {
    /// Of an area.
    #[default]
    Local,
    /// Of mobile phones.
    Mobile,
    /// Free for the caller.
    TollFree,
}

impl From<WishedKind> for NumberKind {
    fn from(kind: WishedKind) -> Self {
        match kind {
            WishedKind::Local => Self::Local,
            WishedKind::Mobile => Self::Mobile,
            WishedKind::TollFree => Self::TollFree,
        }
    }
}

impl Provisioner {
    /// What is to be ordered for the tenant now; `None`: nothing is wished for, or it has a number already.
    pub(crate) async fn wished(
        &self,
        tenant: &TenantId,
        facts: &TenantFacts,
    ) -> Result<Option<Purchase>, ProvisionError> {
        let Some(wish) = &facts.wish else { return Ok(None) };
        let part = self.store.tenant(tenant);
        for status in [NumberStatus::Pending, NumberStatus::Active] {
            if part.count::<Number>(&Filter::first(1).with_status(status.as_str())).await? > 0 {
                return Ok(None);
            }
        }
        let (e164, name, adopted) = match wish {
            NumberWish::Exactly { e164, name, adopted } => {
                if self.store.number_owner(e164).await?.is_some() {
                    return Err(ProvisionError::NumberInUse);
                }
                (e164.clone(), name, *adopted)
            }
            NumberWish::First { country, kind, area_code, contains, name } => {
                let filter = AvailableNumberFilter {
                    area_code: *area_code,
                    contains: contains.clone(),
                    voice_enabled: Some(true),
                    ..AvailableNumberFilter::default()
                };
                let account = Some(&facts.account);
                let offers = self.search(tenant, account, country, (*kind).into(), &filter).await?;
                let offer = offers.into_iter().next();
                let offer = offer.ok_or(ProvisionError::Refused("the carrier offers no such number"))?;
                (offer.phone_number, name, false)
            }
        };
        let name = name.clone().unwrap_or_else(|| e164.clone());
        Ok(Some(Purchase { account: facts.account.clone(), e164, name, adopted }))
    }
}
