//! Guest checkout URLs: `https://{checkoutBaseUrl}/v1/scheduled-sessions/` and the session's `identifier`, encoded as
//! JavaScript's `encodeURIComponent` does it, as one path segment (docs.imin.co, "Checkout").

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use thiserror::Error;
use url::{Host, Url};

/// What `encodeURIComponent` leaves alone: letters, digits and `- _ . ! ~ * ' ( )` (ECMA-262, 19.2.6.4).
const ENCODE_URI_COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// `text` as JavaScript's `encodeURIComponent` writes it, byte for byte.
pub fn encode_uri_component(text: &str) -> String {
    utf8_percent_encode(text, ENCODE_URI_COMPONENT).to_string()
}

/// Where the Checkout is: a scheme and host (and port, and path if there is one), without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutBase(String);

/// Why a checkout base URL was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CheckoutBaseError {
    /// Nothing was given.
    #[error("it is empty; give a host such as checkout.example.org")]
    Empty,
    /// Not a URL.
    #[error("it is not a host or URL ({0}); give checkout.example.org or https://checkout.example.org")]
    Unreadable(url::ParseError),
    /// White space or another character that no host or URL holds.
    #[error("it holds a blank or control character; give checkout.example.org or https://checkout.example.org")]
    Blank,
    /// Neither https nor http.
    #[error("its scheme is {0}; only https is accepted (http for a loopback address)")]
    Scheme(String),
    /// `http://` to a machine that is not this one.
    #[error("http:// is accepted for a loopback address only; use https://")]
    NotSecure,
    /// A user name or password.
    #[error("it holds a user name or password; leave them out")]
    Credentials,
    /// A query or a fragment.
    #[error("it holds a query or fragment; leave out everything from the ? or # on")]
    QueryOrFragment,
}

impl CheckoutBase {
    /// Reads `checkout.example.org` or `https://checkout.example.org`, with or without a slash at the end.
    ///
    /// # Errors
    /// Each way in which the text is malformed or not safe, in words that say what to give instead.
    pub fn parse(text: &str) -> Result<Self, CheckoutBaseError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(CheckoutBaseError::Empty);
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(CheckoutBaseError::Blank);
        }
        let with_scheme = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let url = Url::parse(&with_scheme).map_err(CheckoutBaseError::Unreadable)?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => return Err(CheckoutBaseError::NotSecure),
            other => return Err(CheckoutBaseError::Scheme(other.to_owned())),
        }
        if !url.username().is_empty() || url.password().is_some() || with_scheme.contains('@') {
            return Err(CheckoutBaseError::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(CheckoutBaseError::QueryOrFragment);
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }

    /// The guest checkout URL of the session with this `identifier`.
    pub fn session_url(&self, identifier: &str) -> String {
        let encoded = utf8_percent_encode(identifier, ENCODE_URI_COMPONENT);
        format!("{}/v1/scheduled-sessions/{encoded}", self.0)
    }

    /// The URL of the slot with this `identifier`, by a template that the operator gave.
    pub fn slot_url(&self, path: &SlotPath, identifier: &str) -> String {
        let encoded = utf8_percent_encode(identifier, ENCODE_URI_COMPONENT);
        format!("{}{}{encoded}{}", self.0, path.before, path.after)
    }

    /// Where the authenticated Checkout takes requests.
    pub fn checkout_sessions_url(&self) -> String {
        format!("{}/api/checkout-sessions/", self.0)
    }

    /// The base as it stands in every URL made from it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A template such as `/v1/slots/{identifier}`. imin documents no guest checkout URL for slots, so there is no default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotPath {
    before: String,
    after: String,
}

/// Why a template for slots was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SlotPathError {
    /// Not a path from the root.
    #[error("it does not begin with a slash; give a path such as /v1/slots/{{identifier}}")]
    NotAPath,
    /// The place for the identifier is missing, or there is more than one.
    #[error("it does not hold {{identifier}} just once; give a path such as /v1/slots/{{identifier}}")]
    NotOneIdentifier,
    /// A character that no URL holds as it is.
    #[error("it holds a character that does not belong into a URL")]
    BadCharacter,
}

