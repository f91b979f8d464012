/** POST /teardown: how operators have ended frameworks before there was an API for it (`Master::Http::teardown`). */
import type { Master } from '../master/master.ts';
import { readBody, sendEmpty, sendText, sendWrongMethod } from './answers.ts';
import type { Endpoint } from './server.ts';

/** The body is `frameworkId=…`, as of a form, whatever its content type. */
export function teardownEndpoint(master: Master): Endpoint {
  return (req, res) => {
    if (req.method !== 'POST') {
      sendWrongMethod(res, 'POST', req.method ?? '');
      return;
    }
    readBody(req, res, (body) => {
      const id = new URLSearchParams(body.toString()).get('frameworkId');
      const framework = master.state.frameworks.get(id ?? '');
      if (id === null) sendText(res, 400, "Missing 'frameworkId' query parameter in the request body");
      else if (framework === undefined) sendText(res, 400, 'No framework found with specified ID');
      else {
        master.tearDown(framework);
        sendEmpty(res, 200);
      }
    });
  };
}
