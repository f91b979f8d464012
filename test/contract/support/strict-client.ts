/** Every answer that passes through the tests of the API is looked at as a strict client of Marathon's would: each member, by all rules. */
import { errorShape, marathonAnswers } from './marathon-members.ts';
import { schemaComplaints } from './published-schema.ts';
import { differences } from './shapes.ts';

export interface Answered {
  readonly method: string;
  /** With the query. */
  readonly url: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** Parameters that Marathon does not know: who uses one is no client of Marathon's. */
const ours = /[?&](since|limit|cursor|fields|dryRun)=|[?&]embed=(\w+\.)*(why|warnings|plan)\b/i;
/** Not Marathon's, though it looks like an app. */
const ownPath = /^\/v2\/apps\/.+\/why$/;

/** What such a client would stumble over. */
export function complaintsAbout({ method, url, status, headers, body }: Answered): readonly string[] {
  const isPlain = headers['content-type'] === 'application/json' && headers['content-encoding'] === undefined;
  const path = pathOf(url);
  if (!isPlain || body === '' || method === 'HEAD' || path === undefined || !path.startsWith('/v2/')) return [];
  if (status >= 400) return differences(errorShape, JSON.parse(body));
  if (status >= 300 || ours.test(url) || ownPath.test(path)) return [];
  const row = marathonAnswers.find(([verb, pattern]) => verb === method && pattern.test(path));
  if (!row) return [];
  const value: unknown = JSON.parse(body);
  return [...differences(row[2], value), ...definitionsIn(value).flatMap(schemaComplaints)];
}

/** Slashes as the router sees them; undefined for what is no path. */
function pathOf(url: string): string | undefined {
  try {
    // As `inject` does: dots go before anything else looks.
    const parts = decodeURIComponent(new URL(url, 'http://x').pathname).split('/');
    return `/${parts.filter((part) => part !== '').join('/')}`;
  } catch {
    return undefined;
  }
}

/** All apps in an answer: nothing else has `requirePorts`. */
function definitionsIn(value: unknown): readonly object[] {
  if (typeof value !== 'object' || value === null) return [];
  const below = Object.values(value).flatMap(definitionsIn);
  return Object.hasOwn(value, 'requirePorts') ? [value, ...below] : below;
}

/** Throws if a strict client would. */
export function expectMarathonLike(answered: Answered): void {
  const complaints = complaintsAbout(answered);
  if (complaints.length === 0) return;
  const { method, url, status } = answered;
  throw new Error(
    `${method} ${url} → ${status}: a strict client would not take this\n${complaints.slice(0, 10).join('\n')}`,
  );
}
