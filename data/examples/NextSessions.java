// The next sessions that can be booked, page by page.
// Usage: java -cp SQLITE-JDBC.jar NextSessions.java CATALOGUE [PAGES] [watch]
// With org.xerial:sqlite-jdbc (Debian: libxerial-sqlite-jdbc-java).

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Objects;

public class NextSessions {
    private static final String NEXT = """
        SELECT s.starts_at, s.key, s.local_start, l.name, l.place,
          (SELECT checkout_base FROM origin) || coalesce(s.checkout_name, s.identifier) AS checkout_url,
          coalesce(d.attribution_name, l.dataset, 'source not named') AS source, d.url AS source_url, d.license
        FROM session AS s JOIN listing AS l ON l.key = s.listing LEFT JOIN dataset AS d ON d.identifier = l.dataset
        WHERE (s.starts_at, s.key) > (?, ?) AND s.starts_at > strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
        ORDER BY s.starts_at, s.key LIMIT 5
        """;

    /** A page begins behind the last row of the one before, so that none is lost or shown twice when rows come and go. */
    private static void pages(Connection catalogue, int count) throws SQLException {
        var startsAt = "";
        var key = 0L;
        for (var page = 0; page < count; page++) {
            try (var next = catalogue.prepareStatement(NEXT)) {
                next.setString(1, startsAt);
                next.setLong(2, key);
                try (var row = next.executeQuery()) {
                    while (row.next()) {
                        startsAt = row.getString("starts_at");
                        key = row.getLong("key");
                        var attribution = row.getString("source") + " " + Objects.toString(row.getString("source_url"), "")
                            + " " + Objects.toString(row.getString("license"), "");
                        System.out.println(String.join("\t", row.getString("local_start"),
                            Objects.toString(row.getString("name"), ""), Objects.toString(row.getString("place"), ""),
                            row.getString("checkout_url"), attribution));
                    }
                }
            }
        }
    }

    private static long version(Connection catalogue) throws SQLException {
        try (var statement = catalogue.createStatement(); var row = statement.executeQuery("PRAGMA data_version")) {
            return row.getLong(1);
        }
    }

    public static void main(String[] arguments) throws Exception {
        System.setOut(new java.io.PrintStream(System.out, true, "UTF-8"));
        try (var catalogue = DriverManager.getConnection("jdbc:sqlite:file:" + arguments[0] + "?mode=ro")) {
            pages(catalogue, arguments.length > 1 ? Integer.parseInt(arguments[1]) : 1);
            if (arguments.length > 2 && arguments[2].equals("watch")) {
                var seen = version(catalogue);
                System.out.println("waiting");
                while (version(catalogue) == seen) {   // on a connection that stays open
                    Thread.sleep(200);
                }
                System.out.println("changed");
                pages(catalogue, 1);
            }
        }
    }
}
