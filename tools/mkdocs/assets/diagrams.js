// Draws the diagrams of a page, in the colours of its theme. The theme's own way would load a program from elsewhere.
const sources = [...document.querySelectorAll("pre.diagram")].map((pre) => {
  const figure = document.createElement("div")
  figure.className = "diagram"
  pre.replaceWith(figure)
  return { figure, text: pre.textContent }
})

const smallestScale = 0.75

async function drawDiagrams() {
  const dark = document.body.dataset.mdColorScheme === "slate"
  mermaid.initialize({ startOnLoad: false, theme: dark ? "dark" : "default", flowchart: { useMaxWidth: false } })
  for (const [i, { figure, text }] of sources.entries()) {
    figure.innerHTML = (await mermaid.render(`diagram-${i}`, text)).svg
    const svg = figure.firstElementChild // as wide as the page, but never so small that it cannot be read
    svg.style.width = `${Math.max(smallestScale * svg.viewBox.baseVal.width, Math.min(figure.clientWidth, svg.viewBox.baseVal.width))}px`
  }
}

drawDiagrams()
new MutationObserver(drawDiagrams).observe(document.body, { attributeFilter: ["data-md-color-scheme"] })
