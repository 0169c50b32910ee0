//! What a webhook's body says, as far as it is of use. Everything is optional: apps without access to protected customer data
//! get `null`, and a field of another type than expected counts as missing. Phone numbers are as the merchant has them, not
//! always E.164.

use super::{ShopDomain, ShopifyError};
use crate::{ShapeError, http::position, value::object, value::text};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// `orders/create`
    OrderCreated(Box<Order>),
    /// `orders/fulfilled`
    OrderFulfilled(Box<Order>),
    /// Other topics of orders: `orders/updated`, `orders/paid`, `orders/cancelled`.
    OrderChanged(Box<Order>),
    /// `checkouts/create` or `checkouts/update`: abandoned if it is not completed for some time.
    Checkout(Box<Checkout>),
    /// `customers/data_request`: a customer wants to know what is kept.
    DataRequest(Box<PrivacyRequest>),
    /// `customers/redact`: what is kept of a customer must be deleted.
    CustomerRedact(Box<PrivacyRequest>),
    /// `shop/redact`: what is kept of a shop must be deleted.
    ShopRedact(Box<PrivacyRequest>),
    /// `app/uninstalled`: the shop's token is dead.
    Uninstalled,
    /// Any other topic.
    Other,
}

/// Why a body cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// It is no JSON.
    #[error("{0}")]
    NotJson(String),
    /// It is no object.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

/// A person's address, as far as it is of use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Address {
    /// First name.
    #[serde(deserialize_with = "lenient")]
    pub first_name: Option<String>,
    /// Last name.
    #[serde(deserialize_with = "lenient")]
    pub last_name: Option<String>,
    /// Phone number.
    #[serde(deserialize_with = "lenient")]
    pub phone: Option<String>,
    /// Two letters.
    #[serde(deserialize_with = "lenient")]
    pub country_code: Option<String>,
    /// City.
    #[serde(deserialize_with = "lenient")]
    pub city: Option<String>,
}

/// A customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Customer {
    /// Which.
    #[serde(deserialize_with = "id")]
    pub id: Option<i64>,
    /// First name.
    #[serde(deserialize_with = "lenient")]
    pub first_name: Option<String>,
    /// Last name.
    #[serde(deserialize_with = "lenient")]
    pub last_name: Option<String>,
    /// Mail address.
    #[serde(deserialize_with = "lenient")]
    pub email: Option<String>,
    /// Phone number.
    #[serde(deserialize_with = "lenient")]
    pub phone: Option<String>,
    /// Where they live.
    #[serde(deserialize_with = "lenient")]
    pub default_address: Option<Address>,
}

/// Something that was bought.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LineItem {
    /// Which.
    #[serde(deserialize_with = "id")]
    pub id: Option<i64>,
    /// What it is called.
    #[serde(deserialize_with = "lenient")]
    pub title: Option<String>,
    /// How many.
    #[serde(deserialize_with = "lenient")]
    pub quantity: Option<i64>,
    /// Of one, decimal.
    #[serde(deserialize_with = "lenient")]
    pub price: Option<String>,
    /// The shop's own name for it.
    #[serde(deserialize_with = "lenient")]
    pub sku: Option<String>,
}

/// Something that is on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Fulfillment {
    /// Who brings it.
    #[serde(deserialize_with = "lenient")]
    pub tracking_company: Option<String>,
    /// Its number there.
    #[serde(deserialize_with = "lenient")]
    pub tracking_number: Option<String>,
    /// Where it can be followed.
    #[serde(deserialize_with = "lenient")]
    pub tracking_url: Option<String>,
}

