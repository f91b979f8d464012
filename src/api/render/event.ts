/** Events as readers get them: the log's JSON, with apps in the form that answers show (rest-api §10.3). */
import type { AppDefinition } from '../../core/app/definition.ts';
import type { LoggedEvent } from '../../core/events.ts';
import { renderAppDefinition } from './app-definition.ts';

const storedLists = ['constraints', 'dependencies', 'fetch', 'healthChecks', 'networks', 'readinessChecks'] as const;

/** The one-line JSON of an event. Only `api_post_event` differs from what was logged. */
export function eventJson(event: LoggedEvent): string {
  if (event.type !== 'api_post_event') return event.json;
  const content: unknown = JSON.parse(event.json);
  const app = (content as { readonly appDefinition?: unknown }).appDefinition;
  return isStored(app)
    ? JSON.stringify({ ...(content as object), appDefinition: renderAppDefinition(app) })
    : event.json;
}

/** A stored definition has every list; one that was rendered before, or a part of one, stays as it is. */
const isStored = (app: unknown): app is AppDefinition =>
  typeof app === 'object' &&
  app !== null &&
  storedLists.every((name) => Array.isArray((app as Partial<AppDefinition>)[name]));
