// What the example course page does by itself: a figure driven by its methods and events, and one by bare messages.
const figure = document.querySelector("#traffic");
const told = document.querySelector("#told");

// Each line waits for the answer to the one before; the figure is loaded first where it is not yet.
// What the figure refuses is an error with its words.
const run = (line) => figure.exec(line).catch((error) => (told.textContent = error.message));
document.querySelector("#send").addEventListener("click", () => run("load svc/web --rate 20"));
document.querySelector("#break").addEventListener("click", async () => run(`fault kill ${await newestPod()}`));
figure.addEventListener("event", ({ detail }) => (told.textContent = `${detail.object}: ${detail.msg}`));

async function newestPod() {
  const { stdout } = await figure.exec("kubectl get pods --sort-by=.metadata.creationTimestamp -o name");
  return stdout.trim().split("\n").at(-1);
}

// Without embed.js: the manifest goes behind the #, and whoever listens asks until the figure answers.
const plain = document.querySelector("#plain");
const address = new URL(`./${plain.dataset.figure}&origin=${encodeURIComponent(location.origin)}`, import.meta.url);
plain.src = `${address}#y=${encodeURIComponent(plain.dataset.yaml)}`;
const asking = setInterval(() => plain.contentWindow?.postMessage({ kubeviz: 1, type: "ping" }, address.origin), 250);
addEventListener("message", ({ source, origin, data }) => {
  if (source !== plain.contentWindow || origin !== address.origin || data?.kubeviz !== 1) return;
  if (data.type === "ready") {
    clearInterval(asking);
    plain.contentWindow.postMessage({ kubeviz: 1, id: 1, type: "subscribe", topics: ["pod/plain .status.phase"] }, address.origin);
  }
  if (data.type === "change") document.querySelector("#greeting").textContent = `${data.topic} = ${data.value}`;
});
