/** Keeps the page's picture of the server fresh: an event asks for a new look, a poll looks anyway, and no look is hurried. */

/** At most five looks a second, however many events come. */
const minPauseMs = 200;
/** Looks without an event, in case one was missed or the stream is away. */
const pollMs = 5_000;
const lostPollMs = 1_000;
const timeoutMs = 15_000;
const reopenMs = { first: 500, longest: 10_000 };

const paths = {
  apps: '../v2/apps?embed=apps.tasks&embed=apps.lastTaskFailure',
  deployments: '../v2/deployments',
  queue: '../v2/queue',
};

/** Every event after which one of the three answers may differ. */
const eventTypes = [
  'api_post_event',
  'app_terminated_event',
  'group_change_success',
  'group_change_failed',
  'status_update_event',
  'instance_changed_event',
  'instance_health_changed_event',
  'health_status_changed_event',
  'unknown_instance_terminated_event',
  'unhealthy_instance_kill_event',
  'add_health_check_event',
  'remove_health_check_event',
  'deployment_info',
  'deployment_success',
  'deployment_failed',
  'deployment_step_success',
  'deployment_step_failure',
  'scheduler_registered_event',
  'scheduler_reregistered_event',
];

/**
 * Starts the feed. `onState` gets `{apps, deployments, queue}` whenever one of them changed; `onConnection` gets
 * `{state: 'live' | 'polling' | 'lost', reason, lastGoodMs}` after each look.
 */
export function startFeed({ onState, onConnection }) {
  const known = { apps: {}, deployments: {}, queue: {} };
  let hasStream = false;
  let isLooking = false;
  let isWanted = false;
  let pauseMs = minPauseMs;
  let endedMs = 0;
  let timer;
  let lastGoodMs;

  /** The last answer is kept with its ETag, so that an unchanged server sends nothing. */
  async function read(name) {
    const headers = { Accept: 'application/json' };
    if (known[name].tag) headers['If-None-Match'] = known[name].tag;
    const signal = AbortSignal.timeout(timeoutMs);
    const answer = await fetch(paths[name], { headers, signal, cache: 'no-store' });
    if (answer.status === 304) return false;
    if (!answer.ok) throw new Error(await refusal(answer));
    const text = await answer.text();
    const isNew = text !== known[name].text;
    const value = isNew ? JSON.parse(text) : known[name].value;
    known[name] = { tag: answer.headers.get('ETag'), text, value };
    return isNew;
  }

  async function look() {
    isLooking = true;
    isWanted = false;
    const startedMs = performance.now();
    try {
      const changes = await Promise.all(Object.keys(paths).map(read));
      lastGoodMs = Date.now();
      if (changes.includes(true)) {
        const { apps, deployments, queue } = known;
        onState({ apps: apps.value.apps, deployments: deployments.value, queue: queue.value.queue });
      }
      onConnection({ state: hasStream ? 'live' : 'polling', reason: '', lastGoodMs });
      plan(pollMs);
    } catch (error) {
      onConnection({ state: 'lost', reason: reasonOf(error), lastGoodMs });
      plan(lostPollMs);
    }
    isLooking = false;
    endedMs = performance.now();
    // A server that takes long gets as long to rest.
    pauseMs = Math.max(minPauseMs, endedMs - startedMs);
    if (!isWanted) return;
    isWanted = false;
    want();
  }

  function plan(delayMs) {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (document.hidden) plan(pollMs);
      else void look();
    }, delayMs);
  }

  /** Asks for a look as soon as one is allowed. */
  function want() {
    if (isWanted) return;
    isWanted = true;
    if (!isLooking) plan(Math.max(0, endedMs + pauseMs - performance.now()));
  }

  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && !isLooking) plan(0);
  });
  followEvents(want, (isOpen) => {
    hasStream = isOpen;
    want();
  });
  void look();
}

/** Browsers reconnect a stream that broke, but give up on one that was refused: that is tried again here. */
function followEvents(onEvent, onOpen) {
  const types = eventTypes.map((type) => `event_type=${type}`).join('&');
  let delayMs = reopenMs.first;
  const open = () => {
    const stream = new EventSource(`../v2/events?plan-format=light&${types}`);
    stream.addEventListener('open', () => {
      delayMs = reopenMs.first;
      onOpen(true);
    });
    stream.addEventListener('error', () => {
      onOpen(false);
      if (stream.readyState !== EventSource.CLOSED) return;
      setTimeout(open, delayMs * (0.5 + Math.random()));
      delayMs = Math.min(reopenMs.longest, delayMs * 2);
    });
    for (const type of eventTypes) stream.addEventListener(type, onEvent);
  };
  open();
}

/** The API's errors are `{message}`; whatever else comes is named by its status. */
async function refusal(answer) {
  const text = await answer.text();
  try {
    return `the server answered ${answer.status}: ${JSON.parse(text).message}`;
  } catch {
    return `the server answered ${answer.status}`;
  }
}

const reasonOf = (error) => {
  if (error.name === 'TimeoutError') return `no answer within ${timeoutMs / 1000} s`;
  return error instanceof TypeError ? 'the server cannot be reached' : error.message;
};
