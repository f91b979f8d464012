/** What a backup is told to hold. */
import type { EncodedRecord } from '../core/journal/batch.ts';

export interface Census {
  readonly records: number;
  readonly apps: number;
  readonly instances: number;
  readonly deployments: number;
}

/** Counts records as they pass. */
export class Counter {
  #records = 0;
  #apps = 0;
  #instances = 0;
  #deployments = 0;

  add({ kind }: Pick<EncodedRecord, 'kind'>): void {
    this.#records++;
    if (kind === 'app') this.#apps++;
    else if (kind === 'instance') this.#instances++;
    else if (kind === 'deployment') this.#deployments++;
  }

  result(): Census {
    return { records: this.#records, apps: this.#apps, instances: this.#instances, deployments: this.#deployments };
  }
}

/** `3 apps, 1 instance and no deployments`. */
export function describeCensus({ apps, instances, deployments }: Census): string {
  return `${amount(apps, 'app')}, ${amount(instances, 'instance')} and ${amount(deployments, 'deployment')}`;
}

const amount = (count: number, what: string): string =>
  `${count === 0 ? 'no' : count} ${what}${count === 1 ? '' : 's'}`;
