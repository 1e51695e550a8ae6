// HTML reports in a real browser. Run by scripts/test-html, which says where everything is:
// DQ_HTML_BROWSER, DQ_HTML_AXE, DQ_HTML_REPORTS (a directory of reports; pictures are written beside them).

import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { Browser } from "./browser.mjs";

const directory = resolve(process.env.DQ_HTML_REPORTS);
const axe = readFileSync(process.env.DQ_HTML_AXE, "utf8");
const reports = readdirSync(directory).filter((name) => name.endsWith(".html")).sort();
const shown = [["screen", "light"], ["screen", "dark"], ["print", "light"], ["print", "dark"]];
let browser;

before(() => (browser = new Browser(process.env.DQ_HTML_BROWSER)));
after(() => browser.close());

test("there are reports to look at", () => assert.ok(reports.includes("customers.html")));

test("the failing rule is found with its reason and its rows", async () => {
  const page = await browser.open(pathToFileURL(join(directory, "customers.html")).href);
  const card = await page.value("document.querySelector('#rule-13').innerText");
  for (const part of ["FAIL", 'IsComplete "country"', "2 of 200 rows fail", "198 of 200 (99 %)", "line 32", "NULL"]) {
    assert.ok(card.includes(part), `${part} is not in:\n${card}`);
  }
  assert.equal(await page.value("document.querySelector('.ring').getAttribute('aria-label')"), "Score 86.36 %: 19 of 22 rules pass");
  assert.ok(await page.value("document.querySelector('#rule-13 .scale svg').getBoundingClientRect().width > 100"));
});

for (const name of reports) {
  const address = pathToFileURL(join(directory, name)).href;

  test(`${name} asks nobody for anything and gives no reason to complain`, async () => {
    const page = await browser.open(address);
    assert.deepEqual(page.requests, [address]);
    assert.deepEqual(page.complaints, []);
    assert.equal(await page.value("document.scripts.length"), 0);
  });

  for (const [media, theme] of shown) {
    test(`${name} is accessible: ${media}, ${theme}`, async () => {
      const page = await browser.open(address);
      await page.width(media === "print" ? 800 : 1200);
      await page.show(media, theme);
      await page.value(axe);
      const tags = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']";
      const found = await page.value(
        `axe.run(document, { runOnly: ${tags} }).then(({ violations, passes }) => ({
           passes: passes.length,
           violations: violations.map(({ id, nodes }) => [id, nodes.slice(0, 3).map((node) => node.html + node.failureSummary)]),
         }))`,
      );
      writeFileSync(join(directory, `${name}.${media}.${theme}.png`), await page.picture());
      assert.deepEqual(found.violations, []);
      assert.ok(found.passes > 15, `only ${found.passes} checks applied`);
    });
  }

  test(`${name} fits a narrow screen`, async () => {
    const page = await browser.open(address);
    await page.width(320);
    writeFileSync(join(directory, `${name}.narrow.png`), await page.picture());
    const wide = `[...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > 320.5
      && !one.closest(".scroll, .unseen")).map((one) => one.outerHTML.slice(0, 120))`;
    assert.deepEqual(await page.value(wide), []);
    assert.equal(await page.value("document.documentElement.scrollWidth"), 320);
  });

  test(`${name} prints what is folded on the screen`, async () => {
    const page = await browser.open(address);
    await page.show("print", "light");
    // A frame has to pass before folded content is laid out.
    await page.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
    const folded = "[...document.querySelectorAll('details > :not(summary)')]";
    assert.equal(await page.value(`${folded}.filter((one) => one.getBoundingClientRect().height === 0).length`), 0);
    const { data } = await page.send("Page.printToPDF", { printBackground: false });
    writeFileSync(join(directory, `${name}.pdf`), Buffer.from(data, "base64"));
    assert.ok(data.length > 10_000);
  });
}
