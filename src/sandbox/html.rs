//! The few HTML pages that a person sees: plain, without scripts, and everything from data escaped.
//!
//! Owns the escaping and the frame. Cannot fail. May use nothing.

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem}\
.note{background:#fff3cd;padding:.5rem 1rem}dt{font-weight:600}";

/// Text made safe for an element or a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// A whole page; `title` is escaped here, `body` is HTML already.
pub(super) fn page(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{title}</title>\
         <style>{STYLE}</style></head>\n<body>\n<p class=\"note\">Synthetic sandbox: nothing here is real, and nothing \
         can be bought.</p>\n<h1>{title}</h1>\n{body}\n</body>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_data_stays_text() {
        let page = page("<b>\"Yoga\" & 'Co'</b>", "<p>x</p>");
        assert!(page.contains("&lt;b&gt;&quot;Yoga&quot; &amp; &#39;Co&#39;&lt;/b&gt;"));
        assert!(!page.contains("<b>"));
    }
}
