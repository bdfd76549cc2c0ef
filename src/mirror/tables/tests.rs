//! Lines of `COPY`, and whether the tables are those of the catalogue.

use rusqlite::Connection;

use super::*;

fn field(value: ValueRef<'_>, kind: Kind) -> String {
    let mut line = Vec::new();
    write_field(&mut line, value, kind);
    String::from_utf8(line).unwrap()
}

#[test]
fn values_are_written_as_copy_reads_them() {
    let table: [(ValueRef<'_>, Kind, &str); 13] = [
        (ValueRef::Null, Kind::Plain, "\\N"),
        (ValueRef::Integer(-7), Kind::Plain, "-7"),
        (ValueRef::Integer(1), Kind::Flag, "t"),
        (ValueRef::Integer(0), Kind::Flag, "f"),
        (ValueRef::Null, Kind::Flag, "\\N"),
        (ValueRef::Real(0.1), Kind::Plain, "0.1"),
        (ValueRef::Real(1e300), Kind::Plain, &format!("1{}", "0".repeat(300))),
        (ValueRef::Text(b"\\N a\tb\r\nc"), Kind::Plain, "\\\\N a\\tb\\r\\nc"),
        (ValueRef::Text(b"a\0b"), Kind::Plain, "a\u{fffd}b"),
        (ValueRef::Text(b"a\xffb"), Kind::Plain, "a\u{fffd}b"),
        (ValueRef::Text(br#"["\"a\"\n"]"#), Kind::Json, r#"["\\"a\\"\\n"]"#),
        (ValueRef::Text(br#"["a\u0000b","\\u0000"]"#), Kind::Json, "[\"a\u{fffd}b\",\"\\\\\\\\u0000\"]"),
        (ValueRef::Text(br"\u0000"), Kind::Plain, r"\\u0000"),
    ];
    for (value, kind, expected) in table {
        assert_eq!(field(value, kind), expected, "{value:?} {kind:?}");
    }
}

#[test]
fn rows_are_taken_out_by_their_keys() {
    let [listing, _, _, offer_list, dataset, ..] = &TABLES;
    let keys = [(-1, 0), (5, 0)];
    assert_eq!(listing.delete(&keys), "DELETE FROM bookable.listing WHERE key = ANY ('{-1,5}'::bigint[])");
    assert!(offer_list.delete(&[(3, 1), (3, 2)]).contains("unnest('{3,3}'::bigint[], '{1,2}'::bigint[])"));
    assert_eq!(dataset.delete(&[]), "DELETE FROM bookable.dataset");
}

/// A column that is added to the catalogue and not here would be missing in PostgreSQL.
#[test]
fn every_column_of_the_catalogue_is_published() {
    let catalogue = Connection::open_in_memory().unwrap();
    catalogue.execute_batch(include_str!("../../store/schema/catalogue.sql")).unwrap();
    let schema = include_str!("../schema.sql");
    for table in &TABLES {
        let sql = "SELECT name FROM pragma_table_info(?1) ORDER BY cid";
        let mut statement = catalogue.prepare(sql).unwrap();
        let columns = statement.query_map([table.name], |row| row.get(0)).unwrap();
        let mut columns = columns.collect::<Result<Vec<String>, _>>().unwrap();
        // There the texts that a pattern makes stand in full.
        columns.retain(|column| column != "pattern");
        let published: Vec<&str> = table.columns.iter().map(|(name, ..)| *name).collect();
        assert_eq!(published, columns, "{}", table.name);
        assert!(schema.contains(&format!("CREATE TABLE bookable.{} (", table.name)), "{}", table.name);
    }
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'listing_%'";
    let tables: i64 = catalogue.query_row(sql, [], |row| row.get(0)).unwrap();
    let but_for_pattern = usize::try_from(tables).unwrap() - 1;
    assert_eq!(but_for_pattern, TABLES.len(), "a table is not published");
}
