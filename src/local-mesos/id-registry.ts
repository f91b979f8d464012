/** The ids that survive a restart, in one small file of the work directory that is replaced as a whole. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RememberedIds } from './master/master.ts';
import type { Log } from './master/model.ts';

const fileName = 'registry.json';
const noIds: RememberedIds = { agents: [], removed: [] };

/** What the last run remembered; nothing if there was none. An unreadable file is reported and replaced. */
export async function readRegistry(workDir: string, log: Log): Promise<RememberedIds> {
  let text: string;
  try {
    text = await readFile(join(workDir, fileName), 'utf8');
  } catch {
    return noIds;
  }
  try {
    const json = JSON.parse(text) as Record<string, unknown>;
    return { agents: ids(json['agents']), removed: ids(json['removed']) };
  } catch {
    log.warn(`${fileName} in ${workDir} cannot be read and begins anew`);
    return noIds;
  }
}

const ids = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((id): id is string => typeof id === 'string') : [];

/** Writes changes one after the other; what changes during a write goes out with the next one. */
export class RegistryWriter {
  readonly #path: string;
  readonly #log: Log;
  readonly #current: () => RememberedIds;
  #writing: Promise<void> | undefined;
  #again = false;

  constructor(workDir: string, log: Log, current: () => RememberedIds) {
    this.#path = join(workDir, fileName);
    this.#log = log;
    this.#current = current;
  }

  /** Something has changed. */
  save(): void {
    if (this.#writing !== undefined) {
      this.#again = true;
      return;
    }
    this.#writing = this.#write().finally(() => {
      this.#writing = undefined;
      if (!this.#again) return;
      this.#again = false;
      this.save();
    });
  }

  /** Resolves when everything is written. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #write(): Promise<void> {
    try {
      await writeFile(`${this.#path}.new`, JSON.stringify(this.#current()));
      await rename(`${this.#path}.new`, this.#path);
    } catch (error) {
      this.#log.warn(`ids could not be saved: ${String(error)}`);
    }
  }
}
