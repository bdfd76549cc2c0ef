//! What must hold of anything that a publisher sends. `cargo test` looks at values made up by proptest and at the corpus of the
//! fuzzer, `cargo fuzz` (see `fuzz/`) looks for others.

use bookable::domain::{CheckoutBase, Feed, FeedDate, Instant, Item, Period, SlotPath};
use bookable::rpde::{FeedUrl, Page};
use url::Url;

/// Any bytes are a page or none; what is read keeps within its bounds.
pub(crate) fn page(body: &[u8]) {
    for feed in Feed::ALL {
        if let Ok(page) = Page::parse(body.to_vec(), feed) {
            for change in &page.content().changes {
                assert!(change.id.len() <= 2048);
                if let Item::Opportunity(facts) = &change.item {
                    assert!(facts.identifier.as_ref().is_none_or(|text| !text.is_empty() && text.len() <= 2048));
                    assert_eq!(facts.terms.has_identifier, facts.identifier.is_some());
                }
            }
        }
    }
}

/// Any text is a date or none; a date is written so that it is read again.
pub(crate) fn date(text: &str) {
    if let Ok(date) = FeedDate::parse(text) {
        assert!(date.millis() < 1000);
        assert!(FeedDate::parse(&date.instant().to_string()).is_ok_and(|again| again.instant() == date.instant()));
        if let Some(period) = Period::parse("P1Y2M3DT4H") {
            assert!(period.before(date) <= date.instant());
        }
    }
}

/// Any text is a duration or none; taken from an instant it never leads later.
pub(crate) fn duration(text: &str, seconds: i64) {
    let start = Instant::from_seconds(seconds.rem_euclid(4_000_000_000)).to_string();
    if let (Some(period), Ok(start)) = (Period::parse(text), FeedDate::parse(&start)) {
        assert!(period.before(start) <= start.instant(), "{text}");
    }
}

/// Any identifier is one segment of its checkout URL, and leads to no other place.
pub(crate) fn checkout_url(identifier: &str) {
    let base = CheckoutBase::parse("https://checkout.example.org/a").expect("a base");
    let path = SlotPath::parse("/v1/slots/{identifier}/book").expect("a path");
    for (text, segments, at) in [(base.session_url(identifier), 4, 3), (base.slot_url(&path, identifier), 5, 3)] {
        let url = Url::parse(&text).expect("a URL");
        assert_eq!(url.host_str(), Some("checkout.example.org"));
        assert!(url.query().is_none() && url.fragment().is_none());
        // A URL parser takes the segments `.` and `..` away, however they are written.
        if !matches!(identifier, "." | "..") {
            let found: Vec<&str> = url.path_segments().expect("segments").collect();
            assert_eq!(found.len(), segments, "{text}");
            let decoded = percent_encoding::percent_decode_str(found[at]).decode_utf8().expect("UTF-8");
            assert_eq!(decoded.as_ref(), identifier);
        }
    }
}

/// No `next` leads off the feed's origin, neither now nor after it was stored and read again.
pub(crate) fn next(text: &str) {
    let page = FeedUrl::parse("https://feeds.example.org:8443/f/sessions?a=1").expect("a URL");
    if let Ok(url) = page.join_next(text) {
        assert_eq!(url.origin_text(), page.origin_text());
        assert!(FeedUrl::parse(url.original()).is_ok_and(|again| again == url), "{text}");
    }
}

/// The property of this name, of these bytes.
pub(crate) fn any(target: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match target {
        "page" => page(bytes),
        "date" => date(&text),
        "duration" => {
            let (seconds, text) = text.split_once(' ').unwrap_or(("0", &text));
            duration(text, seconds.parse().unwrap_or(0));
        }
        "url" => {
            checkout_url(&text);
            next(&text);
        }
        other => unreachable!("no target is called {other}"),
    }
}
