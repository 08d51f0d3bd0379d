"""A cable to a cabinet's console, that can be pulled out: `from system.cable import Cable`."""

import os
import select
import socket
import threading
import tty


class Cable:
    """A cable at the descriptor of a console; a context manager that pulls it out.

    Between that and what it is plugged into it copies bytes; `sent` is what went to the cabinet.
    """

    def __init__(self, console):
        self._console = console
        self.sent = b""
        self._ends = ()
        self._unplug = lambda: None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.pull()

    def plug(self, path):
        """Offer the console as a device of this name, as a serial adapter does."""
        far, near = os.openpty()
        tty.setraw(near)
        path.symlink_to(os.ttyname(near))
        self._begin(far, (far, near), path.unlink)

    def serve(self):
        """Offer the console to the next one who connects; returns its URL."""
        server = socket.create_server(("127.0.0.1", 0))

        def accept():
            link, _ = server.accept()
            server.close()
            far = link.detach()
            self._begin(far, (far,), lambda: None)

        threading.Thread(target=accept, daemon=True).start()
        return f"socket://127.0.0.1:{server.getsockname()[1]}"

    def pull(self):
        """Take the cable out: the device vanishes, the connection ends."""
        if self._ends:
            os.write(self._stop[1], b"x")
            self._thread.join()
            for end in (*self._ends, *self._stop):
                os.close(end)
            self._ends = ()
            self._unplug()

    def _begin(self, far, ends, unplug):
        self._unplug = unplug
        self._stop = os.pipe()
        self._thread = threading.Thread(target=self._copy, args=(far,))
        self._ends = ends
        self._thread.start()

    def _copy(self, far):
        while True:
            ready, _, _ = select.select([far, self._console, self._stop[0]], [], [])
            if self._stop[0] in ready:
                return
            if far in ready:
                data = os.read(far, 4096)
                if not data:
                    return
                self.sent += data
                os.write(self._console, data)
            if self._console in ready:
                os.write(far, os.read(self._console, 4096))
