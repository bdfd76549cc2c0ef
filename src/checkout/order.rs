//! What is ordered, for whom and by whom, and the body that says so.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::{Host, Url};

use super::template::{Template, TemplateError};
use crate::store::Kind;

/// The longest text of a customer's detail, in bytes.
const DETAIL_BYTES_MAX: usize = 1024;

/// A URL that may be handed to the Checkout: https, or http on a loopback host; without credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecureUrl(Url);

/// Why a text is no such URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SecureUrlError {
    /// Not an absolute URL with a host.
    #[error("it is not a URL such as https://app.example.org/")]
    Unreadable,
    /// Neither https, nor http on a loopback host.
    #[error("it is not https (http is for a loopback address only)")]
    NotSecure,
    /// A user name or password.
    #[error("it holds a user name or password; leave them out")]
    Credentials,
}

impl SecureUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`SecureUrlError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, SecureUrlError> {
        let url = Url::parse(text.trim()).map_err(|_| SecureUrlError::Unreadable)?;
        let local = match url.host().ok_or(SecureUrlError::Unreadable)? {
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
            Host::Domain(name) => name == "localhost",
        };
        match url.scheme() {
            "https" => {}
            "http" if local => {}
            _ => return Err(SecureUrlError::NotSecure),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(SecureUrlError::Credentials);
        }
        Ok(Self(url))
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it is http, which only a loopback host may be.
    pub fn is_plain(&self) -> bool {
        self.0.scheme() == "http"
    }
}

/// Who sells: as the Checkout shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Its name.
    pub name: String,
    /// Its home page.
    pub home_url: SecureUrl,
    /// Where the customer goes back to.
    pub back_url: Option<SecureUrl>,
    /// Where the customer's profile is.
    pub profile_url: Option<SecureUrl>,
}

/// Who books. Nothing of it is ever shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Customer {
    /// By the id that the broker knows the customer by.
    Id(String),
    /// By name and address.
    Person {
        /// Given name.
        given_name: String,
        /// Family name.
        family_name: String,
        /// E-mail address.
        email: String,
    },
}

impl Customer {
    /// What may be repeated to nobody.
    pub(super) fn details(&self) -> Vec<&str> {
        match self {
            Self::Id(id) => vec![id],
            Self::Person { given_name, family_name, email } => vec![given_name, family_name, email],
        }
    }
}

impl fmt::Debug for Customer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Customer(…)")
    }
}

/// Why a text says of no customer who it is. Nothing of the text is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CustomerError {
    /// Not JSON of this form.
    #[error(
        "the customer is not {{\"identifier\": …}} or {{\"givenName\": …, \"familyName\": …, \"email\": …}}, and nothing else"
    )]
    Form,
    /// A detail that is empty, or longer than anybody's.
    #[error("a detail of the customer is empty or too long")]
    Detail,
    /// An e-mail address without its at sign.
    #[error("the customer's e-mail address is none")]
    Email,
}

/// A customer as JSON, in a file or a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CustomerJson {
    identifier: Option<String>,
    #[serde(rename = "givenName")]
    given_name: Option<String>,
    #[serde(rename = "familyName")]
    family_name: Option<String>,
    email: Option<String>,
}

impl Customer {
    /// Reads a customer's JSON.
    ///
    /// # Errors
    /// [`CustomerError`], which repeats nothing of it.
    pub fn from_json(text: &str) -> Result<Self, CustomerError> {
        let json: CustomerJson = serde_json::from_str(text).map_err(|_| CustomerError::Form)?;
        let customer = match (json.identifier, json.given_name, json.family_name, json.email) {
            (Some(id), None, None, None) => Self::Id(id),
            (None, Some(given_name), Some(family_name), Some(email)) => Self::Person { given_name, family_name, email },
            _ => return Err(CustomerError::Form),
        };
        customer.checked()
    }

    /// A customer by id.
    ///
    /// # Errors
    /// [`CustomerError`] where the id is empty or too long.
    pub fn by_id(id: &str) -> Result<Self, CustomerError> {
        Self::Id(id.to_owned()).checked()
    }

    fn checked(self) -> Result<Self, CustomerError> {
        let fits = |text: &String| !text.trim().is_empty() && text.len() <= DETAIL_BYTES_MAX;
        match &self {
            Self::Id(id) if fits(id) => Ok(self),
            Self::Person { given_name, family_name, email }
                if [given_name, family_name, email].into_iter().all(fits) =>
            {
                if email.contains('@') {
                    Ok(self)
                } else {
                    Err(CustomerError::Email)
                }
            }
            _ => Err(CustomerError::Detail),
        }
    }
}

/// Everything that a request to the authenticated Checkout says.
///
/// imin documents what it says (the plain identifier, the offer's `@id`, the broker's name and home URL, where to go back to,
/// where the profile is, and the customer) but not the whole form. The nearest complete form that is public is the
/// Standalone Checkout's, which gives `imin:CheckoutSession`, `imin:initialOrder` and `orderedItem`. `broker`, `customer` and
/// `acceptedOffer` stand where OpenActive's Open Booking API puts them in an `OrderQuote`. `imin:backToBrokerUrl` and
/// `imin:userProfileUrl` are names of ours: replace the body by a [`Template`] where imin has told you others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What is ordered.
    pub kind: Kind,
    /// Its plain `identifier`, not encoded.
    pub identifier: String,
    /// The chosen Offer's `@id`.
    pub offer_id: String,
    /// Who sells.
    pub broker: Broker,
    /// Who books, where it is known.
    pub customer: Option<Customer>,
}

/// Why no body could be made of an order.
#[derive(Debug, Error)]
pub enum OrderError {
    /// The template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// JSON could not be written.
    #[error("the request cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "@context")]
    context: [&'static str; 2],
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "imin:initialOrder")]
    order: OrderQuote<'a>,
    #[serde(rename = "imin:backToBrokerUrl", skip_serializing_if = "Option::is_none")]
    back_url: Option<&'a str>,
    #[serde(rename = "imin:userProfileUrl", skip_serializing_if = "Option::is_none")]
    profile_url: Option<&'a str>,
}

#[derive(Serialize)]
struct OrderQuote<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    broker: Organization<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<Person<'a>>,
    #[serde(rename = "orderedItem")]
    items: [OrderItem<'a>; 1],
}

#[derive(Serialize)]
struct Organization<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
    url: &'a str,
}

#[derive(Serialize)]
struct Person<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    identifier: Option<&'a str>,
    #[serde(rename = "givenName", skip_serializing_if = "Option::is_none")]
    given_name: Option<&'a str>,
    #[serde(rename = "familyName", skip_serializing_if = "Option::is_none")]
    family_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
}

#[derive(Serialize)]
struct OrderItem<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "acceptedOffer")]
    offer: Thing<'a>,
    #[serde(rename = "orderedItem")]
    item: Thing<'a>,
}

#[derive(Serialize)]
struct Thing<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
}

impl Order {
    /// The request's body: the template filled in, or the form that is documented in part.
    ///
    /// # Errors
    /// [`OrderError`] where the template does not come to JSON.
    pub fn body(&self, template: Option<&Template>) -> Result<String, OrderError> {
        if let Some(template) = template {
            return Ok(template.fill(|name| self.field(name))?);
        }
        let person = |identifier, given_name, family_name, email| Person {
            kind: "Person",
            identifier,
            given_name,
            family_name,
            email,
        };
        let customer = self.customer.as_ref().map(|customer| match customer {
            Customer::Id(id) => person(Some(id.as_str()), None, None, None),
            Customer::Person { given_name, family_name, email } => {
                person(None, Some(given_name.as_str()), Some(family_name.as_str()), Some(email.as_str()))
            }
        });
        let broker = &self.broker;
        let item = OrderItem {
            kind: "OrderItem",
            offer: Thing { kind: "Offer", id: &self.offer_id },
            item: Thing { kind: self.kind.type_name(), id: &self.identifier },
        };
        let body = Body {
            context: ["https://openactive.io/", "https://imin.co/"],
            kind: "imin:CheckoutSession",
            order: OrderQuote {
                kind: "OrderQuote",
                broker: Organization { kind: "Organization", name: &broker.name, url: broker.home_url.as_str() },
                customer,
                items: [item],
            },
            back_url: broker.back_url.as_ref().map(SecureUrl::as_str),
            profile_url: broker.profile_url.as_ref().map(SecureUrl::as_str),
        };
        Ok(serde_json::to_string_pretty(&body)?)
    }

    /// A template's field by its name: its value, empty where there is none; `None` for a name that is no field.
    fn field(&self, name: &str) -> Option<&str> {
        let person = |pick: for<'a> fn(&'a str, &'a str, &'a str) -> &'a str| match &self.customer {
            Some(Customer::Person { given_name, family_name, email }) => pick(given_name, family_name, email),
            _ => "",
        };
        Some(match name {
            "identifier" => &self.identifier,
            "item_type" => self.kind.type_name(),
            "offer_id" => &self.offer_id,
            "broker_name" => &self.broker.name,
            "broker_url" => self.broker.home_url.as_str(),
            "back_url" => self.broker.back_url.as_ref().map_or("", SecureUrl::as_str),
            "profile_url" => self.broker.profile_url.as_ref().map_or("", SecureUrl::as_str),
            "customer_id" => match &self.customer {
                Some(Customer::Id(id)) => id,
                _ => "",
            },
            "given_name" => person(|given, _, _| given),
            "family_name" => person(|_, family, _| family),
            "email" => person(|_, _, email| email),
            _ => return None,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::checkout) fn order(identifier: &str) -> Order {
        Order {
            kind: Kind::Session,
            identifier: identifier.to_owned(),
            offer_id: "https://o.example/1".to_owned(),
            broker: Broker {
                name: "An \"app\"".to_owned(),
                home_url: SecureUrl::parse("https://app.example/").unwrap(),
                back_url: None,
                profile_url: SecureUrl::parse("https://app.example/me").ok(),
            },
            customer: Some(Customer::by_id("c-1").unwrap()),
        }
    }

    #[test]
    fn the_body_says_what_is_documented_and_no_more() {
        let body = order("a/b c").body(None).unwrap();
        let expected = r#"{"@context":["https://openactive.io/","https://imin.co/"],"type":"imin:CheckoutSession","imin:initialOrder":{"type":"OrderQuote","broker":{"type":"Organization","name":"An \"app\"","url":"https://app.example/"},"customer":{"type":"Person","identifier":"c-1"},"orderedItem":[{"type":"OrderItem","acceptedOffer":{"type":"Offer","id":"https://o.example/1"},"orderedItem":{"type":"ScheduledSession","id":"a/b c"}}]},"imin:userProfileUrl":"https://app.example/me"}"#;
        let compact: String = body.lines().map(str::trim_start).collect::<String>().replace("\": ", "\":");
        assert_eq!(compact, expected);
    }

    #[test]
    fn customers_are_read_or_refused_and_never_shown() {
        let person = Customer::from_json(r#"{"givenName":"A","familyName":"B","email":"a@b.example"}"#).unwrap();
        assert_eq!(format!("{person:?}"), "Customer(…)");
        assert_eq!(Customer::from_json(r#"{"identifier":"7"}"#), Ok(Customer::Id("7".to_owned())));
        let table = [
            (r#"{"identifier":"7","email":"a@b"}"#, CustomerError::Form),
            (r#"{"givenName":"A","email":"a@b"}"#, CustomerError::Form),
            (r#"{"identifier":"7","phone":"1"}"#, CustomerError::Form),
            ("{", CustomerError::Form),
            (r#"{"identifier":" "}"#, CustomerError::Detail),
            (r#"{"givenName":"A","familyName":"B","email":"nowhere"}"#, CustomerError::Email),
        ];
        for (text, expected) in table {
            let error = Customer::from_json(text).unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert!(!error.to_string().contains("nowhere"));
        }
    }

    #[test]
    fn urls_are_https_unless_they_stay_on_this_machine() {
        for good in ["https://a.example/x?y#z", "http://127.0.0.1:80/", "http://localhost:8080/", "http://[::1]/"] {
            assert!(SecureUrl::parse(good).is_ok(), "{good}");
        }
        let refused = |text| SecureUrl::parse(text).unwrap_err();
        assert_eq!(refused("http://a.example/"), SecureUrlError::NotSecure);
        assert_eq!(refused("javascript:alert(1)"), SecureUrlError::Unreadable);
        assert_eq!(refused("ftp://a.example/"), SecureUrlError::NotSecure);
        assert_eq!(refused("https://u:p@a.example/"), SecureUrlError::Credentials);
        assert_eq!(refused("a.example"), SecureUrlError::Unreadable);
    }
}
