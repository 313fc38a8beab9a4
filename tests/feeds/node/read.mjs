// Reads a calendar from standard input with the library named, and prints what it took each event and
// task for: UID to instants, or to days where there is no hour.
import { readFileSync } from 'node:fs';
import ICAL from 'ical.js';
import ical from 'node-ical';

const text = readFileSync(0, 'utf8');

function withIcalJs() {
  const calendar = new ICAL.Component(ICAL.parse(text));
  const said = (time) => {
    if (time.isDate) return time.toString();
    if (time.zone === ICAL.Timezone.localTimezone) throw new Error(`no zone: ${time}`);
    return time.toJSDate().toISOString();
  };
  const moments = (one, names) => names.map((name) => said(one.getFirstPropertyValue(name)));
  const all = (kind, names) =>
    calendar.getAllSubcomponents(kind).map((one) => [one.getFirstPropertyValue('uid'), moments(one, names)]);
  return [...all('vevent', ['dtstart', 'dtend']), ...all('vtodo', ['due'])];
}

function withNodeIcal() {
  // A day comes as the midnight with which it begins, wherever this machine stands.
  const day = (date) =>
    [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((one) => String(one).padStart(2, '0')).join('-');
  const said = (date) => (date.dateOnly ? day(date) : date.toISOString());
  const found = Object.values(ical.sync.parseICS(text));
  const events = found.filter((one) => one.type === 'VEVENT').map((one) => [one.uid, [one.start, one.end].map(said)]);
  // Its tasks keep the due day as it stands in the file.
  const tasks = found.filter((one) => one.type === 'VTODO').map((one) => [one.uid, [one.due].map(said)]);
  return [...events, ...tasks];
}

const readers = { 'ical.js': withIcalJs, 'node-ical': withNodeIcal };
console.log(JSON.stringify(Object.fromEntries(readers[process.argv[2]]())));
