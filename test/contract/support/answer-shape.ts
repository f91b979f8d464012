/** Compares an answer of the local cluster with the written table of Mesos' answers. */
import { mistakesIn } from '../../support/mesos-proto/check.ts';
import { oldTables, type Table } from './mesos-answers.ts';
import { v1Tables } from './mesos-answers-v1.ts';

const tables: Readonly<Record<string, Table>> = { ...oldTables, ...v1Tables };

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Summaries of resources: these four always, others by their names. */
const always = ['cpus', 'gpus', 'mem', 'disk'];

export class Shapes {
  /** Members that have been met, as `Message.member`. */
  readonly seen = new Set<string>();

  /** Every mistake, as `path: what`. */
  mistakes(kind: string, value: unknown): readonly string[] {
    const found: string[] = [];
    this.#check(kind, value, kind, found);
    return found;
  }

  #check(kind: string, value: unknown, path: string, found: string[]): void {
    if (kind.endsWith('[]')) {
      if (!Array.isArray(value)) found.push(`${path}: is no list`);
      else for (const item of value) this.#check(kind.slice(0, -2), item, `${path}[]`, found);
    } else if (kind.endsWith('{}')) {
      if (!isObject(value)) found.push(`${path}: is no map`);
      else for (const item of Object.values(value)) this.#check(kind.slice(0, -2), item, `${path}{}`, found);
    } else if (kind === 'Amounts') this.#amounts(value, path, found);
    else if (kind === 'EndpointResources') this.#check('proto:Resource[]', value, path, found);
    else if (kind.startsWith('proto:')) {
      for (const mistake of mistakesIn(kind.slice('proto:'.length), value)) found.push(`${path}.${mistake}`);
    } else if (Object.hasOwn(tables, kind)) this.#message(kind, value, path, found);
    else if (!isOf(kind, value)) found.push(`${path}: ${JSON.stringify(value)} is no ${kind}`);
  }

  #message(kind: string, value: unknown, path: string, found: string[]): void {
    const { members } = tables[kind] as Table;
    if (!isObject(value)) {
      found.push(`${path}: is no ${kind}`);
      return;
    }
    for (const [name, member] of Object.entries(value)) {
      const wanted = members[name];
      if (wanted === undefined) {
        found.push(`${path}.${name}: ${kind} has no such member`);
        continue;
      }
      this.seen.add(`${kind}.${name}`);
      const isOptional = wanted.endsWith('?');
      const plain = wanted.replace(/\?$/, '');
      const isMessage = path.startsWith('GET_') || path.startsWith('SUBSCRIBE');
      if (isMessage && isOptional && Array.isArray(member) && member.length === 0) {
        found.push(`${path}.${name}: an empty list is not written`);
      }
      this.#check(plain, member, `${path}.${name}`, found);
    }
    for (const [name, wanted] of Object.entries(members)) {
      if (!wanted.endsWith('?') && value[name] === undefined) found.push(`${path}.${name}: is always there`);
    }
  }

  #amounts(value: unknown, path: string, found: string[]): void {
    if (!isObject(value)) {
      found.push(`${path}: is no object`);
      return;
    }
    for (const name of always) if (typeof value[name] !== 'number') found.push(`${path}.${name}: is always a number`);
    for (const [name, amount] of Object.entries(value)) {
      if (!isOf('text-or-number', amount)) found.push(`${path}.${name}: ${JSON.stringify(amount)}`);
    }
  }
}

function isOf(kind: string, value: unknown): boolean {
  switch (kind) {
    case 'any':
      return value !== undefined;
    case 'integer':
      return Number.isInteger(value);
    case 'text-or-number':
      return typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value));
    default:
      if (!kind.startsWith('"')) return typeof value === kind;
      return kind.slice(1, -1).split('|').includes(String(value));
  }
}
