"""Put the pages' libraries, with licence and version, into hive/web/assets/vendor/.

Reads an installed `node_modules` (the build makes one from package-lock.json with npm) and writes
each library's ES module, and its style where it has one, under the name that the pages ask for. A
library of many modules is a folder, unchanged file by file, for its modules name each other. The
folder is made anew each time and holds the same bytes for the same lock file.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "hive/web/assets/vendor"
FILES = {
    "marked.js": ("marked", "lib/marked.esm.js"),
    "purify.js": ("dompurify", "dist/purify.es.mjs"),
    "uplot.js": ("uplot", "dist/uPlot.esm.js"),
    "uplot.css": ("uplot", "dist/uPlot.min.css"),
}
TREES: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "novnc": ("@novnc/novnc", ("core", "vendor", "docs"), ("AUTHORS", "LICENSE.txt")),
    "diff": ("diff", (), ("libesm/diff/array.js", "libesm/diff/base.js", "LICENSE")),
}
"""Folders: the package, what is taken of it as a whole, and single files. The MPL asks for its text
beside the files, which are the source themselves; of jsdiff the pages use these two modules."""
SHIPPED = ("*.js", "LICENSE*")


def main(node_modules: Path) -> int:
    """Copy every library; raises `FileNotFoundError` when `node_modules` lacks one."""
    shutil.rmtree(VENDOR, ignore_errors=True)
    VENDOR.mkdir(parents=True)
    versions = {}
    for name, (package, file) in FILES.items():
        home = node_modules / package
        lines = (home / file).read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if not line.startswith("//# sourceMappingURL=")]
        (VENDOR / name).write_text("\n".join(kept).rstrip() + "\n", encoding="utf-8")
        shutil.copyfile(home / "LICENSE", VENDOR / f"{Path(name).stem}.LICENSE.txt")
        versions[package] = json.loads((home / "package.json").read_text(encoding="utf-8"))
    for name, (package, folders, singles) in TREES.items():
        home = node_modules / package
        for path in [*_shipped(home, folders), *(home / single for single in singles)]:
            place = VENDOR / name / path.relative_to(home)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
        versions[package] = json.loads((home / "package.json").read_text(encoding="utf-8"))
    listed = {
        package: {"version": about["version"], "licence": about["license"]}
        for package, about in versions.items()
    }
    (VENDOR / "versions.json").write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")
    return 0


def _shipped(home: Path, folders: tuple[str, ...]) -> list[Path]:
    return [path for folder in folders for kind in SHIPPED for path in (home / folder).rglob(kind)]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
