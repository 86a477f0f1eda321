"""Model, records and prompts, opened once a process for all environments that share them."""
import logging
import os
import weakref

from ltd._ltd import ffi, lib

_log = logging.getLogger("ltd")
_levels = {lib.LTD_LOG_DEBUG: logging.DEBUG, lib.LTD_LOG_INFO: logging.INFO,
           lib.LTD_LOG_WARN: logging.WARNING}
_sources = {"records": lib.LTD_WORLD_RECORDS, "live": lib.LTD_WORLD_LIVE}
_splits = {"train": lib.LTD_WORLD_TRAIN, "valid": lib.LTD_WORLD_VALID, "bench": lib.LTD_WORLD_BENCH}
_open = weakref.WeakValueDictionary()


class LtdError(RuntimeError):
    """What libltd refused: what, where, found, expected."""


@ffi.def_extern()
def ltd_python_log(_, level, line):
    _log.log(_levels[level], "%s", ffi.string(line).decode(errors="replace"))


_logger = ffi.new("ltd_logger *", {"write": lib.ltd_python_log, "min_level": lib.LTD_LOG_INFO})


def version():
    return ffi.string(lib.ltd_version()).decode()


def call(function, *args):
    """Call what returns a status and takes an error record last; the status where it isn't one."""
    err = ffi.new("ltd_err *")
    code = function(*args, err)
    if code < 0:
        raise LtdError(ffi.string(err.msg).decode(errors="replace"))
    return code


def made(type_name, free, keep, fill):
    """The handle that `fill` leaves in its first argument; it is freed before `keep` can be."""
    ret = ffi.new(type_name + " **")
    call(fill, ret)
    return ffi.gc(ret[0], lambda handle, keep=keep: free(handle))


def _one_of(table, what, value):
    if value not in table:
        raise ValueError("%s: %r, expected one of %s" % (what, value, ", ".join(table)))
    return table[value]


def _text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(_text(v) for v in value)
    return str(value)


def assignments(overrides):
    """Keys of the configuration, as a mapping or as "section.key=value", the way libltd reads them."""
    if overrides is None:
        return ()
    if isinstance(overrides, str):
        return (overrides,)
    if hasattr(overrides, "items"):
        return tuple("%s=%s" % (key, _text(value)) for key, value in overrides.items())
    return tuple(overrides)


def paths(config):
    if config is None:
        return ()
    if isinstance(config, (str, os.PathLike)):
        return (os.fspath(config),)
    return tuple(os.fspath(path) for path in config)


class World:
    def __init__(self, files, settings, source, prompts, policy):
        config = ffi.new("ltd_config *")
        lib.ltd_config_init(config)
        for path in files:
            with open(path, "rb") as f:
                text = f.read()
            call(lib.ltd_config_parse, config, path.encode(), text, len(text))
        for setting in settings:
            call(lib.ltd_config_set, config, setting.encode())
        call(lib.ltd_config_check, config)
        policy = ffi.new("char[]", os.fsencode(policy)) if policy else ffi.NULL
        options = ffi.new("ltd_world_options *", {
            "config": config, "source": _one_of(_sources, "source", source),
            "split": _one_of(_splits, "prompts", prompts), "policy": policy, "log": _logger})
        self.handle = made("ltd_world", lib.ltd_world_close, None,
                           lambda ret, err: lib.ltd_world_open(ret, options, err))
        self.tokenizer = lib.ltd_llama_tokenizer(lib.ltd_world_setup(self.handle).model)

    def env(self, seed):
        return made("ltd_env", lib.ltd_world_env_close, self,
                    lambda ret, err: lib.ltd_world_env(self.handle, seed, ret, err))

    def agent(self, env, name, seed):
        return made("ltd_agent", lib.ltd_agent_free, self, lambda ret, err: lib.ltd_world_agent(
            self.handle, env, name.encode(), seed, ret, err))


def world(config, overrides, source, prompts, policy):
    """The same arguments give the same world as long as anyone uses it."""
    key = (paths(config), assignments(overrides), source, prompts,
           os.fspath(policy) if policy else None)
    found = _open.get(key)
    if found is None:
        found = _open[key] = World(*key)
    return found
