import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseFlags } from '../../../src/config/flags.ts';
import { infoConfig } from '../../../src/config/info.ts';
import { isLoopback, type ServerConfig, serverConfig } from '../../../src/config/server-config.ts';
import { ignoredFlags, serverFlags } from '../../../src/config/server-flags.ts';

const directory = mkdtempSync(join(tmpdir(), 'ultramarathon-config-'));
afterAll(() => rmSync(directory, { recursive: true }));
function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}
const cert = file('cert.pem', 'CERT');
const key = file('key.pem', 'KEY');
const tls = ['--ssl_cert_file', cert, '--ssl_key_file', key];

const configure = (argv: readonly string[], env: Readonly<Record<string, string>> = {}) => {
  const parsed = parseFlags({ specs: serverFlags, ignored: ignoredFlags, argv, env: {} });
  return parsed.ok ? serverConfig(parsed.value, env) : parsed;
};
const master = ['--master', 'h:5050'];
function config(argv: readonly string[] = [], env: Readonly<Record<string, string>> = {}): ServerConfig {
  const result = configure([...master, ...argv], env);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

describe('the configuration of the server', () => {
  const rows: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['no master', [], /needs --master/],
    ['an empty master', ['--master', ''], /needs --master/],
    ['a master that is no address', ['--master', 'a b'], /^--master: not a master address/],
    ['a master in ZooKeeper that is no address', ['--master', 'zk://a:b/c'], /^--master: not a ZooKeeper host/],
    ['a client certificate without key', [...master, '--mesos_client_cert_file', cert], /need each other/],
    ['zk without a path', [...master, '--zk', 'zk://a:1/'], /^--zk: it needs a path: /],
    ['zk and data_dir', [...master, '--zk', 'zk://a/b', '--data_dir', 'd'], /exclude each other/],
    ['a zk that is none', [...master, '--zk', 'h:2181'], /^--zk: not a ZooKeeper address/],
    ['an empty zk', [...master, '--zk', ''], /--zk/],
    ['a short session', [...master, '--zk', 'zk://a/b', '--zk_session_timeout', '10'], /1000 ms or more/],
    [
      'a name that leads to nowhere',
      [...master, '--zk', 'zk://a/b', '--hostname', 'host.example'],
      /--hostname host.example needs --http_address/,
    ],
    [
      'the same with TLS alone',
      [
        ...master,
        '--zk',
        'zk://a/b',
        '--hostname',
        'h',
        '--disable_http',
        '--ssl_cert_file',
        'c',
        '--ssl_key_file',
        'k',
      ],
      /needs --https_address/,
    ],
    ['an empty range of ports', [...master, '--local_port_min', '5', '--local_port_max', '5'], /smaller/],
    ['a key store', [...master, '--ssl_keystore_path', 'x'], /PEM/],
    ['no HTTP and no TLS', [...master, '--disable_http'], /--disable_http needs/],
    ['a certificate without key', [...master, '--ssl_cert_file', cert], /need each other/],
    ['a key without certificate', [...master, '--ssl_key_file', key], /need each other/],
    ['a missing file', [...master, '--ssl_cert_file', '/no/such', '--ssl_key_file', key], /there is no file/],
    ['a directory for a file', [...master, '--ssl_cert_file', directory, '--ssl_key_file', key], /cannot read/],
    ['one port for both', [...master, ...tls, '--https_port', '8080'], /must differ/],
    ['credentials without colon', [...master, '--http_credentials', 'geheim'], /must be user:password$/],
    ['credentials without user', [...master, '--http_credentials', ':geheim'], /must be user:password$/],
    ['credentials without password', [...master, '--http_credentials', 'geheim:'], /must be user:password$/],
    [
      'a secret without principal',
      [...master, '--mesos_authentication_secret', 'geheim'],
      /needs --mesos_authentication_principal/,
    ],
    [
      'two secrets',
      [
        ...master,
        '--mesos_authentication_principal',
        'p',
        '--mesos_authentication_secret',
        'geheim',
        '--mesos_authentication_secret_file',
        key,
      ],
      /exclude each other/,
    ],
    [
      'a secret with a colon',
      [...master, '--mesos_authentication_principal', 'p', '--mesos_authentication_secret', 'gehe:im'],
      /colon/,
    ],
    ['endpoints without subscriber', [...master, '--http_endpoints', 'http://a/'], /needs --event_subscriber/],
    ['an unknown subscriber', [...master, '--event_subscriber', 'pigeon'], /event_subscriber/],
    [
      'an endpoint that is none',
      [...master, '--event_subscriber', 'http_callback', '--http_endpoints', 'http://a/,file:///x'],
      /"file:\/\/\/x" must begin with http/,
    ],
    ['an unknown feature', [...master, '--enable_features', 'vips,magic'], /unknown feature "magic"/],
  ];
  // deviation(missing): `--ssl_keystore_path`
  //   here: refused
  //   instead: PEM files: `--ssl_cert_file`, `--ssl_key_file`
  it.each(rows)('refuses %s with one line', (_, argv, message) => {
    const result = configure(argv);
    const error = result.ok ? '' : result.error;
    expect(error).toMatch(message);
    expect(error).not.toContain('\n');
    expect(error).not.toMatch(/gehe:?im/);
  });

  it('listens on loopback, without TLS and credentials, unless told otherwise', () => {
    expect(config()).toMatchObject({
      http: { host: '127.0.0.1', port: 8080 },
      https: undefined,
      credentials: undefined,
      hostname: '127.0.0.1',
      dataDir: '.ultramarathon',
    });
    expect(Object.isFrozen(config())).toBe(true);
  });

  it('advertises a name that others can reach', () => {
    expect(config(['--http_address', '10.0.0.7']).hostname).toBe('10.0.0.7');
    expect(config(['--http_address', '0.0.0.0']).hostname).toBe(hostname());
    expect(config(['--http_address', '::']).hostname).toBe(hostname());
    expect(config(['--http_address', '0.0.0.0', '--hostname', 'me']).hostname).toBe('me');
    expect(config(['--http_address', 'localhost']).hostname).toBe('127.0.0.1');
  });

  it('knows the addresses of this machine alone', () => {
    const local = ['localhost', '127.0.0.1', '127.8.9.1', '::1', '0:0:0:0:0:0:0:1'];
    const remote = ['0.0.0.0', '::', '10.0.0.1', '127.evil.example', '::2', 'localhost.example', ''];
    expect([...local, ...remote].filter(isLoopback)).toEqual(local);
  });

  it('splits credentials at the first colon, from the flag before the environment', () => {
    const env = { MESOSPHERE_HTTP_CREDENTIALS: 'you:b' };
    expect(config([], env).credentials).toEqual({ user: 'you', password: 'b' });
    expect(config(['--http_credentials', 'me:a:b'], env).credentials).toEqual({ user: 'me', password: 'a:b' });
  });

  it('reads certificate, key and Mesos secret from files', () => {
    const secret = file('secret', 'geheim\n');
    const read = config([
      ...tls,
      '--disable_http',
      '--mesos_authentication_principal',
      'p',
      '--mesos_authentication_secret_file',
      secret,
    ]);
    expect([read.tls, read.http, read.https]).toEqual([
      { cert: 'CERT', key: 'KEY' },
      undefined,
      { host: '127.0.0.1', port: 8443 },
    ]);
    expect(read.mesosCredentials).toEqual({ principal: 'p', secret: 'geheim' });
    expect(read.framework.principal).toBe('p');
  });

  it('turns features into capabilities, and takes a name of old versions for what is always on', () => {
    const types = (...argv: readonly string[]) => config(argv).framework.capabilities?.map((c) => c.type);
    expect(types()).toEqual(['PARTITION_AWARE', 'REGION_AWARE', 'MULTI_ROLE']);
    expect(types('--enable_features', 'task_killing, gpu_resources,maintenance_mode')).toEqual([
      'PARTITION_AWARE',
      'REGION_AWARE',
      'MULTI_ROLE',
      'TASK_KILLING_STATE',
      'GPU_RESOURCES',
    ]);
    expect(types('--enable_features', 'reservation_refinement')).toContain('RESERVATION_REFINEMENT');
  });

  it('has no limits where no limit is given (design §8)', () => {
    const { settings } = config();
    expect(settings.maxRunningDeployments).toBe(Number.POSITIVE_INFINITY);
    expect(settings.match.maxInstancesPerOffer).toBe(Number.POSITIVE_INFINITY);
    expect(settings.minReviveOffersIntervalMs).toBe(100);
    expect(config(['--max_running_deployments', '3']).settings.maxRunningDeployments).toBe(3);
    expect(config([]).maxConcurrentRequests).toBe(Number.POSITIVE_INFINITY);
    expect(config(['--http_max_concurrent_requests', '7']).maxConcurrentRequests).toBe(7);
  });

  it('shows no secret in /v2/info', () => {
    const shown = infoConfig(
      config([
        '--http_credentials',
        'me:geheim',
        '--mesos_authentication_principal',
        'p',
        '--mesos_authentication_secret',
        'geheim',
      ]),
    );
    expect(JSON.stringify(shown)).not.toContain('geheim');
    expect(shown.marathonConfig).toMatchObject({ master: 'h:5050', hostname: '127.0.0.1', local_port_min: 10_000 });
  });

  it('shows in /v2/info who may ask across origins', () => {
    const shown = (...flags: string[]) => infoConfig(config(flags)).marathonConfig['access_control_allow_origin'];
    expect(shown()).toBeNull();
    expect(shown('--access_control_allow_origin', 'http://a,http://b')).toEqual(['http://a', 'http://b']);
  });

  it('knows the limits of health kills, and how to lift them', () => {
    expect(config().settings.healthKills).toEqual({ hasBreaker: true, budget: { perMinute: 200, perAppShare: 0.2 } });
    const lifted = ['--disable_health_kill_breaker', '--health_kills_per_minute', '0', '--health_kills_per_app', '0'];
    expect(config(lifted).settings.healthKills).toEqual({
      hasBreaker: false,
      budget: { perMinute: Number.POSITIVE_INFINITY, perAppShare: Number.POSITIVE_INFINITY },
    });
    expect(configure([...master, '--health_kills_per_app', '101'])).toMatchObject({ ok: false });
  });
});

describe('callbacks', () => {
  it('are off unless asked for, and have the limits of Marathon', () => {
    expect(config().callbacks).toBeUndefined();
    expect(
      config(['--event_subscriber', 'http_callback', '--http_endpoints', 'http://a/, http://b/x']).callbacks,
    ).toEqual({
      endpoints: ['http://a/', 'http://b/x'],
      requestTimeoutMs: 10_000,
      slowMs: 10_000,
    });
  });
});
