/** Flags in Marathon's manner: `--name value`, `--name=value`, `--disable_name`, `MARATHON_NAME=value` (rest-api §11.1). */
import type { Result } from '../core/result.ts';
import { err, ok } from '../core/result.ts';

export interface FlagSpec {
  /** With underscores; the spelling with hyphens is accepted too. */
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean';
  readonly help: string;
  readonly default?: string | number | boolean;
  /** Bounds of numbers, both included. */
  readonly min?: number;
  readonly max?: number;
  /** In lower case; taken in any. */
  readonly choices?: readonly string[];
  /** Never shown in logs or in `--help` defaults. */
  readonly isSecret?: boolean;
}

export type FlagValues = Readonly<Record<string, string | number | boolean | undefined>>;

export interface ParsedFlags {
  readonly values: FlagValues;
  /** Names that were given, by whatever way. */
  readonly given: ReadonlySet<string>;
  /** What was given for flags that mean nothing here, as text; 'true' or 'false' for a bare flag. `/v2/info` shows some of them. */
  readonly ignored: ReadonlyMap<string, string>;
  readonly warnings: readonly string[];
  readonly wantsHelp: boolean;
}

export interface FlagSource {
  readonly specs: readonly FlagSpec[];
  /** Old flags that mean nothing here: accepted, with a warning. */
  readonly ignored: { readonly has: (name: string) => boolean };
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

type Raw = { readonly name: string; readonly text: string | undefined; readonly origin: string };

/** Reads flags and environment. The error is one line for people. */
export function parseFlags(source: FlagSource): Result<ParsedFlags, string> {
  const specs = new Map(source.specs.map((s) => [s.name, s]));
  const warnings: string[] = [];
  const wantsHelp = source.argv.includes('--help') || source.argv.includes('-h');
  if (wantsHelp) return ok({ values: {}, given: new Set(), ignored: new Map(), warnings, wantsHelp });
  const ignored = new Map<string, string>();
  const fromArgv = readArgv(source, specs, warnings, ignored);
  if (!fromArgv.ok) return fromArgv;
  const values: Record<string, string | number | boolean | undefined> = {};
  const given = new Map<string, Raw>();
  for (const raw of [...fromArgv.value, ...readEnvironment(source, specs, warnings, ignored)]) {
    const before = given.get(raw.name);
    if (before && before.origin !== raw.origin && (before.text ?? 'true') !== (raw.text ?? 'true')) {
      return err(`${raw.name} is given twice: by ${before.origin} and by ${raw.origin}`);
    }
    if (before && before.origin !== raw.origin) continue;
    const spec = specs.get(raw.name);
    if (!spec) continue;
    const value = convert(spec, raw);
    if (!value.ok) return value;
    values[raw.name] = value.value;
    given.set(raw.name, raw);
  }
  for (const spec of source.specs) values[spec.name] ??= spec.default;
  return ok({ values, given: new Set(given.keys()), ignored, warnings, wantsHelp: false });
}

type Specs = ReadonlyMap<string, FlagSpec>;

/** `disable_x` is the negative of a boolean `x`, unless it is a flag of its own. */
function resolve(name: string, specs: Specs): { readonly spec: FlagSpec; readonly isNegated: boolean } | undefined {
  const direct = specs.get(name);
  if (direct) return { spec: direct, isNegated: false };
  const positive = name.startsWith('disable_') ? specs.get(name.slice('disable_'.length)) : undefined;
  return positive?.type === 'boolean' ? { spec: positive, isNegated: true } : undefined;
}

function readArgv(
  source: FlagSource,
  specs: Specs,
  warnings: string[],
  ignored: Map<string, string>,
): Result<readonly Raw[], string> {
  const found: Raw[] = [];
  const { argv } = source;
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? '';
    if (!word.startsWith('--') || word === '--') return err(unexpected(word, found.at(-1), specs));
    const cut = word.indexOf('=');
    const name = word.slice(2, cut < 0 ? undefined : cut).replaceAll('-', '_');
    let text = cut < 0 ? undefined : word.slice(cut + 1);
    const next = argv[i + 1];
    const resolved = resolve(name, specs);
    if (!resolved) {
      if (!isIgnored(name, source))
        return err(`unknown flag --${name.replace(/\W.*/s, '')}${suggestion(name, specs)} (see --help)`);
      warnings.push(`--${name} has no meaning here and is ignored`);
      if (text === undefined && next !== undefined && !next.startsWith('--')) {
        text = next;
        i++;
      }
      noteIgnored(name, text, source, ignored);
      continue;
    }
    const { spec, isNegated } = resolved;
    if (spec.type !== 'boolean' && text === undefined) {
      if (next === undefined || next.startsWith('--')) return err(`--${spec.name} needs a value`);
      text = next;
      i++;
    }
    found.push({ name: spec.name, text: negated(text, isNegated), origin: `--${name}` });
  }
  return ok(found);
}

