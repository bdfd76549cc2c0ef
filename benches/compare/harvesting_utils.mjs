// The same job with the package `@openactive/harvesting-utils` (npm) for the paging, and Node's own SQLite (Node 22.13 or later).
//
// Usage: node harvesting_utils.mjs NODE_MODULES ORIGIN DATABASE [NOW]. As the package's example does, the end of a feed is
// `onReachedEndOfFeed`; the package would go on polling.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

const [modules, origin, path, moment] = process.argv.slice(2);
const { harvestRPDE } = createRequire(`${modules}/`)('@openactive/harvesting-utils');
const beside = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');

const database = new DatabaseSync(path);
database.exec(beside('schema.sql'));

function upsert(table, columns) {
  const names = columns.split(' ');
  const sets = names.slice(1).map((name) => `${name} = excluded.${name}`).join(', ');
  return database.prepare(
    `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')}) `
    + `ON CONFLICT (id) DO UPDATE SET ${sets} WHERE excluded.modified >= ${table}.modified`,
  );
}

const orNull = (value) => (typeof value === 'boolean' ? Number(value) : value ?? null);

const texts = (value) => (value === undefined ? null : JSON.stringify(value));

function sessionRow({ id, modified, data }) {
  return [
    id, modified, data['@id'], data.identifier, data.superEvent, data.startDate, data.endDate, data.duration, data.eventStatus,
    data['imin:isPotentiallyBookable'] === true, data.remainingAttendeeCapacity, data.maximumAttendeeCapacity,
    data.eventAttendanceMode, data.url, texts(data.offers),
  ].map(orNull);
}

function seriesRow({ id, modified, data }) {
  const both = { ...data.superEvent, ...data };
  const offer = both['imin:aggregateOffer']?.publicAdult ?? {};
  const place = data.location ?? {};
  const address = place.address ?? {};
  const lines = [address.streetAddress, address.addressLocality, address.addressRegion];
  return [
    id, modified, data['@id'], data.superEvent?.name ?? data.name, both.description, JSON.stringify((both.activity ?? []).map((one) => one.prefLabel)),
    JSON.stringify(both.level ?? []), offer['imin:isPotentiallyBookable'] === true, offer.validFromBeforeStartDate, offer.price,
    offer.priceCurrency, offer['imin:membershipRequired'], both.ageRange?.minValue, both.ageRange?.maxValue, both.genderRestriction,
    both.organizer?.name, both.organizer?.['@id'], place.name, lines.filter(Boolean).join(', '), address.postalCode,
    place.geo?.latitude, place.geo?.longitude, data.url, both.image?.[0]?.url, data['imin:dataSource']?.identifier, texts(both.offers),
  ].map(orNull);
}

const FEEDS = {
  'session-series': {
    put: upsert('series', 'id modified series_id name description activities levels bookable opening price currency '
      + 'membership_required min_age max_age gender organizer organizer_id place address postcode latitude longitude url image_url dataset offers'),
    remove: database.prepare('DELETE FROM series WHERE id = ?'),
    row: seriesRow,
  },
  'scheduled-sessions': {
    put: upsert('session', 'id modified session_id identifier series_id starts_at ends_at duration status bookable '
      + 'remaining_capacity maximum_capacity attendance_mode url offers'),
    remove: database.prepare('DELETE FROM session WHERE id = ?'),
    row: sessionRow,
  },
};
const moved = database.prepare('INSERT OR REPLACE INTO position VALUES (?, ?)');

// One page: its items and the position after it, in one transaction.
function store(feed, { items, next }) {
  const { put, remove, row } = FEEDS[feed];
  database.exec('BEGIN IMMEDIATE');
  for (const item of items) {
    if (item.state === 'updated') put.run(...row(item));
    else remove.run(item.id);
  }
  moved.run(feed, next);
  database.exec('COMMIT');
}

function walk(feed) {
  return new Promise((reached, failed) => {
    let ended = false;
    harvestRPDE({
      baseUrl: `${origin}/${feed}`,
      feedContextIdentifier: feed,
      headers: async () => ({ 'X-API-KEY': 'synthetic' }),
      isOrdersFeed: false,
      processPage: async ({ rpdePage }) => store(feed, rpdePage),
      onReachedEndOfFeed: async () => {
        ended = true;
        reached();
      },
      // There is no other way to make it stop: it sleeps until the process ends.
      config: { howLongToSleepAtFeedEnd: () => 2 ** 31 - 1 },
    }).then(({ error }) => ended || failed(new Error(JSON.stringify(error))), failed);
  });
}

const DURATION = /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;
const parts = (text) => DURATION.exec(text)?.slice(1).map((part) => Number(part ?? 0));

// The instant that lies an ISO 8601 duration before another: months on the calendar, the rest exact; null: unreadable.
function before(start, text) {
  const duration = parts(text);
  if (!duration) return null;
  const [years, months, weeks, days, hours, minutes, seconds] = duration;
  const at = new Date(start);
  if (years || months) {
    const day = at.getUTCDate();
    at.setUTCDate(1);
    at.setUTCMonth(at.getUTCMonth() - months - 12 * years);
    const last = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 0)).getUTCDate();
    at.setUTCDate(Math.min(day, last));
  }
  return at.getTime() - (((weeks * 7 + days) * 24 + hours) * 3600 + minutes * 60 + seconds) * 1000;
}

const utc = (milliseconds) => new Date(milliseconds).toISOString().replace('.000', '');
const london = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Europe/London', dateStyle: 'short', timeStyle: 'short' });

function minutes(text) {
  const duration = text && parts(text);
  return duration ? duration[3] * 1440 + duration[4] * 60 + duration[5] : null;
}

// Fills the catalogue in one transaction: rules 1 and 2 by the join, rule 3 here.
function publish(now) {
  database.exec('BEGIN IMMEDIATE');
  database.exec('DELETE FROM catalogue');
  const insert = database.prepare(`INSERT INTO catalogue VALUES (${Array(34).fill('?').join(', ')})`);
  for (const row of database.prepare(beside('join.sql')).iterate()) {
    const start = Date.parse(row.starts_at);
    const opens = row.opening === null ? -Infinity : before(start, row.opening);
    if (!(start > now) || opens === null || opens > now || opens === start) continue;
    const values = Object.values(row).slice(0, 31);
    const ends = row.ends_at && utc(Date.parse(row.ends_at));
    insert.run(
      row.session_id, row.identifier, `https://checkout.example.org/v1/scheduled-sessions/${encodeURIComponent(row.identifier)}`,
      ...values.slice(2, 5), utc(start), ends, london.format(start).replace(' ', 'T'), minutes(row.duration),
      opens === -Infinity ? null : utc(opens), ...values.slice(8),
    );
  }
  database.exec("INSERT INTO words (words) VALUES ('rebuild')");
  database.exec('COMMIT');
  return database.prepare('SELECT count(*) AS rows FROM catalogue').get().rows;
}

for (const feed of Object.keys(FEEDS)) await walk(feed);
console.log(publish(moment ? Date.parse(moment) : Date.now()));
process.exit(0);
