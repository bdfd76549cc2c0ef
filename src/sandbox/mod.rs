//! A synthetic imin Firehose and Checkout on loopback, with faults: for tests, demonstrations and measuring.
//!
//! Owns: the synthetic world (operators, centres, weekly series, sessions, facility uses and slots, sellers, datasets), its
//! changes as time goes by, the feeds that show it, the guest and the authenticated Checkout with their pages, the Success
//! Webhook, and the faults that can be asked for. Everything served is invented and says so.
//!
//! Fails: only in [`Sandbox::new`], when the embedded stock of names is unusable or too many sessions are asked for, and
//! in [`serve`], when the listener has no address. A request never ends the server.
//!
//! May use: `domain` for [`Instant`](crate::domain::Instant), and `clock`. It writes its JSON and judges bookability by
//! itself, never through `rpde` or the rules in `domain`, or a shared mistake would cancel out.
//!
//! # How the mess is measured out
//!
//! The world is messy in known proportions. Of every 53 series, numbers 10 to 22 are each odd in one way
//! (`series::Oddity`); of every 199 sessions, numbers 20 to 39 (`session::Oddity`), so that very small worlds are clean.
//! Five operators publish in a way of their own (`world::Habit`), and three centres have a broken position.

mod checkout;
mod churn;
mod dice;
mod faults;
mod feed;
mod handle;
mod html;
mod json;
mod options;
mod orders;
mod page;
mod series;
mod server;
mod session;
mod shop;
mod slots;
mod state;
mod stock;
mod verdict;
mod webhook;
mod world;

use thiserror::Error;

pub use faults::{Fault, FaultParseError, FaultRule, Faults};
pub use handle::{RequestSeen, SandboxHandle};
pub use options::{SandboxOptions, Webhook};
pub use orders::BookingMade;
pub use server::{Sandbox, serve};

/// What the sandbox serves below `/firehose/standard/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Feed {
    /// `ScheduledSession` items.
    ScheduledSessions,
    /// `SessionSeries` items.
    SessionSeries,
    /// `FacilityUse` items.
    FacilityUses,
    /// `Slot` items.
    Slots,
    /// `Organization` items; the same for every broker that is asked for.
    BookableSellers,
    /// The attribution catalogue: a document, so that no items can be handed in.
    Datasets,
}

impl Feed {
    /// Every feed.
    pub const ALL: [Self; 6] = [
        Self::ScheduledSessions,
        Self::SessionSeries,
        Self::FacilityUses,
        Self::Slots,
        Self::BookableSellers,
        Self::Datasets,
    ];

    /// The last part of the feed's path, which is also its name in fault texts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ScheduledSessions => "scheduled-sessions",
            Self::SessionSeries => "session-series",
            Self::FacilityUses => "facility-uses",
            Self::Slots => "slots",
            Self::BookableSellers => "bookable-sellers",
            Self::Datasets => "datasets",
        }
    }

    /// The feed's path on the server; the sellers' is followed by a broker's name.
    pub const fn path(self) -> &'static str {
        match self {
            Self::ScheduledSessions => "/firehose/standard/scheduled-sessions",
            Self::SessionSeries => "/firehose/standard/session-series",
            Self::FacilityUses => "/firehose/standard/facility-uses",
            Self::Slots => "/firehose/standard/slots",
            Self::BookableSellers => "/firehose/standard/bookable-sellers",
            Self::Datasets => "/firehose/standard/datasets",
        }
    }

    /// What an ordinary item's `kind` and `@type` say.
    const fn kind(self) -> &'static str {
        match self {
            Self::ScheduledSessions => "ScheduledSession",
            Self::SessionSeries => "SessionSeries",
            Self::FacilityUses => "FacilityUse",
            Self::Slots => "Slot",
            Self::BookableSellers => "Organization",
            Self::Datasets => "Dataset",
        }
    }
}

/// Why a sandbox could not be made.
#[derive(Debug, Error)]
pub enum SandboxError {
    /// The embedded names in `data/sandbox/world.toml` cannot be used.
    #[error("the sandbox's stock of names cannot be used: {0}")]
    Stock(String),
    /// More sessions were asked for than item numbers can count.
    #[error("a sandbox holds at most {max} sessions or slots, not {asked}")]
    TooManySessions {
        /// How many were asked for.
        asked: u32,
        /// How many there can be.
        max: u32,
    },
}
