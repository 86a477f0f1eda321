"""Draft-verify cycles of speculative decoding as Gymnasium environments.

    import gymnasium
    env = gymnasium.make("ltd/Size-v0", config="configs/quickstart.yaml")
    obs, info = env.reset(seed=0)
    obs, reward, terminated, truncated, info = env.step(env.action_space.sample())

docs/environment.md says what an agent sees and is paid.
"""
__all__ = ["Depth", "Env", "LtdError", "Size", "register", "version"]


def __getattr__(name):
    """Not before it is used: Gymnasium calls register() whenever it is imported itself."""
    if name not in __all__:
        raise AttributeError("module 'ltd' has no attribute %r" % name)
    from ltd import envs, world

    return getattr(envs if hasattr(envs, name) else world, name)


def register():
    """Tell Gymnasium the names; its plug-in mechanism calls this."""
    from gymnasium.envs import registration

    for name in ("Depth", "Size"):
        if "ltd/%s-v0" % name not in registration.registry:
            registration.register("ltd/%s-v0" % name, "ltd.envs:%s" % name)
