"""Exports of one policy, as the programs that they are for read them, against our own nets.

    read_exports.py OURS SHAPES EXPORT

OURS and SHAPES come from tests/support/logits.c.  Fails where a logit differs by more than 1e-5 or
an action is another one; prints the largest differences.
"""
import json
import sys

import numpy as np
import onnxruntime
import torch
from gymnasium import spaces
from safetensors import safe_open
from safetensors.numpy import load_file
from stable_baselines3.common.policies import ActorCriticPolicy

ours, shapes, export = sys.argv[1:]
TOLERANCE = 1e-5


def compare(what, found, expected):
    difference = float(np.abs(found - expected).max())
    print(f"{what}: {difference:.3g} on {len(expected)}")
    assert found.shape == expected.shape and difference <= TOLERANCE, what
    if expected.shape[1] > 1:
        assert (found.argmax(1) == expected.argmax(1)).all(), what + ": another action"


def by_hand(tensors, prefix, act, obs):
    """The net whose hidden layers are called prefix.0, prefix.2, ..."""
    hidden, last = prefix
    i = 0
    while f"{hidden}.{i}.weight" in tensors:
        obs = act(obs @ tensors[f"{hidden}.{i}.weight"].T + tensors[f"{hidden}.{i}.bias"])
        i += 2
    return obs @ tensors[last + ".weight"].T + tensors[last + ".bias"]


manifests = []
with safe_open(export + "/policy.safetensors", "np") as file:
    manifests.append(file.metadata()["ltd.policy"])
tensors = load_file(export + "/policy.safetensors")
for line in open(shapes):
    turn, n, dim, actions = line.split()
    n, dim, actions = int(n), int(dim), int(actions)
    read = lambda name, width: np.fromfile(f"{ours}/{turn}.{name}", np.float32).reshape(n, width)
    obs, logits, value = read("obs", dim), read("logits", actions), read("value", 1)
    about = json.loads(manifests[0])[turn]
    relu = about["activation"] == "relu"
    assert about["actor"][0] == dim and len(about["actions"]) == actions

    act = (lambda x: np.maximum(x, 0)) if relu else np.tanh
    compare(turn + " safetensors", by_hand(tensors, (turn + ".mlp_extractor.policy_net", turn + ".action_net"), act, obs), logits)

    session = onnxruntime.InferenceSession(f"{export}/{turn}.onnx", providers=["CPUExecutionProvider"])
    manifests.append(session.get_modelmeta().custom_metadata_map["ltd.policy"])
    found = session.run(["logits", "value"], {"obs": obs})
    compare(turn + " onnx", found[0], logits)
    compare(turn + " onnx, value", found[1], value)

    state = torch.load(f"{export}/{turn}/policy.pth")
    policy = ActorCriticPolicy(
        spaces.Box(-np.inf, np.inf, (dim,), np.float32),
        spaces.Discrete(actions),
        lambda _: 1e-4,
        net_arch={"pi": about["actor"][1:-1], "vf": about["critic"][1:-1] if about["critic"] else []},
        activation_fn=torch.nn.ReLU if relu else torch.nn.Tanh,
    )
    policy.load_state_dict(state, strict=True)
    with torch.no_grad():
        x = torch.from_numpy(obs)
        latent = policy.mlp_extractor.forward_actor(policy.extract_features(x))
        compare(turn + " torch", policy.action_net(latent).numpy(), logits)
        compare(turn + " torch, value", policy.predict_values(x).numpy(), value)
    best, _ = policy.predict(obs, deterministic=True)
    assert (best == logits.argmax(1)).all(), turn + ": Stable-Baselines3 predicts another action"
assert len(set(manifests)) == 1 and len(manifests) == 3, "the manifests differ"
