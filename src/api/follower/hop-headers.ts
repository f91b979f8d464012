/** Which headers travel between a client and the leader, and which belong to one connection only (RFC 9110 §7.6.1). */
import type { FlatHeaders } from '../headers.ts';

/** `X-Marathon-Via: 1.1 host:port, …`: the servers that a request or an answer went through (rest-api §1.6). */
const viaHeader = 'X-Marathon-Via';
/** Marks a 503 of a server that does not lead and did nothing with the request: another server may be asked. */
export const notLeadingHeader = 'X-Marathon-Not-Leading';

const ofOneConnection: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Besides: the name that was called, and a wish that this server has fulfilled already. */
const ofOneRequest: ReadonlySet<string> = new Set(['expect', 'host']);

function* pairs(headers: FlatHeaders): Iterable<readonly [name: string, value: string, lowerName: string]> {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    yield [name, headers[i + 1] ?? '', name.toLowerCase()];
  }
}

/** What `Connection` names belongs to that connection too; the length of a body never does. */
function namedByConnection(headers: FlatHeaders): ReadonlySet<string> {
  const named = new Set<string>();
  for (const [, value, name] of pairs(headers)) {
    if (name === 'connection') for (const token of value.split(',')) named.add(token.trim().toLowerCase());
  }
  named.delete('content-length');
  return named;
}

/** The headers of a request as the leader gets them; `peer` is the address that it came from. */
export function requestHeaders(
  raw: FlatHeaders,
  { peer, via }: { readonly peer: string; readonly via: string },
): string[] {
  const named = namedByConnection(raw);
  const lists = { 'x-forwarded-for': [] as string[], 'x-marathon-via': [] as string[] };
  const headers: string[] = [];
  for (const [name, value, lower] of pairs(raw)) {
    if (ofOneConnection.has(lower) || ofOneRequest.has(lower) || named.has(lower)) continue;
    if (lower === 'x-forwarded-for' || lower === 'x-marathon-via') lists[lower].push(value);
    else headers.push(name, value);
  }
  headers.push('X-Forwarded-For', [...lists['x-forwarded-for'], peer].join(', '));
  headers.push(viaHeader, [...lists['x-marathon-via'], via].join(', '));
  return headers;
}

const ofJudgedUpgrades: ReadonlySet<string> = new Set(['origin', 'sec-websocket-origin']);

/**
 * The headers of an upgrade as the leader gets them. This server has found its origin good by the name that was called, which the leader
 * does not get: there it would look foreign.
 */
export function upgradeHeaders(...from: Parameters<typeof requestHeaders>): string[] {
  const headers: string[] = [];
  for (const [name, value, lower] of pairs(requestHeaders(...from)))
    if (!ofJudgedUpgrades.has(lower)) headers.push(name, value);
  return headers;
}

/** The headers of an answer as the client gets them. */
export function answerHeaders(raw: FlatHeaders, via: string): string[] {
  const named = namedByConnection(raw);
  const vias: string[] = [];
  const headers: string[] = [];
  for (const [name, value, lower] of pairs(raw)) {
    if (ofOneConnection.has(lower) || named.has(lower)) continue;
    if (lower === 'x-marathon-via') vias.push(value);
    else headers.push(name, value);
  }
  headers.push(viaHeader, [...vias, via].join(', '));
  return headers;
}

/** The servers that a request went through. */
export function viasOf(header: string | readonly string[] | undefined): readonly string[] {
  const text = typeof header === 'string' ? header : (header ?? []).join(',');
  return text
    .split(',')
    .map((via) => via.trim())
    .filter((via) => via !== '');
}

/** Header lines as undici gives them, as text; bytes above 127 keep their value. */
export function flatHeaders(raw: unknown): FlatHeaders {
  if (!Array.isArray(raw)) return [];
  return raw.map((part: unknown) => (Buffer.isBuffer(part) ? part.toString('latin1') : String(part)));
}
