/** A manifest that is wrong is refused with its line, nothing is applied, and nothing typed is lost. */
import { expect, fixture, test } from "./fixture";

const GOOD = fixture("myapp-deploy.yaml");
const CASES = [
  { name: "a tab", yaml: GOOD.replace("  replicas: 3", "\treplicas: 3"), line: 9 },
  { name: "an unknown field", yaml: GOOD.replace("replicas: 3", "replica: 3"), line: 9, says: "replica" },
  { name: "a wrong type", yaml: GOOD.replace("replicas: 3", 'replicas: "three"'), line: 9, says: "replicas" },
  { name: "an unknown kind", yaml: GOOD.replace("kind: Deployment", "kind: Deploymint"), line: 3, says: "Deploymint" },
];

for (const { name, yaml, line, says } of CASES) {
  test(`${name} is marked at line ${line} and nothing is applied`, async ({ app, page }) => {
    await app.open({ speed: 60 });
    await app.apply(yaml);
    await expect(page.getByTestId("diagnostics")).toContainText(new RegExp(`\\b${line}\\b`));
    if (says) await expect(page.getByTestId("diagnostics")).toContainText(says);
    await expect(page.getByTestId("editor").locator(".cm-lint-marker-error").first()).toBeVisible();
    expect(await app.run("kubectl get deployments")).toContain("No resources found in default namespace.");
    expect((await app.editorText.innerText()).replace(/\n+$/, "")).toContain("myapp-deploy");
  });
}

test("one bad document of two is said to keep the other from being applied, or what was applied is said", async ({ app, page }) => {
  await app.open({ speed: 60 });
  await app.apply(`${GOOD}---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspecs: {}\n`);
  await expect(page.getByTestId("diagnostics")).toContainText("specs");
  await expect(page.getByTestId("editor").locator(".cm-lint-marker-error").first()).toBeVisible();
});

const HOSTILE = [
  { name: "an alias bomb", yaml: ["a0: &a0 [x, x]", ...Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(9)}*a${i}]`)].join("\n") },
  { name: "10,000 levels of brackets", yaml: `a: ${"[".repeat(10_000)}` },
  { name: "10,000 levels of maps", yaml: `a: ${"{a: ".repeat(10_000)}` },
  { name: "5 MB of text", yaml: "key: value # 값\n".repeat(330_000) },
];

for (const { name, yaml } of HOSTILE) {
  test(`${name} is refused and the page goes on`, async ({ app, page }) => {
    await app.open({ speed: 60 });
    await app.apply(yaml);
    await expect(page.getByTestId("diagnostics")).not.toBeEmpty();
    await app.apply(GOOD);
    await app.expectReady(3);
  });
}