impl SlotPath {
    /// Reads a template.
    ///
    /// # Errors
    /// [`SlotPathError`] where no URL can be made with it.
    pub fn parse(text: &str) -> Result<Self, SlotPathError> {
        let text = text.trim();
        if !text.starts_with('/') || text.starts_with("//") {
            return Err(SlotPathError::NotAPath);
        }
        let (before, after) = text.split_once("{identifier}").ok_or(SlotPathError::NotOneIdentifier)?;
        if after.contains("{identifier}") {
            return Err(SlotPathError::NotOneIdentifier);
        }
        let foreign =
            |c: char| !c.is_ascii_graphic() || matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}');
        if before.contains(foreign) || after.contains(foreign) {
            return Err(SlotPathError::BadCharacter);
        }
        Ok(Self { before: before.to_owned(), after: after.to_owned() })
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_a_host_with_or_without_https() {
        for text in [
            "checkout.example.org",
            "https://checkout.example.org",
            "https://checkout.example.org/",
            " checkout.example.org/ ",
        ] {
            let base = CheckoutBase::parse(text).unwrap();
            let expected = "https://checkout.example.org/v1/scheduled-sessions/a%2Fb";
            assert_eq!(base.session_url("a/b"), expected, "{text}");
        }
        let local = CheckoutBase::parse("http://127.0.0.1:8080").unwrap();
        assert_eq!(local.session_url("7"), "http://127.0.0.1:8080/v1/scheduled-sessions/7");
        assert!(CheckoutBase::parse("http://[::1]:8080").is_ok());
        assert!(CheckoutBase::parse("http://localhost").is_ok());
        assert_eq!(
            CheckoutBase::parse("checkout.example.org:8443").unwrap().as_str(),
            "https://checkout.example.org:8443"
        );
    }

    #[test]
    fn slots_have_a_url_only_by_a_template() {
        let base = CheckoutBase::parse("checkout.example.org").unwrap();
        let path = SlotPath::parse("/v1/slots/{identifier}?from=app").unwrap();
        assert_eq!(base.slot_url(&path, "a/b c"), "https://checkout.example.org/v1/slots/a%2Fb%20c?from=app");
        let refused = |text| SlotPath::parse(text).unwrap_err();
        assert_eq!(refused("v1/slots/{identifier}"), SlotPathError::NotAPath);
        assert_eq!(refused("//evil.example.org/{identifier}"), SlotPathError::NotAPath);
        assert_eq!(refused("/v1/slots/"), SlotPathError::NotOneIdentifier);
        assert_eq!(refused("/{identifier}/{identifier}"), SlotPathError::NotOneIdentifier);
        assert_eq!(refused("/a b/{identifier}"), SlotPathError::BadCharacter);
        assert_eq!(refused("/{x}/{identifier}"), SlotPathError::BadCharacter);
    }

    #[test]
    fn malformed_bases_are_refused() {
        let refused = |text: &str| CheckoutBase::parse(text).unwrap_err();
        assert_eq!(refused(""), CheckoutBaseError::Empty);
        assert_eq!(refused("  "), CheckoutBaseError::Empty);
        assert_eq!(refused("http://checkout.example.org"), CheckoutBaseError::NotSecure);
        assert_eq!(refused("ftp://checkout.example.org"), CheckoutBaseError::Scheme("ftp".to_owned()));
        assert_eq!(refused("https://user@checkout.example.org"), CheckoutBaseError::Credentials);
        assert_eq!(refused("https://user:pw@checkout.example.org"), CheckoutBaseError::Credentials);
        assert_eq!(refused("checkout.example.org?x=1"), CheckoutBaseError::QueryOrFragment);
        assert_eq!(refused("https://checkout.example.org/#top"), CheckoutBaseError::QueryOrFragment);
        assert_eq!(refused("check out.example.org"), CheckoutBaseError::Blank);
        assert!(matches!(refused("https://"), CheckoutBaseError::Unreadable(_)));
        assert!(matches!(refused("https://exa<mple"), CheckoutBaseError::Unreadable(_)));
    }
}
