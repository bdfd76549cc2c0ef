//! The one POST: with the key on it, bounded in bytes and time, never followed elsewhere and never repeated.

use std::time::Duration;

use reqwest::{StatusCode, redirect, retry};
use serde::Deserialize;
use thiserror::Error;

use super::order::{Customer, SecureUrl};
use crate::domain::CheckoutBase;
use crate::rpde::ApiKey;

/// The largest answer that is read.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// How much of the Checkout's words goes into a message, in characters.
const WORDS_MAX: usize = 200;

/// How long the Checkout is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until there is a connection.
    pub connect: Duration,
    /// In all.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), total: Duration::from_secs(30) }
    }
}

/// Why no URL was obtained.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CheckoutFault {
    /// 400: what imin answers where this broker may not book it.
    #[error("this broker may not book it (the Checkout answered 400{words})")]
    NotForThisBroker {
        /// What the Checkout says, with a colon before it; empty where it says nothing.
        words: String,
    },
    /// 401 or 403.
    #[error(
        "the Checkout refused the API key ({status}): check BOOKABLE_API_KEY or --api-key-file, and that your key may use it"
    )]
    KeyRefused {
        /// The status.
        status: u16,
    },
    /// A redirect, which is not followed.
    #[error("the Checkout redirects ({status}), which is not followed: check --checkout-base-url")]
    Redirected {
        /// The status.
        status: u16,
    },
    /// Any other status.
    #[error("the Checkout answered {status}{words}")]
    Status {
        /// The status.
        status: u16,
        /// What it says, with a colon before it.
        words: String,
    },
    /// No answer in time. The order may have been taken up all the same; nothing is booked before the customer confirms.
    #[error("the Checkout did not answer in time; try again")]
    Timeout,
    /// No connection, or one that broke.
    #[error("cannot reach the Checkout: {detail}")]
    Unreachable {
        /// The cause, on one line.
        detail: String,
    },
    /// An answer that is too large or no JSON of the expected form.
    #[error("the Checkout's answer cannot be read: {detail}")]
    Unreadable {
        /// What is wrong with it.
        detail: &'static str,
    },
    /// An answer without a target.
    #[error("the Checkout's answer holds no potentialAction with a target")]
    NoTarget,
    /// A target that nobody should be sent to.
    #[error("the Checkout's target is not followed: {detail}")]
    BadTarget {
        /// What is wrong with it.
        detail: String,
    },
}

impl CheckoutFault {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotForThisBroker { .. } => "not_for_this_broker",
            Self::KeyRefused { .. } => "key_refused",
            Self::Redirected { .. } => "redirected",
            Self::Status { .. } => "checkout_status",
            Self::Timeout => "timeout",
            Self::Unreachable { .. } => "unreachable",
            Self::Unreadable { .. } => "unreadable",
            Self::NoTarget => "no_target",
            Self::BadTarget { .. } => "bad_target",
        }
    }
}

/// Asks the authenticated Checkout. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CheckoutClient {
    http: reqwest::Client,
    key: ApiKey,
    url: String,
    local: bool,
}

