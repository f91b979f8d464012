/** `zk://user:password@host:port,host:port/path`, as Mesos' `--zk` has it (mesos-v1 §1.9). */
import { err, ok, type Result } from '../../core/result.ts';

export interface ZkServers {
  /** `host:port`. */
  readonly hosts: readonly string[];
  /** Where the masters stand for election: `/mesos`. */
  readonly path: string;
  /** `user:password`. */
  readonly credentials: string | undefined;
}

const defaultPort = 2181;

/** The error never shows the password. */
export function parseZkUrl(text: string): Result<ZkServers, string> {
  const match = /^zk:\/\/(?:([^/@]+:[^/@]+)@)?([^/@]+)(\/[^/].*)$/.exec(text.trim());
  if (match === null) return err('zk: write zk://host:port,host:port/path');
  const [, credentials, hostList = '', path = ''] = match;
  const hosts: string[] = [];
  for (const host of hostList.split(',')) {
    const [, name, port = defaultPort] = /^([^\s:]+)(?::(\d{1,5}))?$/.exec(host) ?? [];
    if (name === undefined || Number(port) < 1 || Number(port) > 65_535) return err(`zk: "${host}" is no host:port`);
    hosts.push(`${name}:${port}`);
  }
  const parts = path.replace(/\/+$/, '').split('/').slice(1);
  if (parts.some((part) => part === '' || part === '.' || part === '..')) return err(`zk: "${path}" is no path`);
  return ok({ hosts, path: `/${parts.join('/')}`, credentials });
}
