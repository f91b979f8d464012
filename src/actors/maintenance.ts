/** Backup and restore that a user asked for with an abdication: stored, and carried out by the next leader (rest-api §6A.2). */
import type { EncodedRecord, LoadedJournal, RecordWrite } from '../core/journal/batch.ts';
import { upgrade } from '../core/journal/migrations.ts';
import type { JournalStore, Logger } from './ports.ts';

/** URIs of files on the machine of the next leader. */
export interface MaintenanceRequest {
  readonly backup?: string;
  readonly restore?: string;
}

/** Writes a store to a file, and a file to a store. Rejects with one line. */
export interface BackupPort {
  /** Why this URI cannot be used; undefined if it can. */
  readonly badUri: (uri: string) => string | undefined;
  readonly backup: (store: JournalStore, uri: string) => Promise<void>;
  /** All or nothing: an unusable file changes nothing. */
  readonly restore: (store: JournalStore, uri: string) => Promise<void>;
}

const key = 'maintenance';

/** What an abdication leaves behind for the next leader. */
export const maintenanceRecord = (request: MaintenanceRequest): RecordWrite => ({ kind: 'meta', key, value: request });

/** Takes the request out of the store, once it has been dealt with. */
export const maintenanceDone: RecordWrite = { kind: 'meta', key, value: undefined };

/** The stored request, if there is one. */
export function maintenanceRequest(records: Iterable<EncodedRecord>): MaintenanceRequest | undefined {
  for (const record of records) {
    if (record.kind !== 'meta' || record.key !== key) continue;
    const { json } = upgrade(record);
    if (json !== undefined) return JSON.parse(json) as MaintenanceRequest;
  }
  return undefined;
}

interface OpenOptions {
  readonly store: JournalStore;
  /** Absent = what was asked for stays in the store. */
  readonly backups?: BackupPort;
  readonly logger: Logger;
}

/**
 * Opens the store for a leadership, and carries out what the last leader was asked for before anybody sees the state. `isOver`
 * tells that it is not ours any more. Rejects as `JournalStore.open` does.
 */
export async function openMaintained(
  options: OpenOptions,
  claim: string | undefined,
  isOver: () => boolean,
): Promise<{ readonly journal: LoadedJournal; readonly request: MaintenanceRequest | undefined }> {
  const { store, backups } = options;
  const journal = await store.open(claim);
  const request = backups && maintenanceRequest(journal.records);
  if (!request || isOver()) return { journal, request: undefined };
  const isReplaced = await carryOut(request, backups, options);
  return { journal: isReplaced && !isOver() ? await store.open(claim) : journal, request };
}

/**
 * True if the store was replaced and must be opened again. What fails is logged and given up: a service that does not come back is
 * worse than a backup that was not made. Nothing is restored over a state whose backup failed.
 */
async function carryOut(
  { backup, restore }: MaintenanceRequest,
  port: BackupPort,
  { store, logger }: OpenOptions,
): Promise<boolean> {
  try {
    if (backup !== undefined) {
      await port.backup(store, backup);
      logger.info('store.backup-written', { uri: backup });
    }
    if (restore === undefined) return false;
    await port.restore(store, restore);
    logger.warn('store.restored', { uri: restore });
    return true;
  } catch (error) {
    logger.error('store.maintenance-failed', { backup, restore }, error);
    return false;
  }
}
