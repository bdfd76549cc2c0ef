//! The model: evaluates the rules on the final items, from what the generator chose, without any code of the program.

use std::collections::BTreeMap;

use chrono::{DateTime, Months, TimeDelta, Utc};

use crate::histories::{Change, Kind, SeriesItem, SessionItem, WINDOWS, WindowSpec};

/// What the catalogue should show of a session: the columns that the model knows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) identifier: String,
    pub(crate) checkout_url: String,
    pub(crate) starts_at: String,
    pub(crate) bookable_from: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) series_id: String,
    pub(crate) remaining_capacity: Option<i64>,
}

/// The items as they stand after a history: the newest `modified` wins, on a tie the later one.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    items: BTreeMap<(bool, u8), (i64, Kind)>,
    deleted_at: BTreeMap<(bool, u8), i64>,
}

/// The policy: a deletion is remembered for eight days, then a start forgets it (RPDE asks publishers for seven).
const REMEMBERED_SECONDS: i64 = 8 * 86_400;

impl World {
    /// Takes in a change that comes at `now` (seconds since 1970).
    pub(crate) fn take(&mut self, change: &Change, now: i64) {
        let key = (change.is_series(), change.id);
        if self.items.get(&key).is_none_or(|(modified, _)| *modified <= change.modified) {
            self.items.insert(key, (change.modified, change.kind.clone()));
            self.deleted_at.remove(&key);
            if matches!(change.kind, Kind::DeletedSession | Kind::DeletedSeries) {
                self.deleted_at.insert(key, now);
            }
        }
    }

    /// A start at `now`: deletions that are old enough are forgotten.
    pub(crate) fn forget(&mut self, now: i64) {
        let old = self.deleted_at.extract_if(.., |_, at| *at < now - REMEMBERED_SECONDS);
        for (key, _) in old {
            self.items.remove(&key);
        }
    }

    fn series(&self, link: u8) -> Option<&SeriesItem> {
        let carries = |(key, (modified, kind)): (&(bool, u8), &(i64, Kind))| match kind {
            Kind::Series(series) if series.link == link => Some((*modified, rpde_id(key.1), key.1)),
            _ => None,
        };
        let (_, _, id) = self.items.iter().filter_map(carries).max()?;
        match &self.items.get(&(true, id))?.1 {
            Kind::Series(series) => Some(series),
            _ => None,
        }
    }

    /// Everything that can be booked at `now` (seconds since 1970).
    pub(crate) fn bookable(&self, now: i64) -> Vec<Row> {
        let sessions = self.items.values().filter_map(|(_, kind)| match kind {
            Kind::Session(session) => self.row(session, now),
            _ => None,
        });
        let mut rows: Vec<Row> = sessions.collect();
        rows.sort();
        rows
    }

    fn row(&self, session: &SessionItem, now: i64) -> Option<Row> {
        let link = session.link?;
        let series = self.series(link)?;
        let identifier = session.identifier()?;
        let start = session.start()?;
        let willing = session.flag == "true" && !session.cancelled && series.public_adult && series.flag == "true";
        let opens = match WINDOWS[series.window].1 {
            WindowSpec::None => None,
            WindowSpec::Bad => return None,
            WindowSpec::Seconds(seconds) => Some(start.fixed_offset().checked_sub_signed(TimeDelta::seconds(seconds))?),
            WindowSpec::Months(months) => Some(start.checked_sub_months(Months::new(months))?),
        };
        let opens = opens.map(|opens| opens.timestamp() + i64::from(opens.timestamp_subsec_millis() > 0));
        let closes = start.timestamp();
        let open = opens.is_none_or(|opens| opens <= now) && now < closes;
        (willing && open).then(|| Row {
            checkout_url: format!("https://checkout.example.org/v1/scheduled-sessions/{}", encode(&identifier)),
            identifier,
            starts_at: text(closes),
            bookable_from: opens.map(text),
            name: session.name.map(str::to_owned).or(Some(format!("Series {}", series.name))),
            series_id: format!("https://example.org/series/{link}"),
            remaining_capacity: session.remaining,
        })
    }
}

/// How the generator writes an item's RPDE id.
pub(crate) fn rpde_id(id: u8) -> String {
    format!("item {id}/%é")
}

fn text(seconds: i64) -> String {
    DateTime::<Utc>::from_timestamp(seconds, 0).expect("an instant").format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `encodeURIComponent`, byte by byte.
fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
