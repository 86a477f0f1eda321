/* The verified tree, depth first, a node a line:
 *
 *     *  0.91  0.91  lookup    ├─ " the"
 *        0.06  0.06  head 1    └─ " a"
 *
 * accepted; p given the parent; p of the whole branch; source; token.  Children are found by
 * scanning the selection: no memory is needed, and a tree that fits a terminal is small. */
#include "env/render.h"

#include <math.h>
#include <stdint.h>

#include "env/cycle.h"

static const char GREEN[] = "\033[32m", PLAIN[] = "\033[0m";

/* The next entry after `from` with this parent, -1 when there is none. */
static int32_t next_child(const ltd_selection *s, int32_t parent, int32_t from)
{
    for (int32_t i = from + 1; i < s->n; i++)
        if (s->parent[i] == parent) return i;
    return -1;
}

/* The entry that follows in depth-first order, -1 at the end. */
static int32_t next_entry(const ltd_selection *s, int32_t at)
{
    int32_t next = next_child(s, at, at);
    while (next < 0 && at > 0) {
        next = next_child(s, s->parent[at], at);
        at = s->parent[at];
    }
    return next;
}

static bool contains(const int32_t *path, int32_t n, int32_t entry)
{
    for (int32_t i = 0; i < n; i++)
        if (path[i] == entry) return true;
    return false;
}

/* Branches down to `entry`: a bar for each ancestor that has more children to come. */
static void branches(const ltd_selection *s, int32_t entry, ltd_str *out)
{
    int32_t chain[LTD_TREE_MAX_DEPTH + 1];
    int n = 0;
    for (int32_t i = entry; i > 0 && n <= LTD_TREE_MAX_DEPTH; i = s->parent[i]) chain[n++] = i;
    while (n-- > 0) {
        bool more = next_child(s, s->parent[chain[n]], chain[n]) >= 0;
        if (n > 0)
            ltd_str_puts(out, more ? "\u2502  " : "   ");
        else
            ltd_str_puts(out, more ? "\u251c\u2500 " : "\u2514\u2500 ");
    }
}

/* The token in quotes.  What would move the cursor or isn't UTF-8 is written as \n, \xNN. */
static void quoted(const ltd_tokenizer *tok, int32_t id, ltd_str *out)
{
    ltd_str bytes = LTD_STR_INIT;
    ltd_tokenizer_decode(tok, id, true, &bytes);
    ltd_str_puts(out, "\"");
    for (size_t i = 0; i < bytes.len;) {
        unsigned char c = (unsigned char)bytes.data[i];
        size_t len = ltd_utf8_length(bytes.data + i, bytes.len - i);
        bool c1 = len == 2 && c == 0xc2 && (unsigned char)bytes.data[i + 1] < 0xa0;
        if (c == '\n' || c == '\t' || c == '\r')
            ltd_str_puts(out, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
        else if (c == '"' || c == '\\')
            ltd_str_printf(out, "\\%c", c);
        else if (len == 0 || c < 0x20 || c == 0x7f || c1)
            ltd_str_printf(out, "\\x%02x", c);
        else
            ltd_str_push(out, bytes.data + i, len);
        i += len && !c1 ? len : 1;
    }
    ltd_str_puts(out, "\"");
    ltd_str_fini(&bytes);
}

/* Where a node came from, eight columns wide. */
static void source(int32_t forward, ltd_str *out)
{
    if (forward == 0)
        ltd_str_printf(out, "%-8s", "lookup");
    else
        ltd_str_printf(out, "head %-3d", (int)forward);
}

static void entry_line(const ltd_tree *tree, const ltd_selection *s, int32_t entry,
                       const ltd_tokenizer *tok, ltd_str *out)
{
    if (entry == 0 || s->node[entry] < 0) {
        ltd_str_printf(out, "%6s%6s  %-8s  ", "", "", "root");
    } else {
        const ltd_node *nodes = ltd_tree_nodes(tree), *node = &nodes[s->node[entry]];
        float above = node->parent >= 0 ? nodes[node->parent].score : 0.0f;
        ltd_str_printf(out, "%6.2f%6.2f  ", exp((double)(node->score - above)),
                       exp((double)node->score));
        source(node->forward, out);
        ltd_str_puts(out, "  ");
    }
    branches(s, entry, out);
    quoted(tok, s->token[entry], out);
}

void ltd_render_tree(const ltd_tree *tree, const ltd_selection *selection, const int32_t *path,
                     int32_t n_path, const ltd_tokenizer *tok, bool colour, ltd_str *out)
{
    if (selection->n == 0) return;
    for (int32_t entry = 0; entry >= 0; entry = next_entry(selection, entry)) {
        bool accepted = contains(path, n_path, entry);
        if (!colour) ltd_str_puts(out, accepted ? "* " : "  ");
        if (colour && accepted) ltd_str_puts(out, GREEN);
        entry_line(tree, selection, entry, tok, out);
        if (colour && accepted) ltd_str_puts(out, PLAIN);
        ltd_str_puts(out, "\n");
    }
}

void ltd_render_cycle(const ltd_env *env, const ltd_info *info, const ltd_tokenizer *tok,
                      bool colour, ltd_str *out)
{
    ltd_cycle *cycle = ltd_env_cycle(env);
    ltd_str_printf(out, "%d forwards, %d of %d nodes verified, %d accepted + 1, %.2f ms\n",
                   info->forwards, info->size, info->pool, info->accept_len - 1,
                   (double)info->cycle_ns * 1e-6);
    if (cycle) {
        const ltd_cycle_result *r = ltd_cycle_last(cycle);
        ltd_render_tree(ltd_cycle_tree(cycle), r->selection, r->path, r->accept_len, tok, colour,
                        out);
        return;
    }
    for (int32_t i = 0; i < info->accept_len; i++) {
        ltd_str_puts(out, i ? " " : "");
        quoted(tok, info->token[i], out);
    }
    ltd_str_puts(out, "\n");
}
