#!/usr/bin/python3
"""Dockerfile, compose.yaml and the chart fit each other, and the server.

    /usr/bin/python3 tests/deploy/test_deploy.py [-v]
    DEPLOY_TOOLS=DIR /usr/bin/python3 tests/deploy/test_deploy.py --render     writes rendered/ anew

SMARTIMG_BUILD names the build folder. The first tests need no network. The others want helm, kubeconform, compose and
the schemas of Kubernetes in DEPLOY_TOOLS (get-tools puts them there), and are skipped without."""

import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import yaml

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
BUILD = pathlib.Path(os.environ.get("SMARTIMG_BUILD", PROJECT / "build")).resolve()
SMARTIMG = BUILD / "src/cli/smartimg"
CHART = PROJECT / "conf/helm/smartimg"
RENDERED = HERE / "rendered"
VALUES = {"default": [], "full": ["--values", str(HERE / "full-values.yaml")]}
TOOLS = pathlib.Path(os.environ.get("DEPLOY_TOOLS", "/nonexistent"))
KUBERNETES = ["1.30.0", "1.34.0", "1.37.0"]    # of which schemas are asked; the chart wants 1.25
IN_USE = "1.34.0"


def digest():
    """Of all that a rendered file is made of."""
    files = sorted(f for f in CHART.rglob("*") if f.is_file()) + [HERE / "full-values.yaml"]
    together = hashlib.sha256()
    for file in files:
        together.update(str(file.relative_to(PROJECT)).encode() + b"\0" + file.read_bytes() + b"\0")
    return together.hexdigest()


