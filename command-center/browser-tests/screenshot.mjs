// Takes a picture of the console as soon as it shows an incident with its own picture.
//
//   BASE_URL=http://127.0.0.1:8088/ USER_NAME=desk PASSWORD=... node screenshot.mjs console.png
//
// With FIRST_ADMIN_TOKEN the user is made first. WIDTH and HEIGHT are 1440 and 900 unless they are given.

import assert from "node:assert/strict";

import { withPage } from "./browser.mjs";

const { BASE_URL: base, USER_NAME: user, PASSWORD: password, FIRST_ADMIN_TOKEN: token } = process.env;
const file = process.argv[2];
assert(base && user && password && file, "BASE_URL, USER_NAME, PASSWORD and a file name are needed");

const viewport = { width: Number(process.env.WIDTH ?? 1440), height: Number(process.env.HEIGHT ?? 900) };

await withPage(viewport, async (page) => {
  await page.goto(base);
  if (token) await page.getByLabel("One-time token").fill(token);
  await page.getByLabel("Name", { exact: true }).fill(user);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: token ? "Create and sign in" : "Sign in" }).click();
  await page.locator("button.row", { has: page.locator("img") }).first().click();
  await page.waitForFunction(() => document.querySelector("figure img")?.naturalWidth > 0);
  await page.getByRole("heading", { name: "Times" }).waitFor();
  await page.screenshot({ path: file });
});
