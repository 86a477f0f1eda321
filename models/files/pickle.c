/* The stack machine of pickle_priv.h.
 *
 * Values are numbered from 1 and never change their number, so that stack, memo and containers hold
 * numbers and a list may contain itself.  Every opcode makes one value at most and moves each stack
 * entry into one cell at most: sizes are bounded by the pickle's.  Building a tensor only keeps its
 * arguments; they are checked where they are read. */
#include "models/files/pickle_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static int broken(const ltd_pickle *p, ltd_err *err, const char *what)
{
    return ltd_fail(err, LTD_EFORMAT, "%s: pickle, byte %zu: %s", p->name, p->at, what);
}

/* Room for one element more, doubling; the element is zeroed. */
static int grow(const ltd_pickle *p, void *array, size_t *room, size_t n, size_t size, ltd_err *err)
{
    void *old; /* array is a pointer to a pointer to anything */
    if (n < *room) return LTD_OK;
    memcpy(&old, array, sizeof old);
    size_t more = *room ? 2 * *room : 256;
    void *bigger = ltd_mem_resize(old, more, size);
    if (!bigger) return ltd_fail(err, LTD_ENOMEM, "%s: no memory", p->name);
    memset((char *)bigger + n * size, 0, (more - n) * size);
    memcpy(array, &bigger, sizeof bigger);
    *room = more;
    return LTD_OK;
}

static int push(ltd_pickle *p, uint32_t value, ltd_err *err)
{
    int rc = grow(p, &p->stack, &p->room_stack, p->n_stack, sizeof *p->stack, err);
    if (rc == LTD_OK) p->stack[p->n_stack++] = value;
    return rc;
}

/* A new value, not on the stack; the pointer holds until the next. */
static int make(ltd_pickle *p, ltd_pickle_value **ret, ltd_pickle_kind kind, ltd_err *err)
{
    int rc = grow(p, &p->values, &p->room_values, p->n_values, sizeof *p->values, err);
    if (rc < 0) return rc;
    *ret = &p->values[p->n_values++];
    **ret = (ltd_pickle_value){.kind = kind};
    return LTD_OK;
}

static int push_new(ltd_pickle *p, ltd_pickle_value **ret, ltd_pickle_kind kind, ltd_err *err)
{
    int rc = make(p, ret, kind, err);
    return rc < 0 ? rc : push(p, (uint32_t)(p->n_values - 1), err);
}

static int push_int(ltd_pickle *p, ltd_pickle_kind kind, int64_t i, ltd_err *err)
{
    ltd_pickle_value *v;
    int rc = push_new(p, &v, kind, err);
    if (rc == LTD_OK) v->u.i = i;
    return rc;
}

/* The kind of the value `below` entries under the top, LTD_PICKLE_MARK when there is none. */
static ltd_pickle_kind peek(const ltd_pickle *p, size_t below)
{
    if (below >= p->n_stack) return LTD_PICKLE_MARK;
    return (ltd_pickle_kind)p->values[p->stack[p->n_stack - 1 - below]].kind;
}

static uint32_t top(const ltd_pickle *p)
{
    return p->stack[p->n_stack - 1];
}

static int append(ltd_pickle *p, uint32_t container, uint32_t key, uint32_t value, ltd_err *err)
{
    int rc = grow(p, &p->cells, &p->room_cells, p->n_cells, sizeof *p->cells, err);
    if (rc < 0) return rc;
    uint32_t cell = (uint32_t)p->n_cells++;
    p->cells[cell] = (ltd_pickle_cell){key, value, 0};
    ltd_pickle_value *v = &p->values[container];
    if (v->n++)
        p->cells[v->u.cells.last].next = cell;
    else
        v->u.cells.first = cell;
    v->u.cells.last = cell;
    return LTD_OK;
}

/* Place of the topmost mark on the stack, or SIZE_MAX.  What lies above is consumed by the caller,
 * so that all searches together are as long as all pushes. */
