# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a TLS handshake with the daemon failed: whose certificate, what is wrong with it, until when it was good."""

from __future__ import annotations

import os
import re
import socket
import ssl
import tempfile
from dataclasses import dataclass
from typing import Any, Optional

from ._address import Address
from ._errors import DaemonError

EXPIRED, NOT_YET, WRONG_NAME, WRONG_ADDRESS = 10, 9, 62, 64
UNKNOWN_ISSUER = (2, 18, 19, 20, 21)  # OpenSSL's codes for a chain that leads to nobody we trust


@dataclass(frozen=True)
class Certificate:
    """The parts of a certificate that an explanation needs; empty where they cannot be read."""

    subject: str = ""
    issuer: str = ""
    names: tuple[str, ...] = ()
    since: str = ""
    until: str = ""

    def __str__(self) -> str:
        names = f" for {', '.join(self.names)}" if self.names else ""
        dates = f", valid from {self.since} until {self.until}" if self.until else ""
        return f"{self.subject or 'a certificate'}{names}{dates}"


def require_files(address: Address) -> None:
    """What the SDK says of a file that is not there names none of our options."""
    files = {"ca_path": address.ca_path, "client_cert": address.client_cert, "client_key": address.client_key}
    for option, path in files.items():
        if not path:
            continue
        try:
            with open(path, "rb"):
                pass
        except OSError as error:
            raise _unfit(address, option, path, f"cannot be read: {error.strerror or error}") from error
    if bool(address.client_cert) != bool(address.client_key):
        there, missing = ("client_cert", "client_key") if address.client_cert else ("client_key", "client_cert")
        raise DaemonError(
            f"For the Docker daemon at {address.docker_host} there is a {there} and no {missing}.",
            "Give both (cert.pem and key.pem in DOCKER_CERT_PATH), or neither.",
            "TLS_INVALID",
        )
    _load_files(address)


def _unfit(address: Address, option: str, path: str, why: str) -> DaemonError:
    in_config = f"tls_{'ca_cert' if option == 'ca_path' else option}"
    return DaemonError(
        f"The TLS file {path} for the Docker daemon at {address.docker_host} {why}.",
        f"Correct `{in_config}` of the host in config.yml, `{option}` of the task, or DOCKER_CERT_PATH.",
        "TLS_INVALID",
    )


def _load_files(address: Address) -> None:
    """OpenSSL says what is wrong with a file, and not with which."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for option, path in (("ca_path", address.ca_path), ("client_cert", address.client_cert)):
        try:
            if path:
                context.load_verify_locations(path)
        except (OSError, ValueError) as error:
            raise _unfit(address, option, path or "", "has no certificate in the format PEM") from error
    if not address.client_cert or not address.client_key:
        return

    def locked() -> str:
        raise _unfit(address, "client_key", address.client_key or "", "has a passphrase, which nobody is asked for")

    try:
        context.load_cert_chain(address.client_cert, address.client_key, locked)
    except (OSError, ValueError) as error:
        belongs = getattr(error, "reason", "") == "KEY_VALUES_MISMATCH"
        why = f"is not the key of {address.client_cert}" if belongs else "has no private key in the format PEM"
        raise _unfit(address, "client_key", address.client_key, why) from error


def tls_error(where: str, reason: str, code: int, server: Certificate, client: Optional[Certificate]) -> DaemonError:
    """From OpenSSL's words (*reason*), its verification *code* (0: none), and the two certificates. Pure."""
    seen, remedy = _explained(where, reason, code, server, client)
    return DaemonError(f"TLS with the Docker daemon at {where} failed: {seen}.", remedy, "TLS_INVALID")


