#!/usr/bin/env python3
"""Stable-Baselines3's PPO learns both decisions over records, as in the paper: sizes beside random
depths, then depths beside those sizes.  `ltd import sb3` takes what it saved.

    ltd calibrate && ltd record
    python examples/train_sb3.py --ltd build/ltd --config configs/quickstart.yaml --steps 50000
"""
import argparse
import os
import subprocess

import gymnasium
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from torch import nn


def opened(name, args, partner, **settings):
    """PPO over environments for one kind of turn; settings are PPO's."""
    env = make_vec_env("ltd/%s-v0" % name, args.envs, seed=args.seed,
                       env_kwargs={"config": args.config, "partner": partner, "render_mode": None})
    return PPO("MlpPolicy", env, n_steps=args.n_steps, gamma=1.0, seed=args.seed, device="cpu",
               policy_kwargs={"activation_fn": nn.ReLU, "net_arch": [64, 64]}, **settings)


def learn(name, args, partner, path):
    model = opened(name, args, partner)
    model.learn(args.steps)
    model.save(path)
    return model


def imported(args, zips, out):
    """They as a policy of ltd; one that is missing is a fixed setting."""
    if os.path.exists(out):
        os.remove(out)
    subprocess.run([args.ltd, "import", "sb3", *zips, "--config", args.config, "--out", out],
                   check=True, stdout=subprocess.DEVNULL)
    return out


def play(env, decide, prompts):
    """Tokens a second of whole answers, by the cost table."""
    tokens = ns = ended = 0
    obs, _ = env.reset(seed=0)
    while ended < prompts:
        obs, _, over, _, info = env.step(decide(obs))
        if over:
            tokens, ns = tokens + info["tokens"], ns + info["cycle_ns"]
            ended += info["prompt_done"]
            obs, _ = env.reset()
    return tokens / (ns * 1e-9)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ltd", default="build/ltd")
    parser.add_argument("--config", default="configs/quickstart.yaml")
    parser.add_argument("--steps", type=int, default=50000, help="decisions of each policy")
    parser.add_argument("--n-steps", type=int, default=256, help="of each environment, a rollout")
    parser.add_argument("--envs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", default="runs/sb3", help="folder for the zips and the policy")
    args = parser.parse_args()
    os.makedirs(args.run, exist_ok=True)
    zips = [os.path.join(args.run, name) for name in ("size.zip", "depth.zip")]
    learn("Size", args, "untaught", zips[0])
    sizes = imported(args, zips[:1], os.path.join(args.run, "size.h5"))
    depth = learn("Depth", args, sizes, zips[1])
    both = imported(args, zips, os.path.join(args.run, "policy.h5"))

    held_out = {"config": args.config, "prompts": "valid"}
    env = gymnasium.make("ltd/Depth-v0", partner=sizes, **held_out)
    speed = play(env, lambda obs: int(depth.predict(obs, deterministic=True)[0]), 8)
    print("Stable-Baselines3   %.1f tok/s on 8 held-out prompts" % speed)
    subprocess.run([args.ltd, "replay", "--config", args.config, "--policy", both, "--policies",
                    "ar,static-tuned,ltd"], check=True)


if __name__ == "__main__":
    main()
