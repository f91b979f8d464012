/** Names and contents of candidatures in ZooKeeper. */
import type { Candidate } from '../../actors/ports.ts';

/** Where the candidates stand. */
export const electionPath = '/election';

/** A new candidature's name; ZooKeeper appends ten digits. The id tells an own node again after a lost answer (design §5.3). */
export const nodePrefix = (guid: string): string => `${electionPath}/${guid}-n_`;

const sequenceOf = (name: string): number | undefined => {
  const digits = /-n_(-?\d{1,10})$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
};

/** Candidatures, oldest first; whatever else lies there is left out. ZooKeeper's counter wraps at 2^31. */
export function oldestFirst(names: readonly string[]): readonly string[] {
  const known = names.flatMap((name) => {
    const sequence = sequenceOf(name);
    return sequence === undefined ? [] : [{ name, sequence }];
  });
  return known.sort((a, b) => (a.sequence - b.sequence) | 0).map(({ name }) => name);
}

/** What a node says of its server. */
export const encodeCandidate = (candidate: Candidate): Buffer => Buffer.from(JSON.stringify(candidate));

/** Undefined for what no server of ours has written. */
export function decodeCandidate(data: Buffer): Candidate | undefined {
  try {
    const value: unknown = JSON.parse(data.toString('utf8'));
    if (typeof value !== 'object' || value === null) return undefined;
    const { address, url, version, reachesMesos } = value as Readonly<Record<string, unknown>>;
    if (typeof address !== 'string' || typeof url !== 'string' || !/^https?:\/\//.test(url)) return undefined;
    return {
      address,
      url,
      version: typeof version === 'string' ? version : 'unknown',
      reachesMesos: reachesMesos === true,
    };
  } catch {
    return undefined;
  }
}
