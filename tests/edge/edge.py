"""An nginx with the module and a renderer made of paper, for the tests of the edge."""

import collections
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests/http"))
from ports import free_port  # noqa: E402
from waiting import PATIENCE, at_once, wait_until  # noqa: E402, F401

BUILD = os.path.join(TOP, os.environ.get("SMARTIMG_BUILD", "build"))
MODULE = os.path.join(BUILD, "src/edge/ngx_http_smartimg_module.so")
SMARTIMG = os.path.join(BUILD, "src/cli/smartimg")
NGINX = os.environ.get("SMARTIMG_NGINX") or shutil.which("nginx") or "/usr/sbin/nginx"


class Renderer:
    """Answers SCGI requests on unix sockets, one a lane (parameter `lane` of its requests), as told by `behaviour`, a dict of object name to a dict:

    hold     an Event: the reply waits until it is set, or the edge closes the connection (see `closed`)
    delay    seconds before the reply; for load, not for an order of things
    status   of the reply, 200
    body     bytes, or a function of the number of the render (from 1)
    expires  value of X-Accel-Expires
    headers  more header lines
    length   False: send no Content-Length
    deaths   how often to close the connection without a word
    cut      send only so many bytes of the body
    tiers    what of this differs for refinements: a dict of tier to such a dict
    """

    def __init__(self, path):
        self.path = path
        self.behaviour = {}
        self.requests = []  # (object, parameters, time of the end)
        self.closed = []  # objects whose connection the edge closed while their replies were held
        self.lock = threading.Lock()
        self.open()

    LANES = ("", "-dear", "-foreign", "-refine")

    def open(self):
        self.listeners = []
        for lane in self.LANES:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(self.path + lane)
            os.chmod(self.path + lane, 0o777)
            listener.listen(1024)
            self.listeners.append(listener)
            threading.Thread(target=self.accept, args=(listener, lane), daemon=True).start()

    def close(self):
        for listener, lane in zip(self.listeners, self.LANES):
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            os.unlink(self.path + lane)

    def accept(self, listener, lane):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection, lane), daemon=True).start()

    def serve(self, connection, lane):
        with connection:
            f = connection.makefile("rb")
            length = b""
            while not length.endswith(b":"):
                byte = f.read(1)
                if not byte:
                    return
                length += byte
            fields = f.read(int(length[:-1])).decode("latin-1").split("\0")
            parameters = dict(zip(fields[0::2], fields[1::2]), lane=lane)
            name = re.search(r"[&]file=[^&]*?([a-z0-9-]+)\.jpg", parameters["SMARTIMG_RECIPE"]).group(1)
            with self.lock:
                request = [name, parameters, None]
                self.requests.append(request)
                number = sum(r[0] == name for r in self.requests)
            told = self.behaviour.get(name, {})
            told = {**told, **told.get("tiers", {}).get(parameters["SMARTIMG_TIER"], {})}
            if "hold" in told and not self.hold(connection, told["hold"]):
                with self.lock:
                    self.closed.append(name)
                return
            time.sleep(told.get("delay", 0))
            if number <= told.get("deaths", 0):
                return
            status = told.get("status", 200)
            body = told.get("body", b"image " + name.encode())
            body = body(number) if callable(body) else body
            head = f"Status: {status}\r\n"
            head += "Content-Type: %s\r\n" % ("image/webp" if status == 200 else "text/plain; charset=utf-8")
            if told.get("length", True):
                head += f"Content-Length: {len(body)}\r\n"
            if status == 200:
                head += f'ETag: "{name}-{number}"\r\nX-Adobe-Smart-Imaging: 1000\r\n'
            if "expires" in told:
                head += f"X-Accel-Expires: {told['expires']}\r\n"
            head += told.get("headers", "")
            request[2] = time.monotonic()
            try:
                connection.sendall(head.encode() + b"\r\n" + body[: told.get("cut")])
            except OSError:
                pass

    @staticmethod
    def hold(connection, event):
        """True when the event comes, False when the edge closes the connection before."""
        deadline = time.monotonic() + PATIENCE
        while not event.wait(0.01) and time.monotonic() < deadline:
            try:
                if connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b"":
                    return False
            except BlockingIOError:
                pass
        return True

    def wait_for_closed(self, name, n=1):
        wait_until(lambda: self.closed.count(name) >= n, f"the edge to give {n} renders of {name} up")

    def count(self, name):
        with self.lock:
            return sum(r[0] == name for r in self.requests)

    def end(self, name):
        return max(r[2] for r in self.requests if r[0] == name and r[2] is not None)

    def tiers(self, name):
        """The tiers asked for, "" for a first answer."""
        return [p["SMARTIMG_TIER"] for p in self.parameters(name)]

    def parameters(self, name):
        return [r[1] for r in self.requests if r[0] == name]


