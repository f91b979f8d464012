/** Label selectors: `env==prod,tier in (web, db),owner` (rest-api §3.2). */
import { type Refusal, refusal } from '../core/refusal.ts';
import { err, ok, type Result } from '../core/result.ts';

type Labels = Readonly<Record<string, string>>;

/** Decides whether an app with these labels is selected. */
export type LabelFilter = (labels: Labels) => boolean;

/** As much of a selector as a message repeats, in characters. */
const maxShownLength = 200;

/** Longest selector that is parsed, in characters. */
const maxSelectorLength = 16_384;

const plain = /[A-Za-z0-9\-_.]/;

class Unreadable extends Error {
  readonly code = 'LABEL_SELECTOR';
}

/** Walks over the text once; a failed expectation throws and is turned into a refusal by the one caller. */
class Cursor {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  skipSpace(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at += 1;
  }

  atEnd(): boolean {
    this.skipSpace();
    return this.#at >= this.#text.length;
  }

  accept(literal: string): boolean {
    this.skipSpace();
    if (!this.#text.startsWith(literal, this.#at)) return false;
    this.#at += literal.length;
    return true;
  }

  expect(literal: string): void {
    if (!this.accept(literal)) throw new Unreadable(`expected '${literal}' at position ${this.#at + 1}`);
  }

  /** One or more plain characters, or any other character behind a backslash. */
  term(): string {
    this.skipSpace();
    let term = '';
    for (;;) {
      const char = this.#text[this.#at];
      const next = this.#text[this.#at + 1];
      if (char === '\\' && next !== undefined) {
        term += next;
        this.#at += 2;
      } else if (char !== undefined && plain.test(char)) {
        term += char;
        this.#at += 1;
      } else break;
    }
    if (term === '') throw new Unreadable(`expected a label or value at position ${this.#at + 1}`);
    return term;
  }
}

function valueSet(cursor: Cursor): ReadonlySet<string> {
  const values = new Set<string>();
  cursor.expect('(');
  if (cursor.accept(')')) return values;
  do values.add(cursor.term());
  while (cursor.accept(','));
  cursor.expect(')');
  return values;
}

/** `!=` and `notin` also need the label to be there, as in Marathon. */
function selector(cursor: Cursor): LabelFilter {
  const label = cursor.term();
  const has = (labels: Labels): boolean => Object.hasOwn(labels, label);
  if (cursor.accept('==')) {
    const wanted = cursor.term();
    return (labels) => has(labels) && labels[label] === wanted;
  }
  if (cursor.accept('!=')) {
    const unwanted = cursor.term();
    return (labels) => has(labels) && labels[label] !== unwanted;
  }
  if (cursor.accept('notin')) {
    const unwanted = valueSet(cursor);
    return (labels) => has(labels) && !unwanted.has(labels[label] ?? '');
  }
  if (cursor.accept('in')) {
    const wanted = valueSet(cursor);
    return (labels) => has(labels) && wanted.has(labels[label] ?? '');
  }
  return has;
}

/** Parses a selector; the empty one selects everything. Refused with 422 (illegal argument) if it makes no sense. */
export function parseLabelSelector(text: string): Result<LabelFilter, Refusal> {
  const shown = text.length > maxShownLength ? `${text.slice(0, maxShownLength)}…` : text;
  const refuse = (why: string): Result<never, Refusal> =>
    err(refusal('illegalArgument', `Can not parse label selector ${shown}. Reason: ${why}`));
  if (text.length > maxSelectorLength) return refuse(`longer than ${maxSelectorLength} characters`);
  const cursor = new Cursor(text);
  const filters: LabelFilter[] = [];
  if (cursor.atEnd()) return ok(() => true);
  try {
    do filters.push(selector(cursor));
    while (cursor.accept(','));
    if (!cursor.atEnd()) return refuse('it goes on after its end');
  } catch (error) {
    if (error instanceof Unreadable) return refuse(error.message);
    throw error;
  }
  return ok((labels) => filters.every((filter) => filter(labels)));
}
