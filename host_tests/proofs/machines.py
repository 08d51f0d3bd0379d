"""The ordeals of `packwarden_target.vectors` on a target, with the library or a changed one."""

from packwarden_host import sources, vectors


def driven(target, jobs, library=None):
    """What a target prints of jobs, each the arguments of `packwarden_target.vectors.run`.

    library: {path: source} instead of the library's own.
    """
    return target.run(vectors.script(len(jobs)), vectors.files(jobs, library))


def changed(name, old, new):
    """The library's sources with a piece of one replaced; it must be there exactly once."""
    library = sources.library()
    path = f"packwarden/{name}"
    assert library[path].count(old) == 1, f"{path} has {library[path].count(old)} times: {old}"
    return {**library, path: library[path].replace(old, new)}
