/** What a server says at its start when the path of `--zk` is not its own (design §5.14). */
import { describe, expect, it } from 'vitest';
import { inPlayground } from '../../support/processes.ts';
import { startEnsemble, zooKeeperMissing } from '../../support/zookeeper.ts';
import { openTestSession } from '../../support/zookeeper-session.ts';

describe.skipIf(zooKeeperMissing)('a path that is not ours', () => {
  it('design §5.14: ends the server with code 2 and one line that says how to migrate, and nothing is touched', async () => {
    const ensemble = await startEnsemble(1);
    try {
      const session = await openTestSession(ensemble.url('/marathon', 'user:secret'));
      await session.ensurePath('/leader-curator');
      await session.ensurePath('/state/apps');
      await inPlayground(async (playground) => {
        const zk = ensemble.url('/marathon', 'user:secret');
        const server = playground.run(['server', '--zk', zk, '--master', '127.0.0.1:1', '--http_port', '0']);
        expect(await server.exited).toEqual({ code: 2, signal: null });
        expect(server.stderr()).not.toContain('secret');
        const lines = server.stderr().trim().split('\n');
        // Beside its log.
        const said = lines.filter((line) => !line.startsWith('{')).join('\n');
        expect(said).toMatch(/^[^\n]*--zk: the path \/marathon [^\n]*Marathon[^\n]*docs\/operations\.md[^\n]*$/);
        expect(server.stdout()).toBe('');
      });
      expect((await session.children('/')).toSorted()).toEqual(['leader-curator', 'state']);
      expect(await session.children('/state')).toEqual(['apps']);
      await session.close();
    } finally {
      await ensemble.close();
    }
  });
});
