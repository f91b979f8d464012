/**
 * `limit`, `cursor` and `fields` of lists of apps (not Marathon's): pages in the order of the ids, so that what comes and goes between two
 * pages neither doubles nor hides anything else, and only the members that the reader wants.
 */
import type { AppDefinition } from '../core/app/definition.ts';
import { type Refusal, refusal } from '../core/refusal.ts';
import { err, ok, type Result } from '../core/result.ts';
import { all, first, type Query } from './query.ts';

/** Most apps of one page. */
const maxPageSize = 10_000;

export interface Paging {
  readonly limit: number | undefined;
  /** Id after which the page begins. */
  readonly after: string | undefined;
  /** Members to show; undefined = all. */
  readonly fields: ReadonlySet<string> | undefined;
}

/** Reads the parameters; 400 for what makes no sense. */
export function pagingOf(query: Query): Result<Paging, Refusal> {
  const limitText = first(query, 'limit');
  const cursor = first(query, 'cursor');
  const limit = limitText === undefined ? undefined : Number(limitText);
  if (limit !== undefined && !(Number.isInteger(limit) && limit >= 1 && limit <= maxPageSize)) {
    return err(refusal('badRequest', `limit must be a number from 1 to ${maxPageSize}`));
  }
  const after = cursor === undefined ? undefined : idOfCursor(cursor);
  if (after === null) return err(refusal('badRequest', 'This cursor is none that was given out'));
  const names = all(query, 'fields')
    .flatMap((list) => list.split(','))
    .map((name) => name.trim());
  const fields = names.filter((name) => name !== '');
  return ok({ limit, after, fields: fields.length > 0 ? new Set(fields) : undefined });
}

const cursorOf = (id: string): string => Buffer.from(`id:${id}`).toString('base64url');

function idOfCursor(cursor: string): string | null {
  const text = Buffer.from(cursor, 'base64url').toString();
  return text.startsWith('id:/') ? text.slice(3) : null;
}

export interface Page {
  readonly apps: readonly AppDefinition[];
  /** Where the next page begins; undefined = this was the last. */
  readonly next: string | undefined;
}

/** The apps of a page. Sorts what is there: a page costs more than its share, but holds up nobody for long. */
export function pageOf(apps: Iterable<AppDefinition>, { limit, after }: Paging): Page {
  const rest = [...apps].filter(({ id }) => after === undefined || id > after);
  rest.sort((a, b) => (a.id < b.id ? -1 : 1));
  if (limit === undefined || rest.length <= limit) return { apps: rest, next: undefined };
  const page = rest.slice(0, limit);
  return { apps: page, next: cursorOf(page.at(-1)?.id ?? '') };
}

/** The JSON of an app with the chosen members only. */
export function withFields(json: string, fields: ReadonlySet<string> | undefined): string {
  if (!fields) return json;
  const app = JSON.parse(json) as Record<string, unknown>;
  return JSON.stringify(Object.fromEntries(Object.entries(app).filter(([name]) => fields.has(name))));
}
