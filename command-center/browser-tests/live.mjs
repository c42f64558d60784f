// What an operator does, in headless Chromium. Started by command-center/tests/browser.rs, which runs the broker and the
// centre, publishes when this script says READY, and stops and starts the centre when it says STOP and START.
//
// Environment: BASE_URL, FIRST_ADMIN_TOKEN, SCREENSHOTS (a folder), CHROMIUM (default /usr/bin/chromium).

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { join } from "node:path";

import { withPage } from "./browser.mjs";

const { BASE_URL: base, FIRST_ADMIN_TOKEN: token, SCREENSHOTS: folder } = process.env;
assert(base && token && folder, "BASE_URL, FIRST_ADMIN_TOKEN and SCREENSHOTS are needed");

const user = "Control desk";
const guard = "Night guard";
const password = "correct horse battery";
const sizes = { wide: { width: 1440, height: 900 }, small: { width: 1024, height: 768 } };
const say = (line) => process.stdout.write(`${line}\n`);

let page;

// a page that asks elsewhere, or that its own security policy stops, is a fault
const faults = [];
let away = false;
function watchForFaults() {
  page.on("request", (request) => {
    if (!request.url().startsWith(base)) faults.push(`asked ${request.url()}`);
  });
  page.on("pageerror", (error) => faults.push(`script: ${error}`));
  page.on("console", (message) => {
    const expected = away || /status of 40[13]/.test(message.text());
    if (message.type() === "error" && !expected) faults.push(`console: ${message.text()}`);
  });
}

async function shoot(name) {
  for (const [size, viewport] of Object.entries(sizes)) {
    await page.setViewportSize(viewport);
    await page.screenshot({ path: join(folder, `${name}-${size}.png`) });
  }
  await page.setViewportSize(sizes.wide);
}

async function nameFirstAdministrator() {
  await page.goto(base);
  await page.getByRole("heading", { name: "Set up the first administrator" }).waitFor();
  await page.getByLabel("One-time token").fill("a guess");
  await page.getByLabel("Name", { exact: true }).fill(user);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Create and sign in" }).click();
  await page.getByRole("alert").getByText("that is not the one-time token").waitFor();
  await shoot("first-admin");
  await page.getByLabel("One-time token").fill(token);
  await page.getByRole("button", { name: "Create and sign in" }).click();
  await page.getByText("Nothing to do").waitFor();
  await page.getByRole("status").getByText("Live").waitFor();
  await shoot("empty");
}

async function seeIncidentsArrive() {
  say("READY");
  const row = page.locator("button.row", { hasText: "Entered a closed area" });
  await row.waitFor();
  await page.locator("[aria-live]", { hasText: "New" }).first().waitFor({ state: "attached" });
  // the last that is published: when it is there, so are all
  await page.locator("button.row", { hasText: "Line crossed" }).waitFor();
  await row.locator("img").waitFor();
  await row.click();
  const picture = page.locator("figure img");
  await picture.waitFor();
  await page.waitForFunction(() => document.querySelector("figure img").naturalWidth === 1280);
  await page.getByText("Unchanged since the node took it").waitFor();
  await shoot("incident");
}

async function acknowledgeIt() {
  await page.getByLabel("Note").fill("Patrol 12 is on the way");
  await page.getByLabel("Note").blur();
  await page.keyboard.press("a");
  await page.getByText(`Acknowledged by ${user}`).waitFor();
  await page.getByText("Patrol 12 is on the way").waitFor();
  await shoot("acknowledged");
  const before = await page.locator("button.row[aria-current]").getAttribute("data-incident");
  await page.keyboard.press("j");
  await page.waitForFunction(
    (id) => document.querySelector("button.row[aria-current]")?.dataset.incident !== id,
    before,
  );
  await page.locator(`[data-incident="${before}"]`).waitFor({ state: "detached" });
  await page.keyboard.press("k");
}

async function judgeIt() {
  await page.getByRole("link", { name: "Incidents", exact: true }).click();
  await page.locator("button.row", { hasText: "Line crossed" }).click();
  const ask = page.getByRole("group", { name: "Was it a real incident?" });
  await ask.getByRole("button", { name: "Real" }).click();
  await page.getByText("A real incident", { exact: true }).waitFor();
  await ask.getByRole("button", { name: "Ignore this area" }).click();
  await page.getByText("A false alarm; its area is to be ignored").waitFor();
  // nobody is there to answer
  await page.getByText("the node has not answered yet").waitFor();
  await page.getByText("Judged: a real incident").waitFor();
  await shoot("judged");
  await page.getByRole("link", { name: "Verdicts" }).click();
  await page.getByText(/1 of \d+ incidents judged, 1 false alarm/).waitFor();
  await shoot("verdicts");
}

