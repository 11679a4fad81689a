import chromium from '@sparticuz/chromium';
import { chromium as playwright, type Browser, type Page } from 'playwright-core';
import { onTestFinished } from 'vitest';

/** Opens a page in a browser without a window; both end with the test. */
export async function openPage(url: string): Promise<Page> {
  const browser = await launch();
  onTestFinished(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1_440, height: 1_000 } });
  await page.goto(url, { waitUntil: 'domcontentloaded' });
  return page;
}

/** It is packaged to look at pages, without the rules between origins that a visitor's browser keeps. */
const laxArgs = new Set(['--disable-web-security', '--allow-running-insecure-content']);

/** The packaged Chromium is for Linux; elsewhere the installed Chrome does. */
async function launch(): Promise<Browser> {
  const options =
    process.platform === 'linux'
      ? {
          executablePath: await chromium.executablePath(),
          args: chromium.args.filter((arg) => !laxArgs.has(arg)),
        }
      : { channel: 'chrome', args: [] };
  return await playwright.launch({
    ...options,
    args: [...options.args, '--no-sandbox', '--disable-background-networking'],
  });
}
