/** `/v2/live` is a WebSocket; upgrades come in beside the router (`stream/websocket.ts`). */
import type { FastifyInstance } from 'fastify';
import { refusal } from '../../core/refusal.ts';
import { resource } from '../resource.ts';
import { sendRefusal } from '../respond.ts';

const upgradeRequired = refusal('upgradeRequired', 'This is a WebSocket: ask for an upgrade', {
  headers: { Upgrade: 'websocket', Connection: 'Upgrade' },
});

/** Registers the route: whoever asks without an upgrade is told to ask for one. */
export function liveRoutes(server: FastifyInstance): void {
  resource(server, '/v2/live', { GET: (_request, reply) => sendRefusal(reply, upgradeRequired) });
}
