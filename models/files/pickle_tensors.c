/* From the values of a pickle to named tensors.
 *
 * A container may be reached by many ways and may contain itself: depth, length of a name and the
 * number of steps are bounded, so that neither makes the walk long. */
#include "models/files/pickle_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { MAX_STEPS = 1 << 22 };

typedef struct walk {
    const ltd_pickle *p;
    ltd_pickle_tensors *out;
    ltd_err *err;
    size_t steps, len;
    char name[LTD_PICKLE_MAX_NAME + 1]; /* of the container being walked, NUL at len */
} walk;

static int refuse(const walk *w, int code, const char *what)
{
    return ltd_fail(w->err, code, "%s: tensor %.100s: %s", w->p->name, w->len ? w->name : "?",
                    what);
}

/* UTF-8 without control characters: it will be printed, and looked up. */
static bool is_printable(const uint8_t *s, size_t n)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    for (size_t i = 0; i < n;) {
        uint8_t c = s[i++];
        int more = c < 0x80 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
        uint32_t code = c < 0x80 ? c : c & (0x3fu >> more);
        if ((c >= 0x80 && c < 0xc2) || c > 0xf4 || n - i < (size_t)more) return false;
        for (int k = 0; k < more; k++) {
            if ((s[i] & 0xc0) != 0x80) return false;
            code = code << 6 | (s[i++] & 0x3fu);
        }
        if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return false;
        if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return false;
    }
    return true;
}

/* Add ".part" to the name; the caller takes it off again by setting len. */
static int enter(walk *w, const uint8_t *part, size_t n)
{
    size_t dot = w->len > 0;
    if (!n || !is_printable(part, n))
        return refuse(w, LTD_EFORMAT, "a name below it is empty or no printable text");
    if (w->len + dot + n > LTD_PICKLE_MAX_NAME)
        return refuse(w, LTD_EUNSUPPORTED, "a name below it has more than 512 bytes");
    if (dot) w->name[w->len] = '.';
    memcpy(w->name + w->len + dot, part, n);
    w->len += dot + n;
    w->name[w->len] = 0;
    return LTD_OK;
}

/* --- one tensor --- */

/* Numbers of a tuple, all from 0; -1 when it is none, else their count. */
static int read_numbers(const ltd_pickle *p, uint32_t tuple, int64_t ret[8])
{
    const ltd_pickle_value *v = &p->values[tuple];
    if (v->kind != LTD_PICKLE_TUPLE || v->n > 8) return -1;
    int n = 0;
    for (uint32_t cell = v->u.cells.first; cell; cell = p->cells[cell].next) {
        const ltd_pickle_value *item = &p->values[p->cells[cell].value];
        if (item->kind != LTD_PICKLE_INT || item->u.i < 0) return -1;
        ret[n++] = item->u.i;
    }
    return n;
}

/* The first `n` items of a tuple; false when it is none or has fewer. */
static bool read_items(const ltd_pickle *p, uint32_t tuple, uint32_t *items, uint32_t n)
{
    const ltd_pickle_value *v = &p->values[tuple];
    if (v->kind != LTD_PICKLE_TUPLE || v->n < n) return false;
    uint32_t cell = v->u.cells.first;
    for (uint32_t i = 0; i < n; i++, cell = p->cells[cell].next) items[i] = p->cells[cell].value;
    return true;
}

static int read_storage(const walk *w, uint32_t storage, ltd_pickle_tensor *t)
{
    const ltd_pickle *p = w->p;
    uint32_t items[5];
    if (p->values[storage].kind != LTD_PICKLE_STORAGE ||
        !read_items(p, p->values[storage].u.cells.first, items, 5))
        return refuse(w, LTD_EFORMAT, "its data is no reference to a storage");
    const ltd_pickle_value *kind = &p->values[items[0]], *type = &p->values[items[1]];
    const ltd_pickle_value *key = &p->values[items[2]], *elements = &p->values[items[4]];
    if (kind->kind != LTD_PICKLE_TEXT || kind->n != 7 ||
        memcmp(p->data + kind->u.i, "storage", 7) != 0 || type->kind != LTD_PICKLE_GLOBAL ||
        type->u.i != LTD_PICKLE_STORAGE_CLASS)
        return refuse(w, LTD_EFORMAT, "its storage is not described as torch.save does");
    if (key->kind != LTD_PICKLE_TEXT || !key->n || key->n >= sizeof t->key ||
        !is_printable(p->data + key->u.i, key->n) || memchr(p->data + key->u.i, '/', key->n))
        return refuse(w, LTD_EFORMAT, "its storage has no usable key");
    if (elements->kind != LTD_PICKLE_INT || elements->u.i < 0)
        return refuse(w, LTD_EFORMAT, "its storage has no number of elements");
    memcpy(t->key, p->data + key->u.i, key->n);
    t->dtype = (ltd_dtype)type->n;
    t->elements = elements->u.i;
    return LTD_OK;
}

/* count, and that the first and the last element lie in the storage. */
static int check_extent(const walk *w, ltd_pickle_tensor *t)
{
    int64_t count = 1, last = t->offset, reach;
    bool over = false, empty = false;
    for (int i = 0; i < t->n_dims; i++) {
        empty |= t->dims[i] == 0;
        if (t->dims[i] == 1) t->strides[i] = 0; /* never walked, so it may be anything */
        over |= __builtin_mul_overflow(count, t->dims[i], &count);
    }
    for (int i = 0; i < t->n_dims && !empty; i++) {
        over |= __builtin_mul_overflow(t->dims[i] - 1, t->strides[i], &reach);
        over |= __builtin_add_overflow(last, reach, &last);
    }
    if (over) return refuse(w, LTD_EFORMAT, "its shape exceeds 2^63 elements");
    if (!empty && last >= t->elements)
        return ltd_fail(w->err, LTD_EFORMAT,
                        "%s: tensor %.100s: reaches element %lld of a storage of %lld", w->p->name,
                        w->name, (long long)last, (long long)t->elements);
    t->count = count;
    return LTD_OK;
}

