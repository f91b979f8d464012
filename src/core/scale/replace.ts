/** `replaceBeforeKill`: an unhealthy instance stays until another one has taken its place. */

export interface Replacing {
  /** Instances that the app should have. */
  readonly wanted: number;
  /** Instances in the running set, condemned ones included. */
  readonly running: number;
  /** Those that failed one health check too many, and are to be replaced. */
  readonly condemned: number;
  /** Those that run, are not condemned, and have shown once that they work. */
  readonly settled: number;
  readonly maximumOverCapacity: number;
}

/** How many may be replaced at once: as many as a rolling upgrade may add, and always one. */
export const replacementRoom = (wanted: number, maximumOverCapacity: number): number =>
  Math.max(1, Math.floor(wanted * maximumOverCapacity));

/**
 * `release`: condemned instances that are not needed any more, since the others are enough without them. `extra`: instances to have
 * beyond the wanted ones meanwhile. With 3 wanted, of which 1 is condemned, a fourth is started, and when it is settled the condemned
 * one goes. Others that merely start or wait are no reason to let it go.
 */
export function replaceStep(facts: Replacing): { readonly release: number; readonly extra: number } {
  const { running, condemned, settled, maximumOverCapacity } = facts;
  const wanted = Math.max(0, facts.wanted);
  const release = Math.max(0, Math.min(condemned, running - wanted, settled - (wanted - condemned)));
  return {
    release,
    extra: Math.min(condemned - release, wanted === 0 ? 0 : replacementRoom(wanted, maximumOverCapacity)),
  };
}
