"""Progress of work side by side, on stderr: bars on a terminal, else a line at each end."""

import sys


class Progress:
    """A context manager; `at` and `ended` may be called from any thread."""

    def __init__(self, names: list[str], steps: int):
        """names: what runs side by side, each in so many steps."""
        self._names = names
        self._steps = steps
        self._bars = None
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn
            from rich.progress import Progress as Bars

            name, at = (TextColumn(f"{{task.fields[{key}]}}") for key in ("name", "at"))
            console = Console(stderr=True, highlight=False)
            self._bars = Bars(name, BarColumn(), at, console=console, transient=True)
            self._tasks = {
                name: self._bars.add_task("", total=steps, name=name, at="") for name in names
            }

    def __enter__(self):
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(self, *_):
        if self._bars is not None:
            self._bars.stop()

    def at(self, name: str, text: str, step: bool = True) -> None:
        """One of them does this now; `step`: and has come a step further."""
        if self._bars is not None:
            self._bars.update(self._tasks[name], advance=int(step), at=text)

    def ended(self, name: str, text: str) -> None:
        """One of them has ended like this."""
        if self._bars is not None:
            self._bars.update(self._tasks[name], completed=self._steps, at=text)
        else:
            print(f"{name}: {text}", file=sys.stderr, flush=True)