static size_t find_mark(const ltd_pickle *p)
{
    for (size_t i = p->n_stack; i-- > 0;)
        if (p->values[p->stack[i]].kind == LTD_PICKLE_MARK) return i;
    return SIZE_MAX;
}

/* --- opcodes --- */

/* The top n entries become a tuple. */
static int make_tuple(ltd_pickle *p, size_t n, ltd_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (peek(p, i) == LTD_PICKLE_MARK) return broken(p, err, "a tuple of more than there is");
    ltd_pickle_value *v;
    int rc = make(p, &v, LTD_PICKLE_TUPLE, err);
    uint32_t tuple = (uint32_t)(p->n_values - 1);
    p->n_stack -= n;
    for (size_t i = 0; rc == LTD_OK && i < n; i++)
        rc = append(p, tuple, 0, p->stack[p->n_stack + i], err);
    return rc < 0 ? rc : push(p, tuple, err);
}

static int make_marked_tuple(ltd_pickle *p, ltd_err *err)
{
    size_t mark = find_mark(p);
    if (mark == SIZE_MAX) return broken(p, err, "a tuple without its mark");
    size_t n = p->n_stack - mark - 1;
    int rc = make_tuple(p, n, err);
    if (rc < 0) return rc;
    p->stack[mark] = top(p);
    p->n_stack = mark + 1;
    return LTD_OK;
}

/* The entries from `first` on go into the list or dict below them (below the mark, if any). */
static int fill(ltd_pickle *p, size_t first, size_t container, ltd_pickle_kind kind, ltd_err *err)
{
    uint32_t into = p->stack[container];
    size_t step = kind == LTD_PICKLE_DICT ? 2 : 1;
    if (p->values[into].kind != (uint32_t)kind)
        return broken(p, err, "items for something that is no container of their kind");
    if ((p->n_stack - first) % step) return broken(p, err, "a key without its value");
    int rc = LTD_OK;
    for (size_t i = first; rc == LTD_OK && i < p->n_stack; i += step)
        rc = append(p, into, step == 2 ? p->stack[i] : 0, p->stack[i + step - 1], err);
    p->n_stack = container + 1;
    return rc;
}

static int fill_one(ltd_pickle *p, ltd_pickle_kind kind, ltd_err *err)
{
    size_t n = kind == LTD_PICKLE_DICT ? 2 : 1;
    for (size_t i = 0; i <= n; i++)
        if (peek(p, i) == LTD_PICKLE_MARK) return broken(p, err, "an item without its container");
    return fill(p, p->n_stack - n, p->n_stack - n - 1, kind, err);
}

static int fill_marked(ltd_pickle *p, ltd_pickle_kind kind, ltd_err *err)
{
    size_t mark = find_mark(p);
    if (mark == SIZE_MAX || mark == 0) return broken(p, err, "items without their mark");
    return fill(p, mark + 1, mark - 1, kind, err);
}

static const struct {
    const char *module, *name;
    ltd_pickle_global id;
    ltd_dtype dtype;
} globals[] = {
    {"collections", "OrderedDict", LTD_PICKLE_ORDERED_DICT, 0},
    {"torch._utils", "_rebuild_tensor_v2", LTD_PICKLE_REBUILD_TENSOR, 0},
    {"torch._utils", "_rebuild_parameter", LTD_PICKLE_REBUILD_PARAMETER, 0},
    {"torch", "FloatStorage", LTD_PICKLE_STORAGE_CLASS, LTD_DTYPE_F32},
    {"torch", "HalfStorage", LTD_PICKLE_STORAGE_CLASS, LTD_DTYPE_F16},
    {"torch", "BFloat16Storage", LTD_PICKLE_STORAGE_CLASS, LTD_DTYPE_BF16},
    {"torch", "DoubleStorage", LTD_PICKLE_STORAGE_CLASS, LTD_DTYPE_F64},
    {"torch", "CharStorage", LTD_PICKLE_STORAGE_CLASS, LTD_DTYPE_I8},
    {"torch", "ShortStorage", LTD_PICKLE_STORAGE_CLASS, LTD_DTYPE_I16},
    {"torch", "IntStorage", LTD_PICKLE_STORAGE_CLASS, LTD_DTYPE_I32},
    {"torch", "LongStorage", LTD_PICKLE_STORAGE_CLASS, LTD_DTYPE_I64},
    {"torch", "ByteStorage", LTD_PICKLE_STORAGE_CLASS, LTD_DTYPE_U8},
    {"torch", "BoolStorage", LTD_PICKLE_STORAGE_CLASS, LTD_DTYPE_BOOL},
};

