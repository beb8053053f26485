"""Where the made calls' voices come from: packages that Debian's archive carries, unpacked into a cache, not installed."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

PACKAGES = (
    # recorded speech
    "asterisk-core-sounds-en-wav",
    "asterisk-core-sounds-es-wav",
    "asterisk-core-sounds-fr-wav",
    "asterisk-core-sounds-it-wav",
    "asterisk-core-sounds-ru-wav",
    "asterisk-prompt-es-co",
    "asterisk-prompt-fr-armelle",
    "asterisk-prompt-it-menardi-wav",
    "codec2-examples",
    "hedgewars-data",
    "klettres-data",
    "ktuberling-data",
    "pocketsphinx-testdata",
    "tuxpaint-stamps-default",
    # music
    "asterisk-moh-opsound-wav",
    # voices that read
    "espeak-ng",
    "espeak-ng-data",
    "libespeak-ng1",
    "libpcaudio0",
    "libsonic0",
    "flite",
    "libflite1",
    "festival",
    "festival-ca",
    "festival-czech",
    "festlex-cmu",
    "festlex-poslex",
    "festvox-ca-ona-hts",
    "festvox-czech-dita",
    "festvox-italp16k",
    "festvox-kallpc16k",
    "festvox-kdlpc16k",
    "festvox-suopuhe-common",
    "festvox-suopuhe-lj",
    "festvox-suopuhe-mv",
    "festvox-us-slt-hts",
    "libestools2.5",
    # what those programs are linked with
    "libasound2",
    "libgomp1",
    "libpulse0",
    # the telephones' codec of GSM
    "libgsm1",
)


def folder() -> Path:
    """The cache; `CROSSPOINT_AMD_CACHE` puts it elsewhere."""
    return Path(os.environ.get("CROSSPOINT_AMD_CACHE", Path.home() / ".cache" / "crosspoint-amd"))


@cache
def root() -> Path:
    """The unpacked packages; those that are missing are fetched first (700 MB, once). They need no root."""
    packed, unpacked = folder() / "debs", folder() / "root"
    packed.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        stamp = folder() / "unpacked" / package
        if stamp.exists():
            continue
        if not (found := sorted(packed.glob(f"{package}_*.deb"))):
            print(f"fetching {package}", flush=True)  # noqa: T201
            subprocess.run(["apt-get", "download", package], cwd=packed, capture_output=True, check=False)
            found = sorted(packed.glob(f"{package}_*.deb"))
        stamp.parent.mkdir(parents=True, exist_ok=True)
        if found:
            subprocess.run(["dpkg-deb", "-x", str(found[-1]), str(unpacked)], check=True)
            stamp.write_text(found[-1].name, encoding="utf-8")
        else:
            print(f"{package} cannot be had: calls with its voices are left out", flush=True)  # noqa: T201
    return unpacked


def libraries() -> str:
    """What to set LD_LIBRARY_PATH to for the programs within."""
    return ":".join(str(path) for path in sorted((root() / "usr" / "lib").glob("*-linux-gnu*")))


def program(name: str) -> Path:
    """One of the unpacked programs."""
    return root() / "usr" / "bin" / name


def library(name: str) -> Path | None:
    """One of the unpacked libraries."""
    return next(iter(sorted((root() / "usr" / "lib").rglob(name))), None)
