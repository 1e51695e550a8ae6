// A headless Chromium, spoken to over a pipe: the DevTools protocol needs no library.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How long one answer may take, in milliseconds. */
const PATIENCE = 60_000;

export class Browser {
  #process;
  #profile = mkdtempSync(join(tmpdir(), "dq-html-"));
  #waiting = new Map();
  #listeners = [];
  #next = 1;
  #rest = "";

  constructor(program) {
    const options = ["--headless", "--disable-gpu", "--no-first-run", "--hide-scrollbars", "--remote-debugging-pipe"];
    // Containers run as root, where Chromium refuses to sandbox; the page is our own.
    if (process.getuid?.() === 0) options.push("--no-sandbox");
    options.push("--disable-dev-shm-usage", `--user-data-dir=${this.#profile}`, "about:blank");
    this.#process = spawn(program, options, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    this.#process.on("exit", () => this.#fail(new Error("the browser ended")));
    this.#process.on("error", (error) => this.#fail(error));
    this.#process.stdio[3].on("error", (error) => this.#fail(error));
    this.#process.stdio[4].setEncoding("utf8").on("data", (text) => this.#read(text));
  }

  #fail(error) {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  #read(text) {
    const messages = (this.#rest + text).split("\0");
    this.#rest = messages.pop();
    for (const message of messages.map((one) => JSON.parse(one))) {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (waiting && message.error) waiting.reject(new Error(message.error.message));
      else if (waiting) waiting.resolve(message.result);
      else this.#listeners.forEach((listener) => listener(message));
    }
  }

  /** Sends a command and waits for what it returns. */
  send(method, params = {}, sessionId = undefined) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method} takes too long`)), PATIENCE);
      const settle = (done) => (value) => {
        clearTimeout(timer);
        done(value);
      };
      this.#waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
      this.#process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  /** Opens an address and waits until it is loaded. */
  async open(address) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, sessionId);
    this.#listeners.push((message) => message.sessionId === sessionId && page.heard(message));
    for (const domain of ["Page", "Network", "Runtime", "Log"]) await page.send(`${domain}.enable`);
    const loaded = new Promise((resolve) => (page.loaded = resolve));
    await page.send("Page.navigate", { url: address });
    await loaded;
    return page;
  }

  async close() {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    await this.send("Browser.close").catch(() => this.#process.kill());
    await ended;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

class Page {
  requests = [];
  complaints = [];
  loaded = () => {};

  constructor(browser, session) {
    this.browser = browser;
    this.session = session;
  }

  send(method, params) {
    return this.browser.send(method, params, this.session);
  }

  heard({ method, params }) {
    if (method === "Page.loadEventFired") this.loaded();
    if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
    if (method === "Log.entryAdded") this.complaints.push(params.entry.text);
    if (method === "Runtime.exceptionThrown") this.complaints.push(params.exceptionDetails.text);
    if (method === "Runtime.consoleAPICalled") this.complaints.push(JSON.stringify(params.args));
  }

  /** The value of an expression in the page. */
  async value(expression) {
    const options = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", options);
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Shows the page as `screen` or `print`, `light` or `dark`. */
  show(media, theme) {
    const features = [{ name: "prefers-color-scheme", value: theme }];
    return this.send("Emulation.setEmulatedMedia", { media, features });
  }

  /** Shows the page on a screen of this width. */
  width(width) {
    const metrics = { width, height: 900, deviceScaleFactor: 1, mobile: false };
    return this.send("Emulation.setDeviceMetricsOverride", metrics);
  }

  /** A picture of the whole page. */
  async picture() {
    const { data } = await this.send("Page.captureScreenshot", { captureBeyondViewport: true });
    return Buffer.from(data, "base64");
  }
}
