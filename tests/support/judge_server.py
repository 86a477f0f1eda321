"""A stand-in for an OpenAI-compatible server, for tests: prints its port, then serves 127.0.0.1 until it is
killed, or its standard input ends.

    python3 tests/support/judge_server.py         then POST http://127.0.0.1:PORT/MODE/chat/completions

MODE says how it behaves; `once`, what it counts is counted for each MODE:
    good        grades and verdicts, when the request is as it should be; 400 when not
    once        the same, but 418 to a request that it had before
    twice       500 two times, then good
    wait        429 with Retry-After: 1, then good
    busy        429 always
    broken      JSON that ends too early, status 200
    page        a page of HTML, status 200
    silent      a message without text
    range       replies out of range
    hang        no answer for a minute
    drop        closes the connection without an answer, then good
    huge        a reply of 64 MiB
    long        413 to articles, good to the rest
    key         401 that repeats the key, unless it is "sesame"; then a reply that repeats it
    moved       a redirection to good
"""
import http.server
import json
import os
import sys
import threading
import time

seen = {}
bodies = set()
lock = threading.Lock()


def verdict(system, user):
    """What the article of tests/support/made_article.h is worth."""
    if "Passage:" in user:
        passage, sentence = (part.split("\n>>>")[0].strip().lower() for part in user.split("<<<\n")[1:3])
        return "yes" if sentence.rstrip(".") in passage else "No."
    if "three whole numbers" in system:
        return "4 3 5"
    if "Headings:" in user:
        return "2"
    return "**4**/5" if "organised" in system else "5" if "keeps to its topic" in system else "Grade: 1"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send(self, status, text, **headers):
        data = text.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def reply(self, content):
        self.send(200, json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": content}}]}))

    def good(self, body):
        request = json.loads(body)
        roles = [m["role"] for m in request["messages"]]
        if request["temperature"] != 0 or request["model"] != "stand-in" or roles != ["system", "user"]:
            return self.send(400, '{"error": "not as it should be"}')
        return self.reply(verdict(*(m["content"] for m in request["messages"])))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        mode, _, rest = self.path[1:].partition("/")
        with lock:
            n = seen[mode] = seen.get(mode, 0) + 1
            again = body in bodies
            if mode == "once":
                bodies.add(body)
        if rest != "chat/completions" or self.headers["Content-Type"] != "application/json":
            self.send(404, "no such path")
        elif mode == "once" and again:
            self.send(418, "asked twice")
        elif mode == "twice" and n <= 2:
            self.send(500, "not\nyet")
        elif mode == "wait" and n == 1 or mode == "busy":
            self.send(429, "slow down", Retry_After="1" if mode == "wait" else "0")
        elif mode == "broken":
            self.send(200, '{"choices": [{"message": ')
        elif mode == "page":
            self.send(200, "<html>a page</html>")
        elif mode == "silent":
            self.reply(None)
        elif mode == "range":
            self.reply("7 8 9")
        elif mode == "hang":
            time.sleep(60)
        elif mode == "drop" and n == 1:
            self.close_connection = True
        elif mode == "huge":
            self.reply("4" * (64 << 20))
        elif mode == "long" and b"Article:" in body:
            self.send(413, '{"error": "too many tokens"}')
        elif mode == "key":
            key = self.headers.get("Authorization", "")
            self.reply("5, and " + key) if key == "Bearer sesame" else self.send(401, "wrong key: " + key)
        elif mode == "moved":
            self.send(307, "", Location="/good/chat/completions")
        else:
            self.good(body)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()  # whoever started it is gone
os._exit(0)
