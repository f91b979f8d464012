/** The few ways to answer. Bodies go out as bytes, so that nobody touches their content type (rest-api §1.3, §1.5). */
import type { FastifyReply } from 'fastify';
import type { DeploymentResult } from '../actors/front.ts';
import type { Refusal } from '../core/refusal.ts';

export const jsonType = 'application/json';
export const textType = 'text/plain;charset=utf-8';

/** Sends JSON text. */
export const sendJsonText = (reply: FastifyReply, status: number, json: string): FastifyReply =>
  reply.code(status).header('content-type', jsonType).send(Buffer.from(json));

/** Sends a value as JSON. */
export const sendJson = (reply: FastifyReply, status: number, value: unknown): FastifyReply =>
  sendJsonText(reply, status, JSON.stringify(value));

/** Sends plain text. */
export const sendText = (reply: FastifyReply, status: number, text: string): FastifyReply =>
  reply.code(status).header('content-type', textType).send(Buffer.from(text));

/** The body of a refusal: `message`, and `details` and `deployments` where there are any. */
const refusalBody = (refusal: Pick<Refusal, 'message' | 'details' | 'deployments'>): string =>
  JSON.stringify({
    message: refusal.message,
    ...(refusal.details === undefined ? {} : { details: refusal.details }),
    ...(refusal.deployments === undefined ? {} : { deployments: refusal.deployments }),
  });

/** Sends an expected failure. */
export function sendRefusal(reply: FastifyReply, refusal: Refusal): FastifyReply {
  if (refusal.headers) reply.headers(refusal.headers);
  return sendJsonText(reply, refusal.status, refusalBody(refusal));
}

/** Sets the header that go-marathon reads, and marks an answer that was given before. */
export function deploymentHeaders(reply: FastifyReply, { deploymentId, isRepeated }: DeploymentResult): FastifyReply {
  if (isRepeated) reply.header('idempotency-replayed', 'true');
  return reply.header('marathon-deployment-id', deploymentId);
}

/** Sends `{version, deploymentId}`. */
export const sendDeployment = (reply: FastifyReply, status: number, result: DeploymentResult): FastifyReply =>
  sendJson(deploymentHeaders(reply, result), status, {
    version: result.version,
    deploymentId: result.deploymentId,
  });
