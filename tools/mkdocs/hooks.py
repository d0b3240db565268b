"""What the site does to the pages of the repository, which are written for a reader of the files.

docs/README.md has a table with the pages of each kind of reader, in order: it becomes the navigation.
"""

import os
import posixpath
import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[2]
ASSETS = Path(__file__).parent / "assets"
HOME = "README.md"
START = "start.md"  # the repository's README
# The scripts that are not in this repository, by the variable with the path of each. Without the one that draws
# diagrams, they are shown as text; without the other, there is no search on pages that are opened from a folder.
SCRIPTS = {"LOCKSTEP_MERMAID": "assets/mermaid.js", "LOCKSTEP_IFRAME_WORKER": "assets/iframe-worker.js"}
SHIM = '<script src="https://unpkg.com/iframe-worker/shim"></script>'  # by the theme
MARKER = re.compile(r"^ *<!-- (?:test|from|package|file): .* -->\n\n?", re.MULTILINE)  # for the tests of the pages
ROW = re.compile(r"^\| ([^|]+?) \| ([^|]*\.md[^|]*) \|$", re.MULTILINE)
PAGE = re.compile(r"\]\(([^):#]+\.md)(?:#[^)]*)?\)")
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^):#]+)(#[^)]*)?\)")
PICTURE = re.compile(r"^!\[[^\]]+\]\(([^)]+\.svg)\)$", re.MULTILINE)  # opens in its own size
INFO = re.compile(r"^( *```+\w+) .+$", re.MULTILINE)  # what follows the language of a block


def on_files(files, config):
    """Add the repository's README and the assets, and make the navigation."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    files.append(File.generated(config, START, content=relink(readme, "")))
    for asset in sorted(ASSETS.iterdir()):
        files.append(File.generated(config, f"assets/{asset.name}", abs_src_path=str(asset)))
    for variable, name in SCRIPTS.items():
        if script := os.environ.get(variable):
            files.append(File.generated(config, name, abs_src_path=script))
    config.nav = navigation([f.src_uri for f in files.documentation_pages()])
    return files


def navigation(pages):
    """Return the navigation: the pages of each reader, then those that no reader is led to."""
    left = sorted(set(pages) - {HOME})
    nav = [HOME]

    def take(page):
        """Return a page as a part of the navigation. The start page of a folder has the folder's others below it."""
        if page not in left:
            return []
        left.remove(page)
        folder, name = posixpath.split(page)
        if page == START:
            return [{"Quick start": page}]
        if name != "README.md" or not folder:
            return [page]
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        # The start page says in which order the others are read.
        order = {name: position for position, name in enumerate(dict.fromkeys(PAGE.findall(text)))}
        below = [p for p in left if posixpath.dirname(p) == folder]
        below.sort(key=lambda p: order.get(posixpath.basename(p), len(order)))
        for p in below:
            left.remove(p)
        return [{text.partition("\n")[0].lstrip("# "): [page, *below]}]

    home = ROOT / "docs" / HOME
    text = home.read_text(encoding="utf-8") if home.exists() else ""
    text = text.partition("\n## By reader\n")[2].partition("\n## ")[0]
    for i, (reader, cell) in enumerate(ROW.findall(text)):
        listed = ([START] if i == 0 else []) + [posixpath.normpath(p) for p in PAGE.findall(cell)]
        if section := [item for page in listed for item in take(page)]:
            nav.append({reader[0].upper() + reader[1:]: section})
    if more := [item for page in list(left) for item in take(page)]:
        nav.append({"More": more})
    return nav


def relink(markdown, folder):
    """Return a page of a folder, relative to the repository, with its links and pictures as the site has them."""

    def replace(match):
        mark, text, target, anchor = match[1], match[2], match[3], match[4] or ""
        path = posixpath.normpath(posixpath.join(folder, target))
        if path == "README.md":
            path = START
        elif path.startswith("docs/"):
            path = path.removeprefix("docs/")
            if (ROOT / "docs" / path).is_dir():
                path += "/README.md"
        else:  # a file that the site does not have
            return text if text.startswith("`") else f"`{path}`" if text == path else f"{text} (`{path}`)"
        here = folder.removeprefix("docs").lstrip("/")
        return f"{mark}[{text}]({posixpath.relpath(path, here or '.')}{anchor})"

    return LINK.sub(replace, markdown)


def on_page_markdown(markdown, page, config, files):
    """Lead links to the places that files have on the site, and each picture to itself in its own size."""
    if page.file.src_uri != START:
        markdown = relink(markdown, posixpath.join("docs", posixpath.dirname(page.file.src_uri)).rstrip("/"))
    return indent(PICTURE.sub(r"[\g<0>](\1)", INFO.sub(r"\1", MARKER.sub("", markdown))))


ITEM = re.compile(r"( *)(?:[-*+]|\d+[.)]) +")
FENCE = re.compile(r" *(```+|~~~+)")


def indent(markdown):
    """Return a page whose lists are indented by four columns for each level, as this Markdown library requires."""
    lines, levels, fence = [], [], ""
    for line in markdown.split("\n"):
        spaces = len(line) - len(line.lstrip(" "))
        if line.strip():
            if not fence:
                while levels and spaces < levels[-1]:
                    levels.pop()
            line = " " * (4 * len(levels) + spaces - (levels[-1] if levels else 0)) + line.lstrip(" ")
        lines.append(line)
        if found := FENCE.match(line):
            fence = "" if fence and found[1].startswith(fence) else fence or found[1]
        elif not fence and (item := ITEM.match(line)):
            levels.append(spaces + len(item[0]) - len(item[1]))
    return "\n".join(lines)


def on_post_page(output, page, config):
    """Load the scripts of the site, in the place of those that the theme would load from elsewhere."""

    def load(name):
        return f'<script src="{posixpath.relpath(name, posixpath.dirname(page.url) or ".")}"></script>'

    has_worker = os.environ.get("LOCKSTEP_IFRAME_WORKER")
    output = output.replace(SHIM, load(SCRIPTS["LOCKSTEP_IFRAME_WORKER"]) if has_worker else "")
    if 'class="diagram"' in output and os.environ.get("LOCKSTEP_MERMAID"):
        output = output.replace("</body>", load(SCRIPTS["LOCKSTEP_MERMAID"]) + load("assets/diagrams.js") + "</body>")
    return output


def on_post_template(output, template_name, config):
    """Leave out the theme's script on the page for addresses that lead nowhere, which no folder shows."""
    return output.replace(SHIM, "")