/// An order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Order {
    /// Which.
    #[serde(deserialize_with = "id")]
    pub id: Option<i64>,
    /// `gid://…`
    #[serde(deserialize_with = "lenient")]
    pub admin_graphql_api_id: Option<String>,
    /// `#1001`
    #[serde(deserialize_with = "lenient")]
    pub name: Option<String>,
    /// Mail address.
    #[serde(deserialize_with = "lenient")]
    pub email: Option<String>,
    /// Phone number.
    #[serde(deserialize_with = "lenient")]
    pub phone: Option<String>,
    /// Who ordered.
    #[serde(deserialize_with = "lenient")]
    pub customer: Option<Customer>,
    /// Who pays.
    #[serde(deserialize_with = "lenient")]
    pub billing_address: Option<Address>,
    /// Who gets it.
    #[serde(deserialize_with = "lenient")]
    pub shipping_address: Option<Address>,
    /// Decimal.
    #[serde(deserialize_with = "lenient")]
    pub total_price: Option<String>,
    /// ISO 4217.
    #[serde(deserialize_with = "lenient")]
    pub currency: Option<String>,
    /// `paid`, `pending`, …
    #[serde(deserialize_with = "lenient")]
    pub financial_status: Option<String>,
    /// `fulfilled`, `partial`, …
    #[serde(deserialize_with = "lenient")]
    pub fulfillment_status: Option<String>,
    /// RFC 3339.
    #[serde(deserialize_with = "lenient")]
    pub created_at: Option<String>,
    /// RFC 3339; what is older than what is known is stale.
    #[serde(deserialize_with = "lenient")]
    pub updated_at: Option<String>,
    /// RFC 3339.
    #[serde(deserialize_with = "lenient")]
    pub cancelled_at: Option<String>,
    /// Where the customer sees it.
    #[serde(deserialize_with = "lenient")]
    pub order_status_url: Option<String>,
    /// The customer's language.
    #[serde(deserialize_with = "lenient")]
    pub customer_locale: Option<String>,
    /// What was bought.
    #[serde(deserialize_with = "each")]
    pub line_items: Vec<LineItem>,
    /// What is on its way.
    #[serde(deserialize_with = "each")]
    pub fulfillments: Vec<Fulfillment>,
}

/// A checkout, completed or not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Checkout {
    /// Which.
    #[serde(deserialize_with = "id")]
    pub id: Option<i64>,
    /// Which, for the shop.
    #[serde(deserialize_with = "lenient")]
    pub token: Option<String>,
    /// Where the customer goes on with it.
    #[serde(deserialize_with = "lenient")]
    pub abandoned_checkout_url: Option<String>,
    /// RFC 3339; `None` while it is open.
    #[serde(deserialize_with = "lenient")]
    pub completed_at: Option<String>,
    /// Mail address.
    #[serde(deserialize_with = "lenient")]
    pub email: Option<String>,
    /// Phone number.
    #[serde(deserialize_with = "lenient")]
    pub phone: Option<String>,
    /// Who it is.
    #[serde(deserialize_with = "lenient")]
    pub customer: Option<Customer>,
    /// Who pays.
    #[serde(deserialize_with = "lenient")]
    pub billing_address: Option<Address>,
    /// Who gets it.
    #[serde(deserialize_with = "lenient")]
    pub shipping_address: Option<Address>,
    /// Decimal.
    #[serde(deserialize_with = "lenient")]
    pub total_price: Option<String>,
    /// ISO 4217.
    #[serde(deserialize_with = "lenient")]
    pub currency: Option<String>,
    /// RFC 3339.
    #[serde(deserialize_with = "lenient")]
    pub created_at: Option<String>,
    /// RFC 3339.
    #[serde(deserialize_with = "lenient")]
    pub updated_at: Option<String>,
    /// What was to be bought.
    #[serde(deserialize_with = "each")]
    pub line_items: Vec<LineItem>,
}

/// A request of the privacy topics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PrivacyRequest {
    /// Which shop.
    #[serde(deserialize_with = "id")]
    pub shop_id: Option<i64>,
    /// Its domain.
    #[serde(deserialize_with = "lenient")]
    pub shop_domain: Option<String>,
    /// Who it is about; nobody for a shop.
    #[serde(deserialize_with = "lenient")]
    pub customer: Option<Customer>,
    /// Orders that are asked for.
    #[serde(deserialize_with = "each")]
    pub orders_requested: Vec<i64>,
    /// Orders whose data must go.
    #[serde(deserialize_with = "each")]
    pub orders_to_redact: Vec<i64>,
}

