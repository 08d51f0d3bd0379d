"""`package.json`: the firmware without a board as a package for mip, made anew by `make docs`."""

import json

from packwarden import VERSION
from packwarden_host import REPOSITORY, sources

FILE = REPOSITORY / "package.json"


def text() -> str:
    """What the file has to hold: where each module comes to lie below /lib, and where it is here.

    Paths are relative to the file, so that it installs from a clone and from a repository alike.
    """
    urls = [(path, f"firmware/{path}") for path in sources.below("firmware")]
    urls += [(path, f"lib/{path}") for path in sources.library()]
    lines = ",\n".join(f"    {json.dumps(url)}" for url in urls)
    return f'{{\n  "version": "{VERSION}",\n  "urls": [\n{lines}\n  ]\n}}\n'


if __name__ == "__main__":
    FILE.write_text(text())
