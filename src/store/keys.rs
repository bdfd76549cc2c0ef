//! The integer keys of the tables, one type each so that they cannot be mixed up.

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlResult, ToSqlOutput, ValueRef};

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(crate) struct $name(pub(crate) i64);

        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                self.0.to_sql()
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                i64::column_result(value).map(Self)
            }
        }
    };
}

key!(
    /// `opportunity.key`: a session or slot.
    OpportunityKey
);
key!(
    /// `parent.key`: a series, facility use or court.
    ParentKey
);
key!(
    /// `link.key`: the `@id` of a series, facility use or court.
    LinkKey
);
key!(
    /// `offer_list.key` of the state.
    OfferListKey
);
key!(
    /// `shape.key`: how the texts of rows are made of their tokens.
    ShapeKey
);
