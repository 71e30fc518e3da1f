"""A plugin of pytest that runs llama.cpp's tests of its server against another program.

It needs no hub: downloads are replaced by files in SHIMMY_SUITE_DOWNLOADS, a JSON object. Texts that only
one model writes are not compared, and a test in which such a text differs says so. Results go to the file
SHIMMY_SUITE_REPORT, one JSON object a line.
"""

import json
import os
import socket
import sys

import pytest

sys.path.insert(0, os.getcwd())

import utils  # noqa: E402  The suite's own module.

DOWNLOADS = json.loads(os.environ.get("SHIMMY_SUITE_DOWNLOADS", "{}"))
REPORT = os.environ["SHIMMY_SUITE_REPORT"]

# Texts that differed in the running test.
different_texts = []


def load_no_models():
    """The suite starts every preset once, to download its model."""


def local_file(url, output_file_path=None):
    for name, path in DOWNLOADS.items():
        if url.endswith(name):
            return path
    raise RuntimeError(f"no file stands for {url}")


original_match = utils.match_regex


def match_any_text(regex, text):
    if not original_match(regex, text):
        different_texts.append(regex)
    return True


original_start = utils.ServerProcess.start


def start_on_free_port(self, *args, **options):
    """The suite would talk to a server of an earlier test that has not stopped."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", self.server_port)) == 0:
            raise RuntimeError(f"another server listens on port {self.server_port}")
    return original_start(self, *args, **options)


utils.ServerProcess.start = start_on_free_port
utils.ServerPreset.load_all = staticmethod(load_no_models)
utils.download_file = local_file
utils.match_regex = match_any_text


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if call.when == "setup":
        different_texts.clear()
    # The setup of a test that is skipped has the reason; a failed one is a failure of the test.
    if call.when != "call" and not (call.when == "setup" and not report.passed):
        return
    failure = ""
    if report.failed and call.excinfo is not None:
        entry = call.excinfo.traceback[-1]
        for one in call.excinfo.traceback:
            if "/unit/" in str(one.path):
                entry = one
        line = str(entry.statement).strip().split("\n")[0]
        failure = f"{line} # {str(call.excinfo.value).splitlines()[0] if str(call.excinfo.value) else call.excinfo.typename}"
    if report.skipped:
        failure = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
    with open(REPORT, "a", encoding="utf-8") as file:
        result = {
            "id": item.nodeid,
            "outcome": report.outcome,
            "differentTexts": len(different_texts),
            "failure": failure[:300],
        }
        file.write(json.dumps(result) + "\n")
