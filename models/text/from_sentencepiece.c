/* A tokenizer from a SentencePiece tokenizer.model: a protobuf message of pieces with scores, how
 * they were trained and how a text is normalised.  Only what BPE models of the Llama 2 kind use is
 * read; what would change ids otherwise is refused.
 *
 * Source: sentencepiece_model.proto of the SentencePiece project (field numbers and defaults). */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/text/tokenizer_priv.h"

/* --- protobuf --- */
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

/* A field of a message; `value` for numbers, `data` and `size` for bytes. */
struct field {
    uint32_t number;
    int wire;
    uint64_t value;
    const uint8_t *data;
    size_t size;
};

struct message {
    const uint8_t *at, *end;
    const char *name; /* of the file */
};

static int broken(const struct message *m, const char *what, ltd_err *err)
{
    return ltd_fail(err, LTD_EFORMAT, "%s: %s, %zu bytes before the end of a message", m->name,
                    what, (size_t)(m->end - m->at));
}

static bool get_varint(struct message *m, uint64_t *ret)
{
    *ret = 0;
    for (int shift = 0; shift < 64 && m->at < m->end; shift += 7) {
        uint8_t byte = *m->at++;
        *ret |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return true;
    }
    return false;
}

static bool get_fixed(struct message *m, size_t n, uint64_t *ret)
{
    if ((size_t)(m->end - m->at) < n) return false;
    *ret = 0;
    for (size_t i = 0; i < n; i++) *ret |= (uint64_t)m->at[i] << 8 * i;
    m->at += n;
    return true;
}

/* 1 and the next field, 0 at the end. */
static int next_field(struct message *m, struct field *ret, ltd_err *err)
{
    if (m->at == m->end) return 0;
    uint64_t key = 0, size = 0;
    if (!get_varint(m, &key)) return broken(m, "a field without a number", err);
    *ret = (struct field){.number = (uint32_t)(key >> 3), .wire = (int)(key & 7)};
    bool ok = false;
    switch (ret->wire) {
    case WIRE_VARINT: ok = get_varint(m, &ret->value); break;
    case WIRE_64: ok = get_fixed(m, 8, &ret->value); break;
    case WIRE_32: ok = get_fixed(m, 4, &ret->value); break;
    case WIRE_BYTES:
        ok = get_varint(m, &size) && size <= (uint64_t)(m->end - m->at);
        if (!ok) break;
        ret->data = m->at;
        ret->size = (size_t)size;
        m->at += size;
        break;
    default: return broken(m, "a field of unknown kind", err);
    }
    return ok ? 1 : broken(m, "a field that is cut off", err);
}

/* A field of this number and kind. */
static bool is(const struct field *f, uint32_t number, int wire)
{
    return f->number == number && f->wire == wire;
}

/* --- the model --- */
struct source {
    const char *name;
    ltd_piece *pieces; /* [n] */
    int32_t n, cap;
    int64_t kind; /* 1 unigram, 2 BPE */
    int64_t unknown, bos, eos, pad;
    bool fallback, suffix, prefix, trims, charsmap;
};

static struct message inside(const struct source *s, const struct field *f)
{
    return (struct message){f->data, f->data + f->size, s->name};
}

static int read_piece(struct source *s, const struct field *piece, ltd_err *err)
{
    if (s->n == s->cap) {
        int32_t cap = s->cap ? 2 * s->cap : 1024;
        ltd_piece *pieces =
            s->cap < 1 << 28 ? ltd_mem_resize(s->pieces, (size_t)cap, sizeof *pieces) : NULL;
        if (!pieces) return ltd_fail(err, LTD_ENOMEM, "%s: %" PRId32 " pieces", s->name, cap);
        s->pieces = pieces;
        s->cap = cap;
    }
    ltd_piece p = {.text = "", .type = LTD_TOKEN_NORMAL};
    struct message m = inside(s, piece);
    struct field f;
    int more;
    while ((more = next_field(&m, &f, err)) > 0) {
        if (is(&f, 1, WIRE_BYTES) && f.size > 0) {
            p.text = (const char *)f.data;
            p.len = f.size;
        } else if (is(&f, 2, WIRE_32)) {
            uint32_t bits = (uint32_t)f.value;
            memcpy(&p.score, &bits, sizeof bits);
        } else if (is(&f, 3, WIRE_VARINT)) {
            if (f.value < LTD_TOKEN_NORMAL || f.value > LTD_TOKEN_BYTE)
                return ltd_fail(err, LTD_EFORMAT,
                                "%s: type of piece %" PRId32 " is %" PRIu64 ", expected 1 to 6",
                                s->name, s->n, f.value);
            p.type = (uint8_t)f.value;
        }
    }
    if (more < 0) return more;
    if (!isfinite(p.score))
        return ltd_fail(err, LTD_EFORMAT, "%s: score of piece %" PRId32 " is no finite number",
                        s->name, s->n);
    s->pieces[s->n++] = p;
    return LTD_OK;
}

