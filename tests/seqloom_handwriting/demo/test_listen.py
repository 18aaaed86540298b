"""The address that the demo is served at."""

from __future__ import annotations

import errno
import socket

import pytest

from seqloom.errors import ConfigError
from seqloom_handwriting.demo.listen import listen, url


def test_a_free_port_is_found() -> None:
    with listen("127.0.0.1", 0) as one, listen("127.0.0.1", 0) as other:
        assert url(one) != url(other)
        assert url(one) == f"http://127.0.0.1:{one.getsockname()[1]}/"


def test_a_port_in_use() -> None:
    with listen("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        text = (
            f"Port {port} of 127.0.0.1 is in use, perhaps by another demo. Name another one with "
            "--port, or let a free one be found: --port 0"
        )
        with pytest.raises(ConfigError) as caught:
            listen("127.0.0.1", port)
    assert str(caught.value) == text
    with listen("127.0.0.1", port):  # it is free again at once
        pass


@pytest.mark.parametrize("host", ["no-such-host.invalid", "203.0.113.7", "a..b"])
def test_a_host_that_is_not_this_machine(host: str) -> None:
    with pytest.raises(ConfigError) as caught:
        listen(host, 0)
    assert str(caught.value).startswith(f"The demo cannot listen at --host {host}: ")
    assert str(caught.value).endswith("127.0.0.1 for itself only, 0.0.0.0 for its network.")


def test_a_port_for_administrators(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(ConfigError, match="Port 80 needs the rights of an administrator"):
        listen("127.0.0.1", 80)


def test_where_all_addresses_are_listened_at_the_own_one_is_named() -> None:
    with listen("0.0.0.0", 0) as sock:
        assert url(sock).startswith("http://127.0.0.1:")


def test_the_new_form_of_addresses() -> None:
    if not socket.has_ipv6:
        pytest.skip("this Python has no IPv6")
    try:
        sock = listen("::1", 0)
    except ConfigError as fault:
        pytest.skip(f"this machine has no IPv6: {fault}")
    with sock:
        assert url(sock) == f"http://[::1]:{sock.getsockname()[1]}/"
