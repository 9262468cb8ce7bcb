// Looks at the pages of --report in a browser: no error, no request, nothing wider than the
// screen, the keyboard, filters and sliders. Takes screenshots.
//
//     node pages.js DIRECTORY [PICTURES]
//
// DIRECTORY has the pages that .ci/browser makes. Into PICTURES go those of the README.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";

const [directory, pictures] = process.argv.slice(2).map((path) => resolve(path));
const PAGES = ["finding", "fault", "campaign", "layout"];
const WIDTHS = [1100, 360];
const ARGUMENTS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

// A browser of its own, with a new profile. `use` gets a page that must stay quiet.
async function withBrowser(options, use) {
  const profile = mkdtempSync(join(tmpdir(), "lithify-browser-"));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args: ARGUMENTS, ...options,
  });
  try {
    await use(browser);
  } finally {
    await browser.close();
    rmSync(profile, { recursive: true, force: true });
  }
}

async function open(browser, name) {
  const page = await browser.newPage();
  const file = `file://${join(directory, `${name}.html`)}`;
  const noise = [];
  page.on("console", (message) => noise.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => noise.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (request.url() !== file) noise.push(`request: ${request.url()}`);
  });
  await page.goto(file, { waitUntil: "load" });
  return { page, noise };
}

async function looks(browser, name, width, scheme) {
  const { page, noise } = await open(browser, name);
  const seen = await page.evaluate(() => ({
    wide: document.documentElement.scrollWidth - innerWidth,
    milliseconds: Math.round(performance.getEntriesByType("navigation")[0].loadEventEnd),
  }));
  assert.ok(seen.wide <= 0, `${name} is ${seen.wide} pixels wider than a screen of ${width}`);
  await page.screenshot({ path: join(directory, `${name}-${width}-${scheme}.png`), fullPage: true });
  assert.deepEqual(noise, [], name);
  await page.close();
  return seen.milliseconds;
}

// Who has only a keyboard reaches the timeline, and goes from event to event.
async function keyboard(browser) {
  const { page, noise } = await open(browser, "finding");
  const focused = () => page.evaluate(() => document.activeElement.id);
  for (let presses = 0; (await focused()) !== "e1"; presses += 1) {
    assert.ok(presses < 20, "the tab key does not reach the timeline");
    await page.keyboard.press("Tab");
  }
  const ring = await page.evaluate(() => getComputedStyle(document.querySelector("#e1 .hit")).stroke);
  assert.notEqual(ring, "none", "the focus is not visible");
  await page.keyboard.press("ArrowRight");
  assert.equal(await focused(), "e2");
  assert.match(await page.textContent("#event"), /^Event 2/);
  await page.keyboard.press("End");
  const last = await page.evaluate(() => document.querySelectorAll(".mark").length);
  assert.equal(await focused(), `e${last}`);
  await page.keyboard.press("Home");
  const lane = () => page.evaluate(() => Number(document.activeElement.dataset.lane));
  const before = await lane();
  await page.keyboard.press("ArrowDown");
  assert.ok((await lane()) > before, "the arrow key does not change the lane");
  assert.deepEqual(noise, []);
  await page.close();
}

async function filter(browser) {
  const { page, noise } = await open(browser, "campaign");
  const rows = () => page.locator(".filtered tbody tr:visible").count();
  const all = await rows();
  assert.ok(all > 0, "the campaign has findings");
  await page.fill(".filter input", "no such words");
  assert.equal(await rows(), 0);
  assert.equal(await page.textContent(".filter output"), `0 of ${all} rows`);
  await page.fill(".filter input", "DURABILITY seed");
  assert.ok((await rows()) > 0, "letters of either case are found");
  await page.click("td a");
  assert.match(await page.textContent("h1"), /Broken promise/);
  assert.deepEqual(noise.filter((line) => !line.startsWith("request: file:")), []);
  await page.close();
}

async function slider(browser) {
  const { page, noise } = await open(browser, "layout");
  const live = () => page.locator(".segment:not(.off)").count();
  const said = () => page.textContent(".slider output");
  const atEnd = await live();
  await page.focus(".slider input");
  await page.keyboard.press("Home");
  assert.equal(await said(), "commit 1: live segments 1 by the rule, 1 of the engine");
  assert.equal(await live(), 2);
  await page.keyboard.press("ArrowRight");
  assert.match(await said(), /^commit 2: live segments 2 by the rule, 2 of/);
  await page.keyboard.press("ArrowRight");
  assert.match(await said(), /^commit 3: live segments 1 by the rule, 1 of/, "at divisor 3 the first window closes");
  await page.keyboard.press("End");
  assert.equal(await live(), atEnd);
  assert.deepEqual(noise, []);
  await page.close();
}

// Without a script everything can be read, and nothing is shown that needs one.
async function withoutScript(browser) {
  for (const name of PAGES) {
    const { page, noise } = await open(browser, name);
    assert.ok((await page.locator("table").count()) > 0, name);
    assert.equal(await page.locator("input:visible").count(), 0, name);
    assert.deepEqual(noise, [], name);
    await page.close();
  }
}

async function take(browser) {
  const { page } = await open(browser, "finding");
  const timeline = page.locator("section", { has: page.locator(".timeline") });
  const { x, y, width, height } = await timeline.boundingBox();
  const clip = { x: x - 16, y, width: width + 32, height: height - 40 };
  await page.screenshot({ path: join(pictures, "finding.png"), clip, fullPage: true });
  await page.close();
  const layout = await open(browser, "layout");
  await layout.page.screenshot({ path: join(pictures, "layout.png") });
  await layout.page.close();
}

let slowest = 0;
for (const scheme of ["light", "dark"]) {
  for (const width of WIDTHS) {
    await withBrowser({ viewport: { width, height: 900 }, colorScheme: scheme }, async (browser) => {
      for (const name of PAGES) slowest = Math.max(slowest, await looks(browser, name, width, scheme));
    });
  }
}
await withBrowser({ viewport: { width: 1100, height: 900 } }, async (browser) => {
  await keyboard(browser);
  await filter(browser);
  await slider(browser);
});
await withBrowser({ javaScriptEnabled: false }, withoutScript);
if (pictures) await withBrowser({ viewport: { width: 900, height: 560 }, colorScheme: "light" }, take);
console.log(`${PAGES.length} pages, each in ${WIDTHS.length} widths and two schemes; the slowest opened in ${slowest} ms`);
