"""Loads a page of pictures as a browser does with HTTP/1.1: a few connections, each asks for the next picture once it has
one. Reads from standard input what to load, as JSON; prints, as JSON, when the last byte had come, and of each
picture its status and size."""

import http.client
import json
import queue
import sys
import threading
import time


def main():
    told = json.load(sys.stdin)
    waiting = queue.Queue()
    for number, path in enumerate(told["paths"]):
        waiting.put((number, path))
    pictures = [None] * len(told["paths"])
    headers = {"Accept": told["accept"], **told.get("headers", {})}

    def connection():
        c = http.client.HTTPConnection(*told["server"], timeout=120, source_address=told.get("bind"))
        while True:
            try:
                number, path = waiting.get_nowait()
            except queue.Empty:
                break
            c.request("GET", path, headers=headers)
            reply = c.getresponse()
            body = reply.read()
            pictures[number] = {"status": reply.status, "bytes": len(body), "at": time.monotonic() - start,
                                "receipt": reply.headers.get("X-Smart-Imaging", ""),
                                "cache_control": reply.headers.get("Cache-Control", "")}
        c.close()

    start = time.monotonic()
    threads = [threading.Thread(target=connection) for _ in range(told.get("connections", 6))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({"seconds": time.monotonic() - start, "bytes": sum(p["bytes"] for p in pictures if p),
                      "pictures": pictures}))


if __name__ == "__main__":
    main()
