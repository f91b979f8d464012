/** Chromium for tests: Debian's program, headless, with a fresh profile, driven by playwright-core. */
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

export type { Page } from 'playwright-core';

/** False when `npm test` found no Chromium and could not install it; browser tests then use `it.skipIf(!hasChromium)`. */
export const hasChromium = !(process.env['ULTRAMARATHON_TEST_MISSING'] ?? '').split(',').includes('chromium');

const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** What no test should take longer for on a busy machine. */
const actionTimeoutMs = 90_000;

export interface PageOptions extends Pick<BrowserContextOptions, 'viewport' | 'colorScheme' | 'hasTouch'> {
  /** Set by tests that cut the connection: the browser reports that as errors on its console. */
  readonly toleratesErrors?: boolean;
}

export interface TestBrowser {
  /**
   * Runs `run` with an empty page of its own storage and closes it. Fails if the page had an error, wrote one to the console, or
   * asked anything outside of this machine (such a request is stopped).
   */
  readonly withPage: (run: (page: Page) => Promise<void>, options?: PageOptions) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Starts Chromium; the caller closes it. One browser serves all tests of a file. */
export async function openBrowser(): Promise<TestBrowser> {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    headless: true,
    args,
    timeout: 2 * actionTimeoutMs,
  });
  return { withPage: (run, options = {}) => visit(browser, run, options), close: () => browser.close() };
}

/** One page in a browser of its own, for a test that needs only one. */
export async function withPage(run: (page: Page) => Promise<void>, options?: PageOptions): Promise<void> {
  const browser = await openBrowser();
  try {
    await browser.withPage(run, options);
  } finally {
    await browser.close();
  }
}

async function visit(browser: Browser, run: (page: Page) => Promise<void>, options: PageOptions): Promise<void> {
  const { toleratesErrors = false, ...contextOptions } = options;
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...contextOptions });
  try {
    context.setDefaultTimeout(actionTimeoutMs);
    const page = await context.newPage();
    const troubles: string[] = [];
    await context.route(isElsewhere, async (route) => {
      troubles.push(`asked ${route.request().url()}`);
      await route.abort();
    });
    if (!toleratesErrors) {
      page.on('pageerror', (error) => troubles.push(`error: ${error.message}`));
      page.on('console', (message) => {
        if (message.type() === 'error') troubles.push(`console: ${message.text()}`);
      });
    }
    await run(page);
    if (troubles.length > 0) throw new Error(`The page was not quiet: ${troubles.join('; ')}`);
  } finally {
    await context.close();
  }
}

const isElsewhere = ({ protocol, hostname }: URL): boolean =>
  /^(?:https?|wss?):$/.test(protocol) && hostname !== '127.0.0.1' && hostname !== 'localhost';
