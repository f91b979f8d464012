/**
 * What survives every restart of a cluster, in one file of the work directory that is replaced as a whole: ids, reservations and
 * volumes of the agents, drains, the maintenance schedule, and operations that nobody has acknowledged. Format 1 had the ids alone.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Resource } from '../core/mesos/types.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { MachineId, MaintenancePlan, Window } from './master/maintenance.ts';
import type { Drain, Log } from './master/model.ts';
import type { UnacknowledgedOperation } from './master/operation-feedback.ts';

export interface AgentRecord {
  /** From 1. */
  readonly number: number;
  readonly id: string;
  /** Dynamic reservations and persistent volumes. */
  readonly checkpointed: readonly Resource[];
  readonly deactivated: boolean;
  readonly drain: Drain | undefined;
}

export interface ClusterRecord {
  readonly agents: readonly AgentRecord[];
  /** Frameworks that were removed and must not come back. */
  readonly removed: readonly string[];
  /** Agents that were marked gone. */
  readonly gone: readonly string[];
  readonly maintenance: MaintenancePlan;
  readonly operations: readonly UnacknowledgedOperation[];
}

const fileName = 'registry.json';
const format = 2;
/** Far more than the most agents with reservations make. A larger file is not ours. */
const maxFileBytes = 256 * 1024 * 1024;

const emptyRecord: ClusterRecord = {
  agents: [],
  removed: [],
  gone: [],
  maintenance: { windows: [], down: [] },
  operations: [],
};

/**
 * What the last run remembered; nothing if there was none. A file that cannot be understood is an error when the work of that run
 * shall go on, and is put aside under another name otherwise.
 */
export async function readRegistry(
  workDir: string,
  { mustBeRead, log }: { readonly mustBeRead: boolean; readonly log: Log },
): Promise<Result<ClusterRecord, string>> {
  const path = join(workDir, fileName);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) =>
    error.code === 'ENOENT' ? undefined : '',
  );
  if (text === undefined) return ok(emptyRecord);
  const record = text.length > maxFileBytes ? undefined : parse(text);
  if (record !== undefined) return ok(record);
  if (mustBeRead) return err(`${path} cannot be read: move it away, or start without --recover`);
  const aside = `${path}.unreadable`;
  await rename(path, aside).catch((error: Error) => log.warn(`${path} cannot be put aside: ${error.message}`));
  log.warn(`${path} cannot be read and begins anew: ids and reservations are lost; the old one is ${aside}`);
  return ok(emptyRecord);
}

function parse(text: string): ClusterRecord | undefined {
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  if (typeof json !== 'object' || json === null || !Array.isArray(json['agents'])) return undefined;
  const removed = texts(json['removed']);
  if (json['version'] === undefined) {
    const agents = texts(json['agents']).map((id, i) => agentRecord({ number: i + 1, id }));
    return { ...emptyRecord, agents, removed };
  }
  if (json['version'] !== format) return undefined;
  const agents = json['agents'] as readonly Partial<AgentRecord>[];
  const areSane = agents.every((one) => typeof one?.id === 'string' && Number.isInteger(one.number));
  if (!areSane) return undefined;
  const { windows, down } = (json['maintenance'] ?? {}) as Partial<MaintenancePlan>;
  return {
    agents: agents.map((one) => agentRecord(one)),
    removed,
    gone: texts(json['gone']),
    maintenance: { windows: list<Window>(windows), down: list<MachineId>(down) },
    operations: list(json['operations'] as ClusterRecord['operations'] | undefined),
  };
}

function agentRecord({ number = 0, id = '', checkpointed, deactivated, drain }: Partial<AgentRecord>): AgentRecord {
  return { number, id, checkpointed: list<Resource>(checkpointed), deactivated: deactivated === true, drain };
}

const list = <T>(value: readonly T[] | undefined): readonly T[] => (Array.isArray(value) ? value : []);

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((text): text is string => typeof text === 'string') : [];

/** Writes what has changed in a turn of the loop at its end, before anything that was sent in it can be answered. */
export class RegistryWriter {
  readonly #path: string;
  readonly #log: Log;
  readonly #current: () => ClusterRecord;
  #isDue = false;
  #isClosed = false;

  constructor(workDir: string, log: Log, current: () => ClusterRecord) {
    this.#path = join(workDir, fileName);
    this.#log = log;
    this.#current = current;
  }

  /** Something has changed. */
  save(): void {
    if (this.#isDue || this.#isClosed) return;
    this.#isDue = true;
    queueMicrotask(() => this.flush());
  }

  /** Writes now what is to be written. */
  flush(): void {
    if (!this.#isDue || this.#isClosed) return;
    this.#isDue = false;
    try {
      const text = JSON.stringify({ version: format, ...this.#current() });
      // On the disk before it takes the place of the old one: volumes outlive a power cut, and so must what is known of them.
      writeFileSync(`${this.#path}.new`, text, { flush: true });
      renameSync(`${this.#path}.new`, this.#path);
    } catch (error) {
      this.#log.warn(`ids and reservations could not be saved: ${String(error)}`);
    }
  }

  /** Nothing is written any more: another program may own the directory from now on. */
  close(): void {
    this.flush();
    this.#isClosed = true;
  }
}