static int add_tensor(walk *w, uint32_t args)
{
    const ltd_pickle *p = w->p;
    ltd_pickle_tensors *out = w->out;
    ltd_pickle_tensor t = {0};
    uint32_t items[4];
    if (!w->len) return refuse(w, LTD_EUNSUPPORTED, "is all there is, expected a dict of tensors");
    if (!read_items(p, args, items, 4) || p->values[items[1]].kind != LTD_PICKLE_INT)
        return refuse(w, LTD_EFORMAT, "is not described as torch.save does");
    int rc = read_storage(w, items[0], &t);
    if (rc < 0) return rc;
    t.offset = p->values[items[1]].u.i;
    t.n_dims = read_numbers(p, items[2], t.dims);
    int n_strides = read_numbers(p, items[3], t.strides);
    if (t.offset < 0 || t.n_dims < 0 || n_strides != t.n_dims)
        return refuse(w, LTD_EFORMAT,
                      "offset, sizes and strides are not whole numbers from 0, up to 8 dimensions");
    if ((rc = check_extent(w, &t)) < 0) return rc;
    if (out->n == LTD_PICKLE_MAX_TENSORS)
        return refuse(w, LTD_EUNSUPPORTED, "one tensor more than the 65536 that are handled");
    if (out->n == out->room) {
        size_t room = out->room ? 2 * out->room : 32;
        ltd_pickle_tensor *at = ltd_mem_resize(out->at, room, sizeof *at);
        if (!at) return refuse(w, LTD_ENOMEM, "no memory");
        out->at = at;
        out->room = room;
    }
    if (!(t.name = ltd_mem_strdup(w->name))) return refuse(w, LTD_ENOMEM, "no memory");
    out->at[out->n++] = t;
    return LTD_OK;
}

/* --- containers --- */

static int visit(walk *w, uint32_t value, int depth);

/* Name of an item: the key of a dict, the place in a list or tuple. */
static int enter_item(walk *w, uint32_t key, uint32_t place)
{
    char text[24];
    const ltd_pickle_value *v = &w->p->values[key];
    if (v->kind == LTD_PICKLE_TEXT) return enter(w, w->p->data + v->u.i, v->n);
    if (key && v->kind != LTD_PICKLE_INT)
        return refuse(w, LTD_EUNSUPPORTED, "a dict's key is neither text nor a whole number");
    int n = snprintf(text, sizeof text, "%lld", key ? (long long)v->u.i : (long long)place);
    return enter(w, (const uint8_t *)text, (size_t)n);
}

static int visit_items(walk *w, const ltd_pickle_value *container, int depth)
{
    const ltd_pickle *p = w->p;
    uint32_t place = 0;
    if (depth == LTD_PICKLE_MAX_DEPTH)
        return refuse(w, LTD_EUNSUPPORTED, "lies in more than 32 containers, or in itself");
    for (uint32_t cell = container->u.cells.first; cell; cell = p->cells[cell].next, place++) {
        uint32_t item = p->cells[cell].value, kind = p->values[item].kind;
        if (++w->steps > MAX_STEPS)
            return refuse(w, LTD_EUNSUPPORTED, "the containers refer to each other too often");
        if (kind != LTD_PICKLE_TENSOR && kind != LTD_PICKLE_DICT && kind != LTD_PICKLE_LIST &&
            kind != LTD_PICKLE_TUPLE)
            continue;
        size_t len = w->len;
        int rc = enter_item(w, p->cells[cell].key, place);
        if (rc == LTD_OK) rc = visit(w, item, depth + 1);
        if (rc < 0) return rc;
        w->len = len;
        w->name[len] = 0;
    }
    return LTD_OK;
}

static int visit(walk *w, uint32_t value, int depth)
{
    const ltd_pickle_value *v = &w->p->values[value];
    if (v->kind == LTD_PICKLE_TENSOR) return add_tensor(w, v->u.cells.first);
    return visit_items(w, v, depth);
}

/* The member state_dict of a dict, if it is a dict; else the dict itself. */
static uint32_t find_state(const ltd_pickle *p, uint32_t root)
{
    for (uint32_t cell = p->values[root].u.cells.first; cell; cell = p->cells[cell].next) {
        const ltd_pickle_value *key = &p->values[p->cells[cell].key];
        uint32_t value = p->cells[cell].value;
        if (key->kind == LTD_PICKLE_TEXT && key->n == 10 &&
            memcmp(p->data + key->u.i, "state_dict", 10) == 0 &&
            p->values[value].kind == LTD_PICKLE_DICT)
            return value;
    }
    return root;
}

int ltd_pickle_list(ltd_pickle_tensors *ret, const ltd_pickle *p, uint32_t root, ltd_err *err)
{
    *ret = (ltd_pickle_tensors){0};
    walk w = {.p = p, .out = ret, .err = err};
    if (p->values[root].kind != LTD_PICKLE_DICT)
        return ltd_fail(err, LTD_EUNSUPPORTED, "%s: what was saved is no dict of tensors", p->name);
    return visit(&w, find_state(p, root), 0);
}

void ltd_pickle_tensors_fini(ltd_pickle_tensors *tensors)
{
    for (size_t i = 0; i < tensors->n; i++) free(tensors->at[i].name);
    free(tensors->at);
    *tensors = (ltd_pickle_tensors){0};
}
