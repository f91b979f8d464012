import { describe, expect, it } from 'vitest';
import { describeFlags, type FlagSpec, parseFlags } from '../../../src/config/flags.ts';
import { ignoredFlags, serverFlags } from '../../../src/config/server-flags.ts';

type Env = Readonly<Record<string, string>>;
const parse = (argv: readonly string[], env: Env = {}) =>
  parseFlags({ specs: serverFlags, ignored: ignoredFlags, argv, env });

function settingOf(name: string, argv: readonly string[], env: Env = {}): unknown {
  const parsed = parse(argv, env);
  return parsed.ok ? parsed.value.values[name] : parsed.error;
}
function errorOf(argv: readonly string[], env: Env = {}): string | undefined {
  const parsed = parse(argv, env);
  return parsed.ok ? undefined : parsed.error;
}
function warningsOf(argv: readonly string[], env: Env = {}): readonly string[] {
  const parsed = parse(argv, env);
  return parsed.ok ? parsed.value.warnings : [parsed.error];
}

describe('flags (rest-api §11.1)', () => {
  const rows: readonly (readonly [string, readonly string[], Env, string, unknown])[] = [
    ['a value of its own', ['--http_port', '9'], {}, 'http_port', 9],
    ['a value behind =', ['--http_port=9'], {}, 'http_port', 9],
    ['hyphens', ['--http-port', '9'], {}, 'http_port', 9],
    ['a value with = in it', ['--webui_url=http://a?b=c'], {}, 'webui_url', 'http://a?b=c'],
    ['a hyphen in a value', ['--framework_name', 'a-b'], {}, 'framework_name', 'a-b'],
    ['a fraction', ['--failover_timeout', '0.5'], {}, 'failover_timeout', 0.5],
    ['the default', [], {}, 'http_port', 8080],
    ['no default', [], {}, 'webui_url', undefined],
    ['the last of two', ['--http_port', '1', '--http-port', '2'], {}, 'http_port', 2],
    ['a bare boolean', ['--emit_legacy_fields'], {}, 'emit_legacy_fields', true],
    ['a negated boolean', ['--disable_checkpoint'], {}, 'checkpoint', false],
    ['a negated boolean with hyphens', ['--disable-suppress-offers'], {}, 'suppress_offers', false],
    ['a negated negation', ['--disable_checkpoint=false'], {}, 'checkpoint', true],
    ['a boolean with value', ['--checkpoint=false'], {}, 'checkpoint', false],
    ['a boolean before another flag', ['--disable_http', '--http_port', '9'], {}, 'disable_http', true],
    ['a variable', [], { MARATHON_HTTP_PORT: '9' }, 'http_port', 9],
    ['an empty variable: the bare flag', [], { MARATHON_DISABLE_CHECKPOINT: '' }, 'checkpoint', false],
    ['a boolean variable', [], { MARATHON_CHECKPOINT: 'false' }, 'checkpoint', false],
    ['the same by both ways', ['--http_port', '9'], { MARATHON_HTTP_PORT: '9' }, 'http_port', 9],
    ['a choice', ['--gpu_scheduling_behavior', 'unrestricted'], {}, 'gpu_scheduling_behavior', 'unrestricted'],
    ['variables of a task of Marathon', [], { MARATHON_APP_HTTP_PORT: '9', MARATHON_APP_ID: '/m' }, 'http_port', 8080],
  ];
  it.each(rows)('take %s', (_, argv, env, name, expected) => {
    expect(settingOf(name, argv, env)).toBe(expected);
  });

  const refusals: readonly (readonly [string, readonly string[], Env, string])[] = [
    ['an unknown flag', ['--quite_unknown'], {}, 'unknown flag --quite_unknown (see --help)'],
    ['a misspelt flag', ['--http_prot=1'], {}, 'unknown flag --http_prot; did you mean --http_port? (see --help)'],
    ['a word without hyphens', ['http_port'], {}, 'unexpected argument: http_port'],
    ['a missing value', ['--http_port'], {}, '--http_port needs a value'],
    ['a flag in place of a value', ['--http_port', '--zk', 'x'], {}, '--http_port needs a value'],
    ['an empty variable for a value', [], { MARATHON_HOSTNAME: '' }, 'MARATHON_HOSTNAME needs a value'],
    ['words for a number', ['--http_port', 'many'], {}, '--http_port: "many" is not a whole number'],
    ['a fraction for a whole number', ['--http_port', '1.5'], {}, '--http_port: "1.5" is not a whole number'],
    ['another notation', ['--http_port', '0x50'], {}, '--http_port: "0x50" is not a whole number'],
    ['nothing for a number', ['--http_port='], {}, '--http_port: "" is not a whole number'],
    ['infinity', ['--failover_timeout', 'Infinity'], {}, '--failover_timeout: "Infinity" is not a number'],
    ['too much', ['--http_port', '65536'], {}, '--http_port: 65536 is not between 0 and 65535'],
    ['too little', ['--failover_timeout', '-1'], {}, '--failover_timeout: -1 is not between 0 and ∞'],
    [
      'no choice',
      ['--logging_level', 'loud'],
      {},
      '--logging_level: "loud" is none of trace, debug, info, warn, error, fatal',
    ],
    ['no boolean', ['--checkpoint=maybe'], {}, '--checkpoint: "maybe" is neither true nor false'],
    [
      'no boolean, negated',
      ['--disable_checkpoint=maybe'],
      {},
      '--disable_checkpoint: "maybe" is neither true nor false',
    ],
    [
      'both ways',
      ['--http_port', '1'],
      { MARATHON_HTTP_PORT: '2' },
      'http_port is given twice: by --http_port and by MARATHON_HTTP_PORT',
    ],
    [
      'yes and no',
      ['--checkpoint', '--disable_checkpoint'],
      {},
      'checkpoint is given twice: by --checkpoint and by --disable_checkpoint',
    ],
  ];
  it.each(refusals)('refuse %s with one line', (_, argv, env, message) => {
    expect(errorOf(argv, env)).toBe(message);
  });

  it('never show a secret, however wrong the line is', () => {
    const secret = 'geheim';
    const lines: readonly (readonly [readonly string[], Env])[] = [
      [[`http_credentials=me:${secret}`], {}],
      [[`--http_credential=me:${secret}`], {}],
      [[`--http_credentials:${secret}`], {}],
      [['--http_credentials', 'me:my', secret], {}],
      [['--http_credentials=me:my', secret], {}],
      [['--mesos_authentication_secret', secret], { MARATHON_MESOS_AUTHENTICATION_SECRET: 'other' }],
    ];
    for (const [argv, env] of lines) {
      expect(errorOf(argv, env)).toBeTypeOf('string');
      expect(errorOf(argv, env)).not.toContain(secret);
    }
    const numeric: FlagSpec = { name: 'pin', type: 'integer', isSecret: true, help: 'x' };
    const parsed = parseFlags({ specs: [numeric], ignored: new Set(), argv: ['--pin', secret], env: {} });
    expect(parsed).toEqual({ ok: false, error: '--pin: its value is not a whole number' });
  });

  it('accept with a warning what only other Marathons know', () => {
    expect(
      warningsOf([
        '--store_cache',
        '--disable_store_cache',
        '--zk_timeout=5',
        '--executor',
        '//cmd',
        '--killsPerBatch',
        '3',
      ]),
    ).toEqual(
      ['store_cache', 'disable_store_cache', 'zk_timeout', 'executor', 'killsPerBatch'].map(
        (n) => `--${n} has no meaning here and is ignored`,
      ),
    );
    expect(warningsOf(['--instance_tracker_x', '1', '--task_update_execution_context_size=8'])).toHaveLength(2);
    expect(warningsOf([], { MARATHON_DISABLE_STORE_CACHE: '', MARATHON_KILLSPERBATCH: '3' })).toEqual([
      'MARATHON_DISABLE_STORE_CACHE is ignored: it has no meaning here',
      'MARATHON_KILLSPERBATCH is ignored: it has no meaning here',
    ]);
  });

  it('warn of a variable that names no flag', () => {
    expect(warningsOf([], { MARATHON_HTTP_PROT: '1', OTHER: 'x' })).toEqual([
      'MARATHON_HTTP_PROT is ignored: it names no flag; did you mean --http_port?',
    ]);
  });

  it('tell which were given', () => {
    const parsed = parse(['--http_port', '8080'], { MARATHON_CHECKPOINT: '' });
    expect(parsed.ok && [...parsed.value.given]).toEqual(['http_port', 'checkpoint']);
  });

  it('ask for help whatever else is there', () => {
    for (const word of ['--help', '-h'])
      expect(parse(['--nonsense', word])).toMatchObject({ value: { wantsHelp: true } });
  });

  it('are all named by the help, with their defaults and choices, but for secrets', () => {
    const help = describeFlags(serverFlags);
    for (const { name } of serverFlags) expect(help).toMatch(new RegExp(`^  --${name}\\b`, 'm'));
    expect(help).toContain('port of API and UI; 0 = any (default 8080)');
    expect(help).toContain('--gpu_scheduling_behavior restricted|unrestricted');
    expect(describeFlags([{ name: 'x', type: 'string', default: 'geheim', isSecret: true, help: 'y' }])).not.toContain(
      'geheim',
    );
  });

  it('have one meaning each', () => {
    const names = serverFlags.map((s) => s.name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((n) => ignoredFlags.has(n))).toEqual([]);
  });
});
