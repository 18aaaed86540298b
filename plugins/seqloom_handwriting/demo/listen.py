"""The address that the demo is served at."""

from __future__ import annotations

import errno
import socket

from seqloom.errors import ConfigError


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at the address.

    Args:
        host: a name or an address of this machine.
        port: 0 stands for a free one.

    Raises:
        ConfigError: the port is in use, or the host is not one of this machine's.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((str(address[0]), port), family=family)
    except (OSError, UnicodeError) as fault:  # a host name may not even be one: "a..b"
        raise ConfigError(_sentence(host, port, fault)) from fault


def _sentence(host: str, port: int, fault: Exception) -> str:
    code = fault.errno if isinstance(fault, OSError) else None
    if code == errno.EADDRINUSE:
        return (
            f"Port {port} of {host} is in use, perhaps by another demo. Name another one with "
            "--port, or let a free one be found: --port 0"
        )
    if code == errno.EACCES:
        return f"Port {port} needs the rights of an administrator; take one from 1024: --port 7860"
    return (
        f"The demo cannot listen at --host {host}: {fault}. Give an address of this machine: "
        "127.0.0.1 for itself only, 0.0.0.0 for its network."
    )


def url(sock: socket.socket) -> str:
    """Return where a browser on this machine finds what listens there."""
    host, port = sock.getsockname()[:2]
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{local}]:{port}/" if ":" in local else f"http://{local}:{port}/"
