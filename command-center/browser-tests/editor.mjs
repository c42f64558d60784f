// What an integrator does with a camera's zones, in headless Chromium. Started by tests/tests/editor.rs, which runs the broker, the
// centre, a camera and its node "door", and looks at what the node says afterwards.
//
// Environment: BASE_URL, FIRST_ADMIN_TOKEN, SCREENSHOTS (a folder), CHROMIUM (default /usr/bin/chromium).

import assert from "node:assert/strict";
import { join } from "node:path";

import { withPage } from "./browser.mjs";

const { BASE_URL: base, FIRST_ADMIN_TOKEN: token, SCREENSHOTS: folder } = process.env;
assert(base && token && folder, "BASE_URL, FIRST_ADMIN_TOKEN and SCREENSHOTS are needed");

let page;
const faults = [];
const shoot = (name) => page.screenshot({ path: join(folder, `${name}.png`) });

async function signIn() {
  await page.goto(base);
  await page.getByLabel("One-time token").fill(token);
  await page.getByLabel("Name", { exact: true }).fill("Integrator");
  await page.getByLabel("Password").fill("correct horse battery");
  await page.getByRole("button", { name: "Create and sign in" }).click();
  await page.getByRole("link", { name: "Nodes and cameras" }).click();
}

async function open() {
  const card = page.getByRole("region", { name: "door" });
  await card.getByText("Watching").waitFor();
  await shoot("node");
  await card.getByRole("link", { name: "Zones and rules" }).click();
  await page.getByText("Nothing is drawn yet").waitFor();
  await page.locator("svg image").waitFor();
}

/** Where a share of the picture is on the screen. */
async function at([x, y]) {
  const box = await page.getByRole("img", { name: "The camera's picture" }).boundingBox();
  return [box.x + x * box.width, box.y + y * box.height];
}

async function drawZone(corners) {
  await page.keyboard.press("z");
  for (const corner of corners) await page.mouse.click(...(await at(corner)));
  await shoot("drawing");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "zone-1 zone" }).waitFor();
  await page.getByLabel("Name").fill("before-the-door");
  await page.getByLabel("Name").press("Enter");
  await page.getByRole("button", { name: "before-the-door zone" }).waitFor();
}

/** A corner is taken elsewhere and back again. */
async function moveAndUndo(from, to) {
  const corner = page.locator("svg circle:not(.between)").nth(2);
  const before = await corner.getAttribute("cx");
  await page.mouse.move(...(await at(from)));
  await page.mouse.down();
  await page.mouse.move(...(await at(to)), { steps: 4 });
  await page.mouse.up();
  assert.notEqual(await corner.getAttribute("cx"), before);
  await page.keyboard.press("Control+z");
  assert.equal(await corner.getAttribute("cx"), before);
}

async function drawLineByKeyboard() {
  await page.getByRole("button", { name: "Line", exact: true }).press("l");
  await page.locator("h1").click();
  for (let i = 0; i < 10; i += 1) await page.keyboard.press("Shift+ArrowUp");
  await page.keyboard.press("Space");
  for (let i = 0; i < 15; i += 1) await page.keyboard.press("Shift+ArrowDown");
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "line-1 line" }).waitFor();
}

async function addRule() {
  await page.getByRole("button", { name: "before-the-door zone" }).click();
  await page.getByRole("button", { name: "+ intrusion" }).click();
  const seconds = page.getByLabel("min_seconds");
  await seconds.fill("2");
  await seconds.press("Enter");
}

async function seePreview() {
  const preview = page.getByRole("region", { name: "What it would have raised" });
  const again = preview.getByRole("button", { name: "Ask again" });
  // The node remembers more by and by; people come to the door.
  const alarm = preview.locator("li button").first();
  while (!(await alarm.isVisible())) {
    await again.click();
    await preview.getByText("Asking the node").waitFor();
    await again.waitFor();
  }
  await preview.getByText(/[1-9]\d* alarms? in the .+ that the node remembers; 0 with what is in force/).waitFor();
  await alarm.click();
  await page.locator("svg rect.object").first().waitFor();
  await shoot("preview");
}

async function save(number) {
  const save = page.getByRole("region", { name: "Save" });
  for (const label of ["Beside, silently, s", "On one camera, s", "On all, s"]) await save.getByLabel(label).fill("2");
  await save.getByRole("button", { name: "Sign and send to the node" }).click();
  await save.getByText(`Push ${number} by Integrator`).waitFor();
  await save.getByText("tried beside, silently").waitFor();
  await shoot(`trying-${number}`);
  await save.getByText("stays").waitFor();
  await save.getByText("Nothing is changed.").waitFor();
  await shoot(`saved-${number}`);
}

/** What the node says that its camera goes by. */
async function reported() {
  const config = await page.evaluate(async () => (await fetch("/api/nodes/test/street/door/config")).json());
  return config.reported.cameras.a;
}

async function seeThatItIsInForce(corners) {
  const { zones, lines, rules } = await reported();
  assert.deepEqual(zones.map((zone) => zone.id), ["before-the-door"]);
  zones[0].polygon.flat().forEach((share, i) => assert(Math.abs(share - corners.flat()[i]) < 0.005, `${zones[0].polygon}`));
  assert.equal(lines[0].id, "line-1");
  const { kind, zone, min_seconds } = rules[0];
  assert.deepEqual({ kind, zone, min_seconds }, { kind: "intrusion", zone: "before-the-door", min_seconds: 2 });
}

async function removeZone() {
  await page.getByRole("button", { name: "before-the-door zone" }).click();
  await page.keyboard.press("Delete");
  assert.equal(await page.getByRole("button", { name: "before-the-door zone" }).count(), 0);
}

const corners = [[0.3, 0.4], [0.7, 0.4], [0.7, 0.9], [0.3, 0.9]];

await withPage({ width: 1440, height: 900 }, async (opened) => {
  page = opened;
  page.on("pageerror", (error) => faults.push(`script: ${error}`));
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(`console: ${message.text()}`);
  });
  try {
    await signIn();
    await open();
    await drawZone(corners);
    await moveAndUndo([0.7, 0.9], [0.8, 0.8]);
    await drawLineByKeyboard();
    await addRule();
    await seePreview();
    await save(1);
    await seeThatItIsInForce(corners);
    await removeZone();
    await save(2);
    assert.deepEqual(faults, []);
  } catch (error) {
    await shoot("failed");
    throw error;
  }
});
