/** What clients did and saw, with the times of its start and end: the material of the checker. */

/** `unknown`: nobody told the client whether it happened. */
export type Outcome = 'ok' | 'refused' | 'unknown';
/** `create` succeeds only where nothing is, `delete` only where something is, `put` always. */
export type OperationKind = 'put' | 'create' | 'delete' | 'read';

export interface Operation {
  readonly client: string;
  readonly kind: OperationKind;
  readonly key: string;
  /** What a put or create writes, what a read saw; undefined: nothing is there. */
  readonly value: number | undefined;
  /** Monotonic. */
  readonly startMs: number;
  readonly endMs: number;
  readonly outcome: Outcome;
  /** Through which server. */
  readonly server: string;
  /** Status or error, for people. */
  readonly detail: string;
}

export type Begun = Pick<Operation, 'client' | 'kind' | 'key' | 'value' | 'server'>;

export interface History {
  /** Notes the start of an operation and gives how to note its end. What never ends counts as unknown. */
  readonly begin: (
    operation: Begun,
  ) => (end: Pick<Operation, 'outcome' | 'detail'> & { readonly seen?: number }) => void;
  /** A line between the operations: what was done to the servers. */
  readonly note: (text: string) => void;
  readonly operations: () => readonly Operation[];
  /** Writes that were acknowledged. */
  readonly acknowledged: () => readonly Operation[];
  /** One line for each operation and note, in order of their start; at most the last `limit`. */
  readonly text: (limit?: number) => string;
}

interface Entry {
  operation: Operation;
}

/** An empty history whose times count from now. */
export function createHistory(): History {
  const zeroMs = performance.now();
  const nowMs = (): number => performance.now() - zeroMs;
  const entries: Entry[] = [];
  const notes: { readonly atMs: number; readonly text: string }[] = [];
  const operations = (): readonly Operation[] => entries.map((entry) => entry.operation);
  return {
    begin: (begun) => {
      const entry: Entry = {
        operation: {
          ...begun,
          startMs: nowMs(),
          endMs: Number.POSITIVE_INFINITY,
          outcome: 'unknown',
          detail: 'never ended',
        },
      };
      entries.push(entry);
      return ({ seen, ...end }) => {
        const value = begun.kind === 'read' ? seen : begun.value;
        entry.operation = { ...entry.operation, ...end, value, endMs: nowMs() };
      };
    },
    note: (text) => {
      notes.push({ atMs: nowMs(), text });
    },
    operations,
    acknowledged: () => operations().filter(({ kind, outcome }) => kind !== 'read' && outcome === 'ok'),
    text: (limit = 400) => {
      const lines = [
        ...operations().map((operation) => ({ atMs: operation.startMs, text: describeOperation(operation) })),
        ...notes.map(({ atMs, text }) => ({ atMs, text: `${atMs.toFixed(0).padStart(7)}          ==== ${text}` })),
      ];
      lines.sort((a, b) => a.atMs - b.atMs);
      return lines
        .slice(-limit)
        .map(({ text }) => text)
        .join('\n');
    },
  };
}

/** One line for people. */
export function describeOperation(operation: Operation): string {
  const { client, kind, key, value, startMs, endMs, outcome, server, detail } = operation;
  const span = `${startMs.toFixed(0).padStart(7)}–${endMs.toFixed(0).padStart(7)}`;
  return `${span}  ${client} via ${server}: ${kind} ${key} ${value ?? '–'}: ${outcome} (${detail})`;
}
