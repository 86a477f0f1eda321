#!/usr/bin/env python3
"""Two engines in turn over the same model; run by tests/bench/against_llama_cpp.

Ours is `bench_step --serve`, theirs llama_cpp_engine.py: a request a line, an answer a line.  A
round measures every point once, the points in a shuffled order, each first by one engine and then
by the other; which one begins changes from round to round.  While one works the other sleeps: the
processor time that it takes all the same is counted and told, as is that of everybody else.

theirs has the best of several settings, chosen before the rounds for every point by itself.
"""
import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import time

DEPTH = 128  # tokens before a step and before the decode
DECODE = 128
PROMPT = 256
ROWS = [1, 2, 4, 8, 16, 32, 64]
BARS = {"decode": 1.5, "rows": 0.4, "prompt": 1.0, "roof": 0.75}
BAR_ROWS = [4, 8, 16, 32]
# How the file is loaded, flash attention, rows of a micro-batch.  The first is theirs unless
# another is faster by more than the noise.
SETTINGS = ["mmap,noflash,512", "copy,noflash,512", "mmap,flash,512", "mmap,noflash,128"]
WORTH = 0.97

TEXT = """A lighthouse keeper once told a visitor that the sea has no memory. Every wave, she said,
begins again. The visitor, who repaired clocks in a town far from any shore, did not agree. He took
out his notebook and drew a pendulum, then a coil of rope, then the outline of a harbour. "If it had
no memory," he said, "the stones on your beach would still be sharp." She laughed and put the kettle
on the stove. Outside the wind turned to the north, the lamp swept over dark water, and a fishing
boat came round the point with its engine half asleep. They talked about tides, about gears, about
the price of oil and the patience of cats. At midnight he asked how many steps led up to the lamp.
Two hundred and eleven, she said, and every one of them knows me. In the morning the sea was flat
and grey. He left a small brass clock on the table, wound for eight days, with a note that explained
how to set it by the sun. Years later, when the lamp was lit by a switch in another city, somebody
found the clock in a drawer. It had stopped at eleven minutes past two, and nobody could say in
which year, or whether it had been the keeper or the clock that had grown tired first."""


