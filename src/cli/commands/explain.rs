//! `bookable explain`: the verdict on one session, rule by rule, with the facts each used.

use serde_json::json;

use crate::cli::args::Explain;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::settings::Settings;
use crate::clock::Clock;
use crate::domain::{Check, Instant, Verdict, explain, judge};
use crate::store::{Explained, StateReader};

/// Runs the command.
pub(in crate::cli) fn run(settings: &Settings, arguments: &Explain) -> Result<(), Failure> {
    let now = Clock::system().now();
    let found = StateReader::open(&settings.state())?.explain(&arguments.id)?;
    let Some(session) = found.first() else {
        return Err(Failure::failed(format!(
            "no session with the identifier, @id or RPDE id {:?} is held: it was never published, or deleted",
            arguments.id
        )));
    };
    let checks = explain(&session.terms, session.series_terms.as_ref(), now);
    // The URL is shown where the Checkout is set; without it the verdict is the same.
    let checkout = settings.checkout().ok();
    let url = session.identifier.as_deref().zip(checkout).map(|(identifier, base)| base.session_url(identifier));
    if arguments.json {
        output::data(&format!("{:#}", as_json(session, &checks, url.as_deref(), now)))?;
    } else {
        output::data(&as_text(session, &checks, url.as_deref(), now))?;
    }
    if found.len() > 1 {
        output::say(&format!("bookable: {} sessions go by this id; the first is shown", found.len()));
    }
    Ok(())
}

fn verdict(session: &Explained) -> Verdict {
    judge(&session.terms, session.series_terms.as_ref())
}

fn as_json(session: &Explained, checks: &[Check], url: Option<&str>, now: Instant) -> serde_json::Value {
    let standing = verdict(session).at(now);
    let window = match verdict(session) {
        Verdict::During(window) => {
            json!({"opens": window.opens.map(|at| at.to_string()), "closes": window.closes.to_string()})
        }
        Verdict::Never(_) => serde_json::Value::Null,
    };
    let rule = |check: &Check| json!({"rule": check.rule.code(), "asks": check.rule.words(), "holds": check.holds, "fact": check.fact});
    json!({
        "session_id": session.session_id,
        "identifier": session.identifier,
        "rpde_id": session.item_id,
        "modified": session.modified,
        "name": session.name,
        "series_id": session.series_id,
        "valid_from_before_start_date": session.valid_from,
        "bookable": standing == crate::domain::Standing::Bookable,
        "verdict": standing.code(),
        "because": standing.words(),
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
        format!("{}: {}", standing.code(), standing.words()),
        String::new(),
        format!("name        {}", or_none(&session.name)),
        format!("identifier  {}", or_none(&session.identifier)),
        format!("@id         {}", or_none(&session.session_id)),
        format!("series      {}", or_none(&session.series_id)),
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
        lines.push(format!("{mark} {} ({})", check.rule.words(), check.fact));
    }
    // What a publisher wrote is among them.
    lines.iter().map(|line| output::printable(line)).collect::<Vec<_>>().join("\n")
}
