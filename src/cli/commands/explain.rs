//! `bookable explain`: the verdict on one session, rule by rule, with the facts each used.

use serde_json::json;

use crate::cli::args::Explain;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::settings::Settings;
use crate::clock::Clock;
use crate::domain::{Check, Feed, Instant, Pair, Subject, Verdict, explain, judge};
use crate::store::{Explained, StateReader};

/// Runs the command.
pub(in crate::cli) fn run(settings: &Settings, arguments: &Explain) -> Result<(), Failure> {
    let now = Clock::system().now();
    let found = StateReader::open(&settings.state())?.explain(&arguments.id)?;
    let Some(session) = found.first() else {
        return Err(Failure::failed(format!(
            "no session or slot with the identifier, @id or RPDE id {:?} is held: it was never published, or deleted",
            arguments.id
        )));
    };
    let subject = Subject { pair: session.pair, organizer_id: session.organizer_id.as_deref() };
    let checks = explain(subject, &session.terms, session.parent_terms.as_ref(), now);
    // The URL is shown where the Checkout is set; without it the verdict is the same.
    let checkout = settings.checkout_urls().ok();
    let url = session.identifier.as_deref().zip(checkout).and_then(|(identifier, urls)| match session.pair {
        Pair::Sessions => Some(urls.base.session_url(identifier)),
        Pair::Slots => urls.slot_path.as_ref().map(|path| urls.base.slot_url(path, identifier)),
    });
    if arguments.json {
        output::data(&format!("{:#}", as_json(session, &checks, url.as_deref(), now)))?;
    } else {
        output::data(&as_text(session, &checks, url.as_deref(), now))?;
    }
    if found.len() > 1 {
        output::say(&format!("bookable: {} go by this id; the first is shown", found.len()));
    }
    Ok(())
}

const fn type_name(pair: Pair) -> &'static str {
    match pair {
        Pair::Sessions => Feed::ScheduledSessions.type_name(),
        Pair::Slots => Feed::Slots.type_name(),
    }
}

fn verdict(session: &Explained) -> Verdict {
    judge(&session.terms, session.parent_terms.as_ref())
}

fn as_json(session: &Explained, checks: &[Check], url: Option<&str>, now: Instant) -> serde_json::Value {
    let standing = verdict(session).at(now);
    let window = match verdict(session) {
        Verdict::During(window) => {
            json!({"opens": window.opens.map(|at| at.to_string()), "closes": window.closes.to_string()})
        }
        Verdict::Never(_) => serde_json::Value::Null,
    };
    let rule = |check: &Check| {
        json!({"rule": check.rule.code(), "asks": session.pair.say(check.rule.words()), "holds": check.holds,
            "fact": check.fact})
    };
    json!({
        "type": type_name(session.pair),
        "session_id": session.session_id,
        "identifier": session.identifier,
        "rpde_id": session.item_id,
        "modified": session.modified,
        "name": session.name,
        "series_id": session.parent_id,
        "organizer": session.organizer,
        "organizer_id": session.organizer_id,
        "valid_from_before_start_date": session.valid_from,
        "bookable": standing == crate::domain::Standing::Bookable,
        "verdict": standing.code(),
        "because": session.pair.say(standing.words()),
        "window": window,
        "checkout_url": url,
        "now": now.to_string(),
        "rules": checks.iter().map(rule).collect::<Vec<_>>(),
    })
}

fn as_text(session: &Explained, checks: &[Check], url: Option<&str>, now: Instant) -> String {
    let standing = verdict(session).at(now);
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "(none)".to_owned());
    let mut lines = vec![
        format!("{}: {}", standing.code(), session.pair.say(standing.words())),
        String::new(),
        format!("name        {}", or_none(&session.name)),
        format!("identifier  {}", or_none(&session.identifier)),
        format!("@id         {}", or_none(&session.session_id)),
        format!(
            "{:<11} {}",
            if session.pair == Pair::Slots { "facility" } else { "series" },
            or_none(&session.parent_id)
        ),
        format!("organizer   {} {}", or_none(&session.organizer), session.organizer_id.as_deref().unwrap_or_default()),
        format!("window      validFromBeforeStartDate {}", or_none(&session.valid_from)),
    ];
    lines.extend(url.map(|url| format!("checkout    {url}")));
    lines.push(String::new());
    for check in checks {
        let mark = match check.holds {
            Some(true) => "yes",
            Some(false) => "NO ",
            None => "-  ",
        };
        lines.push(format!("{mark} {} ({})", session.pair.say(check.rule.words()), check.fact));
    }
    // What a publisher wrote is among them.
    lines.iter().map(|line| output::printable(line)).collect::<Vec<_>>().join("\n")
}
