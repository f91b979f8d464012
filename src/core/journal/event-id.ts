/**
 * Public event ids: `<generation>.<n>` (design §5.9). Numbers have no gaps within a generation; a new generation means that the
 * state was restored or wiped, so that a number of an older one says nothing.
 */

export interface EventPosition {
  readonly generation: string;
  readonly number: number;
}

/** The text after `id:` on a stream. */
export const formatEventId = (generation: string, number: number): string => `${generation}.${number}`;

/** Undefined for a text that no server of ours has written. Ids come from readers, so nothing about them is taken for granted. */
export function parseEventId(text: string): EventPosition | undefined {
  const match = /^([0-9A-Za-z-]{1,64})\.(0|[1-9]\d{0,15})$/.exec(text);
  const number = Number(match?.[2]);
  return match?.[1] === undefined || !Number.isSafeInteger(number) ? undefined : { generation: match[1], number };
}

/** Number of an id that one of our own servers has given. */
export const eventNumber = (id: string): number => Number(id.slice(id.lastIndexOf('.') + 1));
