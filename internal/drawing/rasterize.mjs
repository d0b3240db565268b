// Draws the SVG of a JSON document on stdin, with the fonts of the document alone, and writes a PNG to stdout. The
// document names the module and the WebAssembly of resvg.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { svg, fonts, module, wasm, scale } = JSON.parse(readFileSync(0, "utf8"));
const { initWasm, Resvg } = await import(pathToFileURL(module));
await initWasm(readFileSync(wasm));
const fontBuffers = fonts.map((font) => Buffer.from(font, "base64"));
const picture = new Resvg(svg, { fitTo: { mode: "zoom", value: scale }, font: { fontBuffers } }).render();
process.stdout.write(picture.asPng());