async function seeNodes() {
  await page.getByRole("link", { name: "Nodes and cameras" }).click();
  const card = page.getByRole("region", { name: "chorsu-1" });
  await card.getByText("Online").waitFor();
  await card.getByText("wrong user name or password").waitFor();
  await card.getByText("25.0 /s").waitFor();
  await card.getByText(/no\. \d+, noticed/).waitFor();
  await card.getByText("step 2 of 4 (all cameras are looked at less often)").waitFor();
  await card.getByText("2 of 2 cameras at their lowest rate").waitFor();
  await card.getByRole("img", { name: /Where the time of Chorsu, north crossing went: 26 % analysed, 55 % nothing moved/ }).waitFor();
  await page.getByText("Fault on this node: http.listen").waitFor();
  await page.getByText("Messages set aside").waitFor();
  const ask = card.getByRole("group", { name: "Ask of north" });
  await ask.getByRole("button", { name: "Picture" }).click();
  await card.getByText("Picture, north").waitFor();
  // nobody is there to answer: it is sent again
  await card.getByText("sent 2 times, no answer yet").waitFor();
  await shoot("nodes");
}

async function loseTheCentreAndFindItAgain() {
  away = true;
  say("STOP");
  await page.getByText("No connection to the command centre").waitFor();
  await shoot("lost");
  say("START");
  await page.getByRole("status").getByText("Live").waitFor();
  away = false;
}

/** The one-time code of a secret (RFC 6238), so many steps from now. */
function codeOf(secret, steps) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const hash = createHmac("sha1", key).update(counter).digest();
  const number = hash.readUInt32BE(hash[19] & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

async function addSomebody() {
  await page.getByRole("link", { name: "People" }).click();
  const form = page.getByRole("form", { name: "Add a user" });
  await form.getByLabel("Name", { exact: true }).fill(guard);
  await form.getByLabel("Password").fill(password);
  await form.getByLabel("Region").fill("tashkent");
  await form.getByLabel("Region").blur();
  await form.getByRole("button", { name: "Add a user" }).click();
  await page.getByRole("row", { name: guard }).getByText("Operator of tashkent").waitFor();
  await page.getByRole("row", { name: guard }).getByRole("button", { name: "Change" }).click();
  await page.getByRole("button", { name: "Save the roles" }).waitFor();
  await shoot("people");
  await page.getByRole("link", { name: "Audit" }).click();
  await page.getByText(/\d+ lines, whole/).waitFor();
  await page.getByRole("row", { name: /Added a user Night guard operator of tashkent/ }).waitFor();
  await shoot("audit");
}

async function signIn(name, code) {
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  if (code === undefined) return;
  await page.getByRole("alert").getByText("one-time code").waitFor();
  await page.getByLabel("One-time code", { exact: true }).fill(code());
  await page.getByRole("button", { name: "Sign in" }).click();
}

async function signInWithCodes() {
  await page.getByRole("button", { name: "Sign out" }).click();
  await signIn(guard);
  await page.getByRole("link", { name: guard }).click();
  assert.equal(await page.getByRole("link", { name: "People" }).count(), 0);
  await page.getByLabel("Password, once more").fill(password);
  await page.getByRole("button", { name: "Set up an authenticator" }).click();
  await page.getByAltText("The secret as a QR code").waitFor();
  await shoot("account");
  const secret = await page.locator(".secret").textContent();
  await page.getByLabel("One-time code", { exact: true }).fill(codeOf(secret, 0));
  await page.getByRole("button", { name: "Confirm" }).click();
  await page.getByText("From now on signing in takes a one-time code.").waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await signIn(guard, () => codeOf(secret, 1));
  await page.getByRole("link", { name: guard }).waitFor();
}

async function signOutAndIn() {
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.getByLabel("Name", { exact: true }).fill(user);
  await page.getByLabel("Password").fill("not the password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").getByText("name or password is wrong").waitFor();
  await shoot("sign-in");
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("link", { name: "Incidents", exact: true }).click();
  await page.getByRole("button", { name: "All" }).click();
  await page.locator("button.row", { hasText: `✓ ${user}` }).waitFor();
}

await withPage(sizes.wide, async (opened) => {
  page = opened;
  watchForFaults();
  try {
    await nameFirstAdministrator();
    await seeIncidentsArrive();
    await acknowledgeIt();
    await seeNodes();
    await judgeIt();
    await loseTheCentreAndFindItAgain();
    await addSomebody();
    await signInWithCodes();
    await signOutAndIn();
    assert.deepEqual(faults, []);
  } catch (error) {
    await page.screenshot({ path: join(folder, "failed.png") });
    throw error;
  }
});
say("DONE");
