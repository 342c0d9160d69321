"""Serves a tiny random model with ollama itself.

``ollama_server.py FOLDER PORT OLLAMA`` makes the model of llamacpp_server.py
known to OLLAMA, the program, and serves it on 127.0.0.1 until the process is
ended. What it says is noise; how it says it is ollama's.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from llamacpp_server import CONTEXT, write_model

sys.path.append(str(Path(__file__).parents[1]))
from ports import free_port

# Templates that name the tools make ollama take requests with tools.
MODELFILE = f'''FROM ./tiny.gguf
PARAMETER num_ctx {CONTEXT}
TEMPLATE """{{{{ if .Tools }}}}{{{{ .Tools }}}}{{{{ end }}}}{{{{ range .Messages }}}}{{{{ .Role }}}}: {{{{ .Content }}}}
{{{{ end }}}}assistant: """
'''


def listening(port: int) -> bool:
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def main() -> None:
    folder, port, ollama = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    folder.mkdir(parents=True, exist_ok=True)
    write_model(folder / "tiny.gguf")
    (folder / "Modelfile").write_text(MODELFILE)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())

    def serve(at: int) -> tuple[subprocess.Popen[bytes], dict[str, str]]:
        environment = {
            **os.environ,
            "HOME": str(folder),
            "OLLAMA_MODELS": str(folder / "models"),
            "OLLAMA_HOST": f"127.0.0.1:{at}",
        }
        return subprocess.Popen([ollama, "serve"], env=environment), environment

    # The model is made before anybody finds the server: it answers 404 till then.
    hidden = free_port()
    server, environment = serve(hidden)
    try:
        deadline = time.monotonic() + 30
        while not listening(hidden) and server.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)  # it tells nobody but its log that it listens
        subprocess.run(
            [ollama, "create", "tiny-random", "-f", folder / "Modelfile"], env=environment, check=True, cwd=folder
        )
        server.terminate()
        server.wait()
        server, _ = serve(port)
        server.wait()
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
