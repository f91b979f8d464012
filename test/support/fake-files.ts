/** Sandboxes in memory: every task has the same files. */
import type { FilesFailure, SandboxFiles, SandboxPlace } from '../../src/actors/ports.ts';
import { err, ok, type Result } from '../../src/core/result.ts';

const maxPart = 64 * 1024;

export class FakeFiles {
  /** By path. */
  readonly content = new Map<string, Buffer>([
    ['stdout', Buffer.from('hello\n')],
    ['d/page.html', Buffer.from('<script>')],
  ]);
  /** What everything is answered with, if set. */
  fails: FilesFailure | undefined;
  /** Downloads break off after so many bytes, if set. */
  breaksAfter: number | undefined;
  readonly places: SandboxPlace[] = [];
  /** Questions so far. */
  asked = 0;
  cancelled = 0;

  write(path: string, text: string | Buffer): void {
    this.content.set(path, Buffer.from(text));
  }

  append(path: string, text: string | Buffer): void {
    this.content.set(path, Buffer.concat([this.content.get(path) ?? Buffer.alloc(0), Buffer.from(text)]));
  }

  #find(place: SandboxPlace, path: string): Result<Buffer, FilesFailure> {
    this.places.push(place);
    this.asked += 1;
    if (this.fails) return err(this.fails);
    const found = this.content.get(path);
    return found ? ok(found) : err({ kind: 'notFound', reason: 'there is no such file' });
  }

  readonly port: SandboxFiles = {
    browse: async (place, path) => {
      if (this.fails) return err(this.fails);
      this.places.push(place);
      const below = [...this.content].filter(([name]) => path === '' || name.startsWith(`${path}/`));
      if (below.length === 0) return err({ kind: 'notFound', reason: 'there is no such file' });
      return ok(
        below.map(([name, bytes]) => ({
          path: name,
          size: bytes.length,
          modifiedMs: 1_000,
          mode: '-rw-r--r--',
          user: 'nobody',
          group: 'nogroup',
          links: 1,
        })),
      );
    },
    read: async (place, path, { offset, length }) => {
      const found = this.#find(place, path);
      if (!found.ok) return found;
      const data = found.value.subarray(offset, offset + Math.min(length, maxPart));
      return ok({ data, size: found.value.length });
    },
    download: async (place, path) => {
      const found = this.#find(place, path);
      if (!found.ok) return found;
      const bytes = found.value;
      const { breaksAfter = Number.POSITIVE_INFINITY } = this;
      const chunks = async function* () {
        for (let at = 0; at < bytes.length; at += 1_000) {
          if (at >= breaksAfter) throw new Error('the agent went away');
          yield bytes.subarray(at, at + 1_000);
        }
      };
      return ok({
        size: bytes.length,
        chunks: chunks(),
        cancel: () => {
          this.cancelled += 1;
        },
      });
    },
    close: () => {},
  };
}
