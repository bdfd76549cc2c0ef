//! The settings of feeds and of checkout URLs.

use super::{Failure, Settings};
use crate::domain::{CheckoutBase, Feed, SlotPath};
use crate::rpde::FeedUrl;
use crate::store::CheckoutUrls;

impl Settings {
    /// Which feeds are harvested, and where each begins.
    pub(in crate::cli) fn feeds(&self) -> Result<Vec<(Feed, FeedUrl)>, Failure> {
        let (slots, broker) = (self.slots()?, self.broker()?);
        let mut feeds = Vec::new();
        for feed in Feed::ALL {
            let (own, path) = match feed {
                Feed::SessionSeries => ("session_series_url", feed.name().to_owned()),
                Feed::ScheduledSessions => ("scheduled_sessions_url", feed.name().to_owned()),
                Feed::FacilityUses if slots => ("facility_uses_url", feed.name().to_owned()),
                Feed::Slots if slots => ("slots_url", feed.name().to_owned()),
                Feed::BookableSellers => match broker {
                    Some(broker) => ("bookable_sellers_url", format!("{feed}/{broker}")),
                    None => continue,
                },
                Feed::Datasets => ("datasets_url", feed.name().to_owned()),
                Feed::FacilityUses | Feed::Slots => continue,
            };
            let url = if self.value(own).is_some() {
                FeedUrl::parse(self.text(own)?).map_err(|error| self.wrong(own, error))?
            } else {
                let base =
                    FeedUrl::parse(self.text("firehose_url")?).map_err(|error| self.wrong("firehose_url", error))?;
                base.below(&path)
            };
            feeds.push((feed, url));
        }
        Ok(feeds)
    }

    /// Whether facility uses and slots are harvested too.
    fn slots(&self) -> Result<bool, Failure> {
        match self.text("slots")? {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(self.wrong("slots", format!("{other:?} is neither true nor false"))),
        }
    }

    /// The broker whose sellers are asked for.
    fn broker(&self) -> Result<Option<&str>, Failure> {
        if self.value("broker").is_none() {
            return Ok(None);
        }
        let broker = self.text("broker")?;
        if broker.contains(['/', '?', '#']) || matches!(broker, "." | "..") {
            return Err(self.wrong("broker", "it is not the name of a broker, which is one part of a URL's path"));
        }
        Ok(Some(broker))
    }

    /// What checkout URLs of sessions are made from.
    pub(in crate::cli) fn checkout(&self) -> Result<CheckoutBase, Failure> {
        CheckoutBase::parse(self.text("checkout_base_url")?).map_err(|error| self.wrong("checkout_base_url", error))
    }

    /// What checkout URLs are made from.
    pub(in crate::cli) fn checkout_urls(&self) -> Result<CheckoutUrls, Failure> {
        let name = "slot_checkout_path";
        let slot_path = match self.value(name) {
            Some(_) => Some(SlotPath::parse(self.text(name)?).map_err(|error| self.wrong(name, error))?),
            None => None,
        };
        Ok(CheckoutUrls { base: self.checkout()?, slot_path })
    }
}
