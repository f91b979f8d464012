/** What a master answers that does not lead, or leads but has not read its registry yet (mesos-v1 §1.3, §1.8; recordings 19, 20). */
import type { MasterState } from '../master/model.ts';
import { sendEmpty, sendText } from './answers.ts';
import type { Endpoint } from './server.ts';

/** Lets requests through only to a leading master; followers name the leader. */
export function onlyLeader(state: MasterState, path: string, endpoint: Endpoint): Endpoint {
  return (req, res, url) => {
    const { leadership } = state;
    if (leadership.kind === 'leading') endpoint(req, res, url);
    else if (leadership.kind === 'none') sendText(res, 503, 'No leader elected');
    else {
      const { hostname, port } = leadership.leader;
      // The leader is told the path of the master's own process.
      sendEmpty(res, 307, { Location: `//${hostname}:${port}${path}${url.search}` });
    }
  };
}

/** Lets requests through once the registry has been read. */
export function onlyRecovered(state: MasterState, endpoint: Endpoint): Endpoint {
  return (req, res, url) => {
    if (state.leadership.kind === 'leading' && !state.leadership.recovered) {
      sendText(res, 503, 'Master has not finished recovery');
    } else endpoint(req, res, url);
  };
}
