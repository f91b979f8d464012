/** `GET /v2/apps/{id}/why`: an addition to Marathon's API, on a path of its own (design §7). */

import { appNotFound } from '../../core/refusal.ts';
import type { ApiContext } from '../context.ts';
import { whyJson } from '../render/why.ts';
import type { Verbs } from '../resource.ts';
import { sendJson, sendRefusal } from '../respond.ts';
import { whyAnswer } from '../why-answers.ts';

/** Why instances of an app wait. Not cached: what it tells of offers and delays changes without the state. */
export const whyVerbs = (context: ApiContext, id: string): Verbs => ({
  GET: async (_request, reply) => {
    const { read, clock } = context.deps;
    const app = read.app(id);
    if (app === undefined) return sendRefusal(reply, appNotFound(id));
    return sendJson(reply, 200, whyJson(whyAnswer(read, app, clock.now()), read));
  },
});
