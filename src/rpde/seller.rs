//! An Organization of the bookable-sellers feed → [`Seller`].

use super::finding::FindingKind;
use super::json::object;
use super::loose::{Loose, Txt};
use super::page::{Data, ID_BYTES_MAX};
use crate::domain::{Feed, Item, Seller};

object! {
    pub(super) struct SellerData<'a> {
        "@id" => at_id: Loose<Txt<'a>>,
        "id" => plain_id: Loose<Txt<'a>>,
        "name" => name: Loose<Txt<'a>>,
    }
}

impl<'a> Data<'a> for SellerData<'a> {
    const FEED: Feed = Feed::BookableSellers;

    /// None: a seller may be an Organization or a Person, and one that is passed over hides all that it sells.
    fn types(&self) -> &[Txt<'a>] {
        &[]
    }

    fn into_item(self, _findings: &mut Vec<FindingKind>) -> Result<Item<'a>, FindingKind> {
        let id = self.at_id.0.0.or(self.plain_id.0.0).ok_or(FindingKind::NoSellerId)?;
        if id.len() > ID_BYTES_MAX {
            return Err(FindingKind::TextTooLong);
        }
        Ok(Item::Seller(Seller { id, name: self.name.0.0 }))
    }
}
