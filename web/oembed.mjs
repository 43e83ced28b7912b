// What an oEmbed consumer gets to know of the page (https://oembed.com, type "rich"): a figure of 800 by 500 in a frame.
//
// `serve.mjs` answers `oembed.json?url=ADDRESS[&maxwidth=][&maxheight=]` with the figure of that very address, the part behind
// # included, where the state of a link is. A host of plain files has one answer for every address, the page's own:
// `node oembed.mjs ADDRESS` prints it, and `./kubeviz build --at ADDRESS` puts it beside the page.
import { pathToFileURL } from "node:url";

const WIDTH = 800;
const HEIGHT = 500;

/** The answer for an address of the page; undefined if it is none below `base`. */
export function oembed(base, address, { maxwidth, maxheight } = {}) {
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  if (url.origin !== base.origin || !url.pathname.startsWith(base.pathname)) return undefined;
  url.searchParams.set("embed", "1");
  const width = within(WIDTH, maxwidth);
  const height = within(HEIGHT, maxheight);
  const source = url.href.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  return {
    version: "1.0",
    type: "rich",
    provider_name: "kubeviz",
    provider_url: base.href,
    title: "kubeviz: a Kubernetes cluster in a browser tab",
    width,
    height,
    html: `<iframe src="${source}" width="${width}" height="${height}" title="kubeviz" loading="lazy" allow="clipboard-write; fullscreen" style="border:0"></iframe>`,
  };
}

function within(usual, most) {
  const limit = Number(most);
  return most !== undefined && limit > 0 ? Math.min(usual, Math.floor(limit)) : usual;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [address = ""] = process.argv.slice(2);
  if (!URL.canParse(address)) {
    console.error("Usage: node oembed.mjs https://HOST/PATH/");
    process.exit(1);
  }
  const base = new URL(address.endsWith("/") ? address : `${address}/`);
  console.log(JSON.stringify(oembed(base, base.href)));
}
