/** The description of the API as OpenAPI 3.1, made from the same schemas that check the bodies (design §7). */
import { STATUS_CODES } from 'node:http';
import { type TSchema, Type } from 'typebox';
import { appBodies, appBody, appBodyWithId } from '../schemas/app.ts';
import { groupLevel } from '../schemas/group.ts';
import { anyAnswers, headersOf, type Operation, queryParameters, requestHeaders } from './operation.ts';
import { operations } from './operations.ts';
import { answerSchemas } from './responses.ts';

/** `groupLevel` with what is inside. */
const groupUpdate = {
  ...groupLevel,
  properties: {
    ...groupLevel.properties,
    apps: Type.Array(Type.Unsafe({ $ref: '#/components/schemas/NewApp' })),
    groups: Type.Array(Type.Unsafe({ $ref: '#/components/schemas/GroupUpdate' })),
  },
};

/** Schemas by name, requests and answers. */
export const componentSchemas: Readonly<Record<string, object>> = {
  NewApp: appBodyWithId,
  AppUpdate: appBody,
  AppUpdates: appBodies,
  GroupUpdate: groupUpdate,
  ...answerSchemas,
};

/** JSON Schema of an app, as `/v2/schemas/app` serves it. */
export const appSchema = { $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'App', ...appBodyWithId };

/** The whole document. */
export function openApiDocument(version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of operations) {
    const at = paths[operation.path] ?? {};
    paths[operation.path] = at;
    at[operation.method] = operationObject(operation);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Ultramarathon',
      version,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description:
        'Marathon’s v2 API. Ids of apps and groups are paths and may hold slashes. Members that a body has beyond those listed are ignored; ' +
        'enumerations are read in any case.',
    },
    paths,
    components: {
      schemas: componentSchemas,
      securitySchemes: { basic: { type: 'http', scheme: 'basic' } },
    },
  };
}

function operationObject(operation: Operation): object {
  const { method, path, summary, query = [], body, answers } = operation;
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '');
  const all = { ...answers, ...anyAnswers };
  return {
    operationId: `${method}${path.replaceAll(/\W+(\w)/g, (_, letter: string) => letter.toUpperCase()).replaceAll(/\W/g, '')}`,
    summary,
    parameters: [
      ...inPath.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
      ...query.map((name) => ({ name, in: 'query', schema: parameterSchemas[queryParameters[name]] })),
      ...headersOf(operation).map((name) => ({
        name,
        in: 'header',
        description: requestHeaders[name],
        schema: { type: 'string' },
      })),
    ],
    ...(body
      ? { requestBody: { required: !operation.isBodyOptional, content: { 'application/json': { schema: body } } } }
      : {}),
    responses: Object.fromEntries(
      Object.entries(all).map(([status, shape]) => [
        status,
        responseObject(status, shape, status === '200' ? textOf(operation) : undefined),
      ]),
    ),
  };
}

type ParameterKind = (typeof queryParameters)[keyof typeof queryParameters];

/** How a parameter is described; what it takes in detail is told by the answer to a wrong value. */
const parameterSchemas: Readonly<Record<ParameterKind, object>> = {
  boolean: { type: 'boolean' },
  string: { type: 'string' },
  list: { type: 'array', items: { type: 'string' } },
  number: { type: 'number', exclusiveMinimum: 0 },
  integer: { type: 'integer', minimum: 1 },
  outcome: { type: 'string', enum: ['rollback', 'pause', 'keep'] },
  url: { type: 'string', format: 'uri' },
  planFormat: { type: 'string', enum: ['light', 'full'] },
  eventId: { type: 'string', description: 'Id of an event, such as <generation>.<number>; empty = none' },
};

const textOf = ({ media, hasText }: Operation): string | undefined => media ?? (hasText ? 'text/plain' : undefined);

function responseObject(status: string, shape: TSchema | null, media: string | undefined): object {
  const content = {
    ...(shape ? { 'application/json': { schema: shape } } : {}),
    ...(media === undefined ? {} : { [media]: { schema: { type: 'string' } } }),
  };
  const description = STATUS_CODES[status] ?? status;
  return { description, ...(Object.keys(content).length > 0 ? { content } : {}) };
}
