#!/usr/bin/env python3
"""llama.cpp under the clock, through the low-level API of llama-cpp-python.

Reads requests and answers them a line each, as `bench_step --serve` does (tests/bench/step.h):
text, step, decode, prompt, info; and one of its own,

    use LOAD,FLASH,UBATCH      mmap|copy, flash|noflash, rows of a micro-batch: settings from now on

What is favourable to it is done for it.  A time is that of llama_decode and of the wait for its
logits alone: filling the batch, choosing the token and removing rows from the cache are outside.
Its threads are one pool that lives as long as the process, polls while it works (as its own
benchmark has it) and is paused between requests, so that nobody else is disturbed.
"""
import argparse
import ctypes
import json
import os
import sys
import time

import llama_cpp
import numpy

DEFAULT = "mmap,noflash,512"


class Failure(Exception):
    pass


def loaded(name):
    """The shared library whose file begins with `name`, as llama_cpp loaded it.  Wheels hold a
    copy under every version's name; another copy would bring tables that nobody fills."""
    with open("/proc/self/maps") as maps:
        for line in maps:
            path = line.rstrip("\n").partition("/")[2]
            if os.path.basename(path).startswith(name):
                return ctypes.CDLL("/" + path)
    raise Failure("llama-cpp-python has not loaded %s" % name)


class Threads:
    """ggml's thread pool, which the Python package doesn't bind."""

    def __init__(self, n):
        base, cpu = loaded("libggml-base."), loaded("libggml-cpu.")
        params = (ctypes.c_uint8 * 4096)()  # larger than ggml_threadpool_params of any version
        base.ggml_threadpool_params_init.argtypes = [ctypes.c_void_p, ctypes.c_int]
        base.ggml_threadpool_params_init.restype = None
        base.ggml_threadpool_params_init(ctypes.byref(params), n)
        cpu.ggml_threadpool_new.argtypes = [ctypes.c_void_p]
        cpu.ggml_threadpool_new.restype = ctypes.c_void_p
        self.pool = cpu.ggml_threadpool_new(ctypes.byref(params))
        if not self.pool:
            raise Failure("ggml_threadpool_new(%d threads) failed" % n)
        self.pause = self._verb(cpu.ggml_threadpool_pause)
        self.resume = self._verb(cpu.ggml_threadpool_resume)
        self._attach = loaded("libllama.").llama_attach_threadpool
        self._attach.argtypes = [ctypes.c_void_p] * 3
        self._attach.restype = None

    def _verb(self, fn):
        fn.argtypes = [ctypes.c_void_p]
        fn.restype = None
        return lambda: fn(self.pool)

    def attach(self, context):
        self._attach(context, self.pool, self.pool)


class Context:
    """One llama_context and the text in it."""

    def __init__(self, engine, model, flash, ubatch):
        p = llama_cpp.llama_context_default_params()
        p.n_ctx = engine.n_ctx
        p.n_batch = max(512, ubatch)
        p.n_ubatch = ubatch
        p.n_threads = p.n_threads_batch = engine.n_threads
        p.flash_attn_type = 1 if flash else 0
        p.type_k = p.type_v = 1  # halves, as ours
        p.offload_kqv = p.op_offload = False
        p.no_perf = True
        self.ctx = llama_cpp.llama_init_from_model(model, p)
        if not self.ctx:
            raise Failure("llama_init_from_model failed (flash attention %s, micro-batch %d)" %
                          (flash, ubatch))
        engine.threads.attach(self.ctx)
        self.memory = llama_cpp.llama_get_memory(self.ctx)
        self.batch = llama_cpp.llama_batch_init(p.n_batch, 0, 1)
        self.room = p.n_batch
        self.at = 0

    def fill(self, tokens, first, outputs):
        """Rows of one sequence from position `first`; the last `outputs` have logits."""
        b, n = self.batch, len(tokens)
        if n > self.room:
            raise Failure("%d rows: room for %d" % (n, self.room))
        b.n_tokens = n
        for i, token in enumerate(tokens):
            b.token[i] = token
            b.pos[i] = first + i
            b.n_seq_id[i] = 1
            b.seq_id[i][0] = 0
            b.logits[i] = i >= n - outputs

    def run(self):
        """The batch; [ms]."""
        t0 = time.perf_counter_ns()
        rc = llama_cpp.llama_decode(self.ctx, self.batch)
        llama_cpp.llama_get_logits(self.ctx)  # waits
        ms = (time.perf_counter_ns() - t0) * 1e-6
        if rc != 0:
            raise Failure("llama_decode: %d" % rc)
        return ms

    def keep(self, n):
        """Forget positions from n on."""
        if not llama_cpp.llama_memory_seq_rm(self.memory, 0, n, -1):
            raise Failure("llama_memory_seq_rm(%d) failed" % n)
        self.at = n

    def go_to(self, n, text):
        if n < self.at:
            self.keep(n)
        while self.at < n:
            m = min(n - self.at, 256)
            self.fill(text[self.at:self.at + m], self.at, 1)
            self.run()
            self.at += m


