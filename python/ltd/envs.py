"""One learner's view of a cycle: it is asked one kind of turn, a partner plays the other inside."""
import gymnasium
import numpy as np

from ltd._ltd import ffi, lib
from ltd.world import LtdError, call, made, world

# Scores are cut at -1000 (LTD_OBS_FLOOR); all else is of a few units.
BOUND = 1000.0
NAMED_PARTNERS = ("untaught", "random", "ar")


def _is_named(partner):
    return isinstance(partner, str) and (partner in NAMED_PARTNERS or partner.startswith("static-"))


class Env(gymnasium.Env):
    """An episode is one cycle; the text goes on in the next reset.

    config, overrides   files of the configuration, and keys laid over them: {"env.top_k": 4} or
                        ["env.top_k=4"]; as --config and --section.key=value of the programs
    source              "records": what `ltd record` left, by the cost table, microseconds a cycle;
                        "live": the engine
    prompts             "train", "valid" or "bench": files of which key
    partner             who plays the turns that are not asked: "untaught" (random depths, or
                        policy.fixed_size nodes, as at first in the paper), "static-N-V" (N draft
                        forwards, V nodes), "ar", "random", or a checkpoint or run folder, whose
                        space (beam, forwards, sizes, lookup) is then taken, too
    seed                of the order of prompts and of the partner until reset() is given one
    render_mode         "ansi": render() tells the cycle that ended last

    Every action of the space may be given; info["action_mask"] and action_masks() tell the legal
    ones.  A size that isn't legal is larger than the pool needs, and means all of it.
    """

    metadata = {"render_modes": ["ansi"], "render_fps": 1}
    turn = None  # of the learner
    _solo = _partner = _env = _world = None

    def __init__(self, config=None, overrides=None, source="records", prompts="train",
                 partner="untaught", seed=0, render_mode=None):
        # Gymnasium warns of others, and Stable-Baselines3's make_vec_env tries one.
        self.render_mode = render_mode if render_mode in self.metadata["render_modes"] else None
        self._partner_name = partner if _is_named(partner) else "policy"
        self._world = world(config, overrides, source, prompts,
                            None if _is_named(partner) else partner)
        self._env = self._world.env(seed)
        self._open_solo(seed)
        options = lib.ltd_env_get_options(self._env)
        self.sizes = tuple(options.sizes[i] for i in range(options.n_sizes))
        self.min_forwards, self.max_forwards = options.min_forwards, options.max_forwards
        contract = options.depth_contract if self.turn == lib.LTD_TURN_DEPTH else options.size_contract
        self.contract = ffi.string(lib.ltd_contract_name(contract)).decode()
        self._n_obs = lib.ltd_env_obs_dim(self._env, self.turn)
        self._n_actions = lib.ltd_env_actions(self._env, self.turn)
        self.observation_space = gymnasium.spaces.Box(-BOUND, BOUND, (self._n_obs,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(self._n_actions)
        self._obs = np.zeros(lib.ltd_env_obs_max(self._env), np.float32)
        self._mask = np.zeros(lib.ltd_env_actions_max(self._env), np.uint8)
        self._step = ffi.new("ltd_step *", {"obs": ffi.from_buffer("float *", self._obs),
                                            "mask": ffi.from_buffer("uint8_t *", self._mask)})
        self._text = ""

    def _open_solo(self, seed):
        self._partner = self._world.agent(self._env, self._partner_name, seed)
        keep = (self._env, self._partner)
        self._solo = made("ltd_solo", lib.ltd_solo_free, keep, lambda ret, err: lib.ltd_solo_new(
            ret, self._env, self.turn, self._partner, err))

    def _open(self):
        if self._solo is None:
            raise LtdError("the environment is closed")

    def reset(self, *, seed=None, options=None):
        """options: {"new_prompt": True} leaves the text under way; {"prompt": i} begins the i-th."""
        self._open()
        super().reset(seed=seed)
        options = options or {}
        prompt = options.get("prompt", -1)
        reset = ffi.new("ltd_reset *", {
            "new_prompt": bool(options.get("new_prompt")) or prompt >= 0, "prompt": prompt})
        if seed is not None:
            number = ffi.new("uint64_t *", seed)
            reset.seed = number
            self._open_solo(seed)
        if call(lib.ltd_solo_reset, self._solo, reset, self._step) == lib.LTD_ENV_ENDED:
            raise LtdError("prompt %d ends with its first token" % prompt)
        return self._seen(), {"action_mask": self.action_masks()}

    def step(self, action):
        self._open()
        legal = self.action_masks()
        call(lib.ltd_solo_step, self._solo, int(action), self._step)
        step = self._step
        if not step.terminated:
            return self._seen(), 0.0, False, False, {"action_mask": self.action_masks()}
        self._obs[:] = 0
        self._mask[:] = 1
        info = self._facts(not legal[action])
        if self.render_mode == "ansi":
            self._text = self._render()
        # The cycle is whole even where its prompt was cut: nothing is to be bootstrapped.
        return self._seen(), step.reward, True, False, info

    def action_masks(self):
        """Legal actions of the turn under way, as MaskablePPO of sb3-contrib asks for them."""
        return self._mask[:self._n_actions].astype(bool)

    def render(self):
        return self._text if self.render_mode == "ansi" else None

    def close(self):
        """Give everything back; legal more than once."""
        for handle in (self._solo, self._partner, self._env):
            if handle is not None:
                ffi.release(handle)
        self._solo = self._partner = self._env = self._world = None

    def _seen(self):
        return self._obs[:self._n_obs].copy()

    def _facts(self, illegal):
        i = self._step.info
        return {
            "accept_len": i.accept_len, "tokens": i.tokens, "forwards": i.forwards, "size": i.size,
            "pool": i.pool, "match": i.match, "waiting": i.waiting, "context": i.context,
            "prompt": i.prompt, "new_tokens": i.new_tokens, "prompt_done": i.prompt_done,
            "prompt_cut": self._step.truncated, "slow": i.slow, "cycle_ns": i.cycle_ns,
            "ar_ns": i.ar_ns, "tok_s": i.accept_len / (i.cycle_ns * 1e-9) if i.cycle_ns else 0.0,
            "token": [i.token[k] for k in range(i.accept_len)], "illegal": illegal,
            "action_mask": self.action_masks(),
        }

    def _render(self):
        text = ffi.new("ltd_str *")
        lib.ltd_render_cycle(self._env, ffi.addressof(self._step, "info"), self._world.tokenizer,
                             False, text)
        ret = ffi.string(lib.ltd_str_text(text)).decode(errors="replace")
        lib.ltd_str_fini(text)
        return ret


class Depth(Env):
    """One more draft forward (1), or stop (0); the partner chooses the nodes."""

    turn = lib.LTD_TURN_DEPTH


class Size(Env):
    """How many nodes to verify, an entry of env.sizes; the partner chooses the depth."""

    turn = lib.LTD_TURN_SIZE