/* Two lines at `text`, module and name; *used gets their length. */
static int push_global(ltd_pickle *p, const uint8_t *text, size_t room, size_t *used, ltd_err *err)
{
    char line[2][64];
    size_t at = 0;
    for (int i = 0; i < 2; i++) {
        size_t n = 0;
        while (at + n < room && text[at + n] != '\n') n++;
        if (at + n == room) return broken(p, err, "the pickle ends inside a name");
        size_t kept = n < sizeof line[i] ? n : sizeof line[i] - 1;
        for (size_t k = 0; k < kept; k++)
            line[i][k] = text[at + k] > ' ' && text[at + k] < 127 ? (char)text[at + k] : '?';
        line[i][kept] = 0;
        at += n + 1;
    }
    *used = at;
    for (size_t i = 0; i < sizeof globals / sizeof *globals; i++) {
        if (strcmp(line[0], globals[i].module) != 0 || strcmp(line[1], globals[i].name) != 0)
            continue;
        int rc = push_int(p, LTD_PICKLE_GLOBAL, globals[i].id, err);
        if (rc == LTD_OK) p->values[top(p)].n = globals[i].dtype;
        return rc;
    }
    return ltd_fail(err, LTD_EUNSUPPORTED,
                    "%s: pickle, byte %zu: asks for %s.%s, which no dict of tensors needs; nothing "
                    "was executed",
                    p->name, p->at, line[0], line[1]);
}

/* The top tuple becomes a reference to stored data. */
static int make_storage(ltd_pickle *p, ltd_err *err)
{
    ltd_pickle_value *v;
    if (peek(p, 0) != LTD_PICKLE_TUPLE) return broken(p, err, "a storage that is no tuple");
    int rc = make(p, &v, LTD_PICKLE_STORAGE, err);
    if (rc < 0) return rc;
    v->u.cells.first = top(p);
    p->stack[p->n_stack - 1] = (uint32_t)(p->n_values - 1);
    return LTD_OK;
}

/* The top tuple holds the arguments of the function below it. */
static int call(ltd_pickle *p, ltd_err *err)
{
    if (peek(p, 0) != LTD_PICKLE_TUPLE || peek(p, 1) != LTD_PICKLE_GLOBAL)
        return broken(p, err, "a call without a function and a tuple of arguments");
    uint32_t args = top(p), n = p->values[args].n, result = 0;
    int64_t function = p->values[p->stack[p->n_stack - 2]].u.i;
    ltd_pickle_value *v;
    int rc = LTD_OK;
    if (function == LTD_PICKLE_ORDERED_DICT && n == 0) {
        rc = make(p, &v, LTD_PICKLE_DICT, err);
        result = (uint32_t)(p->n_values - 1);
    } else if (function == LTD_PICKLE_REBUILD_TENSOR && n == 6) {
        rc = make(p, &v, LTD_PICKLE_TENSOR, err);
        if (rc == LTD_OK) v->u.cells.first = args;
        result = (uint32_t)(p->n_values - 1);
    } else if (function == LTD_PICKLE_REBUILD_PARAMETER && n == 3) {
        result = p->cells[p->values[args].u.cells.first].value;
        if (p->values[result].kind != LTD_PICKLE_TENSOR)
            return broken(p, err, "a parameter that is no tensor");
    } else {
        return ltd_fail(err, LTD_EUNSUPPORTED,
                        "%s: pickle, byte %zu: a call with %u arguments that is not handled",
                        p->name, p->at, n);
    }
    if (rc < 0) return rc;
    p->n_stack--;
    p->stack[p->n_stack - 1] = result;
    return LTD_OK;
}

