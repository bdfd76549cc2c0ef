//! Which of an item's offers is ordered.

use std::fmt::Write as _;

use thiserror::Error;

use crate::store::{Bookable, OfferRow};

/// Why no offer was chosen; lists those that there are.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum OfferError {
    /// The offer that was asked for is none of them.
    #[error("{id:?} is none of its offers; they are: {}", list(offers))]
    Unknown {
        /// What was asked for.
        id: String,
        /// What there is.
        offers: Vec<OfferRow>,
    },
    /// None was asked for, and it cannot be told which is the public adult one.
    #[error("it cannot be told which offer is the public adult one; choose one of: {}", list(offers))]
    Unclear {
        /// What there is.
        offers: Vec<OfferRow>,
    },
    /// None was asked for, and the feed gives none.
    #[error("the feed gives no offers for it; name one")]
    None,
}

/// The `@id` of the offer to order: the one asked for, else the public adult one, else the only one.
///
/// # Errors
/// [`OfferError`] where that leaves none.
pub fn choose_offer(item: &Bookable, asked: Option<&str>) -> Result<String, OfferError> {
    let with_id = || item.offers.iter().filter(|offer| offer.id.is_some());
    if let Some(asked) = asked {
        let known = item.offers.is_empty() || with_id().any(|offer| offer.id.as_deref() == Some(asked));
        return if known {
            Ok(asked.to_owned())
        } else {
            Err(OfferError::Unknown { id: asked.to_owned(), offers: item.offers.clone() })
        };
    }
    if with_id().next().is_none() {
        return Err(OfferError::None);
    }
    let mut marked = with_id().filter(|offer| offer.public_adult);
    let only = || if item.offers.len() == 1 { with_id().next() } else { None };
    let chosen = marked.next().filter(|_| marked.next().is_none()).or_else(only);
    chosen.and_then(|offer| offer.id.clone()).ok_or_else(|| OfferError::Unclear { offers: item.offers.clone() })
}

fn list(offers: &[OfferRow]) -> String {
    let mut text = String::new();
    for offer in offers.iter().filter(|offer| offer.id.is_some()) {
        let separator = if text.is_empty() { "" } else { "; " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{separator}{}", offer.id.as_deref().unwrap_or_default());
        if let Some(name) = &offer.name {
            let _ = write!(text, " ({name}");
            if let Some(price) = offer.price {
                let _ = write!(text, ", {price:.2} {}", offer.currency.as_deref().unwrap_or_default());
            }
            text.push(')');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Kind;

    fn offer(id: &str, public_adult: bool) -> OfferRow {
        let (name, price) = (Some("Name".to_owned()), Some(5.5));
        let currency = Some("GBP".to_owned());
        OfferRow { id: Some(id.to_owned()), name, price, currency, min_age: None, max_age: None, public_adult }
    }

    fn item(offers: &[OfferRow]) -> Bookable {
        Bookable {
            kind: Kind::Session,
            identifier: "i".to_owned(),
            id: None,
            name: None,
            starts_at: String::new(),
            checkout_url: None,
            offers: offers.to_vec(),
        }
    }

    #[test]
    fn the_offer_asked_for_then_the_adult_one_then_the_only_one() {
        let both = item(&[offer("a", false), offer("b", true)]);
        assert_eq!(choose_offer(&both, Some("a")).as_deref(), Ok("a"));
        assert_eq!(choose_offer(&both, None).as_deref(), Ok("b"));
        assert_eq!(choose_offer(&item(&[offer("a", false)]), None).as_deref(), Ok("a"));
        assert_eq!(choose_offer(&item(&[]), Some("x")).as_deref(), Ok("x"));
        assert_eq!(choose_offer(&item(&[]), None), Err(OfferError::None));
        let unknown = choose_offer(&both, Some("x")).unwrap_err().to_string();
        assert_eq!(unknown, "\"x\" is none of its offers; they are: a (Name, 5.50 GBP); b (Name, 5.50 GBP)");
        let unclear = choose_offer(&item(&[offer("a", false), offer("b", false)]), None).unwrap_err();
        assert!(unclear.to_string().contains("choose one of: a (Name"), "{unclear}");
    }
}
