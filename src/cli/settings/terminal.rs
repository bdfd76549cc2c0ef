//! What the environment says of the terminal.

use std::ffi::OsString;

/// Whether the terminal is known to show hyperlinks (OSC 8). One that is not known is taken not to: it would hide the URL.
#[expect(clippy::disallowed_methods, reason = "settings are the one place that reads the environment")]
pub(in crate::cli) fn terminal_has_links() -> bool {
    has_links(|name| std::env::var_os(name).and_then(|value| OsString::into_string(value).ok()))
}

/// `FORCE_HYPERLINK` (0: no) is what other programs obey too.
fn has_links(variable: impl Fn(&str) -> Option<String>) -> bool {
    if let Some(forced) = variable("FORCE_HYPERLINK") {
        return forced != "0";
    }
    let is_one_of = |name: &str, known: &[&str]| variable(name).is_some_and(|value| known.contains(&value.as_str()));
    let vte = variable("VTE_VERSION").and_then(|version| version.parse().ok()).unwrap_or(0);
    vte >= 5000
        || is_one_of("TERM", &["xterm-kitty", "alacritty", "foot", "foot-extra", "xterm-ghostty", "wezterm", "contour"])
        || is_one_of("TERM_PROGRAM", &["iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "rio", "zed", "mintty"])
        || ["WT_SESSION", "KONSOLE_VERSION", "DOMTERM"].iter().any(|name| variable(name).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_terminals_that_are_known_have_links() {
        let table: [(&[(&str, &str)], bool); 11] = [
            (&[], false),
            (&[("TERM", "xterm-256color")], false),
            (&[("TERM", "dumb")], false),
            (&[("TERM_PROGRAM", "Apple_Terminal"), ("TERM", "xterm-256color")], false),
            (&[("TERM", "xterm-256color"), ("VTE_VERSION", "4602")], false),
            (&[("TERM", "xterm-256color"), ("VTE_VERSION", "7600")], true),
            (&[("TERM", "xterm-kitty")], true),
            (&[("TERM_PROGRAM", "vscode")], true),
            (&[("WT_SESSION", "a")], true),
            (&[("FORCE_HYPERLINK", "0"), ("TERM", "xterm-kitty")], false),
            (&[("FORCE_HYPERLINK", "1"), ("TERM", "dumb")], true),
        ];
        for (environment, expected) in table {
            let variable = |name: &str| {
                let found = environment.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(has_links(variable), expected, "{environment:?}");
        }
    }
}
