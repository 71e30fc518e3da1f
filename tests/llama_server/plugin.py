"""A plugin of pytest that runs llama.cpp's tests of its server against another program.

It needs no hub: downloads are replaced by files in SHIMMY_SUITE_DOWNLOADS, a JSON object. Results go to the
file SHIMMY_SUITE_REPORT, one JSON object a line.

What differs on purpose is adapted, so that the other assertions of a test are reached. A test in which
something was adapted says so:

- texts that only one trained model writes, and counts of tokens of its vocabulary;
- the system fingerprint, which begins with fp_ instead of b;
- the last event of a response that the token limit cut, response.incomplete as OpenAI sends it;
- the built-in model, which lists of models have too;
- the verbose answers of llama-server's option --verbose, which Shimmy gives by a field of the request.
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

BUILT_IN_MODEL = os.environ["SHIMMY_SUITE_BUILT_IN_MODEL"]

# Fields of answers that count tokens of the texts of a test.
VOCABULARY_COUNTS = ("prompt_tokens", "cached_tokens", "prompt_n", "cache_n", "n_saved", "n_restored")

# Fewer tokens are compared exactly: that a restored prompt needs one token is no fact of a vocabulary.
FEW_TOKENS = 5

# What differed in the running test and was adapted.
differences = []


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
        differences.append("text")
    return True


class VocabularyCount(int):
    """Tokens that the server counted; the vocabulary of the test's model has up to three times as many, or a third."""

    def __eq__(self, other):
        if not isinstance(other, int):
            return NotImplemented
        if int(self) == int(other) or isinstance(other, VocabularyCount):
            return int(self) == int(other)
        if min(self, other) < FEW_TOKENS or other < self / 3 or other > self * 3:
            return False
        differences.append("token counts")
        return True

    def __ne__(self, other):
        return not self == other

    __hash__ = int.__hash__


class Fingerprint(str):
    """Begins with fp_, as OpenAI's does, where the suite expects the b of a build number."""

    def startswith(self, prefix, *range):
        if prefix == "b" and super().startswith("fp_"):
            differences.append("system_fingerprint")
            return True
        return super().startswith(prefix, *range)


def with_vocabulary_counts(value):
    if isinstance(value, list):
        return [with_vocabulary_counts(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: VocabularyCount(one) if name in VOCABULARY_COUNTS and type(one) is int else with_vocabulary_counts(one)
        for name, one in value.items()
    }


def adapted_answer(method, path, body):
    if not isinstance(body, dict):
        return with_vocabulary_counts(body)
    fingerprint = body.get("system_fingerprint")
    if isinstance(fingerprint, str):
        body = {**body, "system_fingerprint": Fingerprint(fingerprint)}
    if body.get("type") == "response.incomplete":
        differences.append("response.incomplete")
        body = {**body, "type": "response.completed"}
    if method == "GET" and path in ("/models", "/v1/models"):
        for name in ("data", "models"):
            listed = body.get(name, [])
            others = [one for one in listed if BUILT_IN_MODEL not in (one.get("id"), one.get("name"))]
            if len(others) < len(listed):
                differences.append("built-in model")
                body = {**body, name: others}
    return with_vocabulary_counts(body)


def adapted_request(server, path, data):
    if server.debug and path.endswith("/chat/completions") and isinstance(data, dict):
        differences.append("verbose")
        return {**data, "verbose": True}
    return data


original_request = utils.ServerProcess.make_request
original_stream = utils.ServerProcess.make_stream_request


def make_request(self, method, path, data=None, *args, **options):
    result = original_request(self, method, path, adapted_request(self, path, data), *args, **options)
    result.body = adapted_answer(method, path, result.body)
    return result


def make_stream_request(self, method, path, data=None, *args, **options):
    for event in original_stream(self, method, path, adapted_request(self, path, data), *args, **options):
        yield adapted_answer(method, path, event)


original_start = utils.ServerProcess.start


def start_on_free_port(self, *args, **options):
    """The suite would talk to a server of an earlier test that has not stopped."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", self.server_port)) == 0:
            raise RuntimeError(f"another server listens on port {self.server_port}")
    return original_start(self, *args, **options)


utils.ServerProcess.start = start_on_free_port
utils.ServerProcess.make_request = make_request
utils.ServerProcess.make_stream_request = make_stream_request
utils.ServerPreset.load_all = staticmethod(load_no_models)
utils.download_file = local_file
utils.match_regex = match_any_text


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if call.when == "setup":
        differences.clear()
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
            "differences": sorted(set(differences)),
            "failure": failure[:300],
        }
        file.write(json.dumps(result) + "\n")
