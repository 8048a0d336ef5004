#!/usr/bin/env python3
"""Runs scripts of ours: script_test.py RUNNER SCRIPT... Skipped (77) where there is no wasm-tools."""
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'tools'))
from common import wasm_tools  # noqa: E402


def main():
    runner, scripts = sys.argv[1], [Path(script) for script in sys.argv[2:]]
    tools = wasm_tools()
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