/* Attributes (_metadata of a state dict) are dropped; only dicts have some. */
static int build(ltd_pickle *p, ltd_err *err)
{
    if (peek(p, 0) == LTD_PICKLE_MARK || peek(p, 1) != LTD_PICKLE_DICT)
        return broken(p, err, "attributes for something that is no dict");
    p->n_stack--;
    return LTD_OK;
}

static int put(ltd_pickle *p, uint64_t slot, ltd_err *err)
{
    if (peek(p, 0) == LTD_PICKLE_MARK) return broken(p, err, "nothing to remember");
    /* Writers number slots as they go, and storing takes two bytes at least. */
    if (slot > p->size) return broken(p, err, "a memo slot beyond any that can be");
    while (slot >= p->room_memo) {
        int rc = grow(p, &p->memo, &p->room_memo, p->room_memo, sizeof *p->memo, err);
        if (rc < 0) return rc;
    }
    p->memo[slot] = top(p);
    return LTD_OK;
}

static int get(ltd_pickle *p, uint64_t slot, ltd_err *err)
{
    if (slot >= p->room_memo || !p->memo[slot])
        return broken(p, err, "a memo slot that was never set");
    return push(p, p->memo[slot], err);
}

/* Little-endian two's complement of n bytes; what 64 bits don't hold is only a value. */
static int push_long(ltd_pickle *p, const uint8_t *bytes, size_t n, ltd_err *err)
{
    if (n > 8) return push_int(p, LTD_PICKLE_OTHER, 0, err);
    uint64_t u = n && bytes[n - 1] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = n; i-- > 0;) u = u << 8 | bytes[i];
    return push_int(p, LTD_PICKLE_INT, (int64_t)u, err);
}

