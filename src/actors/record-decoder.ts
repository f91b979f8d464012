/** From the text of stored records to values that share what they have in common. */
import type { Instance } from '../core/instance/instance.ts';
import type { EncodedRecord } from '../core/journal/batch.ts';
import { type FormatSteps, formatSteps, upgrade } from '../core/journal/migrations.ts';
import { SharedParts } from './shared-parts.ts';

export class RecordDecoder {
  readonly #steps: FormatSteps;
  #parts = new SharedParts();

  constructor(steps: FormatSteps = formatSteps) {
    this.#steps = steps;
  }

  /**
   * The value of a record in the newest format; undefined for one that was deleted. Throws `StoreUnusable` for a format that this version
   * does not know.
   */
  decode(record: EncodedRecord): object | undefined {
    const { kind, key, json } = upgrade(record, this.#steps);
    if (json === undefined) return undefined;
    if (kind === 'app' || kind === 'appVersion') return this.#parts.definition(json);
    const value = JSON.parse(json) as object;
    return kind === 'instance' ? this.#parts.instance(key, value as Instance) : value;
  }

  /** What comes from now on shares nothing with what came before. */
  forget(): void {
    this.#parts = new SharedParts();
  }
}
