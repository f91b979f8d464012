/**
 * Warnings about what was accepted: in the header `Marathon-Warnings`, which clients that do not know it ignore, and in bodies only on
 * request, since strict clients throw on members that they do not know (design §7).
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AppsChanged } from '../actors/front.ts';
import type { AppDefinition } from '../core/app/definition.ts';
import type { PlacementWarning } from '../core/offer/warnings.ts';
import type { ApiContext } from './context.ts';
import { all, queryOf } from './query.ts';
import { deploymentHeaders, sendDeployment, sendJson } from './respond.ts';
import { warningsOf } from './why-answers.ts';

/** One warning, as a JSON object of the header's array. */
export interface HeaderWarning {
  readonly code: string;
  readonly appId?: string;
  readonly message: string;
  /** Apps that it is about, as many as fit; `more` counts the others. */
  readonly ids?: readonly string[];
  readonly more?: number;
}

/** Longest value of the header, in bytes. */
export const maxHeaderBytes = 4_096;
/** Longest message in the header, in characters. */
const maxMessageLength = 400;
/** Apps of one request that are looked at for warnings: the answer to a large bulk change must not wait for them. */
const maxAppsWarnedOf = 1_000;

/** JSON without a character that a header could not carry. */
const ascii = (value: unknown): string =>
  JSON.stringify(value).replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

const shortened = (text: string): string =>
  text.length > maxMessageLength ? `${text.slice(0, maxMessageLength - 3)}...` : text;

/** The value of the header: as many as fit, and how many more there are. */
export function warningsHeader(warnings: readonly HeaderWarning[]): string {
  const pieces = warnings.map((warning) => ascii({ ...warning, message: shortened(warning.message) }));
  const whole = `[${pieces.join(',')}]`;
  if (whole.length <= maxHeaderBytes) return whole;
  const note = (left: number): string => ascii({ code: 'more', message: `${left} more warnings do not fit in here.` });
  let length = 2 + note(pieces.length).length;
  let fitting = 0;
  for (const piece of pieces) {
    length += piece.length + 1;
    if (length > maxHeaderBytes) break;
    fitting += 1;
  }
  return `[${[...pieces.slice(0, fitting), note(pieces.length - fitting)].join(',')}]`;
}

/** Sets the header, unless there is nothing to warn of. Replaces what was set before: collect first. */
export function warn(reply: FastifyReply, warnings: readonly HeaderWarning[]): void {
  if (warnings.length > 0) reply.header('marathon-warnings', warningsHeader(warnings));
}

export type AppWarning = PlacementWarning & { readonly appId: string };

/** Warnings about apps that a request has changed. */
export function warningsAbout({ deps }: ApiContext, apps: readonly AppDefinition[]): readonly AppWarning[] {
  const view = deps.read.placement();
  return apps
    .slice(0, maxAppsWarnedOf)
    .flatMap((app) => warningsOf(view, app).map(({ code, message }) => ({ code, appId: app.id, message })));
}

/** True if a request wants warnings in the body. */
export const wantsWarnings = (request: FastifyRequest): boolean =>
  all(queryOf(request), 'embed').some((name) => name.replace(/^apps?\./, '') === 'warnings');

/** Answers a change with version and deployment, and with what there is to warn of. */
export function sendChanged(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  changed: AppsChanged,
  more: readonly HeaderWarning[] = [],
): FastifyReply {
  const warnings = [...more, ...warningsAbout(context, changed.apps)];
  warn(reply, warnings);
  if (!wantsWarnings(request)) return sendDeployment(reply, status, changed);
  const { version, deploymentId } = changed;
  return sendJson(deploymentHeaders(reply, changed), status, { version, deploymentId, warnings });
}

/** Longest list of ids in one warning, in bytes of the header. */
const maxIdsBytes = 3_000;

/** Names the apps that a group request removes because it did not list them. */
export function removedWarning(removed: readonly string[]): readonly HeaderWarning[] {
  if (removed.length === 0) return [];
  let ids = removed;
  // Halved until it fits: a handful of rounds, however many there are.
  while (ascii(ids).length > maxIdsBytes) ids = ids.slice(0, Math.floor(ids.length / 2));
  const more = removed.length - ids.length;
  const message = 'Apps that are not part of the new group are removed';
  return [{ code: 'appsRemoved', message, ids, ...(more > 0 ? { more } : {}) }];
}
