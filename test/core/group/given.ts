/** A tree with its versions, changed as the writer of definitions changes it. */
import type { AppChange } from '../../../src/core/app/change.ts';
import type { AppDefinition } from '../../../src/core/app/definition.ts';
import { defaultAppSettings } from '../../../src/core/app/settings.ts';
import { affectedBy } from '../../../src/core/deploy/plan.ts';
import type { Deployment } from '../../../src/core/deploy/plan-types.ts';
import { AppTree } from '../../../src/core/group/app-tree.ts';
import { type ChangeContext, type ChangeSet, changeSet, revertOf } from '../../../src/core/group/change-set.ts';
import type { AppId, DeploymentId } from '../../../src/core/ids.ts';
import type { Refusal } from '../../../src/core/refusal.ts';
import type { Result } from '../../../src/core/result.ts';
import { must } from '../app/given.ts';

export const id = (name: string): AppId => name as AppId;
export const put = (name: string, body: object = {}): AppChange => ({
  type: 'put',
  id: id(name),
  update: { cmd: 'sleep 9', ...body },
  partial: false,
});
export const remove = (name: string): AppChange => ({ type: 'delete', id: id(name) });

export class World {
  readonly tree = new AppTree(defaultAppSettings);
  readonly versions = new Map<AppId, Map<string, AppDefinition>>();
  nowMs = 1_000;
  restart = false;

  get context(): ChangeContext {
    return {
      tree: this.tree,
      versions: {
        at: (app, version) => this.versions.get(app)?.get(version),
        latest: (app) => [...(this.versions.get(app)?.keys() ?? [])].toSorted().at(-1),
      },
      settings: defaultAppSettings,
      nowMs: this.nowMs,
      force: false,
      restart: this.restart,
    };
  }

  decide(...changes: readonly AppChange[]): Result<ChangeSet, Refusal> {
    return changeSet(changes, this.context);
  }

  /** Decides, applies, and gives the deployment that it would be. */
  apply(...changes: readonly AppChange[]): Deployment {
    return this.#take(must(this.decide(...changes)));
  }

  revert(deployment: Deployment): Deployment {
    return this.#take(must(revertOf(deployment, this.context)));
  }

  get(name: string): AppDefinition | undefined {
    return this.tree.get(id(name));
  }

  #take({ version, planned }: ChangeSet): Deployment {
    for (const { id: app, after, kind } of planned) {
      if (!after) this.tree.remove(app);
      else if (kind !== 'none') {
        this.tree.put(after);
        const known = this.versions.get(app) ?? new Map<string, AppDefinition>();
        this.versions.set(app, known.set(after.version, after));
      }
    }
    const affected = affectedBy(planned);
    return { id: version as string as DeploymentId, version, startedAtMs: 0, affected, steps: [], currentStep: 0 };
  }
}
