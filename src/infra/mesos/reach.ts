/** Whether a Mesos master can be reached from here at all, asked by servers that have no connection of their own (design §5.11). */
import { connect } from 'node:net';
import type { MasterDetector } from './detector.ts';

/** A master that does not take a connection within this time counts as out of reach. */
const connectTimeoutMs = 2_000;
/** Masters that are tried in one go. */
const maxTries = 5;

export interface MesosProbe {
  /** True if some master that the detector names takes a TCP connection. Never rejects. */
  readonly probe: () => Promise<boolean>;
  readonly stop: () => void;
}

/** Uses a detector of its own, which it starts on the first probe. */
export function createMesosProbe(detector: MasterDetector): MesosProbe {
  let isStarted = false;
  return {
    probe: async () => {
      if (!isStarted) {
        isStarted = true;
        detector.start(() => {});
      }
      for (let tries = 0; tries < maxTries; tries++) {
        const address = detector.candidate();
        if (address === undefined) return false;
        if (await takesConnection(address.host, address.port)) return true;
        detector.failed(address);
      }
      return false;
    },
    stop: () => {
      if (isStarted) detector.stop();
    },
  };
}

const takesConnection = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (result: boolean): void => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(connectTimeoutMs, () => finish(false));
    socket.once('connect', () => finish(true));
    socket.once('error', () => finish(false));
  });