def render(name):
    done = subprocess.run([TOOLS / "helm", "template", "pictures", CHART, "--kube-version", IN_USE, *VALUES[name]],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return (f"# {digest()}\n# Made by tests/deploy/test_deploy.py --render of the chart and the values whose digest this is.\n"
            + done.stdout)


def rendered(name):
    return [one for one in yaml.safe_load_all((RENDERED / f"{name}.yaml").read_text()) if one]


def of_kind(objects, kind):
    return [one for one in objects if one["kind"] == kind]


def instructions():
    """{word: [rest, …]} of the last stage of the Dockerfile, but arguments and users of others are not asked for."""
    text = re.sub(r"\\\n\s*", "", "\n".join(line for line in (PROJECT / "Dockerfile").read_text().split("\n")
                                           if not line.startswith("#")))
    found = {}
    for line in text.rsplit("\nFROM ", 1)[1].split("\n")[1:]:
        if line.strip():
            word, rest = line.split(None, 1)
            found.setdefault(word, []).append(rest)
    return found


def entry_options():
    """The command, and the options that the image gives in its environment."""
    pairs = [pair.split("=", 1) for line in instructions()["ENV"] for pair in line.split()]
    named = {name.removeprefix("SMARTIMG_").lower().replace("_", "-"): value for name, value in pairs}
    return json.loads(instructions()["ENTRYPOINT"][0]), {f"--{name}": value for name, value in named.items()}


def certificate(folder):
    """tls.crt and tls.key, as a Secret of Kubernetes has them."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "90",
                    "-subj", "/CN=localhost", "-keyout", folder / "tls.key", "-out", folder / "tls.crt"],
                   check=True, capture_output=True)


def known_options():
    page = subprocess.run([SMARTIMG, "config", "options"], capture_output=True, text=True, check=True).stdout
    served = page.split("## Of `smartimg renderer`")[0]
    return set(re.findall(r"^\| `([a-z-]+)` \|", served, re.M))


class Image(unittest.TestCase):
    def test_entry(self):
        command, options = entry_options()
        self.assertEqual(command, ["smartimg", "serve"])
        self.assertLessEqual({name.removeprefix("--") for name in options}, known_options())
        ports = [options[name].rsplit(":", 1)[1] for name in ("--listen", "--admin-listen")]
        self.assertEqual(instructions()["EXPOSE"], [" ".join(ports)])
        self.assertEqual(instructions()["VOLUME"], [options["--cache"]])
        self.assertIn(f"127.0.0.1/{ports[0]} ", instructions()["HEALTHCHECK"][0])

    def test_user(self):
        (user,) = instructions()["USER"]
        self.assertRegex(user, r"^[1-9]\d+:[1-9]\d+$")    # a number, as Kubernetes cannot tell of names who is root
        uid = user.split(":")[0]
        self.assertTrue(any(f"--uid {uid} " in line for line in instructions()["RUN"]))

    def test_what_a_build_sees(self):
        """What .dockerignore leaves out is nothing that the build wants."""
        for line in (PROJECT / ".dockerignore").read_text().split("\n"):
            self.assertNotIn(line.strip("/"), {"src", "conf", "web", "tools", "tests", "bench", "fuzz", "pictures"})

    def test_system_calls(self):
        """The profile lets the sandbox make its namespaces, and refuses what changes the machine."""
        profile = json.loads((PROJECT / "conf/container/seccomp.json").read_text())
        self.assertEqual(profile["defaultAction"], "SCMP_ACT_ALLOW")
        refused = {name for rule in profile["syscalls"] for name in rule["names"] if rule["action"] == "SCMP_ACT_ERRNO"}
        self.assertFalse(refused & {"unshare", "clone", "clone3", "mount", "umount2", "pivot_root", "seccomp", "prctl",
                                    "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"})
        self.assertLessEqual({"bpf", "ptrace", "kexec_load", "init_module", "keyctl", "io_uring_setup", "reboot"}, refused)
        names = [name for rule in profile["syscalls"] for name in rule["names"]]
        self.assertEqual(len(names), len(set(names)))


class Compose(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.services = yaml.safe_load((PROJECT / "compose.yaml").read_text())["services"]

    def test_files_are_there(self):
        for service in self.services.values():
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                if source.startswith("./"):
                    self.assertTrue((PROJECT / source).is_file(), source)
        for option in self.services["smartimg"]["security_opt"]:
            if option.startswith("seccomp="):
                self.assertTrue((PROJECT / option.split("=")[1]).is_file())

    def test_options(self):
        words = self.services["smartimg"]["command"]
        self.assertLessEqual({w.removeprefix("--") for w in words[::2]}, known_options())

    def test_one_network(self):
        """Varnish and Prometheus ask 127.0.0.1, as their files say, and only the container of smartimg has ports."""
        for name in ("varnish", "prometheus"):
            self.assertEqual(self.services[name]["network_mode"], "service:smartimg")
            self.assertNotIn("ports", self.services[name])
        port = re.search(r"http=:(\d+)", " ".join(self.services["varnish"]["command"]))[1]
        self.assertIn(f"{port}:{port}", self.services["smartimg"]["ports"])
        backend = re.search(r'\.host = "(.*)";\s*\.port = "(\d+)"', (PROJECT / "conf/varnish.vcl").read_text())
        _, options = entry_options()
        self.assertEqual((backend[1], backend[2]), ("127.0.0.1", options["--listen"].split(":")[1]))

    def test_prometheus(self):
        _, options = entry_options()
        file = PROJECT / "conf/prometheus/prometheus.yml"
        targets = [t for job in yaml.safe_load(file.read_text())["scrape_configs"]
                   for static in job.get("static_configs", []) for t in static["targets"]]
        self.assertIn("127.0.0.1:" + options["--admin-listen"].split(":")[1], targets)


class Chart(unittest.TestCase):
    """What helm made of it."""

    def each(self):
        for name in VALUES:
            objects = rendered(name)
            yield name, objects, of_kind(objects, "StatefulSet")[0]["spec"]

    def test_it_is_of_this_chart(self):
        for name in VALUES:
            first = (RENDERED / f"{name}.yaml").read_text().split("\n", 1)[0]
            self.assertEqual(first, f"# {digest()}", "the chart has changed: test_deploy.py --render, with helm")

    def test_version(self):
        version = re.search(r"version: '([\d.]+)'", (PROJECT / "meson.build").read_text())[1]
        self.assertEqual(yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"], version)

    def test_ports(self):
        _, options = entry_options()
        for name, objects, spec in self.each():
            container = spec["template"]["spec"]["containers"][0]
            ports = {p["name"]: p["containerPort"] for p in container["ports"]}
            self.assertEqual(ports, {"http": int(options["--listen"].split(":")[1]),
                                     "metrics": int(options["--admin-listen"].split(":")[1]),
                                     **({"https": 8443} if name == "full" else {})})
            named = {p["targetPort"] for s in of_kind(objects, "Service") for p in s["spec"]["ports"]}
            self.assertEqual(named, set(ports))
            probes = {k: container[k + "Probe"]["httpGet"] for k in ("startup", "liveness", "readiness")}
            self.assertEqual(probes, {"startup": {"path": "/healthz", "port": "http"},
                                      "liveness": {"path": "/healthz", "port": "http"},
                                      "readiness": {"path": "/readyz", "port": "http"}})

    def test_not_root(self):
        uid = int(instructions()["USER"][0].split(":")[0])
        for _, _, spec in self.each():
            pod = spec["template"]["spec"]
            self.assertTrue(pod["securityContext"]["runAsNonRoot"])
            self.assertEqual(pod["securityContext"]["runAsUser"], uid)
            self.assertIn(pod["securityContext"]["seccompProfile"]["type"], ("RuntimeDefault", "Localhost"))
            self.assertFalse(pod["automountServiceAccountToken"])
            self.assertEqual(pod["containers"][0]["securityContext"],
                             {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                              "capabilities": {"drop": ["ALL"]}})

    def test_volumes(self):
        _, options = entry_options()
        for name, _, spec in self.each():
            pod = spec["template"]["spec"]
            volumes = {v["name"] for v in pod["volumes"]}
            claimed = {v["metadata"]["name"] for v in spec.get("volumeClaimTemplates", [])}
            self.assertFalse(volumes & claimed)
            mounts = {m["mountPath"]: m for m in pod["containers"][0]["volumeMounts"]}
            self.assertEqual({m["name"] for m in mounts.values()}, volumes | claimed)
            self.assertNotIn("readOnly", mounts[options["--cache"]])
            self.assertIn("/tmp", mounts)    # the folder of the run: nothing else can be written to
            if name == "full":
                self.assertTrue(mounts[options["--root"]]["readOnly"])

    def test_it_outlives_its_requests(self):
        for _, _, spec in self.each():
            before = int(spec["template"]["spec"]["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
            self.assertGreaterEqual(spec["template"]["spec"]["terminationGracePeriodSeconds"], 25 + before)

    def test_labels_select(self):
        for _, objects, spec in self.each():
            labels = spec["template"]["metadata"]["labels"].items()
            for service in of_kind(objects, "Service"):
                self.assertLessEqual(service["spec"]["selector"].items(), labels)
            self.assertIn(spec["serviceName"], [s["metadata"]["name"] for s in of_kind(objects, "Service")])

    def test_configuration(self):
        """The server takes the files as a kubelet lays them: links to links."""
        for name, objects, spec in self.each():
            data = of_kind(objects, "ConfigMap")[0]["data"]
            (volume,) = [v for v in spec["template"]["spec"]["volumes"] if v["name"] == "config"]
            with tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                real = folder / "..2026_01_01"
                certificate(folder)
                for item in volume["configMap"]["items"]:
                    (real / item["path"]).parent.mkdir(parents=True, exist_ok=True)
                    (real / item["path"]).write_text(data[item["key"]].replace("/etc/smartimg-tls/", f"{folder}/"))
                (folder / "..data").symlink_to("..2026_01_01")
                for top in {item["path"].split("/")[0] for item in volume["configMap"]["items"]}:
                    (folder / top).symlink_to(f"..data/{top}")
                done = subprocess.run([SMARTIMG, "config", "check", folder], capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, f"{name}: {done.stdout}{done.stderr}")
                self.assertNotIn("nobody reads", done.stdout)
                broken = real / "smartimg.ini"    # and it is that file which was looked at
                broken.write_text(broken.read_text() + "no-such-option = 1\n")
                done = subprocess.run([SMARTIMG, "config", "check", folder], capture_output=True, text=True)
                self.assertEqual(done.returncode, 1)

    def test_numbers_are_not_rounded(self):
        self.assertIn("\nqueue-ms = 250000\n", of_kind(rendered("full"), "ConfigMap")[0]["data"]["smartimg.ini"])


@unittest.skipUnless((TOOLS / "helm").exists(), "no DEPLOY_TOOLS")
class Tools(unittest.TestCase):
    def test_lint(self):
        for name in VALUES:
            done = subprocess.run([TOOLS / "helm", "lint", "--strict", CHART, *VALUES[name]], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_rendered(self):
        for name in VALUES:
            self.assertEqual(render(name), (RENDERED / f"{name}.yaml").read_text())

    def test_kubernetes(self):
        for version in KUBERNETES:
            with tempfile.TemporaryDirectory() as folder:
                kinds = {(one["kind"], one["apiVersion"]) for name in VALUES for one in rendered(name)}
                for kind, api in kinds - {("ServiceMonitor", "monitoring.coreos.com/v1")}:
                    self.schema(version, kind, api, pathlib.Path(folder))
                done = subprocess.run([TOOLS / "kubeconform", "-strict", "-summary", "-skip", "ServiceMonitor",
                                       "-kubernetes-version", version, "-schema-location",
                                       folder + "/{{.ResourceKind}}{{.KindSuffix}}.json",
                                       *(RENDERED / f"{name}.yaml" for name in VALUES)], capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertRegex(done.stdout, r"Valid: 10, Invalid: 0, Errors: 0, Skipped: 1")

    def schema(self, version, kind, api, folder):
        """One file of a kind, with the definitions that it refers to, which kubeconform does not look for elsewhere."""
        source = TOOLS / f"schemas/v{version}-local-strict"
        name = "-".join([kind.lower(), *api.replace(".k8s.io", "").split("/")]) + ".json"
        joined = {}
        for file in ("_definitions.json", name):
            joined.update(json.loads(re.sub(r'("\$ref": ")[^"#]*_definitions\.json#', r"\1#", (source / file).read_text())))
        del joined["$id"]    # references are looked for below it, and it is no file
        (folder / name).write_text(json.dumps(joined))

    def test_compose(self):
        done = subprocess.run([TOOLS / "compose", "compose.yaml"], cwd=PROJECT, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(set(yaml.safe_load(done.stdout)["services"]), {"smartimg", "varnish", "prometheus"})


if __name__ == "__main__":
    if sys.argv[1:] == ["--render"]:
        RENDERED.mkdir(exist_ok=True)
        for each in VALUES:
            (RENDERED / f"{each}.yaml").write_text(render(each))
        sys.exit()
    unittest.main()
