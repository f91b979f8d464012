/** The newest JSON Schemas that Marathon has published (1.7), and what they do not say of definitions as 1.11 shows them. */
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';

const schemas = JSON.parse(
  readFileSync(new URL('../fixtures/schemas.fixture.json', import.meta.url), 'utf8'),
) as Readonly<Record<'AppDefinition' | 'Group', Record<string, unknown>>>;

const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
const published = (name: 'AppDefinition' | 'Group') => {
  const { $schema: _dialect, id: _id, ...schema } = schemas[name];
  return schema;
};
const isApp = ajv.addSchema(published('AppDefinition'), 'AppDefinition.json').getSchema('AppDefinition.json');
const isGroup = ajv.compile({ ...published('Group'), $id: 'Group.json' });

/** Members that came after the last published schema (1.8–1.11), and ours that are shown where a user has set them. */
const newer = ['check', 'role', 'resourceLimits', 'tty', 'replaceBeforeKill'];
/** What lists add to a definition (rest-api §3.3); the schemas describe definitions. */
const added = [
  'tasksStaged',
  'tasksRunning',
  'tasksHealthy',
  'tasksUnhealthy',
  'deployments',
  'tasks',
  'lastTaskFailure',
  'readinessCheckResults',
  'taskStats',
  'tasksStats',
];

const without = (value: object, names: readonly string[]): object =>
  Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));

type Errors = readonly { readonly instancePath: string; readonly message?: string; readonly params: unknown }[];
const linesOf = (errors: Errors | null | undefined): readonly string[] =>
  (errors ?? []).map(({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`);

/** What the published schema has to say about an app of ours. */
export function schemaComplaints(app: object): readonly string[] {
  if (!isApp) throw new Error('no schema');
  isApp(without(app, [...newer, ...added]));
  return linesOf(isApp.errors);
}

/** The same for a group with all that is in it. */
export function groupSchemaComplaints(root: object): readonly string[] {
  const bare = ({ apps = [], groups = [], ...group }: { apps?: object[]; groups?: object[] }): object => ({
    ...without(group, ['pods', 'enforceRole']),
    apps: apps.map((app) => without(app, [...newer, ...added])),
    groups: groups.map(bare),
  });
  isGroup(bare(root));
  return linesOf(isGroup.errors);
}
