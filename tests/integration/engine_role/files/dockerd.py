# SPDX-License-Identifier: GPL-3.0-or-later
# Stands in for a Docker daemon: answers /_ping and /version on Docker's socket, and does nothing else.
import http.server
import os
import socketserver

SOCKET = "/var/run/docker.sock"


class Answers(http.server.BaseHTTPRequestHandler):
    def address_string(self):
        return "unix"

    def do_GET(self):
        body = b'{"Version": "0.0-fake"}' if self.path == "/version" else b"OK"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(socketserver.UnixStreamServer):
    def get_request(self):
        request, _address = super().get_request()
        return request, ("unix", 0)


if os.path.exists(SOCKET):
    os.unlink(SOCKET)
with Server(SOCKET, Answers) as server:
    print("listening", flush=True)
    server.serve_forever()
