// An executor as a framework brings it along: it runs no tasks, but says that it does. argv[2]: `stubborn` ignores SHUTDOWN.
import { randomBytes } from 'node:crypto';
import { request } from 'node:http';

const { MESOS_AGENT_ENDPOINT, MESOS_FRAMEWORK_ID, MESOS_EXECUTOR_ID } = process.env;
const [, , manner] = process.argv;
const url = `http://${MESOS_AGENT_ENDPOINT}/api/v1/executor`;
const ids = { framework_id: { value: MESOS_FRAMEWORK_ID }, executor_id: { value: MESOS_EXECUTOR_ID } };

function post(call, onAnswer = (res) => res.resume()) {
  const headers = { 'Content-Type': 'application/json', Accept: 'application/json' };
  const req = request(url, { method: 'POST', headers, agent: false }, onAnswer);
  req.end(JSON.stringify({ ...ids, ...call }));
}

const update = (taskId, state, message, more = {}) => {
  const uuid = randomBytes(16).toString('base64');
  const status = { task_id: { value: taskId }, state, uuid, source: 'SOURCE_EXECUTOR', message, ...more };
  post({ type: 'UPDATE', update: { status } });
};

const handlers = {
  LAUNCH: ({ launch }) => {
    const id = launch.task.task_id.value;
    const { data } = launch.task;
    const more = data === undefined ? {} : { data, labels: { labels: [{ key: 'ready', value: 'yes' }] } };
    update(id, 'TASK_RUNNING', Buffer.from(data ?? '', 'base64').toString(), more);
    if (id.startsWith('crash')) setTimeout(() => process.exit(3), 100);
  },
  KILL: ({ kill }) => update(kill.task_id.value, 'TASK_KILLED', 'as you wish'),
  MESSAGE: ({ message }) => post({ type: 'MESSAGE', message }),
  SHUTDOWN: () => {
    if (manner !== 'stubborn') process.exit(0);
  },
};

post({ type: 'SUBSCRIBE', subscribe: {} }, (res) => {
  let rest = '';
  res.setEncoding('utf8');
  res.on('data', (text) => {
    rest += text;
    for (;;) {
      const end = rest.indexOf('\n');
      const length = Number(rest.slice(0, end));
      if (end < 0 || rest.length < end + 1 + length) break;
      const event = JSON.parse(rest.slice(end + 1, end + 1 + length));
      rest = rest.slice(end + 1 + length);
      handlers[event.type]?.(event);
    }
  });
  res.on('end', () => process.exit(0));
});
