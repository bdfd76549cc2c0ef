//! Which of an item's offers is the public adult one.
//!
//! The feed marks none. Our policy, in this order: the offer whose `@id` is the `publicAdult`'s; the only one with its price
//! and currency that an adult may take; the only one that there is. Otherwise none is, and whoever books must choose.

/// What is looked at in an offer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OfferTerms<'a> {
    /// `@id`.
    pub id: Option<&'a str>,
    /// `price`, in units of the currency.
    pub price: Option<f64>,
    /// `priceCurrency`.
    pub currency: Option<&'a str>,
    /// Years, inclusive.
    pub min_age: Option<i64>,
    /// Years, inclusive.
    pub max_age: Option<i64>,
}

impl OfferTerms<'_> {
    /// Whether somebody of 18 or some age above may take it.
    fn for_adults(&self) -> bool {
        self.max_age.is_none_or(|age| age >= 18)
    }

    fn costs_like(&self, other: &OfferTerms<'_>) -> bool {
        let same_price = matches!((self.price, other.price), (Some(a), Some(b)) if (a - b).abs() < 0.005);
        same_price && (self.currency.is_none() || other.currency.is_none() || self.currency == other.currency)
    }
}

/// The place of the public adult offer among `offers`, if it can be told.
pub fn public_adult_offer(offers: &[OfferTerms<'_>], public_adult: &OfferTerms<'_>) -> Option<usize> {
    let by_id = |offer: &OfferTerms<'_>| offer.id.is_some() && offer.id == public_adult.id;
    if let Some(at) = offers.iter().position(by_id) {
        return Some(at);
    }
    let fitting = |(_, offer): &(usize, &OfferTerms<'_>)| offer.for_adults() && offer.costs_like(public_adult);
    let mut fitting = offers.iter().enumerate().filter(fitting).map(|(at, _)| at);
    match (fitting.next(), fitting.next()) {
        (Some(at), None) => Some(at),
        _ => (offers.len() == 1).then_some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(id: &'static str, price: f64, max_age: Option<i64>) -> OfferTerms<'static> {
        OfferTerms { id: Some(id), price: Some(price), currency: Some("GBP"), min_age: None, max_age }
    }

    #[test]
    fn the_public_adult_offer_is_told_by_id_then_price_then_for_being_alone() {
        let offers = [offer("junior", 5.0, Some(15)), offer("adult", 5.0, None), offer("member", 3.0, None)];
        let wanted = |id, price| OfferTerms { id, price, ..OfferTerms::default() };
        assert_eq!(public_adult_offer(&offers, &wanted(Some("member"), Some(5.0))), Some(2));
        assert_eq!(public_adult_offer(&offers, &wanted(Some("other"), Some(5.0))), Some(1));
        assert_eq!(public_adult_offer(&offers, &wanted(None, Some(4.0))), None);
        assert_eq!(public_adult_offer(&offers, &wanted(None, None)), None);
        assert_eq!(public_adult_offer(&offers[..1], &wanted(None, None)), Some(0));
        let twins = [offer("a", 5.0, None), offer("b", 5.0, None)];
        assert_eq!(public_adult_offer(&twins, &wanted(None, Some(5.0))), None);
        let euro = OfferTerms { currency: Some("EUR"), ..wanted(None, Some(5.0)) };
        assert_eq!(public_adult_offer(&twins, &euro), None);
        assert_eq!(public_adult_offer(&[], &euro), None);
    }
}