static uint32_t u32_at(const uint8_t *b)
{
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* The opcodes that we know: 1 + bytes of fixed size behind them; 0 = not one of ours. */
static const uint8_t operands[256] = {
    ['N'] = 1, [0x88] = 1, [0x89] = 1, ['}'] = 1,  [']'] = 1,  [')'] = 1,  ['('] = 1,  ['t'] = 1,
    ['a'] = 1, ['e'] = 1,  ['s'] = 1,  ['u'] = 1,  ['Q'] = 1,  ['R'] = 1,  ['b'] = 1,  ['c'] = 1,
    ['q'] = 2, ['h'] = 2,  ['K'] = 2,  [0x85] = 1, [0x86] = 1, [0x87] = 1, [0x8a] = 2, ['M'] = 3,
    ['r'] = 5, ['j'] = 5,  ['X'] = 5,  ['J'] = 5,  ['G'] = 9,
};

/* Run opcode `op` whose operand is `b`, with `room` bytes behind the fixed part; *more gets the
 * length of a variable part. */
static int step(ltd_pickle *p, uint8_t op, const uint8_t *b, size_t room, size_t *more,
                ltd_err *err)
{
    ltd_pickle_value *v;
    switch (op) {
    case 'N': return push_int(p, LTD_PICKLE_NONE, 0, err);
    case 0x88: return push_int(p, LTD_PICKLE_BOOL, 1, err);
    case 0x89: return push_int(p, LTD_PICKLE_BOOL, 0, err);
    case 'K': return push_int(p, LTD_PICKLE_INT, b[0], err);
    case 'M': return push_int(p, LTD_PICKLE_INT, b[0] | b[1] << 8, err);
    case 'J': return push_int(p, LTD_PICKLE_INT, (int32_t)u32_at(b), err);
    case 'G': return push_int(p, LTD_PICKLE_OTHER, 0, err);
    case '}': return push_new(p, &v, LTD_PICKLE_DICT, err);
    case ']': return push_new(p, &v, LTD_PICKLE_LIST, err);
    case ')': return push_new(p, &v, LTD_PICKLE_TUPLE, err);
    case '(': return push(p, 0, err);
    case 't': return make_marked_tuple(p, err);
    case 0x85:
    case 0x86:
    case 0x87: return make_tuple(p, op - 0x84u, err);
    case 'a': return fill_one(p, LTD_PICKLE_LIST, err);
    case 's': return fill_one(p, LTD_PICKLE_DICT, err);
    case 'e': return fill_marked(p, LTD_PICKLE_LIST, err);
    case 'u': return fill_marked(p, LTD_PICKLE_DICT, err);
    case 'Q': return make_storage(p, err);
    case 'R': return call(p, err);
    case 'b': return build(p, err);
    case 'c': return push_global(p, b, room, more, err);
    case 'q': return put(p, b[0], err);
    case 'r': return put(p, u32_at(b), err);
    case 'h': return get(p, b[0], err);
    case 'j': return get(p, u32_at(b), err);
    case 0x8a:
        if ((*more = b[0]) > room) return broken(p, err, "the pickle ends inside a number");
        return push_long(p, b + 1, *more, err);
    default: /* 'X' */
        if ((*more = u32_at(b)) > room) return broken(p, err, "the pickle ends inside a text");
        int rc = push_int(p, LTD_PICKLE_TEXT, b + 4 - p->data, err);
        if (rc == LTD_OK) p->values[top(p)].n = (uint32_t)*more;
        return rc;
    }
}

static int run(ltd_pickle *p, ltd_err *err)
{
    if (p->size < 3 || p->data[0] != 0x80)
        return broken(p, err, "does not begin with a protocol number: no pickle");
    if (p->data[1] != 2)
        return ltd_fail(err, LTD_EUNSUPPORTED,
                        "%s: pickle protocol %d, expected 2 (what torch.save writes)", p->name,
                        p->data[1]);
    for (p->at = 2; p->at < p->size;) {
        uint8_t op = p->data[p->at];
        if (op == '.') return LTD_OK;
        if (!operands[op])
            return ltd_fail(err, LTD_EUNSUPPORTED,
                            "%s: pickle, byte %zu: opcode 0x%02x, which no dict of tensors needs",
                            p->name, p->at, op);
        size_t rest = p->size - p->at - 1, fixed = operands[op] - 1u, more = 0;
        if (rest < fixed) return broken(p, err, "the pickle ends inside an opcode");
        int rc = step(p, op, p->data + p->at + 1, rest - fixed, &more, err);
        if (rc < 0) return rc;
        p->at += 1 + fixed + more;
    }
    return broken(p, err, "ends without a stop");
}

int ltd_pickle_run(ltd_pickle *ret, uint32_t *root, const uint8_t *data, size_t size,
                   const char *name, ltd_err *err)
{
    *ret = (ltd_pickle){.name = name, .data = data, .size = size};
    ltd_pickle_value *mark;
    if (size > LTD_PICKLE_MAX)
        return ltd_fail(err, LTD_EUNSUPPORTED, "%s: pickle of %zu bytes, expected at most %d", name,
                        size, LTD_PICKLE_MAX);
    /* Value 0 is the mark, cell 0 none. */
    int rc = make(ret, &mark, LTD_PICKLE_MARK, err);
    if (rc == LTD_OK) rc = grow(ret, &ret->cells, &ret->room_cells, 0, sizeof *ret->cells, err);
    ret->n_cells = 1;
    if (rc == LTD_OK) rc = run(ret, err);
    if (rc < 0) return rc;
    if (ret->n_stack != 1 || peek(ret, 0) == LTD_PICKLE_MARK)
        return broken(ret, err, "stops with other than one value");
    *root = top(ret);
    return LTD_OK;
}

void ltd_pickle_fini(ltd_pickle *p)
{
    free(p->values);
    free(p->cells);
    free(p->stack);
    free(p->memo);
    *p = (ltd_pickle){0};
}
