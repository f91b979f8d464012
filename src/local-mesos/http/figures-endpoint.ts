/** /metrics/snapshot: figures by name (libprocess' `MetricsProcess::_snapshot`). */
import { sendJson, sendText } from './answers.ts';
import type { Endpoint } from './server.ts';

/** `timeout` says how long to wait for slow figures; here there are none, but it must be a duration. */
export function figuresEndpoint(figures: () => Readonly<Record<string, number>>): Endpoint {
  return (_req, res, url) => {
    const timeout = url.searchParams.get('timeout');
    const fault = timeout === null ? undefined : durationFault(timeout);
    if (fault !== undefined) sendText(res, 400, `Invalid timeout '${timeout}': ${fault}.\n`);
    else sendJson(res, figures(), url.searchParams.get('jsonp') ?? undefined);
  };
}

/** In nanoseconds. */
const units: ReadonlyMap<string, number> = new Map([
  ['ns', 1],
  ['us', 1e3],
  ['ms', 1e6],
  ['secs', 1e9],
  ['mins', 60e9],
  ['hrs', 3_600e9],
  ['days', 86_400e9],
  ['weeks', 604_800e9],
]);

/** What is wrong with a text such as `10secs`, in Mesos' words (stout's `Duration::parse`). */
function durationFault(text: string): string | undefined {
  const [, digits = '', unit = ''] = /^([\d.]*)(.*)$/s.exec(text) ?? [];
  if (unit === '') return `Invalid duration '${text}'`;
  const value = digits === '' ? Number.NaN : Number(digits);
  if (Number.isNaN(value)) return `Failed to convert '${digits}' to number`;
  const factor = units.get(unit);
  if (factor === undefined) {
    const names = [...units.keys()].map((name) => `'${name}'`);
    return `Unknown duration unit '${unit}'; supported units are ${names.slice(0, -1).join(', ')}, and ${names.at(-1)}`;
  }
  if (value * factor < 2 ** 63) return undefined;
  return `Argument out of the range that a Duration can represent due to int64_t's size limit`;
}
