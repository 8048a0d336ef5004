#!/usr/bin/env python3
"""Runs scripts of ours: script_test.py RUNNER SCRIPT... Skipped (77) where there is no wasm-tools."""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def main():
    runner, scripts = sys.argv[1], [Path(script) for script in sys.argv[2:]]
    tools = shutil.which(os.environ.get('SWELL_WASM_TOOLS', 'wasm-tools'))
    if tools is None:
        return 77
    with tempfile.TemporaryDirectory() as folder:
        outputs = []
        for script in scripts:
            outputs.append(Path(folder) / f'{script.stem}.json')
            subprocess.run([tools, 'json-from-wast', script, '-o', outputs[-1], '--wasm-dir', folder],
                           check=True)
        return subprocess.run([runner, *outputs], check=False).returncode


sys.exit(main())
