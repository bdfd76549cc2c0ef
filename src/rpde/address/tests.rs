//! Which URLs are taken as feeds and as `next`, and where they lead.

use super::*;

fn feed(text: &str) -> FeedUrl {
    FeedUrl::parse(text).unwrap()
}

#[test]
fn addresses_are_taken_or_refused_as_the_table_says() {
    let long = format!("https://h/{}", "a".repeat(URL_BYTES_MAX));
    let table = [
        ("plain", "https://h/feeds/x", Ok("https://h/feeds/x")),
        ("no path", "https://h", Ok("https://h/")),
        ("port kept", "http://127.0.0.1:8080/x", Ok("http://127.0.0.1:8080/x")),
        ("default port dropped", "https://h:443/x", Ok("https://h/x")),
        ("host in lower case", "HTTPS://HOST/Path", Ok("https://host/Path")),
        ("fragment dropped", "https://h/x?a=1#part", Ok("https://h/x?a=1")),
        ("escapes stay", "https://h/%7e%41?a=%2B%26%2f", Ok("https://h/%7e%41?a=%2B%26%2f")),
        ("longest", &long[..URL_BYTES_MAX], Ok(&long[..URL_BYTES_MAX])),
        ("too long", &long, Err(AddressError::TooLong)),
        ("no scheme", "h/feeds", Err(AddressError::Unreadable)),
        ("no host", "https://", Err(AddressError::Unreadable)),
        ("empty", "", Err(AddressError::Unreadable)),
        ("another scheme", "ftp://h/x", Err(AddressError::Scheme)),
        ("a file", "file:///etc/passwd", Err(AddressError::Scheme)),
        ("user name", "https://user@h/x", Err(AddressError::Credentials)),
        ("password alone", "https://:secret@h/x", Err(AddressError::Credentials)),
    ];
    for (words, text, expected) in table {
        assert_eq!(FeedUrl::parse(text).as_ref().map(FeedUrl::as_str).map_err(|error| *error), expected, "{words}");
    }
}

#[test]
fn only_what_http_cannot_carry_is_altered() {
    // Every visible ASCII character and the blank, each alone in the middle of a parameter and of the path.
    let altered = |make: &dyn Fn(char) -> String| -> String {
        (' '..='~').filter(|c| *c != '#').filter(|c| feed(&make(*c)).as_str() != make(*c)).collect()
    };
    assert_eq!(altered(&|c| format!("https://h/x?afterId=a{c}b")), " \"'<>");
    assert_eq!(altered(&|c| format!("https://h/a{c}b")), " \"<>\\`{}");
    // Every escape, in both cases.
    for byte in 0..=255_u8 {
        for text in [format!("https://h/p%{byte:02X}?a=%{byte:02X}"), format!("https://h/p%{byte:02x}?a=%{byte:02x}")] {
            assert_eq!(feed(&text).as_str(), text);
        }
    }
    for text in
        ["https://h/x?", "https://h/x?&&a=&b", "https://h/x?b=1&a=2&b=1", "https://h//x//", "https://h/x?a=?/:@!$,;"]
    {
        assert_eq!(feed(text).as_str(), text);
    }
    assert_eq!(feed("https://h/x?a=é b'").as_str(), "https://h/x?a=%C3%A9%20b%27");
}

#[test]
fn next_is_followed_on_the_same_origin_only() {
    let page = feed("https://h/feeds/sessions?afterTimestamp=1&afterId=2");
    let long = format!("?a={}", "b".repeat(URL_BYTES_MAX));
    let other = |found: &str| Err(NextError::OtherOrigin { expected: "https://h".to_owned(), found: found.to_owned() });
    let table = [
        ("absolute", "https://h/feeds/sessions?afterId=%26%2B", Ok("https://h/feeds/sessions?afterId=%26%2B")),
        ("another path", "https://h/other?x=1", Ok("https://h/other?x=1")),
        ("path", "/feeds/sessions?afterId=3", Ok("https://h/feeds/sessions?afterId=3")),
        ("name", "sessions?afterId=3", Ok("https://h/feeds/sessions?afterId=3")),
        ("query alone", "?afterId=3", Ok("https://h/feeds/sessions?afterId=3")),
        ("default port written", "https://h:443/x", Ok("https://h/x")),
        ("host in upper case", "https://H/x", Ok("https://h/x")),
        ("own host without scheme", "//h/x", Ok("https://h/x")),
        ("blanks around", " https://h/x\n", Ok("https://h/x")),
        ("fragment dropped", "https://h/x#y", Ok("https://h/x")),
        ("another host", "https://other/x", other("https://other")),
        ("another host without scheme", "//other/x", other("https://other")),
        ("another host with backslashes", "\\\\other\\x", other("https://other")),
        ("a host below", "https://a.h/x", other("https://a.h")),
        ("host as user name", "https://h@other/x", other("https://(credentials)@other")),
        ("another scheme", "http://h/x", other("http://h")),
        ("another port", "https://h:8443/x", other("https://h:8443")),
        ("user name", "https://me@h/x", other("https://(credentials)@h")),
        ("no web address", "data:,x", other("data://")),
        ("empty", "", Err(NextError::Empty)),
        ("blank", " \n", Err(NextError::Empty)),
        ("too long", &long, Err(NextError::TooLong)),
        ("bad port", "https://h:99999/x", Err(NextError::Unreadable)),
    ];
    for (words, next, expected) in table {
        let got = page.join_next(next);
        assert_eq!(got.as_ref().map(FeedUrl::as_str).map_err(Clone::clone), expected, "{words}: {next}");
    }
}

