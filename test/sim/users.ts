/**
 * Users: what they ask for, what they were told, and what must therefore be true. At most one open request for each app, so that it
 * is clear what an answer promises.
 */
import type { Answer, Control } from '../../src/actors/front.ts';
import type { AppChange } from '../../src/core/app/change.ts';
import type { AppDefinition } from '../../src/core/app/definition.ts';
import type { AppId, InstanceId } from '../../src/core/ids.ts';
import type { Refusal } from '../../src/core/refusal.ts';
import type { Result } from '../../src/core/result.ts';
import { appIds, drawApp, drawPatch } from './apps.ts';
import type { CheckContext } from './checkers/context.ts';
import type { Dice } from './dice.ts';
import type { Changes } from './mirror.ts';
import type { SimServer } from './server.ts';

interface Request {
  readonly what: string;
  readonly apps: ReadonlySet<string>;
  /** Deployments that were stored when it was made. */
  readonly deployments: ReadonlySet<string>;
  /** Whether it may make this of an app. */
  readonly allows: (id: string, after: AppDefinition | undefined) => boolean;
}

/** The last acknowledged definition of an app: its version, or that it is gone. */
interface Promised {
  readonly version: string | undefined;
}

export class Users {
  /** Requests without an answer, and those whose outcome nobody knows. */
  readonly #open = new Set<Request>();
  readonly #limbo = new Set<Request>();
  readonly #promised = new Map<string, Promised>();
  readonly #context: CheckContext;
  readonly #dice: Dice;
  readonly #ids: readonly string[];

  constructor(context: CheckContext, dice: Dice, apps: number) {
    this.#context = context;
    this.#dice = dice;
    this.#ids = appIds.slice(0, apps);
  }

  /** Somebody asks this server for something. */
  act(server: SimServer): void {
    const dice = this.#dice;
    const id = dice.pick(this.#ids);
    const exists = this.#context.mirror.apps.has(id);
    const kind = dice.weighted([
      [exists ? 2 : 8, 'put'],
      [exists ? 5 : 0, 'patch'],
      [exists ? 5 : 0, 'scale'],
      [exists ? 2 : 0, 'restart'],
      [exists ? 1.5 : 0, 'delete'],
      [exists ? 1 : 0, 'rollback'],
      [1, 'group'],
      [2, 'kill'],
      [1.5, 'cancel'],
      [0.5, 'resetDelay'],
    ] as const);
    if (kind === 'kill') this.#kill(server, id);
    else if (kind === 'cancel') this.#cancel(server);
    else if (kind === 'resetDelay') void server.orchestrator.control.resetDelay(id as AppId);
    else if (kind === 'group')
      this.#change(
        server,
        this.#ids.map((one) => this.#put(one)),
        dice.chance(0.6),
      );
    else this.#change(server, [this.#single(kind, id)], dice.chance(0.5));
  }

  /** A request that asks for what is there already, without force: it must not find a lock. */
  touch(server: SimServer, id: string): Promise<Result<unknown, Refusal>> {
    const instances = this.#context.mirror.apps.get(id)?.instances ?? 0;
    const change: AppChange = { type: 'scale', id: id as AppId, instances, sentenced: [] };
    return server.orchestrator.control.changeApps([change], { force: false });
  }

