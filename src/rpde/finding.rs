//! Findings: what is wrong with what a publisher sends, counted and sampled, never an error that stops the feed.

use std::fmt;

/// What was found. A closed list with stable codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// An element of `items` is not an object, or is broken beyond reading.
    UnreadableItem,
    /// An item without a usable `id`.
    NoItemId,
    /// `state` is neither `updated` nor `deleted`.
    UnknownState,
    /// An `updated` item without an object in `data`.
    NoData,
    /// The item's type is not the feed's.
    OtherType,
    /// A series or facility use without `@id`: nothing can link to it.
    NoSeriesId,
    /// A seller without `@id`: no series can name it.
    NoSellerId,
    /// `modified` is not a whole number of 64 bits (nor a date): it is taken as no newer and no older.
    BadModified,
    /// An `identifier` that is neither a text nor whole digits.
    BadIdentifier,
    /// An identifying text beyond 2,048 bytes.
    TextTooLong,
    /// Coordinates that are not believed; they are left out.
    BadCoordinates,
    /// The page was not valid UTF-8; what was broken in it is passed by.
    BrokenUtf8,
    /// Items came with `next` missing, unusable, or leading to the page itself: the feed is taken to be at its end.
    EndWithItems,
    /// `next` leads back to a page already read in this walk while items come: not followed.
    NextGoesBack,
    /// `next` is no URL on the feed's own origin: not followed.
    NextRefused,
}

impl FindingKind {
    /// Every kind.
    pub const ALL: [Self; 15] = [
        Self::UnreadableItem,
        Self::NoItemId,
        Self::UnknownState,
        Self::NoData,
        Self::OtherType,
        Self::NoSeriesId,
        Self::NoSellerId,
        Self::BadModified,
        Self::BadIdentifier,
        Self::TextTooLong,
        Self::BadCoordinates,
        Self::BrokenUtf8,
        Self::EndWithItems,
        Self::NextGoesBack,
        Self::NextRefused,
    ];

    /// The stable code, as shown by `status`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnreadableItem => "unreadable_item",
            Self::NoItemId => "no_item_id",
            Self::UnknownState => "unknown_state",
            Self::NoData => "no_data",
            Self::OtherType => "other_type",
            Self::NoSeriesId => "no_series_id",
            Self::NoSellerId => "no_seller_id",
            Self::BadModified => "bad_modified",
            Self::BadIdentifier => "bad_identifier",
            Self::TextTooLong => "text_too_long",
            Self::BadCoordinates => "bad_coordinates",
            Self::BrokenUtf8 => "broken_utf8",
            Self::EndWithItems => "end_with_items",
            Self::NextGoesBack => "next_goes_back",
            Self::NextRefused => "next_refused",
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was found.
    pub kind: FindingKind,
    /// On which item: its RPDE id, cut to 100 characters; empty where there is none.
    pub item: String,
}

impl Finding {
    /// A finding on the item with this RPDE id.
    pub fn on(kind: FindingKind, item: &str) -> Self {
        Self { kind, item: item.chars().take(100).collect() }
    }
}