class Edge:
    """nginx with conf/nginx.conf.in in a folder of its own, in front of a Renderer."""

    def __init__(self, workers=2, companies=None, tls=False, first_answer_seconds=60,
                 cdn_cache_control="CDN-Cache-Control", trusted_edges="", trusted_proxies="", proxy_protocol=False,
                 network_line="readings=3", image_lines="", renderers=2, refine_share=0,
                 zone="4m", misses_per_client=0, refine_quiet="0s", dpr_header="", server_lines="", log_format="smartimg"):
        self.folder = tempfile.mkdtemp(prefix="smartimg-edge-")
        os.chmod(self.folder, 0o755)
        for name in ("run", "cache", "images/demo", "config/companies"):
            os.makedirs(os.path.join(self.folder, name))
        self.write_company("default", "CacheCommandAddresses = 127.0.0.1\nFolderCompanies = true\n")
        for name, text in (companies or {}).items():
            self.write_company(name, text)
            os.makedirs(os.path.join(self.folder, "images", name), exist_ok=True)
        self.proxy_protocol = proxy_protocol
        self.renderer = Renderer(os.path.join(self.folder, "renderer.sock"))
        self.port, self.admin_port = free_port(), free_port()
        self.conf = os.path.join(self.folder, "run/nginx.conf")
        self.key = os.path.join(self.folder, "seal.key")
        with open(self.key, "wb") as f:
            f.write(b"k" * 32)
        values = {
            "MODULE": MODULE,
            "PREFIX": os.path.join(self.folder, "run"),
            "USER_LINE": "user root;" if os.geteuid() == 0 else "",
            "WORKERS": str(workers),
            "ERROR_LOG": os.path.join(self.folder, "run/error.log"),
            "ACCESS_LOG": os.path.join(self.folder, "run/access.log"),
            "LOG_FORMAT": log_format,
            "LOG_OWN": "on" if log_format == "smartimg_json" else "off",
            "ROOT": os.path.join(self.folder, "images"),
            "CONFIG_LINE": "smartimg_config %s;" % os.path.join(self.folder, "config"),
            "SCRIPTS_LINE": "",
            "SEAL_KEY": self.key,
            "POOL_STATUS_LINE": "",
            "GENERATIONS": os.path.join(self.folder, "cache/generations"),
            "CACHE": os.path.join(self.folder, "cache/images"),
            "CACHE_SIZE": "100m",
            "CACHE_MIN_FREE": "0",
            "FIRST_ANSWER_SECONDS": str(first_answer_seconds),
            "CDN_CACHE_CONTROL": cdn_cache_control,
            "NETWORK_GOOD": "4,270",
            "NETWORK_POOR": "0.7,600",
            "NETWORK_HEADER_LINE": "",
            "TRUSTED_EDGES_LINE": f"smartimg_trusted_edges {trusted_edges};" if trusted_edges else "",
            "TRUSTED_PROXIES_LINE": self.proxies_line(trusted_proxies, proxy_protocol),
            "NETWORK_GOOD": "4,270",
            "NETWORK_POOR": "0.7,600",
            "NETWORK_HEADER_LINE": "",
            "NETWORK_LINE": network_line,
            "DPR_HEADER_LINE": f"smartimg_dpr_header {dpr_header};" if dpr_header else "",
            "RENDERERS": str(renderers),
            "REFINE_SHARE": str(refine_share),
            "QUEUE_MS": "10000",
            "READY_MS": "10000",
            "MISSES_PER_CLIENT": str(misses_per_client),
            "REPLY_BYTES": "100m",
            **{f"SERVERS_{lane}": f"server unix:{self.renderer.path}{end} max_fails=0;" * 2 for lane, end in
               (("CHEAP", ""), ("DEAR", "-dear"), ("FOREIGN", "-foreign"), ("REFINE", "-refine"))},
            "ORIGINS_SOCKET": f"{self.renderer.path}-origins",
            "SERVERS_ANY": f"server unix:{self.renderer.path} max_fails=0;",
            "RENDER_SEAL_LINE": "",
            "CONNECT_TIMEOUT": "5s",
            "READY_NEXT": "off",
            "LISTEN": f"127.0.0.1:{self.port}" + (" proxy_protocol" if proxy_protocol else ""),
            "PLAYGROUND_HTTP_LINES": "",
            "PLAYGROUND_LINE": server_lines,
            "TLS_SERVER": self.tls_lines() if tls else "",
            "ADMIN_SERVER": "server { listen 127.0.0.1:%d; location = /metrics { smartimg_metrics; } }"
            % self.admin_port,
        }
        with open(os.path.join(TOP, "conf/nginx.conf.in")) as f:
            text = f.read().replace("location /is/image {", "location /is/image {" + image_lines)
            if log_format == "smartimg_json":
                text = text.replace("flush=1s", "flush=20ms")  # tests wait for many lines
            text = text.replace("smartimg_zone 4m;", f"smartimg_zone {zone};")
            text = text.replace("@REFINE_SHARE@;", f"@REFINE_SHARE@ {refine_quiet};")
        with open(self.conf, "w") as f:
            f.write(re.sub(r"@([A-Z_]+)@", lambda m: values.get(m.group(1), m.group(0)), text))
        self.start()

    def start(self):
        """Also again, after an end of nginx."""
        # freed memory is overwritten, so that who still reads it is found out
        self.nginx = subprocess.Popen(self.command(), env={**os.environ, "MALLOC_PERTURB_": "165"})
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if self.get("/healthz").status == 200:
                    break
            except OSError:
                pass
            if self.nginx.poll() is not None or time.monotonic() > deadline:
                log = self.error_log()
                self.stop()
                raise RuntimeError("nginx did not start:\n" + log)
            time.sleep(0.02)

    @staticmethod
    def proxies_line(networks, proxy_protocol):
        """As src/cli/site_nginx.c writes it."""
        if not networks:
            return ""
        return (f"smartimg_trusted_proxies {networks}; "
                + "".join(f"set_real_ip_from {n}; " for n in networks.split())
                + f"real_ip_header {'proxy_protocol' if proxy_protocol else 'X-Forwarded-For'}; real_ip_recursive on;")

    def tls_lines(self):
        self.tls_port = free_port()
        key, certificate = (os.path.join(self.folder, n) for n in ("key.pem", "certificate.pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-subj", "/CN=localhost", "-days", "2", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True)
        version = subprocess.run([NGINX, "-v"], capture_output=True, text=True).stderr
        old = tuple(map(int, re.search(r"(\d+)\.(\d+)\.(\d+)", version).groups())) < (1, 25, 1)
        return (f"listen 127.0.0.1:{self.tls_port} ssl{' http2' if old else ''}"
                f"{' proxy_protocol' if self.proxy_protocol else ''};{'' if old else ' http2 on;'} "
                f"ssl_certificate {certificate}; ssl_certificate_key {key};")

    def command(self, *more):
        return [NGINX, "-p", os.path.join(self.folder, "run"), "-e",
                os.path.join(self.folder, "run/error.log"), "-c", self.conf, *more]

    def workers(self):
        """Process ids of nginx's workers."""
        children = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(self.nginx.pid)],
                                  capture_output=True, text=True).stdout.splitlines()
        return [int(line.split()[0]) for line in children if "worker process" in line and "shutting" not in line]

    def purge(self, what):
        subprocess.run([SMARTIMG, "purge", "--cache", os.path.join(self.folder, "cache"), what],
                       check=True, capture_output=True)

    def write_company(self, name, text):
        with open(os.path.join(self.folder, "config/companies", name + ".ini"), "w") as f:
            f.write(text)

    def stop(self):
        self.nginx.send_signal(signal.SIGTERM)
        try:
            self.nginx.wait(PATIENCE)
        finally:
            self.renderer.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def error_log(self):
        try:
            with open(os.path.join(self.folder, "run/error.log")) as f:
                return f.read()
        except OSError:
            return ""

    def image(self, name, company="demo", **behaviour):
        """Puts an original in place, says how it is rendered, and returns its address."""
        path = os.path.join(self.folder, "images", company, name + ".jpg")
        with open(path, "wb") as f:
            f.write(b"original of " + name.encode())
        os.utime(path, (1_600_000_000, 1_600_000_000))
        self.renderer.behaviour[name] = behaviour
        return f"/is/image/{company}/{name}"

    def get(self, path, method="GET", port=None, body=None, source=None, **headers):
        """A reply with .status, .body, and headers by reply["Name"]. `source` is the client's address."""
        connection = self.connect(port, source)
        try:
            connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        finally:
            connection.close()

    def connect(self, port=None, source=None, greeting=None):
        """An HTTP connection, on which the PROXY protocol goes first if the edge wants it: that of a health check,
        or `greeting`."""
        greeting = greeting or (b"PROXY UNKNOWN\r\n" if self.proxy_protocol and port is None else b"")

        class Connection(http.client.HTTPConnection):
            def connect(self):
                super().connect()
                self.sock.sendall(greeting)

        return Connection("127.0.0.1", port or self.port, timeout=PATIENCE,
                          source_address=(source, 0) if source else None)

    def logged(self, text):
        """The last line of the access log that has `text`, once there is one."""
        def last():
            try:
                with open(os.path.join(self.folder, "run/access.log")) as f:
                    return ([line for line in f if text in line and line.endswith("\n")] or [None])[-1]
            except OSError:
                return None
        return wait_until(last, f"a line with {text} in the log")

    def together(self, n, path, meanwhile=None, **headers):
        """n requests at once, each on its own connection: list of (reply, time of its end). `meanwhile` is
        called when all have been sent."""
        replies = [None] * n
        start = threading.Barrier(n)

        def one(i):
            with socket.create_connection(("127.0.0.1", self.port)) as s:
                s.settimeout(PATIENCE)
                lines = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in headers.items())
                start.wait()
                s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode())
                response = http.client.HTTPResponse(s, method="GET")
                response.begin()
                body = response.read()
                replies[i] = (Reply(response.status, response.headers, body), time.monotonic())

        at_once(one, n, meanwhile)
        return replies

    def wait_for_waiters(self, n):
        """Until n requests wait for a render of others."""
        wait_until(lambda: self.metrics()["smartimg_requests_waiting"] == n, f"{n} requests that wait")

    def wait_for_renders(self, name, n=1):
        wait_until(lambda: self.renderer.count(name) >= n, f"{n} renders of {name}")

    def wait_for_end(self):
        """Until nothing is being answered."""
        def ended():
            metrics = self.metrics()
            return metrics["smartimg_requests_active"] == metrics["smartimg_requests_waiting"] == 0
        wait_until(ended, "the end of all requests")

    def metrics(self):
        """Numbers by name and labels, 0 where there is none; by name alone, what all labels of a family come to."""
        text = self.get("/metrics", port=self.admin_port).body.decode()
        rows = {k: float(v) if "." in v else int(v) for k, v in re.findall(r"^(smartimg_\S+) (-?[\d.]+)$", text, re.M)}
        sums = collections.Counter()
        for row, number in rows.items():
            sums[row.split("{")[0]] += number
        for row, number in rows.items():
            sums[row] = number
        return sums


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def __getitem__(self, name):
        return self.headers[name]
