# The next sessions that can be booked, page by page. Usage: ruby next_sessions.rb CATALOGUE [PAGES] [watch]
# With the gem sqlite3 (Debian: ruby-sqlite3).

require "sqlite3"

NEXT = <<~SQL
  SELECT s.starts_at, s.key, s.local_start, l.name, l.place,
    (SELECT checkout_base FROM origin) || coalesce(s.checkout_name, s.identifier) AS checkout_url,
    coalesce(d.attribution_name, l.dataset, 'source not named') AS source, d.url AS source_url, d.license
  FROM session AS s JOIN listing AS l ON l.key = s.listing LEFT JOIN dataset AS d ON d.identifier = l.dataset
  WHERE (s.starts_at, s.key) > (?, ?) AND s.starts_at > strftime('%Y-%m-%dT%H:%M:%SZ', 'now')
  ORDER BY s.starts_at, s.key LIMIT 5
SQL

# A page begins behind the last row of the one before, so that none is lost or shown twice when rows come and go.
def pages(catalogue, count)
  after = ["", 0]
  count.times do
    catalogue.execute(NEXT, after).each do |starts_at, key, local_start, name, place, checkout_url, source, source_url, license|
      after = [starts_at, key]
      puts [local_start, name, place, checkout_url, "#{source} #{source_url} #{license}"].join("\t")
    end
  end
end

def version(catalogue)
  catalogue.get_first_value("PRAGMA data_version")
end

$stdout.sync = true
catalogue = SQLite3::Database.new(ARGV[0], readonly: true)
pages(catalogue, (ARGV[1] || 1).to_i)
if ARGV[2] == "watch"
  seen = version(catalogue)
  puts "waiting"
  sleep 0.2 while version(catalogue) == seen   # on a connection that stays open
  puts "changed"
  pages(catalogue, 1)
end
