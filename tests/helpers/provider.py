#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# provider.py - a model provider on loopback that misbehaves on request
#
#   provider.py LOG      prints its port, then serves until killed
#
# It speaks OpenAI (/v1/chat/completions), Azure OpenAI (/openai/v1/... and
# /openai/deployments/...) and Anthropic (/v1/messages). What goes wrong is
# the request's model; NAME@N does it in the first N requests of that name
# only. LOG gets one JSON line for each request: path, headers, body as text.
import email.utils
import gzip
import json
import socket
import sys
import threading
import time

LIFE = 120  # seconds: nobody forgets one that long
seen = {}
lock = threading.Lock()


def read_request(f):
    line = f.readline()
    if not line:
        return None
    path = line.split()[1].decode()
    headers = {}
    while True:
        line = f.readline().rstrip(b"\r\n").decode("latin-1")
        if not line:
            break
        name, value = line.split(":", 1)
        headers[name.strip().lower()] = value.strip()
    body = f.read(int(headers.get("content-length", 0)))
    return path, headers, body.decode()


def say(sock, status, body, more=(), ctype="application/json"):
    head = [f"HTTP/1.1 {status} X", f"Content-Type: {ctype}",
            f"Content-Length: {len(body)}", "x-request-id: req_1",
            "request-id: req_1", *more]
    sock.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)


def hang_up(sock):
    sock.shutdown(socket.SHUT_RDWR)  # close() alone waits for makefile()


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def begin_stream(sock):
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; "
                 b"charset=utf-8\r\nTransfer-Encoding: chunked\r\n"
                 b"x-request-id: req_1\r\nrequest-id: req_1\r\n\r\n")


TEXT = ["Hel", "lo, w\u00f6", "rld \U0001f600"]
OPENAI_USAGE = {"prompt_tokens": 11, "completion_tokens": 7,
                "total_tokens": 18,
                "prompt_tokens_details": {"cached_tokens": 4},
                "completion_tokens_details": {"reasoning_tokens": 2}}
ANTHROPIC_USAGE = {"input_tokens": 5, "cache_read_input_tokens": 4,
                   "cache_creation_input_tokens": 2, "output_tokens": 7}


def openai_whole(model):
    return {"id": "chatcmpl-1", "object": "chat.completion",
            "model": model + "-2024", "choices": [{
                "index": 0, "finish_reason": "stop", "logprobs": None,
                "message": {"role": "assistant", "content": "".join(TEXT),
                            "refusal": None}}], "usage": OPENAI_USAGE}


def openai_events(model):
    def one(delta, finish=None):
        return {"id": "chatcmpl-1", "object": "chat.completion.chunk",
                "model": model + "-2024", "choices": [
                    {"index": 0, "delta": delta, "finish_reason": finish}]}
    yield one({"role": "assistant", "content": ""})
    for t in TEXT:
        yield one({"content": t})
    yield one({}, "stop")
    yield {"id": "chatcmpl-1", "model": model, "choices": [],
           "usage": OPENAI_USAGE}


def anthropic_whole(model):
    return {"id": "msg_1", "type": "message", "role": "assistant",
            "model": model, "content": [
                {"type": "text", "text": "".join(TEXT)},
                {"type": "tool_use", "id": "toolu_1", "name": "f",
                 "input": {"a": 1}}],
            "stop_reason": "tool_use", "usage": ANTHROPIC_USAGE}