def _explained(
    where: str, reason: str, code: int, server: Certificate, client: Optional[Certificate]
) -> tuple[str, str]:
    renew = "Renew the daemon's certificate on its host and restart the daemon; compare both clocks."
    if code in (EXPIRED, NOT_YET):
        return f"the daemon's certificate {'has expired' if code == EXPIRED else 'is not valid yet'} ({server})", renew
    if code in (WRONG_NAME, WRONG_ADDRESS):
        remedy = "Reach the daemon by a name in its certificate, or say that name with `tls_hostname`."
        return f"the daemon's certificate has another name ({server}; {reason})", remedy
    if code in UNKNOWN_ISSUER:
        issuer = f" It was issued by {server.issuer}" if server.issuer else ""
        remedy = (
            "Give the certificate of the authority that signed the daemon's: `tls_ca_cert` of the host in config.yml, "
            "or ca.pem in DOCKER_CERT_PATH."
        )
        return f"the daemon's certificate comes from an authority that is not trusted here ({server}).{issuer}", remedy
    if re.search(r"alert|certificate required", reason, re.IGNORECASE):
        ours = f"ours is {client}" if client else "we have none"
        remedy = (
            "Give a `tls_client_cert` and `tls_client_key` (cert.pem and key.pem in DOCKER_CERT_PATH) signed by the "
            "authority that the daemon trusts, and not expired."
        )
        return f"the daemon refused our certificate: {reason}; {ours}", remedy
    if re.search(r"wrong version number|record layer failure|HTTP request", reason, re.IGNORECASE):
        here = re.match(r"\w+://(localhost|127\.|\[::1\])", where)
        remedy = "Give the daemon's TLS port (2376), or set the daemon up for TLS."
        if here:
            remedy = "Leave TLS off, or use the daemon's TLS port (2376)."
        return f"what listens there does not speak TLS ({reason})", remedy
    return reason, (
        "Check `tls_ca_cert`, `tls_client_cert`, `tls_client_key` and `tls_hostname`, and the certificate's dates "
        "(openssl x509 -noout -dates -subject -in FILE)."
    )


def explain(
    docker_host: str, reason: str, chain: list[BaseException], client_cert: Optional[str], timeout: float
) -> DaemonError:
    """Look at the certificates, where that can be done, and say what is wrong."""
    code = next((int(cause.verify_code) for cause in chain if isinstance(cause, ssl.SSLCertVerificationError)), 0)
    if not code and "doesn't match" in reason:  # urllib3's words, where it compares the names itself: tls_hostname
        code = WRONG_NAME
    server = served_certificate(docker_host, min(timeout, 3)) if code else Certificate()
    return tls_error(docker_host, reason, code, server, read_certificate(client_cert) if client_cert else None)


def served_certificate(docker_host: str, timeout: float) -> Certificate:
    """The daemon's certificate, taken without trusting it: only to be shown."""
    match = re.match(r"^\w+://(\[[^\]]+\]|[^:/]+)(?::(\d+))?", docker_host)
    if not match:
        return Certificate()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    place = (match.group(1).strip("[]"), int(match.group(2) or 2376))
    try:
        with (
            socket.create_connection(place, timeout) as line,
            context.wrap_socket(line, server_hostname=place[0]) as talk,
        ):
            der = talk.getpeercert(binary_form=True)
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as handle:
            handle.write(ssl.DER_cert_to_PEM_cert(der or b""))
            handle.flush()
            return read_certificate(handle.name)
    except (OSError, ValueError):
        return Certificate()


def read_certificate(path: str) -> Certificate:
    """A PEM file's certificate. Python reads one only in a private function: without it the parts stay empty."""
    try:
        parts: dict[str, Any] = ssl._ssl._test_decode_cert(os.fspath(path))  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):
        return Certificate()
    return Certificate(
        subject=_name(parts.get("subject")),
        issuer=_name(parts.get("issuer")),
        names=tuple(str(value) for _kind, value in parts.get("subjectAltName", ())),
        since=str(parts.get("notBefore", "")),
        until=str(parts.get("notAfter", "")),
    )


def _name(rows: Any) -> str:
    """`((("commonName", "x"),),)` → x, or all parts where there is no common name."""
    pairs = [pair for row in rows or () for pair in row]
    common = [value for key, value in pairs if key == "commonName"]
    return str(common[0]) if common else ", ".join(f"{key}={value}" for key, value in pairs)
