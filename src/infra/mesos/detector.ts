/** Where the leading master is: a list of addresses, and what redirects say (mesos-v1 §1.8, §1.9). */
import { withoutUserInfo } from '../../core/redact.ts';
import { err, ok, type Result } from '../../core/result.ts';

const DEFAULT_PORT = 5050;
const DEFAULT_PATH = '/api/v1/scheduler';

/** More redirects than this in one attempt are a loop in disguise. */
export const MAX_REDIRECTS = 5;

export interface MasterAddress {
  /** Without the brackets of an IPv6 literal. */
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** Path of the scheduler endpoint. */
  readonly path: string;
  /** May be sent credentials: named by the operator, not by a redirect. */
  readonly trusted: boolean;
}

/**
 * Says which master to try. The link asks for a `candidate` before each attempt and reports how it went. A detector that
 * watches an election calls `changed` when another master leads: the link then drops the stream of the old one first.
 */
export interface MasterDetector {
  readonly start: (changed: () => void) => void;
  /** Undefined while no master is known: the link waits for `changed` or asks again after its backoff. */
  readonly candidate: () => MasterAddress | undefined;
  /** The candidate could not be reached, refused, or lost the stream. */
  readonly failed: (address: MasterAddress) => void;
  /** The candidate names another master. False when it must not be followed: a loop, too many hops, an unusable location. */
  readonly redirected: (from: MasterAddress, location: string) => boolean;
  /** The candidate leads: it stays the candidate until it fails. */
  readonly succeeded: (address: MasterAddress) => void;
  readonly stop: () => void;
}

/** `host:port`, with brackets around an IPv6 literal. */
export const hostAndPort = (address: MasterAddress): string =>
  `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;

const sameMaster = (a: MasterAddress, b: MasterAddress): boolean =>
  a.host === b.host && a.port === b.port && a.tls === b.tls;

const parseUrl = (text: string, base?: string): URL | undefined =>
  URL.canParse(text, base) ? new URL(text, base) : undefined;

function fromUrl(url: URL, path: string, trusted: boolean): MasterAddress | undefined {
  const tls = url.protocol === 'https:';
  if ((!tls && url.protocol !== 'http:') || url.hostname === '') return undefined;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (tls ? 443 : 80) : Number(url.port);
  return { host, port, tls, path, trusted };
}

function parseOne(text: string): MasterAddress | undefined {
  const withScheme = /^https?:\/\//i.test(text);
  if (!withScheme && !/^(\[[0-9a-f:.]+\]|[^\s:/?#@[\]]+)(:\d{1,5})?$/i.test(text)) return undefined;
  const url = parseUrl(withScheme ? text : `http://${text}`);
  if (url === undefined || url.username !== '' || url.password !== '') return undefined;
  const prefix = url.pathname.replace(/\/+$/, '');
  const address = fromUrl(url, `${prefix}${DEFAULT_PATH}`, true);
  if (address === undefined || address.port === 0) return undefined;
  // A URL hides the default port of its scheme, and a bare host means Mesos' own port.
  return withScheme || /:\d+$/.test(text) ? address : { ...address, port: DEFAULT_PORT };
}

/**
 * Reads the `--master` option: `host`, `host:port`, `http(s)://host:port[/prefix]`, or several with commas between. Refuses
 * with one line. `zk://` addresses belong to a detector of their own.
 */
export function parseMasters(text: string): Result<readonly MasterAddress[], string> {
  if (/^zk:\/\//i.test(text.trim())) return err('a zk:// address needs a detector that watches ZooKeeper');
  const addresses: MasterAddress[] = [];
  for (const part of text.split(',')) {
    const address = parseOne(part.trim());
    if (address === undefined) return err(`not a master address: '${withoutUserInfo(part.trim())}'`);
    addresses.push(address);
  }
  return ok(addresses);
}

/**
 * A location is absolute, protocol-relative (`//host:port/path`), `host:port/path` or relative; without a path it means the usual one. From TLS to
 * plain text is never followed.
 */
export function resolveLocation(
  from: MasterAddress,
  location: string,
  trusts: (address: MasterAddress) => boolean,
): MasterAddress | undefined {
  const reference = /^[\w.-]+:\d+(\/|$)/.test(location) ? `//${location}` : location;
  const url = parseUrl(reference, `${from.tls ? 'https' : 'http'}://${hostAndPort(from)}${from.path}`);
  if (url === undefined || (from.tls && url.protocol !== 'https:')) return undefined;
  const target = fromUrl(url, url.pathname === '/' ? DEFAULT_PATH : url.pathname, false);
  return target && { ...target, trusted: trusts(target) };
}

/**
 * Tries the addresses in turn, and whatever a redirect names before the next of them. `trustRedirects` lets credentials go to
 * masters that only a redirect has named; those of the list may have them in any case.
 */
export function createListDetector(masters: readonly MasterAddress[], trustRedirects = false): MasterDetector {
  let index = 0;
  let named: MasterAddress | undefined;
  let hops: MasterAddress[] = [];
  const trusts = (address: MasterAddress): boolean =>
    trustRedirects || masters.some((master) => sameMaster(master, address));
  const candidate = (): MasterAddress | undefined => named ?? masters[index];
  return {
    start: () => {},
    candidate,
    failed: () => {
      // Also after a redirect: a master that is cut off may name a dead leader for ever.
      index = (index + 1) % masters.length;
      named = undefined;
      hops = [];
    },
    redirected: (from, location) => {
      const target = resolveLocation(from, location, trusts);
      const loops = target === undefined || sameMaster(from, target) || hops.some((hop) => sameMaster(hop, target));
      if (loops || hops.length >= MAX_REDIRECTS) return false;
      hops.push(from);
      named = target;
      return true;
    },
    succeeded: () => {
      hops = [];
    },
    stop: () => {
      named = undefined;
      hops = [];
    },
  };
}