class Engine:
    """A coprocess."""

    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1)

    def ask(self, request):
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            sys.exit("%s ended (exit code %s) at: %.60s" % (self.name, code, request))
        answer = json.loads(line)
        if "error" in answer:
            sys.exit("%s: %s" % (self.name, answer["error"]))
        return answer

    def cpu(self):
        """Processor time so far [s], all threads."""
        with open("/proc/%d/stat" % self.process.pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def busy():
    """Processor time of everybody since boot, and all there was [s]."""
    with open("/proc/stat") as f:
        v = [int(x) for x in f.readline().split()[1:9]]
    tick = os.sysconf("SC_CLK_TCK")
    return (sum(v) - v[3] - v[4]) / tick, sum(v) / tick


class Point:
    """One thing that both engines are asked to do."""

    def __init__(self, key, request, rows=0):
        self.key, self.request, self.rows = key, request, rows
        self.settings = SETTINGS[0]
        self.samples = {side: {} for side in ("ours", "theirs")}

    def values(self, answer):
        """Names of figures -> [ms]."""
        ms = answer["ms"]
        if not self.rows:
            return {"ms": ms}
        # The first step comes after the other engine had the caches; the second half of the run is
        # what a decode loop sees.
        return {"ms": statistics.median(ms[1:]), "steady": statistics.median(ms[len(ms) // 2:]),
                "first": ms[0]}

    def add(self, side, answer):
        for name, v in self.values(answer).items():
            self.samples[side].setdefault(name, []).append(v)

    def summary(self, side, name="ms"):
        v = sorted(self.samples[side][name])
        q = statistics.quantiles(v, n=4, method="inclusive") if len(v) > 1 else [v[0]] * 3
        return {"median": statistics.median(v), "min": v[0], "p25": q[0], "p75": q[2],
                "iqr": q[2] - q[0]}

    def median(self, side, name="ms"):
        return statistics.median(self.samples[side][name])


def steps_of(rows):
    return 12 if rows <= 4 else 8 if rows <= 16 else 6


def points_of(args):
    rows = [1, 8] if args.quick else ROWS
    return ([Point("decode", "decode %d %d" % (args.decode, DEPTH))] +
            [Point("rows", "step %d %d %d" % (r, DEPTH, steps_of(r)), r) for r in rows] +
            [Point("prompt", "prompt %d" % PROMPT)])


def say(text):
    print(text, file=sys.stderr, flush=True)


def choose_settings(theirs, points, tries):
    """The fastest of SETTINGS for each point."""
    for p in points:
        best = {}
        for s in SETTINGS:
            theirs.ask("use " + s)
            request = "decode 32 %d" % DEPTH if p.key == "decode" else p.request
            best[s] = min(p.values(theirs.ask(request))["ms"] for _ in range(tries))
        fastest = min(SETTINGS, key=lambda s: best[s])
        if best[fastest] < WORTH * best[SETTINGS[0]]:
            p.settings = fastest


def run_rounds(ours, theirs, points, rounds):
    """Fills the points; returns the idle processor time of each engine over the other's [s]."""
    idle = {"ours": 0.0, "theirs": 0.0}
    wall = {"ours": 0.0, "theirs": 0.0}
    order = list(points)
    shuffle = random.Random(1)
    for i in range(rounds):
        shuffle.shuffle(order)
        pair = [("ours", ours, theirs), ("theirs", theirs, ours)]
        if i % 2:
            pair.reverse()
        for p in order:
            for side, engine, other in pair:
                if side == "theirs":
                    engine.ask("use " + p.settings)
                before, t0 = other.cpu(), time.monotonic()
                answer = engine.ask(p.request)
                other_side = "theirs" if side == "ours" else "ours"
                idle[other_side] += other.cpu() - before
                wall[other_side] += time.monotonic() - t0
                p.add(side, answer)
        if sys.stderr.isatty():
            print("\rround %d of %d " % (i + 1, rounds), end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        say("")
    return {side: idle[side] / wall[side] for side in idle}


def same_tokens(ours, theirs, n):
    a, b = (e.ask("decode %d %d" % (n, DEPTH))["ids"] for e in (ours, theirs))
    same = next((i for i in range(n) if a[i] != b[i]), n)
    if same == 0:
        sys.exit("the engines don't compute the same: ours continues the text with tokens %s, "
                 "theirs with %s" % (a[:4], b[:4]))
    return same


def check_build(system_info):
    """What the processor has, theirs should have found."""
    with open("/proc/cpuinfo") as f:
        flags = next((line for line in f if line.startswith("flags")), "").split()
    for flag, name in (("amx_int8", "AMX_INT8"), ("avx512_vnni", "AVX512_VNNI"), ("avx2", "AVX2")):
        if flag in flags and name + " = 1" not in system_info:
            say("warning: llama.cpp was built without %s, which this processor has" % name)


def of_rows(p):
    entry = {"V": p.rows, "ours_ms": p.median("ours"), "theirs_ms": p.median("theirs")}
    entry["ratio"] = entry["ours_ms"] / entry["theirs_ms"]
    entry["theirs_settings"] = p.settings
    entry["ours"], entry["theirs"] = p.summary("ours"), p.summary("theirs")
    for name in ("steady", "first"):
        a, b = p.median("ours", name), p.median("theirs", name)
        entry[name] = {"ours_ms": a, "theirs_ms": b, "ratio": a / b}
    return entry


def result_of(args, points, roof):
    decode, prompt = points[0], points[-1]
    speed = {side: 1000 * args.decode / decode.median(side) for side in ("ours", "theirs")}
    a, b = prompt.median("ours"), prompt.median("theirs")
    return {
        "note": "times in ms, medians over rounds; decode_ratio and prompt_256.ratio: our speed "
                "over theirs, above 1 is faster; rows[].ratio: our time over theirs, below 1 is "
                "faster",
        "decode_ratio": speed["ours"] / speed["theirs"],
        "decode": {"tokens": args.decode, "prompt_tokens": DEPTH, "ours_tok_s": speed["ours"],
                   "theirs_tok_s": speed["theirs"], "theirs_settings": decode.settings,
                   "ours_ms": decode.summary("ours"), "theirs_ms": decode.summary("theirs")},
        "rows": [of_rows(p) for p in points[1:-1]],
        "prompt_256": {"tokens": PROMPT, "ours_ms": a, "theirs_ms": b, "ratio": b / a,
                       "theirs_settings": prompt.settings, "ours": prompt.summary("ours"),
                       "theirs": prompt.summary("theirs")},
        "roof": roof,
    }


def bars_of(result):
    """The claims, each with what was found."""
    bars = {"decode_ratio": {"at_least": BARS["decode"], "found": result["decode_ratio"]},
            "prompt_256": {"at_least": BARS["prompt"], "found": result["prompt_256"]["ratio"]},
            "roof_share": {"at_least": BARS["roof"],
                           "found": result["roof"]["roof_share_linear_and_head"]}}
    for r in result["rows"]:
        if r["V"] in BAR_ROWS:
            bars["rows_%d" % r["V"]] = {"at_most": BARS["rows"], "found": r["ratio"]}
    for bar in bars.values():
        bar["met"] = (bar["found"] >= bar["at_least"] if "at_least" in bar
                      else bar["found"] <= bar["at_most"])
    return bars


def print_result(r):
    machine = r["machine"]
    print("machine  %s; ours: %s; %d threads" %
          (machine["cpu"], machine["isa"], machine["threads"]))
    print("model    %s (%s), K/V as halves" % (r["model"]["path"], r["model"]["type"]))
    print("theirs   llama-cpp-python %s built natively: %s" %
          (r["versions"]["llama_cpp_python"], r["theirs_system_info"]))
    print("rounds   %d in turn; others used %.1f %% of the machine; idle, ours took %.2f and "
          "theirs %.2f processors" % (r["rounds"], 100 * r["other_cpu_share"],
                               r["idle_processors"]["ours"], r["idle_processors"]["theirs"]))
    print("\n%-26s %9s %15s %9s %15s %7s   %s" %
          ("[ms]", "ours", "[25 %, 75 %]", "theirs", "[25 %, 75 %]", "ratio", "theirs with"))

    def line(name, ours, theirs, ratio, settings):
        print("%-26s %9.2f [%6.2f, %6.2f] %9.2f [%6.2f, %6.2f] %7.2f   %s" %
              (name, ours["median"], ours["p25"], ours["p75"], theirs["median"], theirs["p25"],
               theirs["p75"], ratio, settings))

    d, p = r["decode"], r["prompt_256"]
    line("decode %d tokens" % d["tokens"], d["ours_ms"], d["theirs_ms"], r["decode_ratio"],
         d["theirs_settings"])
    for v in r["rows"]:
        line("%d row%s" % (v["V"], "s" if v["V"] > 1 else ""), v["ours"], v["theirs"], v["ratio"],
             v["theirs_settings"])
    line("prompt %d tokens" % p["tokens"], p["ours"], p["theirs"], p["ratio"], p["theirs_settings"])
    print("\nratio: decode and prompt, our speed over theirs; rows, our time over theirs")
    print("decode   %.1f tok/s ours, %.1f theirs; the first %d of %d tokens are the same" %
          (d["ours_tok_s"], d["theirs_tok_s"], d["same_tokens"], d["tokens"]))
    print("steady   " + ", ".join("%d: %.2f/%.2f=%.2f" %
                                  (v["V"], v["steady"]["ours_ms"], v["steady"]["theirs_ms"],
                                   v["steady"]["ratio"]) for v in r["rows"]))
    f = r["roof"]
    print("roof     one row reads %.1f MB, %.2f ms at %.1f GB/s: share %.2f of layers and head, "
          "%.2f of the step" % (f["weight_bytes_read"] * 1e-6, f["floor_ms"], f["read_gb_s"],
                           f["roof_share_linear_and_head"], f["roof_share_step"]))
    for name, bar in r["bars"].items():
        print("bar      %-14s %s %.2f, found %.3f: %s" %
              (name, "at least" if "at_least" in bar else "at most",
               bar.get("at_least", bar.get("at_most")), bar["found"],
               "met" if bar["met"] else "not met"))


def commit():
    here = os.path.dirname(os.path.abspath(__file__))
    found = subprocess.run(["git", "-C", here, "describe", "--always", "--dirty", "--abbrev=12"],
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return found.stdout.strip() or "unknown"


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ours", required=True, help="bench_step")
    parser.add_argument("--built", help="file that says how theirs was built")
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json")
    args = parser.parse_args()
    args.decode = 16 if args.quick else DECODE
    if args.quick:
        args.rounds = 2
    return args


def main():
    args = arguments()
    here = os.path.dirname(os.path.abspath(__file__))
    threads = ["--threads", str(args.threads)]
    ours = Engine("ours", [args.ours, "--serve", "--head", "none", "--model", args.model] + threads)
    theirs = Engine("llama.cpp", [sys.executable, os.path.join(here, "llama_cpp_engine.py"),
                                  "--model", args.model] + threads)
    # Theirs turns the text into tokens, for both.
    ids = theirs.ask("tokenize " + json.dumps(" ".join(TEXT.split())))["ids"]
    for engine in (ours, theirs):
        engine.ask("text " + " ".join(map(str, ids)))
    check_build(theirs.ask("info")["system_info"])
    points = points_of(args)
    same = same_tokens(ours, theirs, args.decode)
    say("choosing the settings of llama.cpp")
    choose_settings(theirs, points, 1 if args.quick else 3)

    busy0, all0 = busy()
    used0 = ours.cpu() + theirs.cpu() + time.process_time()
    idle = run_rounds(ours, theirs, points, args.rounds)
    roof = ours.ask("roof %d %d" % (DEPTH, args.rounds))["roof"]
    busy1, all1 = busy()
    used = ours.cpu() + theirs.cpu() + time.process_time() - used0

    origin, info = ours.ask("info"), theirs.ask("info")
    result = result_of(args, points, roof)
    result["decode"]["same_tokens"] = same
    result["bars"] = bars_of(result)
    result["bars_met"] = all(bar["met"] for bar in result["bars"].values())
    result.update({
        "machine": origin["machine"], "model": origin["model"], "rounds": args.rounds,
        "idle_processors": idle,
        "other_cpu_share": max(0.0, (busy1 - busy0 - used) / max(all1 - all0, 1e-9)),
        "theirs_system_info": info["system_info"],
        "theirs_built": open(args.built).read().splitlines() if args.built else [],
        "versions": {"ours": commit(), "llama_cpp_python": info["version"],
                     "python": info["python"]},
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    })
    print_result(result)
    for name, share in list(idle.items()) + [("others", args.threads * result["other_cpu_share"])]:
        if share > 0.05:
            say("warning: %s used %.2f processors in the time of an engine at work; the figures "
                "are not those of a quiet machine" % (name, share))
    if args.json:
        os.makedirs(os.path.dirname(os.path.abspath(args.json)), exist_ok=True)
        with open(args.json, "w") as f:
            json.dump(result, f, indent=2)
            f.write("\n")
    ours.close()
    theirs.close()


if __name__ == "__main__":
    main()
