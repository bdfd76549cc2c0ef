//! What a catalogue's tables hold, as the model would have it, and what must hold of any.

use rusqlite::Connection;

use crate::naive::Row;

/// What the catalogue's tables hold, without the view's guard against the real clock.
pub(crate) fn rows(connection: &Connection) -> Vec<Row> {
    let of = |noun: &str, number: u8, columns: &str| {
        let id = format!("coalesce(s.{noun}_id, p.id_before || s.identifier || p.id_after)");
        format!(
            "SELECT {number}, {id}, coalesce(s.url, p.url_before || s.identifier || p.url_after, l.url), s.identifier, s.starts_at, \
             s.bookable_from, l.name, l.parent_id, l.court, {columns}, (SELECT group_concat(id, '|') FROM (SELECT iif(relative, \
             iif(s.offers IS NULL, l.parent_id, {id}) || id, id) AS id FROM offer_list WHERE list = coalesce(s.offers, l.offers) \
             ORDER BY position)) FROM {noun} AS s JOIN listing AS l ON l.key = s.listing LEFT JOIN pattern AS p ON p.key = s.pattern"
        )
    };
    let sessions =
        "s.remaining_capacity, l.price, (SELECT checkout_base FROM origin) || coalesce(s.checkout_name, s.identifier)";
    let slots = "s.remaining_uses, coalesce(s.price, l.price), s.checkout_url";
    let sql = format!("{} UNION ALL {}", of("session", 0, sessions), of("slot", 1, slots));
    let mut statement = connection.prepare(&sql).expect("a query");
    let read = |row: &rusqlite::Row<'_>| {
        let offers: Option<String> = row.get(12)?;
        #[expect(clippy::cast_possible_truncation, reason = "the generator's prices are small whole numbers")]
        let price = row.get::<_, Option<f64>>(10)?.map(|price| price as i64);
        Ok(Row {
            slot: row.get(0)?,
            id: row.get(1)?,
            url: row.get(2)?,
            identifier: row.get(3)?,
            checkout_url: row.get(11)?,
            starts_at: row.get(4)?,
            bookable_from: row.get(5)?,
            name: row.get(6)?,
            parent_id: row.get(7)?,
            court: row.get(8)?,
            remaining: row.get(9)?,
            price,
            offers: offers.map(|ids| ids.split('|').map(str::to_owned).collect()).unwrap_or_default(),
        })
    };
    let mut rows: Vec<Row> = statement.query_map([], read).expect("rows").map(|row| row.expect("a row")).collect();
    rows.sort();
    rows
}

/// What must hold of any catalogue: no listing without sessions, place and words in step, sound files.
pub(crate) fn check_whole(connection: &Connection) {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).expect(sql);
    assert_eq!(
        number(
            "SELECT count(*) FROM listing WHERE key NOT IN (SELECT listing FROM session UNION SELECT listing FROM slot)"
        ),
        0
    );
    assert_eq!(number("SELECT count(*) FROM session WHERE listing NOT IN (SELECT key FROM listing)"), 0);
    for rows in ["session", "slot"] {
        let lost = "pattern IS NOT NULL AND pattern NOT IN (SELECT key FROM pattern)";
        assert_eq!(number(&format!("SELECT count(*) FROM {rows} WHERE {lost}")), 0);
        assert_eq!(number(&format!("SELECT count(*) - count(DISTINCT key) FROM {rows}")), 0);
    }
    let sound = |sql: &str| {
        let found = connection.query_row(sql, [], |row| row.get::<_, String>(0)).expect(sql);
        assert_eq!(found, "ok", "{sql}");
    };
    // Where listings are, as SQLite has it when it is told row by row.
    connection
        .execute_batch(
            "CREATE VIRTUAL TABLE temp.anew USING rtree (key, min_latitude, max_latitude, min_longitude, max_longitude);
            INSERT INTO anew SELECT key, latitude, latitude, longitude, longitude FROM listing
            WHERE latitude IS NOT NULL AND longitude IS NOT NULL;",
        )
        .expect("another tree");
    for (one, other) in [("anew", "listing_area"), ("listing_area", "anew")] {
        assert_eq!(
            number(&format!("SELECT count(*) FROM (SELECT * FROM {one} EXCEPT SELECT * FROM {other})")),
            0,
            "{one}"
        );
    }
    connection.execute_batch("DROP TABLE temp.anew").expect("dropped");
    sound("SELECT rtreecheck('listing_area')");
    let words = "INSERT INTO listing_words (listing_words, rank) VALUES ('integrity-check', 1)";
    connection.execute(words, []).expect("the words are in step");
    sound("PRAGMA integrity_check");
    // The writer does not have SQLite look up what rows refer to.
    let astray = "SELECT count(*) FROM pragma_foreign_key_check";
    assert_eq!(number(astray), 0);
}
