//! A page's `next`, found before the page is read, so that the next page can be on its way meanwhile.
//!
//! Looks only beside the list of items, near the body's two ends. What is found there is what reading the page will find;
//! where it is not found, nothing is lost but the time. Uses nothing of ours.

use serde::Deserialize;

/// So much of each end is looked at, in bytes.
const LOOK_BYTES: usize = 4096;

#[derive(Deserialize)]
struct Beside {
    next: Option<String>,
}

/// `next`, where it stands beside the items of a page and is a text.
pub fn peek_next(body: &[u8]) -> Option<String> {
    before_items(body).or_else(|| after_items(body))
}

/// What stands before the page's first list is `{`, members and the list's name.
fn before_items(body: &[u8]) -> Option<String> {
    let head = body.get(..LOOK_BYTES).unwrap_or(body);
    let list = head.iter().position(|byte| *byte == b'[')?;
    next_of(head.get(..list)?, b"0}")
}

/// What stands after its last list is members and `}`: were the list inside of an item, there would be more to close.
fn after_items(body: &[u8]) -> Option<String> {
    let tail = body.get(body.len().saturating_sub(LOOK_BYTES)..)?;
    let list = tail.iter().rposition(|byte| *byte == b']')?;
    next_of(b"{\"items\":0", tail.get(list + 1..)?)
}

fn next_of(first: &[u8], last: &[u8]) -> Option<String> {
    serde_json::from_slice::<Beside>(&[first, last].concat()).ok()?.next
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Feed;
    use crate::rpde::Page;

    #[test]
    fn next_is_found_beside_the_items() {
        let table = [
            (r#"{"next": "/a", "items": [{"data": {"next": "no"}}], "license": "l"}"#, Some("/a")),
            (r#"{"items": [{"data": {"next": "no", "x": []}}], "license": "l", "next": "/b?c=%20"}"#, Some("/b?c=%20")),
            (r#" { "license":"[", "next":"/c", "items":[]}"#, None),
            (r#"{"items": [], "next": "/\u0064"}"#, Some("/d")),
            (r#"{"items": [{"data": {"list": [1], "next": "no"}}"#, None),
            (r#"{"items": [{"next": "no"}]}"#, None),
            (r#"{"next": 7, "items": []}"#, None),
            ("[]", None),
            ("", None),
        ];
        for (body, next) in table {
            assert_eq!(peek_next(body.as_bytes()).as_deref(), next, "{body}");
        }
    }

    #[test]
    fn an_item_longer_than_what_is_looked_at_hides_nothing() {
        let long = "x".repeat(3 * LOOK_BYTES);
        let body = format!(r#"{{"items": [{{"data": {{"description": "{long}"}}}}], "next": "/n"}}"#);
        assert_eq!(peek_next(body.as_bytes()).as_deref(), Some("/n"));
    }

    proptest! {
        /// Whatever is found is what reading the page finds.
        #[test]
        fn what_is_found_is_the_pages_next(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    r#""next":"/a""#, r#""next":"/b""#, r#""items":["#, "]", "{", "}", ",", r#""x":"#, "1", r#""[""#, r#""]""#,
                    r#""license":"l""#, r#"{"state":"deleted","id":"i"}"#, " ",
                ]),
                0..12,
            ),
            whole in any::<bool>(),
        ) {
            let pieces = pieces.concat();
            let body = if whole { format!(r#"{{"next":"/c","items":[{pieces}],"license":"l"}}"#) } else { pieces };
            if let (Some(next), Ok(page)) = (peek_next(body.as_bytes()), Page::parse(body.clone().into_bytes(), Feed::ScheduledSessions)) {
                prop_assert_eq!(page.content().next.as_deref(), Some(&*next), "{}", body);
            }
        }
    }
}
