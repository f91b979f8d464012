/** A strict reader of Prometheus' text format 0.0.4: throws at the first thing that a scraper might not take. */
export interface Sample {
  readonly name: string;
  /** With braces, or empty. */
  readonly labels: string;
  readonly value: number;
}

export interface Family {
  readonly type: string;
  readonly samples: Sample[];
}

const suffixes: Readonly<Record<string, readonly string[]>> = {
  counter: [''],
  gauge: [''],
  summary: ['', '_sum', '_count'],
  histogram: ['_bucket', '_sum', '_count'],
};

const label = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const sampleLine = new RegExp(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\\{(?:${label}(?:,${label})*)?\\})? (\\S+)$`);

function numberOf(text: string): number {
  if (text === 'NaN') return Number.NaN;
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  if (!/^[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(text)) throw new Error(`not a number: ${text}`);
  return Number(text);
}

export function parseExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, Family>();
  const names = new Set<string>();
  const seen = new Set<string>();
  let current: { name: string; family: Family } | undefined;
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('# HELP ')) continue;
    const type = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|summary|histogram)$/.exec(line);
    if (type) {
      const [, name = '', kind = ''] = type;
      if (families.has(name) || names.has(name)) throw new Error(`second family ${name}`);
      current = { name, family: { type: kind, samples: [] } };
      families.set(name, current.family);
      continue;
    }
    const [, name = '', labels = '', number = ''] = sampleLine.exec(line) ?? [];
    if (name === '') throw new Error(`not a sample: ${line}`);
    if (!current) throw new Error(`sample without a type: ${line}`);
    if (!suffixes[current.family.type]?.some((suffix) => `${current?.name}${suffix}` === name)) {
      throw new Error(`${name} does not belong to the ${current.family.type} ${current.name}`);
    }
    if (name !== current.name && families.has(name)) throw new Error(`${name} belongs to two families`);
    if (seen.has(name + labels)) throw new Error(`sample twice: ${name}${labels}`);
    seen.add(name + labels);
    names.add(name);
    current.family.samples.push({ name, labels, value: numberOf(number) });
  }
  return families;
}