#[test]
fn the_original_text_is_kept_and_leads_to_the_same_page() {
    let page = feed("https://h/feeds/x");
    let table = [
        ("https://H/feeds/x?afterId='a b'", "https://H/feeds/x?afterId='a b'"),
        ("https://h/feeds/x?a=%2b#end", "https://h/feeds/x?a=%2b#end"),
        ("?afterId=1", "https://h/feeds/x?afterId=1"),
    ];
    for (next, original) in table {
        let url = page.join_next(next).unwrap();
        assert_eq!(url.original(), original);
        assert_eq!(feed(url.original()), url);
        assert_eq!(feed(url.as_str()), url);
    }
}

#[test]
fn pages_are_the_same_as_the_table_says() {
    let table = [
        ("equal", "https://h/x?a=1", "https://h/x?a=1", true),
        ("order of parameters", "https://h/x?a=1&b=2", "https://h/x?b=2&a=1", true),
        ("escapes in a value", "https://h/x?a=p%3A1", "https://h/x?a=p:1", true),
        ("case of escapes", "https://h/x?a=%2f", "https://h/x?a=%2F", true),
        ("escapes in a name", "https://h/x?%61=1", "https://h/x?a=1", true),
        ("escapes in the path", "https://h/%78", "https://h/x", true),
        ("plus and escaped blank", "https://h/x?a=1+2", "https://h/x?a=1%202", true),
        ("escaped plus is a plus", "https://h/x?a=1+2", "https://h/x?a=1%2B2", false),
        ("no query and an empty one", "https://h/x", "https://h/x?", true),
        ("no value and an empty one", "https://h/x?a", "https://h/x?a=", true),
        ("another value", "https://h/x?a=1", "https://h/x?a=2", false),
        ("one parameter more", "https://h/x?a=1", "https://h/x?a=1&b=", false),
        ("a parameter twice", "https://h/x?a=1", "https://h/x?a=1&a=1", false),
        ("values swapped", "https://h/x?a=1&b=2", "https://h/x?a=2&b=1", false),
        ("escaped ampersand", "https://h/x?a=1&b=2", "https://h/x?a=1%26b=2", false),
        ("escaped slash", "https://h/x/y", "https://h/x%2Fy", false),
        ("a slash at the end", "https://h/x", "https://h/x/", false),
        ("bytes outside UTF-8", "https://h/x?a=%FF", "https://h/x?a=%FE", false),
        ("another host", "https://h/x", "https://i/x", false),
        ("another scheme", "https://h/x", "http://h/x", false),
        ("another port", "https://h/x", "https://h:1/x", false),
    ];
    for (words, left, right, expected) in table {
        assert_eq!(feed(left).same_page(&feed(right)), expected, "{words}");
        assert_eq!(feed(right).same_page(&feed(left)), expected, "{words}, the other way");
    }
}

#[test]
fn feeds_lie_below_a_base_with_or_without_slash() {
    let table = [
        ("https://h/firehose/standard/", "scheduled-sessions", "https://h/firehose/standard/scheduled-sessions"),
        ("https://h/firehose/standard", "scheduled-sessions", "https://h/firehose/standard/scheduled-sessions"),
        ("https://h", "session-series", "https://h/session-series"),
        ("https://h/", "bookable-sellers/a broker", "https://h/bookable-sellers/a%20broker"),
        ("https://h/f?token=1", "x", "https://h/f/x?token=1"),
    ];
    for (base, name, expected) in table {
        assert_eq!(feed(base).below(name).as_str(), expected);
    }
}

#[test]
fn loopback_is_known() {
    let near = [
        "http://127.0.0.1:1",
        "http://127.9.9.9",
        "http://[::1]:8",
        "http://[::ffff:127.0.0.1]",
        "http://localhost",
        "http://a.localhost.:1",
    ];
    let far = [
        "http://h",
        "http://128.0.0.1",
        "http://0.0.0.0",
        "http://[::2]",
        "http://localhost.example",
        "http://notlocalhost",
        "http://127.0.0.1.example",
    ];
    assert!(near.iter().all(|text| feed(text).is_loopback() && !feed(text).exposes_key()));
    for text in far {
        assert!(!feed(text).is_loopback(), "{text}");
        assert!(feed(text).exposes_key(), "{text}");
    }
    assert!(!feed("https://h").exposes_key());
}

#[test]
fn messages_are_short_and_on_one_line() {
    assert_eq!(feed("https://h:8443/a/b?key=secret").path_text(), "/a/b");
    assert_eq!(feed("https://h:8443/a/b").origin_text(), "https://h:8443");
    assert_eq!(feed("https://h/a?b=%20").to_string(), "https://h/a?b=%20");
    assert_eq!(shortened("a\nb\u{1b}c"), "a b c");
    let long = shortened(&"é".repeat(150));
    assert!(long.len() <= SHOWN_BYTES_MAX + '…'.len_utf8() && long.ends_with("é…"));
}

#[test]
fn a_next_that_is_relative_only_beside_its_page_is_kept_as_the_url_it_leads_to() {
    let page = FeedUrl::parse("https://feeds.example.org/f/sessions?a=1").unwrap();
    for next in ["https:evil.example", "https:evil.example#x", "https:/evil.example", "https:?after=2"] {
        let url = page.join_next(next).unwrap();
        assert_eq!(url.origin_text(), "https://feeds.example.org", "{next}");
        assert_eq!(FeedUrl::parse(url.original()).unwrap(), url, "{next}: the position leads to the same place");
    }
    let plain = page.join_next("https://feeds.example.org/f/sessions?after=%7c+%2B").unwrap();
    assert_eq!(plain.original(), "https://feeds.example.org/f/sessions?after=%7c+%2B", "otherwise byte for byte");
}
