/** The old endpoints of maintenance: the schedule, machines going down and coming up (mesos-v1 §6.3, recording 14). */
import type { ServerResponse } from 'node:http';
import type { MachineId, Window } from '../master/maintenance.ts';
import type { Master } from '../master/master.ts';
import { readBody, sendEmpty, sendJson, sendText, sendWrongMethod } from './answers.ts';
import { authenticated, type Credentials } from './authentication.ts';
import type { Endpoint } from './server.ts';

/** By path. Only writes need credentials. */
export function maintenanceEndpoints(
  master: Master,
  credentials: Credentials | undefined,
): Readonly<Record<string, Endpoint>> {
  const { maintenance } = master;
  const write = (apply: (body: unknown) => string | undefined): Endpoint =>
    authenticated(credentials, 'mesos-master-readwrite', (req, res) => {
      if (req.method !== 'POST') sendWrongMethod(res, 'POST', req.method ?? '');
      else readBody(req, res, (body) => answer(res, body, apply));
    });
  const setSchedule = write((body) => {
    const windows = (body as { windows?: unknown } | null)?.windows ?? [];
    if (!Array.isArray(windows)) return 'Expecting windows to be a list';
    maintenance.setSchedule(windows as Window[]);
    return undefined;
  });
  const machines =
    (change: (ids: readonly MachineId[]) => string | undefined) =>
    (body: unknown): string | undefined =>
      Array.isArray(body) ? change(body as MachineId[]) : 'Expecting a list of machines';
  return {
    '/maintenance/schedule': (req, res, url) => {
      if (req.method === 'GET') {
        sendJson(res, maintenance.schedule(), url.searchParams.get('jsonp') ?? undefined);
      } else if (req.method === 'POST') setSchedule(req, res, url);
      else sendWrongMethod(res, ['GET', 'POST'], req.method ?? '');
    },
    '/machine/down': write(machines((ids) => maintenance.machinesDown(ids))),
    '/machine/up': write(machines((ids) => maintenance.machinesUp(ids))),
  };
}

function answer(res: ServerResponse, body: Buffer, apply: (body: unknown) => string | undefined): void {
  let json: unknown;
  try {
    json = JSON.parse(body.toString());
  } catch {
    sendText(res, 400, 'Failed to parse body into JSON');
    return;
  }
  const fault = apply(json);
  if (fault === undefined) sendEmpty(res, 200);
  else sendText(res, 400, fault);
}
