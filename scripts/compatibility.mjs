/**
 * `npm run docs`: makes docs/compatibility.md from the tests that are marked as deviations from Marathon. A mark is a comment above
 * the test that shows it:
 *
 *     // deviation(different): what it is about
 *     //   Marathon: what Marathon does
 *     //   here: what happens here
 *     //   why: the reason
 *     it('…', …)
 *
 * Long texts go on in the next line with four more blanks. A test may carry several marks. With `--print` the page is printed, and
 * nothing is written.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './prepare.mjs';

/** Section → title and members of its marks, in the order of the columns. */
const sections = {
  missing: { title: 'Not there yet', columns: ['here', 'instead'] },
  different: { title: 'Deliberate differences', columns: ['Marathon', 'here', 'why'] },
  servers: { title: 'Several servers', columns: ['Marathon', 'here', 'why'] },
  defaults: { title: 'Defaults of flags', columns: ['Marathon', 'here', 'why'] },
};

const head = `# Compatibility with Marathon 1.11

Requests, answers, events, metrics and flags have Marathon's names and shapes; \`/v2/info\` names 1.11.24, since clients switch
features on that. This page lists what differs, and why; each row is made from the test that shows it (\`npm run docs\`), and leads
there. What is not on it should behave like Marathon 1.11: if it does not, that is a bug. What there is [beyond
Marathon](beyond-marathon.md) is on another page, and the [local cluster](operations.md#the-local-cluster-and-mesos) has a section of its own.
`;

const tail = `
All other defaults of flags and apps are Marathon's. Flags of Marathon's that mean nothing here are accepted with a warning; unknown
flags end the start with exit code 2, and the nearest known name.
`;

const mark = /^\s*\/\/ deviation\((\w+)\): (.+)$/;
const member = /^\s*\/\/ {3}(\w+): (.+)$/;
const more = /^\s*\/\/ {5,}(.+)$/;
const test = /^\s*(it|it\.each|it\.skipIf|describe|describe\.each)\b/;

/** The marks of one file. Throws for one that is incomplete, or above no test. */
function marksIn(path, text) {
  const found = [];
  let open = [];
  for (const [i, line] of text.split('\n').entries()) {
    const at = `${path}:${i + 1}`;
    const start = mark.exec(line);
    const named = member.exec(line);
    const goesOn = more.exec(line);
    const last = open.at(-1);
    if (start) open.push({ path, at, section: start[1], topic: start[2], members: {} });
    else if (last && named) {
      last.latest = named[1];
      last.members[named[1]] = named[2];
    } else if (last && goesOn && last.latest) last.members[last.latest] += ` ${goesOn[1]}`;
    else if (open.length > 0) {
      if (!test.test(line)) throw new Error(`${at}: a deviation is marked above no test`);
      for (const one of open) found.push(checked(one));
      open = [];
    }
  }
  if (open.length > 0) throw new Error(`${path}: a deviation is marked above no test`);
  return found;
}

function checked({ at, path, section, topic, members }) {
  const known = sections[section];
  if (!known) throw new Error(`${at}: no section "${section}"`);
  const wanted = known.columns.filter((name) => name !== 'why' && name !== 'instead');
  const missing = wanted.filter((name) => !members[name]);
  const strange = Object.keys(members).filter((name) => !known.columns.includes(name));
  if (missing.length + strange.length > 0) throw new Error(`${at}: members ${[...missing, ...strange].join(', ')}`);
  return { path, section, topic, members };
}

const row = (cells) => `| ${cells.join(' | ')} |`;
const cell = (text) => text.replaceAll('|', '\\|');

/** The page. */
function page() {
  const marks = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .flatMap((path) => marksIn(`test/${path}`, readFileSync(join(root, 'test', path), 'utf8')));
  const tables = Object.entries(sections).map(([name, { title, columns }]) => {
    const rows = marks
      .filter(({ section }) => section === name)
      .sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : 0))
      .map(({ path, topic, members }) =>
        row([`[${cell(topic)}](../${path})`, ...columns.map((column) => cell(members[column] ?? '–'))]),
      );
    return [`\n## ${title}\n`, row(['what', ...columns]), row(['what', ...columns].map(() => '---')), ...rows].join(
      '\n',
    );
  });
  return `${head}${tables.join('\n')}\n${tail}`;
}

if (process.argv.includes('--print')) process.stdout.write(page());
else writeFileSync(join(root, 'docs', 'compatibility.md'), page());