/// A phone number, from wherever one is: the thing itself, who ordered, who gets it, who pays.
fn phone<'o>(
    own: Option<&'o String>,
    customer: Option<&'o Customer>,
    addresses: [Option<&'o Address>; 2],
) -> Option<&'o str> {
    let of_customer = customer.and_then(|customer| customer.phone.as_ref());
    let at_home = customer.and_then(|customer| customer.default_address.as_ref());
    let addresses =
        addresses.into_iter().flatten().chain(at_home).filter_map(|address| address.phone.as_ref());
    let all = own.into_iter().chain(of_customer).chain(addresses);
    all.map(|phone| phone.trim()).find(|phone| !phone.is_empty())
}

impl Order {
    /// The first phone number that it has: its own, the customer's, of the shipping or the billing address.
    #[must_use]
    pub fn any_phone(&self) -> Option<&str> {
        let addresses = [self.shipping_address.as_ref(), self.billing_address.as_ref()];
        phone(self.phone.as_ref(), self.customer.as_ref(), addresses)
    }
}

impl Checkout {
    /// As for [`Order::any_phone`].
    #[must_use]
    pub fn any_phone(&self) -> Option<&str> {
        let addresses = [self.shipping_address.as_ref(), self.billing_address.as_ref()];
        phone(self.phone.as_ref(), self.customer.as_ref(), addresses)
    }

    /// Whether it is not completed and can be gone on with.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.completed_at.is_none() && self.abandoned_checkout_url.is_some()
    }
}

/// Reads a body by its topic.
///
/// # Errors
/// If it is no JSON object.
pub fn read(topic: &str, body: &[u8]) -> Result<Payload, PayloadError> {
    let body = parse(body)?;
    Ok(match topic {
        "orders/create" => Payload::OrderCreated(typed(body)),
        "orders/fulfilled" => Payload::OrderFulfilled(typed(body)),
        "checkouts/create" | "checkouts/update" => Payload::Checkout(typed(body)),
        "customers/data_request" => Payload::DataRequest(typed(body)),
        "customers/redact" => Payload::CustomerRedact(typed(body)),
        "shop/redact" => Payload::ShopRedact(typed(body)),
        "app/uninstalled" => Payload::Uninstalled,
        topic if topic.starts_with("orders/") => Payload::OrderChanged(typed(body)),
        _ => Payload::Other,
    })
}

/// The shop that the body names, if it does: `shop_domain` of privacy topics, `myshopify_domain` of a shop itself.
///
/// # Errors
/// If it is no JSON object.
pub fn shop_in(body: &[u8]) -> Result<Option<String>, PayloadError> {
    let body = parse(body)?;
    Ok(text(&body, "shop_domain").or_else(|| text(&body, "myshopify_domain")))
}

/// Whether the body names no other shop than the header does.
///
/// # Errors
/// [`ShopifyError::OtherShop`] if it does.
pub fn same_shop(header: &ShopDomain, in_body: Option<&str>) -> Result<(), ShopifyError> {
    match in_body {
        Some(shop) if !shop.eq_ignore_ascii_case(header.as_str()) => Err(ShopifyError::OtherShop),
        Some(_) | None => Ok(()),
    }
}

fn parse(body: &[u8]) -> Result<Value, PayloadError> {
    let body: Value =
        serde_json::from_slice(body).map_err(|error| PayloadError::NotJson(position(&error)))?;
    if object(&body).is_none() {
        return Err(ShapeError::new("body", "is no object").into());
    }
    Ok(body)
}

/// An object whose fields are all optional can always be read.
fn typed<T: DeserializeOwned + Default>(body: Value) -> Box<T> {
    Box::new(serde_json::from_value(body).unwrap_or_default())
}

