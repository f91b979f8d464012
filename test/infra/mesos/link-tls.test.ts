import { generate } from 'selfsigned';
import { describe, expect, it } from 'vitest';
import { useLinkHarness } from './link-harness.ts';

describe('TLS', () => {
  const on = useLinkHarness();

  it('carries the stream and the calls, when the authority of the master is given', async () => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
      extensions: [
        { name: 'basicConstraints', cA: true },
        { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
      ],
    });
    const master = await on.anotherMaster({ key, cert });
    const link = on.link({ master: `https://${master.address}`, tls: { ca: cert } });
    link.start(undefined, on.events.put);
    (await master.subscribes.next()).accept();
    await on.event('subscribed');
    link.kill('t.1', 'S0');
    expect((await master.calls.next()).body.type).toBe('KILL');
  });

  it('is refused when the authority is unknown', async () => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }]);
    const master = await on.anotherMaster({ key, cert });
    on.link({ master: `https://${master.address}` }).start(undefined, on.events.put);
    await on.clock.armed(0, 100);
    expect(on.log.map((line) => line.fields?.['reason'])).toContain('DEPTH_ZERO_SELF_SIGNED_CERT');
    expect(master.subscribes.unread()).toEqual([]);
  });
});
