/** Headers that every answer carries (rest-api §1.3, §1.7). */
import type { IncomingHttpHeaders } from 'node:http';
import type { ReadModel } from '../actors/front.ts';
import type { ApiConfig } from './dependencies.ts';

/** Name, value, name, value, …: the form that Node writes fastest. */
export type FlatHeaders = readonly string[];

const always: FlatHeaders = [
  'Cache-Control',
  'no-cache, no-store, must-revalidate',
  'Pragma',
  'no-cache',
  'Expires',
  '0',
  'X-Frame-Options',
  'DENY',
  'X-XSS-Protection',
  '1; mode=block',
];

/** Returns a function that names the headers for one request; what can be built once is built once. */
export function standardHeaders(
  config: ApiConfig,
  read: Pick<ReadModel, 'cluster'>,
): (request: IncomingHttpHeaders) => FlatHeaders {
  const scheme = config.disableHttp ? 'https' : 'http';
  const configured = `${config.hostname}:${config.disableHttp ? config.httpsPort : config.httpPort}`;
  let asLeader: FlatHeaders = always;
  let address: string | undefined;
  // The port may be known only once it is open.
  const leading = (leader = configured): FlatHeaders => {
    if (leader !== address) asLeader = [...always, 'X-Marathon-Leader', `${scheme}://${leader}`];
    address = leader;
    return asLeader;
  };
  return (request) => {
    const { elected, leader } = read.cluster();
    const base = elected ? leading(leader) : always;
    return config.corsOrigins.length === 0 ? base : [...base, ...cors(config.corsOrigins, request)];
  };
}

/** The matching origin, else the first one that is allowed. */
function cors(allowed: readonly string[], request: IncomingHttpHeaders): FlatHeaders {
  const origin = request.origin;
  const answer = allowed.includes('*') ? '*' : origin !== undefined && allowed.includes(origin) ? origin : allowed[0];
  const asked = request['access-control-request-headers'];
  return [
    'Access-Control-Allow-Origin',
    answer ?? '*',
    'Access-Control-Allow-Methods',
    'GET, HEAD, OPTIONS',
    'Access-Control-Max-Age',
    '86400',
    ...(answer === '*' ? [] : ['Vary', 'Origin']),
    ...(asked === undefined ? [] : ['Access-Control-Allow-Headers', asked]),
  ];
}

/** Calls `set` for each header. */
export function eachHeader(headers: FlatHeaders, set: (name: string, value: string) => void): void {
  for (let i = 0; i + 1 < headers.length; i += 2) set(headers[i] ?? '', headers[i + 1] ?? '');
}

/** Headers of a record in the flat form. */
export const flatHeadersOf = (headers: Readonly<Record<string, string>>): FlatHeaders => Object.entries(headers).flat();