class Engine:
    def __init__(self, args):
        self.path, self.n_ctx, self.n_threads = args.model, args.context, args.threads
        self.threads = Threads(args.threads)
        self.models, self.contexts = {}, {}
        self.use(DEFAULT)
        vocab = llama_cpp.llama_model_get_vocab(self.models["mmap"])
        self.n_vocab = llama_cpp.llama_vocab_n_tokens(vocab)
        self.vocab = vocab
        self.text = [i * 7919 % self.n_vocab for i in range(self.n_ctx)]

    def model(self, load):
        if load not in self.models:
            p = llama_cpp.llama_model_default_params()
            p.n_gpu_layers = 0
            if hasattr(p, "load_mode"):
                p.load_mode = 1 if load == "mmap" else 0
            else:
                p.use_mmap = load == "mmap"
            model = llama_cpp.llama_model_load_from_file(self.path.encode(), p)
            if not model:
                raise Failure("%s: llama.cpp can't load it" % self.path)
            self.models[load] = model
        return self.models[load]

    def use(self, settings):
        if settings not in self.contexts:
            load, flash, ubatch = settings.split(",")
            if load not in ("mmap", "copy") or flash not in ("flash", "noflash"):
                raise Failure("settings '%s': expected %s or the like" % (settings, DEFAULT))
            self.contexts[settings] = Context(self, self.model(load), flash == "flash", int(ubatch))
        self.now = self.contexts[settings]
        return {"settings": settings}

    def tokenize(self, words):
        raw = words.encode()
        room = (llama_cpp.llama_token * (len(raw) + 8))()
        n = llama_cpp.llama_tokenize(self.vocab, raw, len(raw), room, len(room), False, False)
        if n < 0:
            raise Failure("llama_tokenize: %d" % n)
        return {"ids": list(room[:n])}

    def set_text(self, ids):
        self.text = [ids[i % len(ids)] for i in range(self.n_ctx)]
        for c in self.contexts.values():
            c.keep(0)
        return {"tokens": len(ids)}

    def step(self, rows, context, n):
        c, ms = self.now, []
        c.go_to(context, self.text)
        for _ in range(n):
            c.fill(self.text[context:context + rows], context, rows)
            ms.append(c.run())
            c.keep(context)
        return {"ms": ms}

    def decode(self, n, context):
        c, ms, ids = self.now, 0.0, []
        c.go_to(context, self.text)
        token = self.text[context]
        for i in range(n):
            c.fill([token], context + i, 1)
            ms += c.run()
            logits = llama_cpp.llama_get_logits(c.ctx)
            token = int(numpy.argmax(numpy.ctypeslib.as_array(logits, shape=(self.n_vocab,))))
            ids.append(token)
        c.keep(context)
        return {"ms": ms, "ids": ids}

    def prompt(self, n):
        c = self.now
        c.keep(0)
        c.fill(self.text[:n], 0, 1)
        ms = c.run()
        c.keep(0)
        return {"ms": ms}

    def info(self):
        system = llama_cpp.llama_print_system_info()
        return {"version": llama_cpp.__version__, "system_info": system.decode().strip(),
                "python": sys.version.split()[0]}

    def answer(self, line):
        verb, _, rest = line.partition(" ")
        if verb == "use":
            return self.use(rest)
        if verb == "tokenize":
            return self.tokenize(json.loads(rest))
        verbs = {"step": self.step, "decode": self.decode, "prompt": self.prompt, "info": self.info}
        numbers = [int(word) for word in rest.split()]
        if verb == "text" and numbers:
            return self.set_text(numbers)
        if verb not in verbs:
            raise Failure("request '%.40s': unknown" % line)
        return verbs[verb](*numbers)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--context", type=int, default=512)
    args = parser.parse_args()
    quiet = llama_cpp.llama_log_callback(lambda level, text, data: None)
    llama_cpp.llama_log_set(quiet, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    engine = Engine(args)
    engine.threads.pause()
    for line in sys.stdin:
        engine.threads.resume()
        try:
            found = engine.answer(line.rstrip("\n"))
        except (Failure, TypeError, ValueError, IndexError) as e:
            found = {"error": "%s: %s" % (type(e).__name__, e)}
        engine.threads.pause()
        time.sleep(0.005)
        print(json.dumps(found), flush=True)
    # Their destructors run in an order that they don't survive.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