def anthropic_events(model):
    start = dict(ANTHROPIC_USAGE, output_tokens=1)
    yield {"type": "message_start", "message": {
        "id": "msg_1", "model": model, "usage": start}}
    yield {"type": "content_block_start", "index": 0,
           "content_block": {"type": "text", "text": ""}}
    yield {"type": "ping"}
    for t in TEXT:
        yield {"type": "content_block_delta", "index": 0,
               "delta": {"type": "text_delta", "text": t}}
    yield {"type": "content_block_stop", "index": 0}
    yield {"type": "content_block_start", "index": 1, "content_block": {
        "type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}}
    for t in ("", "{\"a\"", ":1}"):
        yield {"type": "content_block_delta", "index": 1,
               "delta": {"type": "input_json_delta", "partial_json": t}}
    yield {"type": "content_block_stop", "index": 1}
    yield {"type": "message_delta", "delta": {"stop_reason": "tool_use"},
           "usage": {"output_tokens": 7}}
    yield {"type": "message_stop"}


def frames(api, model):
    if api == "anthropic":
        for e in anthropic_events(model):
            yield ("event: %s\ndata: %s\n\n" % (e["type"], json.dumps(
                e, ensure_ascii=False))).encode()
        return
    for e in openai_events(model):
        yield ("data: %s\n\n" % json.dumps(e, ensure_ascii=False)).encode()
    yield b"data: [DONE]\n\n"


def error_body(api, kind, message):
    if api == "anthropic":
        return json.dumps({"type": "error", "error": {
            "type": kind, "message": message},
            "request_id": "req_2"}).encode()
    return json.dumps({"error": {"message": message, "type": "t",
                                 "param": "p", "code": kind}}).encode()


def fault_before(sock, name, api):
    """An answer instead of the real one; True when one was given."""
    date = email.utils.formatdate(time.time() + 1.5, usegmt=True)
    limit = error_body(api, "rate_limit_error", "slow down")
    after = {"retry-seconds": "Retry-After: 1", "retry-date":
             "Retry-After: " + date, "retry-ms": "retry-after-ms: 50",
             "retry-day": "Retry-After: 86400",
             "retry-none": "x-a: b", "retry-negative": "Retry-After: -1",
             "retry-bucket": "x-ratelimit-remaining-tokens: 0\r\n"
                             "x-ratelimit-reset-tokens: 60ms"}
    if name in after:
        say(sock, 429, limit, [after[name]])
    elif name in ("again-400", "never-500"):
        word, status = name.split("-")
        say(sock, int(status), error_body(api, "c", "m"),
            ["x-should-retry: " + ("true" if word == "again" else "false")])
    elif name.isdigit():
        say(sock, int(name), error_body(api, "some_code", "no " + name))
    elif name == "quota":
        say(sock, 429, error_body(api, "insufficient_quota", "no money"))
    elif name == "badkey":
        say(sock, 401, error_body(api, "invalid_api_key",
                                  "Incorrect API key sk-secret-key"))
    elif name == "redirect":
        say(sock, 302, b"", ["Location: http://127.0.0.1:1/"])
    elif name == "garbage":
        say(sock, 200, b"<html>hello</html>", ctype="text/html")
    elif name == "notjson":
        say(sock, 500, b"<html>\x00\xff</html>", ctype="text/html")
    elif name == "silent":
        sock.recv(1)
    elif name == "reset":
        hang_up(sock)
    else:
        return False
    return True


def stream(sock, name, api, model):
    all_frames = list(frames(api, model))
    begin_stream(sock)
    if name == "bytes":
        for b in b"".join(all_frames):
            sock.sendall(chunk(bytes([b])))
        sock.sendall(chunk(b""))
        return
    if name == "slow":
        time.sleep(0.4)
    if name == "early-error":
        sock.sendall(chunk(b"data: " + error_body(
            api, "overloaded_error", "busy") + b"\n\n"))
        sock.sendall(chunk(b""))
        return
    for i, frame in enumerate(all_frames):
        if name in ("cut", "cut-clean", "stall", "error") and i == 3:
            break
        if name == "nodone" and b"[DONE]" in frame:
            break
        if name == "crlf":
            frame = frame.replace(b"data: ", b": note\ndata:")
            frame = frame.replace(b"\n", b"\r\n")
        if name == "bad-event" and i == 2:
            frame = b"data: {not json\n\n"
        sock.sendall(chunk(frame))
    if name == "cut":
        hang_up(sock)
    elif name == "error":
        sock.sendall(chunk(b"data: " + error_body(
            api, "overloaded_error", "busy") + b"\n\n") + chunk(b""))
    elif name in ("stall", "linger"):
        sock.recv(1)
    else:
        sock.sendall(chunk(b""))


def whole(sock, name, api, model):
    make = anthropic_whole if api == "anthropic" else openai_whole
    body = json.dumps(make(model)).encode()
    if name == "gzip":
        say(sock, 200, gzip.compress(body), ["Content-Encoding: gzip"])
    elif name == "cut":
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"
                     % (len(body), body[:40]))
        hang_up(sock)
    elif name == "big":
        say(sock, 200, body + b" " * (1 << 20))
    elif name == "slow":
        time.sleep(0.4)
        say(sock, 200, body)
    else:
        say(sock, 200, body, ["Retry-After: 30"])


def serve(sock, log):
    f = sock.makefile("rb")
    try:
        while True:
            request = read_request(f)
            if not request:
                break
            path, headers, body = request
            with lock:
                log.write(json.dumps({"path": path, "headers": headers,
                                      "body": body}) + "\n")
                log.flush()
            req = json.loads(body)
            model = req["model"]
            name, _, times = model.partition("@")
            with lock:
                seen[model] = seen.get(model, 0) + 1
                if times and seen[model] > int(times):
                    name = "ok"
            api = "anthropic" if path.endswith("/messages") else "openai"
            if fault_before(sock, name, api):
                continue
            if req.get("stream") and name != "whole":
                stream(sock, name, api, model)
            else:
                whole(sock, name, api, model)
    except (OSError, ValueError):
        pass
    finally:
        sock.close()


def main():
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", 0))
    server.listen(256)
    server.settimeout(LIFE)
    with open(sys.argv[1], "w") as log:
        print(server.getsockname()[1], flush=True)
        end = time.time() + LIFE
        while time.time() < end:
            sock, _ = server.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=serve, args=(sock, log),
                             daemon=True).start()


main()
