/** Options of volumes that a Docker volume driver provides (rest-api §9.3). */
import type { Must } from './violations.ts';

const label = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?';
const labelPattern = `^${label}$`;
const namePattern = `^${label}/[A-Za-z0-9](?:[-A-Za-z0-9\\._:]*[A-Za-z0-9])?$`;
const mustMatch = (pattern: string): string => `must match regular expression '${pattern}'`;

const isLabel = (text: string): boolean => new RegExp(labelPattern).test(text);

/** Names, the driver, and what the driver `rexray` is known to take. `at` is the path of the external volume. */
export function checkDvdiOptions(options: Readonly<Record<string, unknown>>, at: string, must: Must): void {
  Object.entries(options).forEach(([name, value], i) => {
    must(new RegExp(namePattern).test(name), `${at}/options/keys(${i})`, mustMatch(namePattern));
    must(typeof value === 'string', `${at}/options/${name}`, 'is not a valid option');
  });
  const driver = options['dvdi/driver'];
  must(typeof driver === 'string', `${at}/options("dvdi/driver")`, 'not defined');
  must(typeof driver !== 'string' || isLabel(driver), `${at}/options("dvdi/driver")`, mustMatch(labelPattern));
  if (driver !== 'rexray') return;
  for (const [name, complaintAbout] of Object.entries(rexrayOptions)) {
    const value = options[name];
    if (typeof value !== 'string') continue;
    const complaint = complaintAbout(value);
    must(complaint === undefined, `${at}/options/"${name}"`, complaint ?? '');
  }
}

const asLabel = (value: string) => (isLabel(value) ? undefined : mustMatch(labelPattern));
const asNatural = (value: string) =>
  /^\+?0*[1-9]\d{0,17}$/.test(value) ? undefined : `Expected a valid, positive integer instead of ${value}`;
// `false` is refused too, as it is by Marathon: whoever does not want it leaves it out.
const asTrue = (value: string) => (value.toLowerCase() === 'true' ? undefined : 'Expected a valid boolean');

const rexrayOptions: Readonly<Record<string, (value: string) => string | undefined>> = {
  'dvdi/volumetype': asLabel,
  'dvdi/newfstype': asLabel,
  'dvdi/iops': asNatural,
  'dvdi/overwritefs': asTrue,
};