impl CheckoutClient {
    /// A client for this Checkout.
    ///
    /// # Errors
    /// [`CheckoutFault::Unreachable`] where TLS cannot be set up.
    pub fn new(base: &CheckoutBase, key: ApiKey, timeouts: Timeouts) -> Result<Self, CheckoutFault> {
        let url = base.checkout_sessions_url();
        let local = SecureUrl::parse(&url).is_ok_and(|url| url.is_plain());
        let builder = reqwest::Client::builder()
            .user_agent(concat!("bookable/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .retry(retry::never())
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.total);
        let builder = if local { builder.no_proxy() } else { builder };
        Ok(Self { http: builder.build().map_err(unreachable)?, key, url, local })
    }

    /// Sends an order's body; gives the URL of the page where the customer confirms. What the Checkout says of a refusal is
    /// told only where it repeats nothing of the customer or the key.
    ///
    /// # Errors
    /// A [`CheckoutFault`] for anything but such a URL.
    pub async fn create(&self, body: String, customer: Option<&Customer>) -> Result<SecureUrl, CheckoutFault> {
        let request = self
            .http
            .post(&self.url)
            .header("x-api-key", self.key.header_value())
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .body(body);
        let mut answer = request.send().await.map_err(request_fault)?;
        let status = answer.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(request_fault)? {
            if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(CheckoutFault::Unreadable { detail: "it is larger than 1 MiB" });
            }
            bytes.extend_from_slice(&chunk);
        }
        match status {
            StatusCode::OK | StatusCode::CREATED => self.target(&bytes),
            StatusCode::BAD_REQUEST => Err(CheckoutFault::NotForThisBroker { words: self.words(&bytes, customer) }),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(CheckoutFault::KeyRefused { status: status.as_u16() })
            }
            _ if status.is_redirection() => Err(CheckoutFault::Redirected { status: status.as_u16() }),
            _ => Err(CheckoutFault::Status { status: status.as_u16(), words: self.words(&bytes, customer) }),
        }
    }

    fn words(&self, answer: &[u8], customer: Option<&Customer>) -> String {
        let key = self.key.header_value();
        let key = key.to_str().unwrap_or_default();
        let mut private = customer.map(Customer::details).unwrap_or_default();
        private.push(key);
        words(answer, &private)
    }

    fn target(&self, answer: &[u8]) -> Result<SecureUrl, CheckoutFault> {
        let answer: Answer = serde_json::from_slice(answer)
            .map_err(|_| CheckoutFault::Unreadable { detail: "it is not JSON of the documented form" })?;
        let mut actions: Vec<Action> = match answer.potential_action {
            None => Vec::new(),
            Some(OneOrMany::One(action)) => vec![action],
            Some(OneOrMany::Many(actions)) => actions,
        };
        // The one that is named so comes first.
        actions.sort_by_key(|action| action.name.as_deref() != Some("Checkout"));
        let target = actions.into_iter().find_map(|action| action.target).ok_or(CheckoutFault::NoTarget)?;
        let text = match target {
            Target::Url(text) => text,
            Target::EntryPoint { url, template } => url.or(template).ok_or(CheckoutFault::NoTarget)?,
        };
        let bad = |detail: String| CheckoutFault::BadTarget { detail };
        let url = SecureUrl::parse(&text).map_err(|error| bad(error.to_string()))?;
        if url.is_plain() && !self.local {
            return Err(bad("it is http on this machine, though the Checkout is not here".to_owned()));
        }
        Ok(url)
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "potentialAction")]
    potential_action: Option<OneOrMany>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    Many(Vec<Action>),
    One(Action),
}

#[derive(Deserialize)]
struct Action {
    name: Option<String>,
    target: Option<Target>,
}

/// A URL, or schema.org's `EntryPoint`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Target {
    Url(String),
    EntryPoint {
        url: Option<String>,
        #[serde(rename = "urlTemplate")]
        template: Option<String>,
    },
}

#[derive(Deserialize)]
struct Refusal {
    description: Option<String>,
    detail: Option<String>,
    message: Option<String>,
}

