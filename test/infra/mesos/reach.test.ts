import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createListDetector, parseMasters } from '../../../src/infra/mesos/detector.ts';
import { createMesosProbe } from '../../../src/infra/mesos/reach.ts';

const masters = (text: string) => {
  const parsed = parseMasters(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return createListDetector(parsed.value);
};

/** A port that was free a moment ago. */
async function listening(): Promise<{ readonly address: string; readonly close: () => Promise<void> }> {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    address,
    close: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

describe('the probe for masters', () => {
  it('finds one of several, and none when all are gone', async () => {
    const [gone, there] = [await listening(), await listening()];
    await gone.close();
    const probe = createMesosProbe(masters(`${gone.address},${there.address}`));
    expect(await probe.probe()).toBe(true);
    await there.close();
    expect(await probe.probe()).toBe(false);
    probe.stop();
  });
});
