/** What thousands of stored records say in the same words is kept once. */
import type { AppDefinition } from '../core/app/definition.ts';
import type { AgentInfo, Instance, Task } from '../core/instance/instance.ts';

type Draft = { -readonly [Name in keyof Instance]: Instance[Name] };
type TaskDraft = { -readonly [Name in keyof Task]: Task[Name] };

/** Of each kind so many are remembered; what comes beyond that begins anew. */
const maxRemembered = 100_000;

/** For one load of a store, or for all the time that a standby prepares for one. */
export class SharedParts {
  readonly #texts = new Map<string, string>();
  readonly #agents = new Map<string, AgentInfo>();
  readonly #definitions = new Map<string, AppDefinition>();

  /** The definition of an app stands in two records, as the current one and as a version: decoded once if they say the same. */
  definition(json: string): AppDefinition {
    const known = this.#definitions.get(json);
    if (known !== undefined) {
      this.#definitions.delete(json);
      return known;
    }
    const decoded = JSON.parse(json) as AppDefinition;
    remember(this.#definitions, json, decoded);
    return decoded;
  }

  /** Makes a freshly decoded instance share its texts and its agent with those before it; changes it in place and returns it. */
  instance(key: string, decoded: Instance): Instance {
    const draft: Draft = decoded;
    draft.id = key as Instance['id'];
    draft.appId = this.#text(draft.appId) as Instance['appId'];
    draft.version = this.#text(draft.version);
    draft.role = this.#text(draft.role);
    if (draft.agent !== undefined) draft.agent = this.#agent(draft.agent);
    for (const task of draft.tasks as readonly TaskDraft[]) {
      if (task.mesosState !== undefined)
        task.mesosState = this.#text(task.mesosState) as NonNullable<Task['mesosState']>;
    }
    return decoded;
  }

  #text(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    remember(this.#texts, text, text);
    return text;
  }

  #agent(agent: AgentInfo): AgentInfo {
    // An agent that came back with other attributes is another one.
    const key = agent.attributes.length === 0 ? `${agent.agentId} ${agent.host}` : JSON.stringify(agent);
    const known = this.#agents.get(key);
    if (known?.region === agent.region && known?.zone === agent.zone && known !== undefined) return known;
    remember(this.#agents, key, agent);
    return agent;
  }
}

function remember<V>(parts: Map<string, V>, key: string, value: V): void {
  if (parts.size >= maxRemembered) parts.clear();
  parts.set(key, value);
}