/// What the Checkout says of a refusal, on one line; nothing where it says nothing that can be read, or repeats what is
/// private.
fn words(answer: &[u8], private: &[&str]) -> String {
    let refusal: Option<Refusal> = serde_json::from_slice(answer).ok();
    let said = refusal.and_then(|refusal| refusal.description.or(refusal.detail).or(refusal.message));
    let lower = |text: &str| text.to_lowercase();
    let repeats = |said: &String| private.iter().any(|private| lower(said).contains(&lower(private.trim())));
    said.filter(|said| !repeats(said)).map_or_else(String::new, |said| {
        let plain: String = said.chars().take(WORDS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
        format!(": {plain}")
    })
}

fn request_fault(error: reqwest::Error) -> CheckoutFault {
    if error.is_timeout() { CheckoutFault::Timeout } else { unreachable(error) }
}

fn unreachable(error: reqwest::Error) -> CheckoutFault {
    let error = error.without_url();
    let mut detail = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(source) = cause {
        detail = format!("{detail}: {source}");
        cause = source.source();
    }
    CheckoutFault::Unreachable { detail: detail.chars().take(WORDS_MAX).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(base: &str, answer: &str) -> Result<String, CheckoutFault> {
        let key = ApiKey::new("key").unwrap();
        let client = CheckoutClient::new(&CheckoutBase::parse(base).unwrap(), key, Timeouts::default()).unwrap();
        client.target(answer.as_bytes()).map(|url| url.as_str().to_owned())
    }

    #[test]
    fn the_target_is_found_in_every_form_and_checked() {
        let good = "https://c.example/1";
        let table = [
            r#"{"potentialAction":[{"type":"OrderAction","name":"Checkout","target":"https://c.example/1"}]}"#,
            r#"{"potentialAction":{"target":"https://c.example/1"}}"#,
            r#"{"potentialAction":[{"name":"Other","target":"https://o.example/"},{"name":"Checkout","target":{"urlTemplate":"https://c.example/1"}}]}"#,
            r#"{"potentialAction":[{"name":"None"},{"target":{"type":"EntryPoint","url":"https://c.example/1"}}]}"#,
        ];
        for answer in table {
            assert_eq!(target("checkout.example", answer).as_deref(), Ok(good), "{answer}");
        }
        let one = |url: &str| format!(r#"{{"potentialAction":{{"target":"{url}"}}}}"#);
        let code = |base: &str, answer: &str| target(base, answer).unwrap_err().code();
        assert_eq!(code("checkout.example", &one("javascript:alert(1)")), "bad_target");
        assert_eq!(code("checkout.example", &one("http://c.example/")), "bad_target");
        assert_eq!(code("checkout.example", &one("http://127.0.0.1/")), "bad_target");
        assert!(target("http://127.0.0.1:9", &one("http://127.0.0.1/x")).is_ok());
        assert_eq!(code("checkout.example", "{}"), "no_target");
        assert_eq!(code("checkout.example", r#"{"potentialAction":[]}"#), "no_target");
        assert_eq!(code("checkout.example", r#"{"potentialAction":7}"#), "unreadable");
        assert_eq!(code("checkout.example", "<html>"), "unreadable");
    }

    #[tokio::test]
    async fn a_checkout_that_does_not_answer_is_not_waited_for_without_end() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let accepting = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            std::future::pending::<()>().await;
            drop(stream);
        });
        let key = ApiKey::new("key").unwrap();
        let timeouts = Timeouts { total: Duration::from_millis(200), ..Timeouts::default() };
        let client = CheckoutClient::new(&CheckoutBase::parse(&base).unwrap(), key, timeouts).unwrap();
        let fault = client.create("{}".to_owned(), None).await.unwrap_err();
        assert_eq!((fault.code(), fault.to_string().contains("did not answer in time")), ("timeout", true));
        accepting.abort();
    }

    #[test]
    fn what_the_checkout_says_is_cut_to_a_line() {
        assert_eq!(words(br#"{"description":"not\nyours"}"#, &["else"]), ": not yours");
        assert_eq!(words(br#"{"description":"no ADA@mail.example here"}"#, &["x", "ada@mail.example"]), "");
        assert_eq!(words(b"<html>", &[]), "");
        assert_eq!(words(format!(r#"{{"detail":"{}"}}"#, "x".repeat(5000)).as_bytes(), &[]).len(), WORDS_MAX + 2);
        let fault = CheckoutFault::NotForThisBroker { words: words(b"{}", &[]) };
        assert_eq!(fault.to_string(), "this broker may not book it (the Checkout answered 400)");
    }
}