  committed({ apps }: Changes): void {
    const { chronicle } = this.#context;
    for (const { key, after } of apps) {
      const asked = [...this.#open, ...this.#limbo].filter((r) => r.apps.has(key));
      if (asked.some((r) => r.allows(key, after))) continue;
      const what = after ? `became ${after.version} with ${after.instances}` : 'was deleted';
      chronicle.violation('promises', `${key} ${what}, and nobody had asked for it`);
    }
  }

  /** Everything that was promised is there. */
  check(): void {
    const { mirror, chronicle } = this.#context;
    for (const [id, { version }] of this.#promised) {
      if ([...this.#limbo].some((r) => r.apps.has(id))) continue;
      const found = mirror.apps.get(id)?.version;
      if (found !== version) chronicle.violation('promises', `${id} is ${found}, acknowledged was ${version}`);
    }
  }

  #put(id: string): AppChange {
    return {
      type: 'put',
      id: id as AppId,
      partial: false,
      update: drawApp(this.#dice, id, this.#ids),
    };
  }

  #single(kind: 'put' | 'patch' | 'scale' | 'restart' | 'delete' | 'rollback', id: string): AppChange {
    const appId = id as AppId;
    switch (kind) {
      case 'put':
        return {
          type: 'put',
          id: appId,
          partial: false,
          update: drawApp(this.#dice, id, [...this.#context.mirror.apps.keys()]),
        };
      case 'patch':
        return { type: 'patch', id: appId, update: drawPatch(this.#dice) };
      case 'scale':
        return { type: 'scale', id: appId, instances: this.#dice.below(8), sentenced: [] };
      case 'restart':
        return { type: 'restart', id: appId };
      case 'delete':
        return { type: 'delete', id: appId };
      case 'rollback': {
        const versions = [...(this.#context.mirror.stamps.get(id) ?? [])];
        return { type: 'rollback', id: appId, version: this.#dice.pick(versions) };
      }
    }
  }

  #change(server: SimServer, changes: readonly AppChange[], force: boolean): void {
    const apps = new Set<string>(changes.map((c) => c.id));
    if (this.#isBusy(apps)) return;
    const names = changes.map((c) => (c.type === 'scale' ? `scale ${c.id} to ${c.instances}` : `${c.type} ${c.id}`));
    this.#ask(
      `${names.join(', ')}${force ? ' by force' : ''}`,
      apps,
      (id, after) =>
        isAskedFor(
          changes.find((c) => c.id === id),
          after,
        ),
      server,
      (control) => control.changeApps(changes, { force }),
    );
  }

  #kill(server: SimServer, appId: string): void {
    const { mirror, killedByUser, clock } = this.#context;
    const instances = mirror.instancesOf(appId).map((i) => i.id);
    if (instances.length === 0 || this.#isBusy(new Set([appId]))) return;
    const chosen = instances.filter(() => this.#dice.chance(0.5)).slice(0, 3) as InstanceId[];
    for (const id of chosen) killedByUser.set(id, clock.monotonic());
    const scale = this.#dice.chance(0.4);
    const wipe = this.#dice.chance(0.2);
    const force = this.#dice.chance(0.5);
    const what = `kill ${chosen.join(' ')}${scale ? ' and scale' : ''}${wipe ? ' and wipe' : ''}`;
    if (scale) {
      const apps = new Set([appId]);
      const ask = (control: Control) => control.kill({ instances: chosen, scale, wipe, force });
      this.#ask(what, apps, (_id, after) => after !== undefined, server, ask);
    } else {
      this.#context.chronicle.log(`user      ${what} at ${server.name}`);
      void server.orchestrator.control.kill({ instances: chosen, scale, wipe, force });
    }
  }

  #cancel(server: SimServer): void {
    const deployments = [...this.#context.mirror.deployments.values()];
    if (deployments.length === 0) return;
    const deployment = this.#dice.pick(deployments);
    const apps = new Set<string>(deployment.affected.map((a) => a.id));
    if (this.#isBusy(apps)) return;
    const force = this.#dice.chance(0.4);
    this.#ask(
      `cancel ${deployment.id}${force ? ' by force' : ''}`,
      apps,
      () => !force,
      server,
      (control) => control.cancelDeployment(deployment.id, { force }),
    );
  }

  #isBusy(apps: ReadonlySet<string>): boolean {
    return [...this.#open].some((r) => [...apps].some((id) => r.apps.has(id)));
  }

  #ask(
    what: string,
    apps: ReadonlySet<string>,
    allows: Request['allows'],
    server: SimServer,
    ask: (control: Control) => Answer<unknown>,
  ): void {
    const { chronicle, mirror } = this.#context;
    const request: Request = { what, apps, allows, deployments: new Set(mirror.deployments.keys()) };
    this.#open.add(request);
    chronicle.count('request');
    chronicle.log(`user      ${what} at ${server.name}`);
    ask(server.orchestrator.control).then(
      (result) => this.#answered(request, result, server),
      (error: unknown) => chronicle.violation('answers', `${what} threw ${String(error)}`),
    );
  }

  #answered(request: Request, result: Result<unknown, Refusal>, server: SimServer): void {
    const { chronicle, mirror } = this.#context;
    this.#open.delete(request);
    // What a dead server says is heard by nobody, so the caller cannot know.
    if (server.isDead) {
      this.#limbo.add(request);
      return;
    }
    if (result.ok) {
      chronicle.count('request done');
      chronicle.log(`answer    ok: ${request.what}`);
      this.#promise(request, result.value);
      return;
    }
    const { status, message, headers, deployments = [] } = result.error;
    chronicle.log(`answer    ${status} ${message.slice(0, 80)}: ${request.what}`);
    if (status === 500) chronicle.violation('answers', `500 ${message}`);
    if (headers?.['Marathon-Write-Outcome'] === 'unknown') this.#limbo.add(request);
    else if (status === 503 && headers?.['Marathon-Write-Outcome'] !== 'refused') {
      chronicle.violation('answers', `503 without an outcome: ${message}`);
    }
    for (const { id } of deployments) {
      if (request.deployments.has(id) || mirror.deployments.has(id)) continue;
      chronicle.violation('locks', `${request.what} was refused because of ${id}, which is not there`);
    }
  }

  #promise(request: Request, value: unknown): void {
    const { chronicle, mirror } = this.#context;
    // What was unknown before has happened before this, or never will.
    for (const other of this.#limbo) {
      if ([...other.apps].every((id) => request.apps.has(id))) this.#limbo.delete(other);
    }
    const answer = value as { readonly version?: string; readonly apps?: readonly AppDefinition[] } | undefined;
    for (const app of answer?.apps ?? []) {
      if (!mirror.stamps.get(app.id)?.has(app.version)) {
        chronicle.violation('answers', `${request.what} was acknowledged before ${app.id} ${app.version} was stored`);
      }
    }
    for (const id of request.apps) this.#promised.set(id, { version: mirror.apps.get(id)?.version });
  }
}

/** Whether a definition is what the change asked for, as far as can be told without doing the scheduler's work again. */
function isAskedFor(change: AppChange | undefined, after: AppDefinition | undefined): boolean {
  if (!change) return false;
  if (change.type === 'delete') return after === undefined;
  if (!after) return false;
  if (change.type === 'scale') return after.instances === change.instances;
  if (change.type !== 'put') return true;
  return after.instances === change.update.instances && after.cmd === change.update.cmd;
}
