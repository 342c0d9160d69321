"""Serves litellm's proxy, whose models are those of an aimock behind it.

``litellm_proxy.py FOLDER PORT KEY AIMOCK FIXTURES`` runs aimock (its script and
its fixtures are given) and litellm's own command on 127.0.0.1, until the
process is ended. Calls need KEY at the proxy, and at aimock too.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from ports import free_port


def main() -> None:
    folder, port, key, aimock, fixtures = Path(sys.argv[1]), *sys.argv[2:6]
    folder.mkdir(parents=True, exist_ok=True)
    upstream = free_port()
    config = folder / "litellm.yaml"  # JSON is YAML
    model = {"model": "openai/gpt-4o", "api_base": f"http://127.0.0.1:{upstream}/v1", "api_key": key}
    config.write_text(
        json.dumps(
            {
                "model_list": [{"model_name": "gpt-4o", "litellm_params": model}],
                "litellm_settings": {"num_retries": 0, "telemetry": False},
                "general_settings": {"master_key": key},
            }
        )
    )
    commands = [
        ["node", aimock, "--port", str(upstream), "-f", fixtures],
        [Path(sys.executable).with_name("litellm"), "--config", config, "--host", "127.0.0.1", "--port", port],
    ]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    children = [subprocess.Popen(c, env={**os.environ, "AIMOCK_API_KEYS": key}) for c in commands]
    try:
        os.wait()  # none ends by itself
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait()


if __name__ == "__main__":
    main()
