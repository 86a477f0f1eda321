#!/usr/bin/env python3
"""Reference of the default model's draft head, made with numpy, gguf and safetensors from PyPI.

    make_golden.py MODEL.gguf HEAD_FOLDER OLD_golden.json > golden.json

Prompt and the target's greedy text are taken from the old file and checked against this target.
Nothing of ltd is used: weights come out of the gguf package, arithmetic is float64 but for weights
of the head, which are the file's halves.
"""
import json
import sys

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize
from safetensors.numpy import load_file

EPS, HEADS, KV_HEADS, DIM, TAPS = 1e-5, 9, 3, 64, (2, 15, 27)
ROOTS, DEPTHS, TOP = (43, 48, 55, 63, 73), 3, 5


def rms(x, weight):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + EPS) * weight


def rope(x, position, halves):
    """x [n, heads, DIM]; pairs are (i, i + DIM / 2) with halves, else neighbours."""
    angle = position[:, None] * 100000.0 ** (-np.arange(0, DIM, 2) / DIM)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    a, b = (x[..., : DIM // 2], x[..., DIM // 2 :]) if halves else (x[..., 0::2], x[..., 1::2])
    y = np.empty_like(x)
    if halves:
        y[..., : DIM // 2], y[..., DIM // 2 :] = a * cos - b * sin, b * cos + a * sin
    else:
        y[..., 0::2], y[..., 1::2] = a * cos - b * sin, b * cos + a * sin
    return y


def attend(q, k, v, seen):
    """q [n, HEADS, DIM], k and v [m, KV_HEADS, DIM], seen [n, m]."""
    out = np.empty_like(q)
    for head in range(HEADS):
        kv = head // (HEADS // KV_HEADS)
        score = q[:, head] @ k[:, kv].T / np.sqrt(DIM)
        score[~seen] = -np.inf
        weight = np.exp(score - score.max(axis=1, keepdims=True))
        out[:, head] = weight / weight.sum(axis=1, keepdims=True) @ v[:, kv]
    return out.reshape(len(q), -1)


def mlp(x, gate, up, down):
    g = x @ gate.T
    return (g / (1 + np.exp(-g)) * (x @ up.T)) @ down.T


def target(path, tokens):
    """Features [n, 3 * hidden], arg max of each token's logits, embedding (= head)."""
    weights = {t.name: dequantize(t.data, t.tensor_type).astype(np.float64).reshape(t.shape[::-1])
               for t in GGUFReader(path).tensors}
    embed = weights["token_embd.weight"]
    x, n = embed[tokens], len(tokens)
    position, seen, taps = np.arange(n), np.tril(np.ones((n, n), bool)), {}
    for layer in range(30):
        if layer in TAPS:
            taps[layer] = x.copy()
        w = {k.split(".", 2)[2]: v for k, v in weights.items() if k.startswith("blk.%d." % layer)}
        h = rms(x, w["attn_norm.weight"])
        q = rope((h @ w["attn_q.weight"].T).reshape(n, HEADS, DIM), position, False)
        k = rope((h @ w["attn_k.weight"].T).reshape(n, KV_HEADS, DIM), position, False)
        v = (h @ w["attn_v.weight"].T).reshape(n, KV_HEADS, DIM)
        x = x + attend(q, k, v, seen) @ w["attn_output.weight"].T
        h = rms(x, w["ffn_norm.weight"])
        x = x + mlp(h, w["ffn_gate.weight"], w["ffn_up.weight"], w["ffn_down.weight"])
    logits = rms(x, weights["output_norm.weight"]) @ embed.T
    return np.concatenate([taps[t] for t in TAPS], axis=1), logits.argmax(axis=1), embed


class Head:
    def __init__(self, folder, embed):
        w = {k: v if k in ("d2t", "t2d") else v.astype(np.float64)
             for k, v in load_file(folder + "/model.safetensors").items()}
        self.w, self.embed = w, embed
        self.static = np.arange(len(w["d2t"])) + w["d2t"]
        # Rows of other tokens are rounded like those in the file.
        self.rows = embed.astype(np.float16).astype(np.float64)
        assert np.abs(self.rows[self.static] - w["lm_head.weight"]).max() == 0

    def keys(self, feature, tokens, position):
        w = self.w
        x = np.concatenate([rms(self.embed[tokens], w["midlayer.input_layernorm.weight"]),
                            rms(feature, w["midlayer.hidden_norm.weight"])], axis=1)
        n = len(tokens)
        attn = "midlayer.self_attn.%s_proj.weight"
        k = rope((x @ w[attn % "k"].T).reshape(n, KV_HEADS, DIM), position, True)
        v = (x @ w[attn % "v"].T).reshape(n, KV_HEADS, DIM)
        q = rope((x @ w[attn % "q"].T).reshape(n, HEADS, DIM), position, True)
        return q, k, v

    def finish(self, feature, q, k, v):
        """The layer's output for one row that sees all of k and v."""
        w = self.w
        y = attend(q, k, v, np.ones((1, len(k)), bool))
        x = feature + y @ w["midlayer.self_attn.o_proj.weight"].T
        h = rms(x, w["midlayer.post_attention_layernorm.weight"])
        return x + mlp(h, *(w["midlayer.mlp.%s_proj.weight" % m] for m in ("gate", "up", "down")))

    def best(self, x, tokens):
        """The TOP most probable of these tokens and ln p."""
        logits = (rms(x, self.w["norm.weight"]) @ self.rows[tokens].T)[0]
        logp = logits - logits.max()
        logp -= np.log(np.exp(logp).sum())
        order = np.lexsort((tokens, -logp))[:TOP]
        return [[int(tokens[i]), round(float(logp[i]), 5)] for i in order]


def at_root(head, features, text, root):
    """The draft chain after text[root], which follows the features of the tokens before it."""
    pairs = features[:root] @ head.w["fc.weight"].T
    q, k, v = head.keys(pairs, text[1 : root + 1], np.arange(root))
    x = head.finish(pairs[-1:], q[-1:], k, v)
    seen = np.unique(np.concatenate([head.static, text[: root + 1]]))
    levels, chain = [], []
    for depth in range(1, DEPTHS + 1):
        levels.append({"depth": depth, "static_top5": head.best(x, head.static),
                       "ctx_top5": head.best(x, seen)})
        chain.append(levels[-1]["static_top5"][0][0])
        if depth < DEPTHS:
            q, own_k, own_v = head.keys(x, [chain[-1]], np.array([root + depth - 1]))
            k, v = np.concatenate([k, own_k]), np.concatenate([v, own_v])
            x = head.finish(x, q, k, v)
    return {"root_index": root, "root": int(text[root]), "greedy_draft": chain,
            "true_next": [int(t) for t in text[root + 1 : root + 1 + DEPTHS]], "levels": levels}


def main(model, folder, old):
    old = json.load(open(old))
    text = np.array(old["prompt_ids"] + old["greedy"])
    features, greedy, embed = target(model, text)
    first = len(old["prompt_ids"])
    same = int((greedy[first - 1 : -1] == text[first:]).sum())
    print("greedy text: %d of %d tokens" % (same, len(text) - first), file=sys.stderr)
    head = Head(folder, embed)
    old["positions"] = [at_root(head, features, text, root) for root in ROOTS]
    old["note"] = ("head weights as in the file (halves), arithmetic float64, features from the "
                   "target in float64; draft chain follows static_top5[0]; ctx_top5 = vocabulary "
                   "d2t + all tokens of the text up to root_index; made by make_golden.py")
    json.dump(old, sys.stdout, indent=1)


main(*sys.argv[1:])
