//! Numbers as the former systems took them: with a plus and the country, or as they are dialled in the tenant's own country (requirements
//! S0-59 and S0-60). That is the country of the number that the tenant sends from first.

use super::super::at;
use crate::{
    api::op::Op,
    problem::{FaultCode, Faults, Problem},
};
use messaging::{phone::Phone, quiet};
use store::model::outgoing::Recipient;

/// Digits of a number with or without its country, as E.164 has them.
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// Takes a number that is E.164, or may be one in some country.
pub(super) fn check(faults: &mut Faults, name: &str, number: &str) {
    let is_national = number.bytes().all(|byte| byte.is_ascii_digit() || b" -.()/".contains(&byte)) && {
        let digits = number.bytes().filter(u8::is_ascii_digit).count();
        DIGITS.contains(&digits)
    };
    if !is_national {
        faults.e164(name, number);
    }
}

/// Whom a message goes to, with the country of each number. `place` says where in the request the number is by its position.
///
/// # Errors
/// 422 where a number is none in the tenant's country; when the directory does not serve.
pub(super) async fn completed<N>(
    op: &Op<N>,
    recipients: Vec<Recipient>,
    place: impl Fn(usize) -> String,
) -> Result<Vec<Recipient>, Problem> {
    let is_national = |to: &Recipient| to.phone.as_ref().is_some_and(|phone| !phone.starts_with('+'));
    if !recipients.iter().any(is_national) {
        return Ok(recipients);
    }
    let country = own_country(op).await?;
    let complete = |(index, to): (usize, Recipient)| {
        let Some(written) = to.phone.as_ref().filter(|_| is_national(&to)) else { return Ok(to) };
        let read = country.as_deref().and_then(|country| Phone::parse(written, Some(country)).ok());
        let phone = read.ok_or_else(|| {
            let detail =
                "it must be a number in E.164, such as +15550100, or one of the country of the own numbers";
            at(&place(index), FaultCode::InvalidValue, detail.to_owned())
        })?;
        Ok(Recipient { phone: Some(phone.e164()), ..to })
    };
    recipients.into_iter().enumerate().map(complete).collect()
}

async fn own_country<N>(op: &Op<N>) -> Result<Option<String>, Problem> {
    let view = op.shared.directory.tenant(op.tenant()).await.map_err(store::StoreError::from)?;
    let Some(view) = view else { return Ok(None) };
    let first = view.numbers.values().min_by_key(|stored| (!stored.number.primary, stored.id.clone()));
    Ok(first.and_then(|stored| quiet::country(&stored.number.e164)))
}
