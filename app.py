"""Start the page: `python app.py [--host H] [--port N] [--store DIR]`. A Space starts it without arguments.

Nothing heavy is imported here: models are loaded by the handlers that answer, and runs happen in processes of their own.
"""

from __future__ import annotations

import argparse
import errno
import os
import socket
import sys
from pathlib import Path

MAX_UPLOAD = "50mb"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="app.py", description="Compare prompting, retrieval and fine-tuning of a language model on one test set."
    )
    parser.add_argument("--host", default=os.environ.get("GRADIO_SERVER_NAME", "0.0.0.0" if os.environ.get("SPACE_ID") else "127.0.0.1"))
    parser.add_argument("--port", type=int, default=os.environ.get("GRADIO_SERVER_PORT", "7860"))
    parser.add_argument("--store", type=Path, default=None, help="folder of comparisons; by default BAKEOFF_HOME, or your user data folder")
    parser.add_argument("--examples", type=Path, default=None, help="folder of bundled examples; by default the one beside this file")
    return parser.parse_args()


def fault_of_address(host: str, port: int) -> str:
    """Why nothing can listen there, with the remedy; "" where it can."""
    if not 0 <= port <= 65535:
        return f"--port must be from 0 to 65535; got {port}. The usual one is 7860."
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                other = port + 1 if port < 65535 else port - 1
                return f"Port {port} on {host} must be free; something listens there already. Stop it, or name another: --port {other}."
            return f"Nothing can listen on {host}, port {port} ({error.strerror or error}). Name another with --host and --port."
    return ""


def main() -> int:
    given = arguments()
    if fault := fault_of_address(given.host, given.port):
        print(fault, file=sys.stderr)
        return 2
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from starlette.middleware import Middleware

    from core.errors import BakeoffError
    from ui import page, reviewpage, theme
    from ui.context import start_settings

    try:
        settings = start_settings(given.store, given.examples)
    except BakeoffError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    demo = page.build(settings)
    reviewpage.add_to(demo, settings)
    demo.queue(max_size=50, default_concurrency_limit=4).launch(
        server_name=given.host,
        server_port=given.port,
        theme=theme.theme(),
        css=theme.css(),
        head=theme.HEAD,
        ssr_mode=False,
        run_history=False,
        enable_monitoring=False,
        max_file_size=MAX_UPLOAD,
        show_error=False,
        strict_cors=True,
        allowed_paths=[],
        footer_links=[],
        app_kwargs={"middleware": [Middleware(reviewpage.ToReviewPage)]},
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