static int read_trainer(struct source *s, const struct field *trainer, ltd_err *err)
{
    struct message m = inside(s, trainer);
    struct field f;
    int more;
    while ((more = next_field(&m, &f, err)) > 0) {
        if (f.wire != WIRE_VARINT) continue;
        int64_t value = (int64_t)f.value;
        switch (f.number) {
        case 3: s->kind = value; break;
        case 24: s->suffix = value != 0; break; /* treat_whitespace_as_suffix */
        case 35: s->fallback = value != 0; break;
        case 40: s->unknown = value; break;
        case 41: s->bos = value; break;
        case 42: s->eos = value; break;
        case 43: s->pad = value; break;
        default: break;
        }
    }
    return more;
}

static int read_normalizer(struct source *s, const struct field *normalizer, ltd_err *err)
{
    struct message m = inside(s, normalizer);
    struct field f;
    int more;
    while ((more = next_field(&m, &f, err)) > 0) {
        if (is(&f, 2, WIRE_BYTES)) s->charsmap = f.size > 0;
        if (is(&f, 3, WIRE_VARINT)) s->prefix = f.value != 0;
        if (is(&f, 4, WIRE_VARINT)) s->trims = f.value != 0;
    }
    return more;
}

static int check(const struct source *s, ltd_err *err)
{
    const char *what = s->kind != 2  ? "a model that is not BPE"
                       : s->suffix   ? "spaces at the end of words (treat_whitespace_as_suffix)"
                       : s->charsmap ? "a table of characters (precompiled_charsmap)"
                       : s->trims    ? "dropping spaces (remove_extra_whitespaces)"
                                     : NULL;
    if (what) return ltd_fail(err, LTD_EUNSUPPORTED, "%s: %s is not supported", s->name, what);
    return LTD_OK;
}

/* An id of the trainer's, -1 when no piece has it. */
static int32_t known(const struct source *s, int64_t id)
{
    return id >= 0 && id < s->n ? (int32_t)id : -1;
}

static int read_all(ltd_tokenizer *tok, struct source *s, struct message *m, ltd_err *err)
{
    struct field f;
    int status;
    while ((status = next_field(m, &f, err)) > 0) {
        if (is(&f, 1, WIRE_BYTES)) status = read_piece(s, &f, err);
        if (is(&f, 2, WIRE_BYTES)) status = read_trainer(s, &f, err);
        if (is(&f, 3, WIRE_BYTES)) status = read_normalizer(s, &f, err);
        if (status < 0) return status;
    }
    if (status == LTD_OK) status = check(s, err);
    if (status == LTD_OK && s->prefix)
        status = ltd_norm_add(tok, s->name, LTD_NORM_PREPEND, NULL, LTD_SPACE_MARK, err);
    if (status == LTD_OK)
        status = ltd_norm_add(tok, s->name, LTD_NORM_REPLACE, " ", LTD_SPACE_MARK, err);
    if (status < 0) return status;
    tok->fallback = s->fallback;
    tok->fuse_unknown = tok->spaces = tok->add_bos = true;
    tok->strip = s->prefix;
    status = ltd_vocab_build(tok, s->name, s->pieces, s->n, err);
    if (status == LTD_OK) status = ltd_vocab_rank(tok, s->name, s->pieces, err);
    if (status < 0) return status;
    tok->unknown = known(s, s->unknown);
    tok->bos = known(s, s->bos);
    tok->eos = known(s, s->eos);
    tok->pad = known(s, s->pad);
    ltd_vocab_add_end(tok, tok->eos);
    ltd_vocab_add_usual_ends(tok);
    return LTD_OK;
}

int ltd_tokenizer_from_sentencepiece(ltd_tokenizer **ret, const char *name, const void *data,
                                     size_t size, ltd_err *err)
{
    *ret = NULL;
    static const uint8_t nothing[1];
    const uint8_t *bytes = size ? data : nothing;
    struct source s = {
        .name = name, .kind = 1, .bos = 1, .eos = 2, .pad = -1, .prefix = true, .trims = true};
    struct message m = {bytes, bytes + size, name};
    ltd_tokenizer *tok = ltd_vocab_new();
    int status = tok ? read_all(tok, &s, &m, err) : ltd_fail(err, LTD_ENOMEM, "tokeniser");
    free(s.pieces);
    if (status < 0) {
        ltd_tokenizer_free(tok);
        return status;
    }
    *ret = tok;
    return LTD_OK;
}