/// A value of another type counts as missing.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).ok())
}

/// An integer, or a text of one.
fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    })
}

/// The entries that can be read.
fn each<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Array(entries) => {
            entries.into_iter().filter_map(|entry| serde_json::from_value(entry).ok()).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::tests::any_json;
    use proptest::prelude::*;
    use serde_json::json;

    fn order(body: &Value) -> Order {
        match read("orders/create", body.to_string().as_bytes()) {
            Ok(Payload::OrderCreated(order)) => *order,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_order_is_read_with_ids_beyond_what_a_double_holds() {
        let order = order(
            &json!({"id": 9_223_372_036_854_775_807_i64, "name": "#1001", "total_price": "12.50",
            "customer": {"id": "7", "first_name": "Ann", "phone": null}, "shipping_address": {"phone": " "},
            "billing_address": {"phone": "+1 555 010 0142"}, "line_items": [{"title": "Kettle", "quantity": 2}, 7]}),
        );
        assert_eq!((order.id, order.name.as_deref()), (Some(i64::MAX), Some("#1001")));
        assert_eq!(order.customer.as_ref().and_then(|customer| customer.id), Some(7));
        assert_eq!(order.any_phone(), Some("+1 555 010 0142"));
        assert_eq!((order.line_items.len(), order.line_items[0].quantity), (1, Some(2)));
    }

    #[test]
    fn without_access_to_customer_data_an_order_is_still_one() {
        let order = order(&json!({"id": 1, "customer": null, "phone": null, "email": 7, "line_items": null}));
        assert_eq!((order.id, order.any_phone(), &order.email), (Some(1), None, &None));
    }

    #[test]
    fn a_checkout_is_open_until_it_is_completed() {
        let body = json!({"token": "t", "abandoned_checkout_url": "https://a.test/c", "completed_at": null});
        let Ok(Payload::Checkout(mut checkout)) = read("checkouts/update", body.to_string().as_bytes())
        else {
            panic!()
        };
        assert!(checkout.is_open());
        checkout.completed_at = Some("2026-11-21T04:00:00Z".to_owned());
        assert!(!checkout.is_open());
    }

    #[test]
    fn privacy_requests_are_read() {
        let body = json!({"shop_id": 1, "shop_domain": "a.myshopify.com", "customer": {"id": 2, "email": "ann@example.test"},
            "orders_to_redact": [3, "x", 4]}).to_string();
        let Ok(Payload::CustomerRedact(request)) = read("customers/redact", body.as_bytes()) else {
            panic!()
        };
        assert_eq!((request.shop_id, &request.orders_to_redact), (Some(1), &vec![3, 4]));
        assert!(matches!(read("customers/data_request", body.as_bytes()), Ok(Payload::DataRequest(_))));
        assert!(matches!(read("shop/redact", body.as_bytes()), Ok(Payload::ShopRedact(_))));
        assert_eq!(read("app/uninstalled", b"{}"), Ok(Payload::Uninstalled));
    }

    #[test]
    fn a_body_of_another_shop_is_noticed() {
        let header: ShopDomain = "a.myshopify.com".parse().unwrap();
        let named = shop_in(br#"{"shop_domain": "A.myshopify.com"}"#).unwrap();
        assert_eq!(same_shop(&header, named.as_deref()), Ok(()));
        assert_eq!(same_shop(&header, Some("b.myshopify.com")), Err(ShopifyError::OtherShop));
        assert_eq!(shop_in(b"{}"), Ok(None));
    }

    proptest! {
        #[test]
        fn no_body_is_a_panic_and_an_object_is_always_read(body in any_json(), bytes: Vec<u8>) {
            for topic in ["orders/create", "orders/paid", "checkouts/update", "customers/redact", "x"] {
                let read = read(topic, body.to_string().as_bytes());
                prop_assert_eq!(read.is_ok(), body.is_object());
                drop(super::read(topic, &bytes));
            }
        }
    }
}
