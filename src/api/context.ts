/** What the routes share. */
import type { FastifyRequest } from 'fastify';
import type { Origin } from '../actors/front.ts';
import type { CachedAnswers } from './cached-answers.ts';
import type { ChangedApps } from './changed-apps.ts';
import type { ApiDependencies } from './dependencies.ts';
import { pathOf } from './failures.ts';
import type { TaskFiles } from './files/task-files.ts';
import type { FlatHeaders } from './headers.ts';
import type { AppFilters } from './lists/app-filters.ts';
import type { AppRuns } from './lists/app-runs.ts';
import type { KeptLists } from './lists/kept-lists.ts';
import { peerOf } from './peer.ts';
import type { AppRenderer } from './render/app-info.ts';
import type { TaskRenderer } from './render/task.ts';
import type { RequestMetrics } from './request-metrics.ts';
import type { EventStreams } from './stream/event-streams.ts';

export interface ApiContext {
  readonly deps: ApiDependencies;
  readonly answers: CachedAnswers;
  readonly tasks: TaskRenderer;
  readonly apps: AppRenderer;
  readonly lists: KeptLists;
  readonly filters: AppFilters;
  readonly runs: AppRuns;
  readonly streams: EventStreams;
  readonly changedApps: ChangedApps;
  readonly taskFiles: TaskFiles;
  readonly headers: (request: FastifyRequest['headers']) => FlatHeaders;
  readonly requestMetrics: RequestMetrics;
}

/** Who asks, for `api_post_event`. */
export const originOf = (request: FastifyRequest): Origin => ({ clientIp: peerOf(request.ip), uri: pathOf(request) });
