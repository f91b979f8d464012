/** Sees to it that an image is there before its container is made, as Mesos' Docker containerizer does. */
import { err, ok, type Result } from '../../core/result.ts';
import { askEngine, type ContainerEngine } from './engine.ts';

/**
 * Pulls the image unless it is there, or always with `force`. However long that takes: whoever asked for the task may kill it,
 * which aborts `signal`. The error is the client's own last line.
 */
export async function provideImage(
  engine: ContainerEngine,
  image: string,
  force: boolean,
  { signal, sandbox }: { readonly signal: AbortSignal; readonly sandbox: string },
): Promise<Result<void, string>> {
  if (!force && (await askEngine(engine, ['image', 'inspect', '--format', '{{.Id}}', image])).ok) return ok(undefined);
  const name = engine.kind === 'podman' ? fullImageName(image) : image;
  const pulled = await askEngine(engine, ['pull', '--quiet', name], { signal, sandbox });
  return pulled.ok ? ok(undefined) : err(`the image '${image}' cannot be pulled: ${pulled.error}`);
}

/**
 * The name that Docker means by a short one. Podman asks which registry is meant, or takes one from its settings; what is written
 * for Mesos means Docker's.
 */
export function fullImageName(image: string): string {
  const [first = '', ...rest] = image.split('/');
  if (rest.length === 0) return `docker.io/library/${image}`;
  return /[.:]/.test(first) || first === 'localhost' ? image : `docker.io/${image}`;
}
