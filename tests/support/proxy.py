# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy between one phone and the server that can be told to do harm.

Harm is armed for what flows next: `cut` closes both sides after a number of bytes (both directions counted together);
`lose` lets the request through, waits for the server's answer, which is sent only after its commit, and throws it away.
Armed harm stays armed until it has happened. What happened is counted.
"""

import socket
import threading


class Proxy:
    def __init__(self, server_port):
        self.server_port = server_port
        self.cuts = 0
        self.lost_replies = 0
        self.lock = threading.Lock()
        self.cut_after = None
        self.lose_next = False
        self.on_bytes = None  # called once, from a proxy thread, when bytes of a request have passed
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.closing = False
        threading.Thread(target=self.accept, daemon=True).start()

    def arm_cut(self, after_bytes):
        with self.lock:
            self.cut_after = after_bytes

    def arm_lose(self):
        with self.lock:
            self.lose_next = True

    def arm_call(self, call):
        with self.lock:
            self.on_bytes = call

    def disarm(self):
        with self.lock:
            self.cut_after, self.lose_next, self.on_bytes = None, False, None

    def close(self):
        self.closing = True
        self.listener.close()

    def accept(self):
        while not self.closing:
            try:
                phone, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.server_port), timeout=10)
                server.settimeout(None)
            except OSError:
                phone.close()
                continue
            for sock in (phone, server):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.pump, args=(phone, server, True), daemon=True).start()
            threading.Thread(target=self.pump, args=(server, phone, False), daemon=True).start()

    def allowed(self, count, is_request):
        """How many of `count` bytes may pass before the harm: all of them if none is due."""
        with self.lock:
            call, self.on_bytes = (self.on_bytes, None) if is_request else (None, self.on_bytes)
            if not is_request and self.lose_next:
                self.lose_next = False
                self.lost_replies += 1
                passed = 0
            elif self.cut_after is not None and count >= self.cut_after:
                passed, self.cut_after = self.cut_after - 1, None
                self.cuts += 1
            else:
                if self.cut_after is not None:
                    self.cut_after -= count
                passed = None
        if call:
            call()
        return passed

    def pump(self, source, target, is_request):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                passed = self.allowed(len(data), is_request)
                if passed is not None:
                    target.sendall(data[:passed])
                    break
                target.sendall(data)
        except OSError:
            pass
        for sock in (source, target):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()
