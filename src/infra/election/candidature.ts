/** One candidature: an ephemeral node of one session, from its creation to its end. */
import type { Candidate, Clock } from '../../actors/ports.ts';
import { isZkError } from '../zookeeper/errors.ts';
import type { ZooKeeperSession } from '../zookeeper/session.ts';
import { electionPath, encodeCandidate, nodePrefix } from './nodes.ts';

const lookAgainMs = 50;

/** Resolves once there is a connection again; rejects when the session has ended. */
function connectedAgain(session: ZooKeeperSession, clock: Clock): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const state = session.state();
      if (state === 'connected') resolve();
      else if (state === 'ended') reject(new Error('the session has ended'));
      else clock.after(lookAgainMs, look);
    };
    look();
  });
}

/**
 * Creates the node and answers its path. After a lost answer the node is looked for by its id and adopted, so that there are never
 * two of them; ids are not used again, so that nothing of an older session is mistaken for it (design §5.3).
 */
export async function createCandidature(
  session: ZooKeeperSession,
  guid: string,
  candidate: Candidate,
  clock: Clock,
): Promise<string> {
  for (let isFirst = true; ; isFirst = false) {
    try {
      const name = isFirst ? undefined : await findOwn(session, guid);
      if (name !== undefined) return `${electionPath}/${name}`;
      return await session.create(nodePrefix(guid), encodeCandidate(candidate), 'ephemeralSequential');
    } catch (error) {
      if (!isZkError(error, 'CONNECTION_LOSS', 'TIMEOUT')) throw error;
      await connectedAgain(session, clock);
    }
  }
}

/** The node with this id, as the majority knows it: a server that lags behind might not have it yet (dependencies §5, fault 16). */
async function findOwn(session: ZooKeeperSession, guid: string): Promise<string | undefined> {
  await proveCandidature(session, electionPath);
  return (await session.children(electionPath)).find((one) => one.startsWith(guid));
}

/** Proves to the majority that the session lives and the candidature stands: a transaction that only checks, so that no watch fires. */
export async function proveCandidature(session: ZooKeeperSession, path: string): Promise<void> {
  await session.multi([{ type: 'check', path, version: 'any' }]);
}