const isIgnored = (name: string, { ignored }: FlagSource): boolean =>
  ignored.has(name) || ignored.has(name.replace(/^disable_/, ''));

/** Keeps the first one: the command line comes before the environment. */
function noteIgnored(name: string, text: string | undefined, source: FlagSource, into: Map<string, string>): void {
  const isNegated = name.startsWith('disable_') && !source.ignored.has(name);
  const plain = isNegated ? name.slice('disable_'.length) : name;
  if (!into.has(plain)) into.set(plain, negated(text, isNegated) ?? 'true');
}

/** What stands here may be the rest of a secret with a space in it, or a flag without its hyphens: no value is shown. */
function unexpected(word: string, before: Raw | undefined, specs: Specs): string {
  if (before && specs.get(before.name)?.isSecret) return `unexpected argument after ${before.origin}`;
  return `unexpected argument: ${word.replace(/=.*/s, '=…')}`;
}

/** A variable that is no flag is no error, since others may have set it, but a misspelt one must not go unnoticed. */
function readEnvironment(
  source: FlagSource,
  specs: Specs,
  warnings: string[],
  ignored: Map<string, string>,
): readonly Raw[] {
  const found: Raw[] = [];
  for (const [key, text] of Object.entries(source.env)) {
    // A task that runs under Marathon gets MARATHON_APP_… variables of its own.
    if (!key.startsWith('MARATHON_') || key.startsWith('MARATHON_APP_') || text === undefined) continue;
    const name = key.slice('MARATHON_'.length).toLowerCase();
    const resolved = resolve(name, specs);
    if (!resolved) {
      const hint = isIgnored(name, source) ? 'it has no meaning here' : `it names no flag${suggestion(name, specs)}`;
      warnings.push(`${key} is ignored: ${hint}`);
      if (isIgnored(name, source)) noteIgnored(name, text === '' ? undefined : text, source, ignored);
      continue;
    }
    const { spec, isNegated } = resolved;
    const value = spec.type === 'boolean' && text === '' ? undefined : text;
    found.push({ name: spec.name, text: negated(value, isNegated), origin: key });
  }
  return found;
}

const negated = (text: string | undefined, isNegated: boolean): string | undefined => {
  if (!isNegated) return text;
  if (text === undefined || text === 'true') return 'false';
  // Anything else stays as it is, and is refused as no boolean.
  return text === 'false' ? 'true' : text;
};

function convert(spec: FlagSpec, raw: Raw): Result<string | number | boolean, string> {
  const { text = 'true' } = raw;
  const shown = spec.isSecret ? 'its value' : `"${text}"`;
  switch (spec.type) {
    case 'boolean':
      if (text === 'true' || text === 'false') return ok(text === 'true');
      return err(`${raw.origin}: ${shown} is neither true nor false`);
    case 'string':
      // An empty variable is the bare flag (rest-api §11.1), and this flag has a value.
      if (text === '' && raw.origin.startsWith('MARATHON_')) return err(`${raw.origin} needs a value`);
      if (!spec.choices) return ok(text);
      if (spec.choices.includes(text.toLowerCase())) return ok(text.toLowerCase());
      return err(`${raw.origin}: ${shown} is none of ${spec.choices.join(', ')}`);
    case 'integer':
    case 'number': {
      const value = Number(text);
      const shape = spec.type === 'integer' ? /^[+-]?\d+$/ : /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
      if (!shape.test(text) || !Number.isFinite(value))
        return err(`${raw.origin}: ${shown} is not ${spec.type === 'integer' ? 'a whole number' : 'a number'}`);
      if ((spec.min !== undefined && value < spec.min) || (spec.max !== undefined && value > spec.max)) {
        return err(`${raw.origin}: ${value} is not between ${spec.min ?? '-∞'} and ${spec.max ?? '∞'}`);
      }
      return ok(value);
    }
  }
}

/** The flag that was probably meant: the nearest one, if it differs by two edits at most, and by less than its half. */
function suggestion(name: string, specs: Specs): string {
  let nearest: string | undefined;
  let least = 3;
  for (const known of specs.keys()) {
    const edits = distance(known, name);
    if (edits < least && edits * 2 < known.length) [nearest, least] = [known, edits];
  }
  return nearest === undefined ? '' : `; did you mean --${nearest}?`;
}

/** Number of letters to insert, leave out or replace. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + Number(a[i - 1] !== b[j - 1]);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The flags, one a line, for `--help`. */
export function describeFlags(specs: readonly FlagSpec[]): string {
  return specs
    .map((s) => {
      const value = s.type === 'boolean' ? '' : ` ${s.choices ? s.choices.join('|') : s.type.toUpperCase()}`;
      const preset = s.default === undefined || s.isSecret ? '' : ` (default ${s.default})`;
      return `  --${s.name}${value}\n        ${s.help}${preset}`;
    })
    .join('\n');
}
