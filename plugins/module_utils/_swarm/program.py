# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that runs in a helper container on a host's own network, and how it is started.

It is plain Python that 2.7 understands as well: whatever the guest image has. It gets one JSON word and prints one JSON
line. `look`: interfaces, routes, what the kernel has, which of the ports are taken; a child stays behind and answers on
the others. `measure`: which ports of other hosts answer, and how large a packet gets there.
"""

from __future__ import annotations

NO_PYTHON = 97

START = r"""
for name in python3 /usr/libexec/platform-python python python2; do
  if command -v "$name" >/dev/null 2>&1; then exec "$name" -c "$1" "$2"; fi
done
exit 97
"""

LIVE = r"""trap 'exit 0' TERM INT; sleep "$1" & wait"""

PROGRAM = r"""
import errno, fcntl, gzip, json, os, re, select, socket, struct, sys, threading, time

ORDER = json.loads(sys.argv[1])
HELLO = b"tpaexec"


def text(path, keep=None, most=1 << 22):
    try:
        opener = gzip.open if path.endswith(".gz") else open
        handle = opener(path, "rb")
        try:
            data = handle.read(most).decode("utf-8", "replace")
        finally:
            handle.close()
    except (IOError, OSError, EOFError):
        return None
    if keep is None:
        return data
    lines = data.splitlines()
    return "\n".join(lines[:1] + [line for line in lines[1:] if re.search(keep, line)]) + "\n"


def interfaces():
    found = []
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for line in (text("/proc/net/dev") or "").splitlines()[2:]:
        name = line.split(":")[0].strip()
        request = struct.pack("256s", name.encode()[:15])
        try:
            address = socket.inet_ntoa(fcntl.ioctl(probe.fileno(), 0x8915, request)[20:24])
            mask = socket.inet_ntoa(fcntl.ioctl(probe.fileno(), 0x891B, request)[20:24])
            mtu = struct.unpack("i", fcntl.ioctl(probe.fileno(), 0x8921, request)[16:20])[0]
        except (IOError, OSError):
            continue
        found.append([name, address, mask, mtu])
    return found


def listen():
    channels, taken = [], []
    for word in ORDER["ports"]:
        number, kind = word.split("/")
        channel = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1) if kind == "tcp" else None
        try:
            channel.bind(("0.0.0.0", int(number)))
            if kind == "tcp":
                channel.listen(64)
        except (IOError, OSError, socket.error):
            taken.append(word)
            continue
        channels.append(channel)
    return channels, taken


def answer(channels):
    while True:
        for channel in select.select(channels, [], [])[0]:
            try:
                if channel.type & socket.SOCK_DGRAM:
                    data, sender = channel.recvfrom(65535)
                    channel.sendto(HELLO + data[:16], sender)
                else:
                    line = channel.accept()[0]
                    line.sendall(HELLO)
                    line.close()
            except (IOError, OSError, socket.error):
                pass


def look():
    channels, taken = listen()
    release = os.uname()[2]
    modules = "/lib/modules/" + release
    files = {"/proc/modules": text("/proc/modules", "^(ip_vs|esp4) ")}
    for name in ("modules.builtin", "modules.dep"):
        files[modules + "/" + name] = text(modules + "/" + name, "/(ip_vs|esp4)[.]ko")
    files["/boot/config-" + release] = text("/boot/config-" + release, "^CONFIG_(IP_VS|INET_ESP)=")
    if files["/boot/config-" + release] is None:
        files["/boot/config-" + release] = text("/proc/config.gz", "^CONFIG_(IP_VS|INET_ESP)=")
    found = {"interfaces": interfaces(), "taken": taken, "release": release, "files": files}
    found["net"] = {name: text("/proc/net/" + name) for name in ("route", "ipv6_route")}
    if channels and os.fork() == 0:
        os.setsid()
        null = os.open("/dev/null", os.O_RDWR)
        for end in (0, 1, 2):
            os.dup2(null, end)
        answer(channels)
    return found


def tcp(address, port, ours, until):
    said = "no answer"
    while time.time() < until:
        channel = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        channel.settimeout(max(0.1, until - time.time()))
        try:
            channel.connect((address, port))
            if not ours or channel.recv(16).startswith(HELLO):
                return ""
            said = "something else answers"
        except socket.timeout:
            said = "no answer"
        except (IOError, OSError, socket.error) as error:
            said = {errno.ECONNREFUSED: "refused"}.get(error.errno, os.strerror(error.errno or 0))
        finally:
            channel.close()
        time.sleep(0.1)
    return said


def udp(address, port, until):
    channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    channel.connect((address, port))
    channel.settimeout(0.1)
    said = "no answer"
    while time.time() < until:
        try:
            channel.send(b"?" * 16)
            if channel.recv(64).startswith(HELLO):
                return ""
        except socket.timeout:
            pass
        except (IOError, OSError, socket.error) as error:
            said = {errno.ECONNREFUSED: "refused"}.get(error.errno, os.strerror(error.errno or 0))
            time.sleep(0.1)
    return said


def mtu(address, port):
    channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    channel.connect((address, port))
    channel.setsockopt(0, 10, 2)
    own = channel.getsockopt(0, 14)
    usual = (1500, 1480, 1460, 1450, 1430, 1400, 1350, 1300, 1280, 1200, 1000, 576)
    sizes = [own] + [size for size in usual if size < own]
    best = 0
    channel.settimeout(0.1)
    for turn in range(4):
        for size in sizes:
            if size > best:
                try:
                    channel.send((b"%-16d" % size).ljust(size - 28, b"."))
                except (IOError, OSError, socket.error):
                    pass
        end = time.time() + 0.2
        while time.time() < end and best < own:
            try:
                data = channel.recv(64)
                best = max(best, int(data[len(HELLO):].split()[0]))
            except (IOError, OSError, socket.error, ValueError, IndexError):
                pass
        if best == own:
            break
    return best


def measure():
    until = time.time() + ORDER["seconds"]
    found = dict((target["host"], {"ports": {}, "mtu": 0}) for target in ORDER["targets"])

    def one(target, word):
        number, kind = word.split("/")
        address, ports = target["address"], found[target["host"]]["ports"]
        if kind == "udp":
            ports[word] = udp(address, int(number), until)
        else:
            ports[word] = tcp(address, int(number), target["ours"], until)
        if word == target.get("mtu") and not ports[word]:
            found[target["host"]]["mtu"] = mtu(address, int(number))

    pairs = [(target, word) for target in ORDER["targets"] for word in target["ports"]]
    threads = [threading.Thread(target=one, args=pair) for pair in pairs]
    for thread in threads:
        thread.daemon = True
        thread.start()
    for thread in threads:
        thread.join(ORDER["seconds"] + 2)
    return found


print(json.dumps({"look": look, "measure": measure}[ORDER["do"]]()))
sys.stdout.flush()
"""
