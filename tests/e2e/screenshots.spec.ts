/** Pictures of the page for a person to look at, in target/screenshots/. They are not compared with anything. */
import { join } from "node:path";
import { fixture, test } from "./fixture";

const FOLDER = join(__dirname, "../../target/screenshots");
const MANIFEST = fixture("myapp-deploy.yaml");
const SIZES = [
  { name: "desktop", width: 1440, height: 900, embed: false },
  { name: "small", width: 800, height: 500, embed: false },
  { name: "phone", width: 360, height: 740, embed: false },
  { name: "embed", width: 800, height: 500, embed: true },
  { name: "embed-phone", width: 360, height: 500, embed: true },
];

for (const { name, width, height, embed } of SIZES) {
  for (const theme of ["light", "dark"] as const) {
    for (const lang of ["en", "ko"] as const) {
      test(`${name} ${theme} ${lang}`, async ({ app, page }) => {
        await page.setViewportSize({ width, height });
        await page.emulateMedia({ reducedMotion: "reduce" });
        await app.open({ theme, lang, speed: 60, ...(embed ? { embed: 1 } : {}) }, MANIFEST);
        await app.expectReady(3);
        await page.screenshot({ path: join(FOLDER, `${name}-${theme}-${lang}.png`) });
      });
    }
  }
}

test("the course page", async ({ page }) => {
  await page.goto("/embed-example.html");
  await page.frameLocator("#rollout iframe").getByTestId("stage").waitFor();
  await page.screenshot({ path: join(FOLDER, "course.png"), fullPage: true });
});
