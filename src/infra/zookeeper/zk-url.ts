/** `zk://user:password@host:port,host:port/path`, as in Marathon's `--zk` and `--master` (rest-api §11.5). */
import { err, ok, type Result } from '../../core/result.ts';

export interface ZkServers {
  /** `host:port`, IPv6 literals in brackets. */
  readonly hosts: readonly string[];
  /** '' or '/a/b'. */
  readonly path: string;
  readonly credentials?: { readonly user: string; readonly password: string };
}

const defaultPort = 2181;

/** Refuses with one line that never shows the password. */
export function parseZkUrl(text: string): Result<ZkServers, string> {
  const match = /^zk:\/\/(?:([^/]*)@)?([^/@]*)(\/.*)?$/i.exec(text.trim());
  if (!match) return err('not a ZooKeeper address: write zk://host:port,host:port/path');
  const [, userInfo, hostList = '', rest = ''] = match;
  const credentials = parseCredentials(userInfo);
  if (!credentials.ok) return credentials;
  const hosts: string[] = [];
  for (const part of hostList.split(',')) {
    const host = parseHost(part.trim());
    if (host === undefined) return err(`not a ZooKeeper host: '${part.trim()}'`);
    if (!hosts.includes(host)) hosts.push(host);
  }
  const path = rest.replace(/\/+$/, '');
  if (path !== '' && !isPath(path)) return err(`not a ZooKeeper path: '${path}'`);
  return ok({ hosts, path, ...(credentials.value ? { credentials: credentials.value } : {}) });
}

/** The same for where state is kept: it needs a path, so that nothing lands among what others have at the root. */
export function parseStateUrl(text: string): Result<ZkServers, string> {
  const servers = parseZkUrl(text);
  if (!servers.ok || servers.value.path !== '') return servers;
  return err('it needs a path: write zk://host:port,host:port/path');
}

/** The address with user and password crossed out, as Marathon shows it in `/v2/info`. */
export const crossedOut = (text: string): string => text.replace(/^(zk:\/\/)[^/]*@/i, '$1xxxxxxxx:xxxxxxxx@');

function parseCredentials(userInfo: string | undefined): Result<ZkServers['credentials'], string> {
  if (userInfo === undefined) return ok(undefined);
  const colon = userInfo.indexOf(':');
  if (colon <= 0 || colon === userInfo.length - 1) return err('the part before @ must be user:password');
  const user = decoded(userInfo.slice(0, colon));
  const password = decoded(userInfo.slice(colon + 1));
  if (user === undefined || password === undefined) return err('user or password are not percent-encoded properly');
  if (user.includes(':')) return err('the user must not hold a colon');
  return ok({ user, password });
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function parseHost(text: string): string | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[^\s:/?#@[\]]+)(?::(\d{1,5}))?$/i.exec(text);
  const port = match?.[2] === undefined ? defaultPort : Number(match[2]);
  return match?.[1] === undefined || port < 1 || port > 65_535 ? undefined : `${match[1]}:${port}`;
}

/** Absolute, without empty, `.` and `..` parts and without control characters. */
const isPath = (path: string): boolean =>
  path
    .slice(1)
    .split('/')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it refuses.
    .every((part) => part !== '' && part !== '.' && part !== '..' && !/[\u0000-\u001f\u007f-\u009f]/.test(part));
