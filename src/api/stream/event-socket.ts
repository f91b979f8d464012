/** A WebSocket on `/v2/events`: the same events as over SSE, one JSON text frame each (design §7). The client has nothing to say: texts are ignored, binary frames refused. */
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { EventStreams } from './event-streams.ts';
import type { RequestFilter } from './filter.ts';
import type { EventFormats } from './frames.ts';
import type { Beginning } from './resume.ts';
import { socketConnection } from './socket-connection.ts';

/** Streams to an open socket until it closes. Readers that know of ids get each event in an envelope with its id. */
export function streamEvents(
  client: WebSocket,
  socket: Socket,
  streams: EventStreams,
  {
    filter,
    formats,
    begin,
  }: { readonly filter: RequestFilter; readonly formats: EventFormats; readonly begin: Beginning },
): void {
  const connection = socketConnection(client, socket);
  client.on('message', (_data, isBinary) => {
    if (isBinary) client.close(1003, 'binary frames are not understood, and nothing needs to be said here');
  });
  const { withIds, wantsGaps } = filter;
  const format = withIds ? formats.socketWithId : formats.socket;
  client.on('close', streams.join({ connection, format, filter, wantsGaps }, begin));
}
