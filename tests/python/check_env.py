"""Checks of the package `ltd`: "ok NAME" or "not-ok NAME" a line, reasons on standard error.

    python tests/python/check_env.py CONFIG.yaml       of a model that is calibrated and recorded
"""
import sys
import traceback
import warnings

import gymnasium
import numpy as np
from gymnasium.utils.env_checker import check_env as gymnasium_check
from stable_baselines3.common.env_checker import check_env as sb3_check

config = sys.argv[1]
PAPER = {"env.top_k": 10, "env.lookup": False, "env.reward": "ratio", "env.clock": "live",
         "calibration.path": "", "env.depth_obs": "paper/depth/128", "env.size_obs": "paper/size/1268"}
checks = []


def check(function):
    checks.append(function)
    return function


def make(name, **options):
    return gymnasium.make("ltd/%s-v0" % name, config=config, **options)


def episode(env, choose, **options):
    """Observations, rewards and infos of one cycle."""
    obs, info = env.reset(**options)
    seen, done = [(obs, 0.0, info)], False
    while not done:
        obs, reward, done, truncated, info = env.step(choose(env, obs))
        assert not truncated
        seen.append((obs, reward, info))
    return seen


def first_legal(env, _):
    return int(np.argmax(env.unwrapped.action_masks()))


def last_legal(env, _):
    masks = env.unwrapped.action_masks()
    return len(masks) - 1 - int(np.argmax(masks[::-1]))


def any_action(env, _):
    return env.action_space.sample()


def raises(what, text, function):
    try:
        function()
    except what as error:
        assert text in str(error), error
    else:
        raise AssertionError("no %s" % what.__name__)


@check
def gymnasiums_checker_has_no_complaint():
    for name in ("Depth", "Size"):
        for source in ("records", "live"):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                env = make(name, source=source, render_mode="ansi")
                gymnasium_check(env.unwrapped)
                env.close()


@check
def stable_baselines3s_checker_has_no_complaint():
    for name in ("Depth", "Size"):
        for source in ("records", "live"):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                env = make(name, source=source)
                sb3_check(env, warn=True)
                env.close()


@check
def spaces_are_those_of_the_configuration():
    depth, size = make("Depth"), make("Size")
    assert depth.action_space.n == 2 and size.action_space.n == 6
    assert depth.observation_space.shape == size.observation_space.shape == (56,)
    assert size.unwrapped.sizes == (0, 1, 2, 4, 8, 16) and size.unwrapped.max_forwards == 4
    assert size.unwrapped.contract == "ltd/size/v2" and depth.unwrapped.contract == "ltd/depth/v2"
    other = make("Size", overrides={"env.sizes": [0, 3]})
    assert other.action_space.n == 2 and other.unwrapped.sizes == (0, 3)
    other = make("Size", overrides=["env.max_forwards=2"], source="live")
    assert other.unwrapped.max_forwards == 2
    raises(RuntimeError, "run `ltd record`", lambda: make("Size", overrides=["env.max_forwards=2"]))


@check
def a_seed_gives_the_same_cycles():
    def play(seed):
        env = make("Size")
        ret = [episode(env, last_legal, **({"seed": seed} if i == 0 else {})) for i in range(40)]
        return [(obs.tolist(), reward, {k: str(v) for k, v in info.items()})
                for cycle in ret for obs, reward, info in cycle]

    again = make("Size")
    for _ in range(25):  # what was played before doesn't matter
        episode(again, any_action)
    assert play(3) == play(3)
    assert play(3) != play(4)
    first = [episode(again, last_legal, **({"seed": 3} if i == 0 else {})) for i in range(40)]
    assert [c[-1][1] for c in first] == [r for _, r, i in play(3) if "size" in i]


@check
def records_are_the_engine():
    def play(source):
        env = make("Depth", source=source, partner="static-0-4")
        rng, ret = np.random.default_rng(1), []
        for i in range(60):
            cycle = episode(env, lambda e, o: int(rng.integers(2)), **({"seed": 5} if i == 0 else {}))
            ret += [cycle[-1][2][k] for k in ("accept_len", "forwards", "size", "token", "prompt")]
            ret += [cycle[-1][1]] + [obs.tolist() for obs, _, _ in cycle]
        return ret

    compiled, live = play("records"), play("live")
    assert len(compiled) == len(live)
    for a, b in zip(compiled, live):
        assert a == b or np.allclose(a, b, atol=1e-6), (a, b)


