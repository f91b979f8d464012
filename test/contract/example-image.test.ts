/** The script that builds the example's image, with clients of engines that only say what they were asked. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../examples/2048/build-image.mjs', import.meta.url));

describe('building the image of the example', () => {
  let bin: string;
  beforeEach(() => {
    bin = mkdtempSync(join(tmpdir(), 'engines-'));
    // No library's loader is named in it, as in a static program.
    writeFileSync(join(bin, 'busybox'), 'static');
  });
  afterEach(() => rmSync(bin, { recursive: true, force: true }));

  /** A client whose daemon answers, or not. */
  function install(program: string, isAnswering: boolean): void {
    const code = isAnswering ? 0 : 1;
    const text = `#!/bin/sh\n[ "$1" = --version ] && exit 0\n[ "$1" = build ] && echo "${program} builds"\nexit ${code}\n`;
    writeFileSync(join(bin, program), text);
    chmodSync(join(bin, program), 0o755);
  }

  const build = (...words: readonly string[]) => {
    const env = { PATH: bin, BUSYBOX: join(bin, 'busybox') };
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...words], { env, encoding: 'utf8' });
    return { status, said: stdout + stderr };
  };

  it('takes the engine that answers, not a client without its daemon', () => {
    install('docker', false);
    install('podman', true);
    expect(build()).toEqual({ status: 0, said: expect.stringContaining('podman builds') });
  });

  it('takes docker where both answer, and the one that it is told', () => {
    install('docker', true);
    install('podman', true);
    expect(build().said).toContain('docker builds');
    expect(build('podman').said).toContain('podman builds');
  });

  it('says in one line that none answers', () => {
    install('docker', false);
    install('podman', false);
    expect(build()).toEqual({ status: 1, said: expect.stringMatching(/^Neither docker nor podman answers[^\n]*\n$/) });
  });
});
