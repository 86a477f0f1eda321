"""What tests/bench/against_sb3 runs: both trainers, seed by seed in turn, then the table.

Stable-Baselines3's time is that of PPO.learn() alone, with one thread, which is faster than two for nets
of this size.  Ours is that of the whole program, from its start to its end, and beside it that of
training as it tells it itself, records and all.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples"))
import train_sb3  # noqa: E402

PPO = dict(learning_rate=lambda left: 1e-3 * left, batch_size=256, n_epochs=10, gae_lambda=0.95,
           clip_range=0.2, ent_coef=0.01, vf_coef=0.5, max_grad_norm=0.5)


def ltd(args, *words):
    subprocess.run([args.ltd, *words, "--config", args.config, "--quiet"], check=True,
                   stdout=subprocess.DEVNULL)


def speeds(args, policy):
    """Tokens a second of the rows on the recorded prompts of prompts.bench, which none has seen."""
    path = os.path.join(args.run, "replay.json")
    ltd(args, "replay", "--policy", policy, "--policies", "ar,static-tuned,ltd", "--json", path)
    with open(path) as f:
        return {row["policy"]: row["tok_s"] for row in json.load(f)["all"]["rows"]}


def ours(args):
    name, path = "ours-%d" % args.seed, os.path.join(args.run, "train.json")
    subprocess.run(["rm", "-rf", os.path.join(args.run, name)], check=True)
    began = time.monotonic()
    ltd(args, "train", "--run.name=" + name, "--run.seed=%d" % args.seed, "--json", path)
    seconds = time.monotonic() - began
    with open(path) as f:
        args.told = json.load(f)["seconds"]
    return seconds, os.path.join(args.run, name)


def theirs(args):
    zips = [os.path.join(args.run, "%s-%d.zip" % (name, args.seed)) for name in ("size", "depth")]
    out = os.path.join(args.run, "theirs-%d.h5" % args.seed)
    seconds = 0.0
    for name, partner, path in (("Size", "untaught", zips[0]), ("Depth", out, zips[1])):
        model = train_sb3.opened(name, args, partner, **PPO)
        began = time.monotonic()
        model.learn(args.steps)
        seconds += time.monotonic() - began
        model.save(path)
        train_sb3.imported(args, zips[:1] if name == "Size" else zips, out)
    return seconds, out


def row(name, values, unit):
    mid = statistics.median(values)
    print("  %-22s %8.1f %-6s [%.1f, %.1f]" % (name, mid, unit, min(values), max(values)))
    return mid


def main():
    parser = argparse.ArgumentParser()
    for name in ("--ltd", "--run", "--json"):
        parser.add_argument(name, required=True)
    for name in ("--steps", "--seeds", "--envs"):
        parser.add_argument(name, type=int, required=True)
    args = parser.parse_args()
    args.config = os.path.join(args.run, "config.yaml")
    args.n_steps = 2048 // args.envs
    torch.set_num_threads(1)
    seeds = []
    for args.seed in range(args.seeds):
        seed = {"seed": args.seed}
        for who, train in (("ours", ours), ("theirs", theirs)):
            seed[who + "_s"], policy = train(args)
            rows = speeds(args, policy)
            seed[who + "_tok_s"] = rows["ltd"]
        seed.update(ours_training_s=args.told, ar_tok_s=rows["ar"], static_tuned_tok_s=rows["static-tuned"])
        seeds.append(seed)
        print("seed %(seed)d: ours %(ours_tok_s).1f tok/s in %(ours_s).1f s, Stable-Baselines3 "
              "%(theirs_tok_s).1f tok/s in %(theirs_s).1f s" % seed, file=sys.stderr, flush=True)
    column = {key: [s[key] for s in seeds] for key in seeds[0]}
    print("2 x %d decisions, %d environments, %d seeds: median [least, most]; held-out prompts by the "
          "cost table" % (args.steps, args.envs, args.seeds))
    row("plain decoding", column["ar_tok_s"], "tok/s")
    row("best fixed setting", column["static_tuned_tok_s"], "tok/s")
    speed = row("ltd train", column["ours_tok_s"], "tok/s")
    their_speed = row("Stable-Baselines3 PPO", column["theirs_tok_s"], "tok/s")
    seconds = row("ltd train", column["ours_s"], "s")
    training = row("  of it, training", column["ours_training_s"], "s")
    their_seconds = row("Stable-Baselines3 PPO", column["theirs_s"], "s")
    result = {"version": 1, "steps": args.steps, "envs": args.envs, "seeds": seeds,
              "speed_ratio": their_speed / speed, "time_ratio": their_seconds / seconds,
              "training_time_ratio": their_seconds / training}
    print("speed: theirs / ours %.3f; time: theirs / ours %.1f, training alone %.1f"
          % (result["speed_ratio"], result["time_ratio"], result["training_time_ratio"]))
    if args.json != "-":
        with open(args.json, "w") as f:
            json.dump(result, f, indent=1)
            f.write("\n")


if __name__ == "__main__":
    main()