@check
def a_partner_plays_the_other_turn():
    env = make("Size", partner="static-3-0")
    assert {episode(env, any_action)[-1][2]["forwards"] for _ in range(30)} == {3}
    env = make("Depth", partner="static-0-2")
    sizes = {i["size"] for i in (episode(env, any_action)[-1][2] for _ in range(30)) if i["forwards"]}
    assert sizes == {2}, sizes
    env = make("Size")
    assert {episode(env, any_action)[-1][2]["forwards"] for _ in range(200)} >= {1, 2, 3, 4}
    raises(RuntimeError, "no agent called 'static-x'", lambda: make("Size", partner="static-x"))
    raises(RuntimeError, "runs/none", lambda: make("Size", partner="runs/none"))


@check
def masks_tell_what_is_legal_and_any_size_may_be_given():
    env = make("Size", partner="static-1-0")
    obs, info = env.reset(seed=0)
    seen = 0
    for _ in range(100):
        masks = env.unwrapped.action_masks()
        assert masks.dtype == bool and masks.sum() >= 2 and np.array_equal(masks, info["action_mask"])
        info = env.step(5)[4]
        assert info["illegal"] == (not masks[5])
        assert info["size"] == min(info["pool"], 16)
        seen += info["illegal"]
        obs, info = env.reset()
    assert 0 < seen <= 100
    raises(RuntimeError, "action 6 of a space of 6", lambda: (env.reset(), env.unwrapped.step(6)))
    env.unwrapped.step(0)
    raises(RuntimeError, "expected a reset", lambda: env.unwrapped.step(0))


@check
def a_prompt_can_be_asked_for():
    env = make("Size")
    for want in (7, 2):
        env.reset(options={"prompt": want})
        assert env.step(0)[4]["prompt"] == want
    assert env.unwrapped.reset() and env.step(0)[4]["prompt"] == 2
    raises(RuntimeError, "prompt 99, expected 0 to 11", lambda: env.reset(options={"prompt": 99}))


@check
def facts_of_a_cycle_add_up():
    env = make("Depth", partner="static-0-8")
    for _ in range(50):
        cycle = episode(env, any_action)
        assert all(reward == 0 for _, reward, _ in cycle[:-1])
        info = cycle[-1][2]
        assert 1 <= info["tokens"] <= info["accept_len"] == len(info["token"]) <= info["size"] + 1
        assert info["size"] <= info["pool"] and info["forwards"] <= 4
        assert abs(info["tok_s"] * info["cycle_ns"] * 1e-9 - info["accept_len"]) < 1e-6
        assert not cycle[-1][0].any()


@check
def the_papers_observations_are_there_too():
    for name, dim in (("Size", 1268), ("Depth", 128)):
        env = make(name, overrides=PAPER, source="live")
        assert env.observation_space.shape == (dim,)
        episode(env, any_action)
    raises(RuntimeError, "run `ltd ", lambda: make("Depth", overrides=PAPER))


@check
def a_cycle_can_be_shown():
    for source, text in (("records", "\""), ("live", "root")):
        env = make("Size", source=source, render_mode="ansi")
        assert env.reset()[0].shape == (56,)
        env.step(2)
        shown = env.render()
        assert "nodes verified" in shown and text in shown, shown
    env = make("Size")
    env.reset()
    env.step(2)
    assert env.unwrapped.render() is None


@check
def what_can_not_be_is_an_error_with_the_reason():
    raises(RuntimeError, "no such key", lambda: make("Size", overrides=["env.szies=1"]))
    raises(RuntimeError, "greedy", lambda: make("Size", overrides={"env.temperature": 1}))
    raises(ValueError, "source: 'tape'", lambda: make("Size", source="tape"))
    raises(RuntimeError, "no depth is ever asked", 
           lambda: make("Depth", overrides={"env.max_forwards": 0}, source="live"))


@check
def environments_share_a_world_and_outlive_each_other():
    a, b = make("Depth").unwrapped, make("Size").unwrapped
    assert a._world is b._world
    a.close()
    a.close()
    episode(b, any_action)


failed = 0
for function in checks:
    name = function.__name__.replace("_", " ")
    try:
        function()
        print("ok", name, flush=True)
    except Exception:
        failed += 1
        print("not-ok", name, flush=True)
        print("# " + name, file=sys.stderr)
        traceback.print_exc()
sys.exit(failed > 0)
