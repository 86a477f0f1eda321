/* Configuration -> texts: YAML that reads back equal, its digest, the documents, and the checks
 * that look at several keys. */
#include "base/file.h"
#include "trainer/config/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/actor_critic.h"
#include "base/json.h"
#include "base/mem.h"
#include "trainer/config/config_priv.h"

/* --- values --- */

/* Texts that every YAML reader takes as the same text without quotes. */
static bool is_plain(const char *text)
{
    static const char *const words[] = {"true", "false", "yes", "no",  "on", "off",
                                        "null", "y",     "n",   "nan", "inf"};
    const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if (!text[0] || !(strchr(letters, text[0]) || text[0] == '/' || strncmp(text, "./", 2) == 0 ||
                      strncmp(text, "../", 3) == 0))
        return false;
    for (const char *p = text; *p; p++)
        if (!strchr(letters, *p) && !strchr("0123456789_./+-", *p)) return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t j = 0;
        while (text[j] && (text[j] | 0x20) == words[i][j]) j++;
        if (!text[j] && !words[i][j]) return false;
    }
    return true;
}

/* In double quotes.  Escaped: quotes, controls, and what YAML would fold or refuse. */
static void put_text(ltd_str *out, const char *text)
{
    if (is_plain(text)) {
        ltd_str_puts(out, text);
        return;
    }
    ltd_str_puts(out, "\"");
    for (const char *p = text, *from = text;; from = p) {
        int32_t c = ltd_config_utf8_next(&p);
        if (c <= 0) break;
        bool raw = (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') || (c >= 0xa0 && c < 0x2000) ||
                   (c >= 0x2030 && c < 0xd800) || (c >= 0x10000 && c < 0x1fffe);
        if (raw)
            ltd_str_push(out, from, (size_t)(p - from));
        else
            ltd_str_printf(out, "\\U%08" PRIX32, (uint32_t)c);
    }
    ltd_str_puts(out, "\"");
}

static void put_f64(ltd_str *out, double v)
{
    char text[32];
    ltd_json_format_f64(text, v);
    ltd_str_puts(out, text);
}

static void put_list(const void *field, ltd_key_type type, ltd_str *out)
{
    const ltd_ints *ints = field;
    const ltd_strings *strings = field;
    bool numbers = type == LTD_KEY_INTS;
    int32_t n = numbers ? ints->n : strings->n;
    ltd_str_puts(out, "[");
    for (int32_t i = 0; i < n; i++) {
        if (i) ltd_str_puts(out, ", ");
        if (numbers)
            ltd_str_printf(out, "%" PRId32, ints->v[i]);
        else
            put_text(out, strings->v[i]);
    }
    ltd_str_puts(out, "]");
}

static const char *choice_name(const ltd_key *key, const void *field)
{
    int value;
    memcpy(&value, field, sizeof value);
    for (const ltd_key_choice *c = key->choices; c->name; c++)
        if (c->value == value) return c->name;
    return "?";
}

void ltd_config_value(const ltd_config *config, const ltd_key *key, ltd_str *out)
{
    const void *field = ltd_config_field_const(config, key);
    switch (key->type) {
    case LTD_KEY_BOOL: ltd_str_puts(out, *(const bool *)field ? "true" : "false"); break;
    case LTD_KEY_INT: ltd_str_printf(out, "%" PRId32, *(const int32_t *)field); break;
    case LTD_KEY_U64: ltd_str_printf(out, "%" PRIu64, *(const uint64_t *)field); break;
    case LTD_KEY_FLOAT: put_f64(out, *(const double *)field); break;
    case LTD_KEY_STRING: put_text(out, field); break;
    case LTD_KEY_ENUM: ltd_str_puts(out, choice_name(key, field)); break;
    case LTD_KEY_INTS:
    case LTD_KEY_STRINGS: put_list(field, key->type, out); break;
    case LTD_KEY_TYPE_COUNT: break;
    }
}

bool ltd_config_is_default(const ltd_config *config, const ltd_key *key)
{
    ltd_str value = LTD_STR_INIT;
    ltd_config_value(config, key, &value);
    bool same = strcmp(ltd_str_text(&value), key->preset) == 0;
    ltd_str_fini(&value);
    return same;
}

/* Open the section of key i when it begins there; returns the name within the section. */
static const char *in_section(size_t i, const char *format, ltd_str *out)
{
    const char *name = ltd_config_key(i)->name, *dot = strchr(name, '.');
    size_t n = (size_t)(dot - name) + 1;
    if (i == 0 || strncmp(name, ltd_config_key(i - 1)->name, n) != 0) {
        ltd_str_puts(out, i ? "\n" : "");
        ltd_str_push(out, name, n - 1);
        ltd_str_puts(out, format);
    }
    return dot + 1;
}

void ltd_config_to_yaml(const ltd_config *config, ltd_str *out)
{
    for (size_t i = 0; i < ltd_config_key_count(); i++) {
        const char *name = in_section(i, ":\n", out);
        ltd_str_printf(out, "  %s: ", name);
        ltd_config_value(config, ltd_config_key(i), out);
        ltd_str_puts(out, "\n");
    }
}

int ltd_config_save(const ltd_config *config, const char *dir, ltd_err *err)
{
    ltd_str path = LTD_STR_INIT, yaml = LTD_STR_INIT;
    ltd_str_printf(&path, "%s/config.yaml", dir);
    ltd_config_to_yaml(config, &yaml);
    int rc = path.failed || yaml.failed
                 ? ltd_fail(err, LTD_ENOMEM, "%s/config.yaml: no memory", dir)
                 : ltd_file_write(ltd_str_text(&path), yaml.data, yaml.len, err);
    ltd_str_fini(&path);
    ltd_str_fini(&yaml);
    return rc;
}

/* --- checks across keys --- */

static int check_ascending(const ltd_ints *list, const char *name, ltd_err *err)
{
    if (list->n == 0) return ltd_fail(err, LTD_EINVAL, "%s: is empty, expected a number", name);
    for (int32_t i = 1; i < list->n; i++)
        if (list->v[i] <= list->v[i - 1])
            return ltd_fail(err, LTD_EINVAL,
                            "%s: %" PRId32 " follows %" PRId32 ", expected ascending numbers", name,
                            list->v[i], list->v[i - 1]);
    return LTD_OK;
}

static int check_hidden(const ltd_ints *list, const char *name, ltd_err *err)
{
    if (list->n <= LTD_ACTOR_CRITIC_MAX_HIDDEN) return LTD_OK;
    return ltd_fail(err, LTD_EINVAL, "%s: %" PRId32 " layers, expected at most %d", name, list->n,
                    LTD_ACTOR_CRITIC_MAX_HIDDEN);
}

static int check_widths(const ltd_ints *list, ltd_err *err)
{
    if (list->n == 0) return LTD_OK;
    if (list->n <= LTD_CONFIG_WIDTHS) return check_ascending(list, "tune.top_k", err);
    return ltd_fail(err, LTD_EINVAL, "tune.top_k: %" PRId32 " widths, expected at most %d", list->n,
                    LTD_CONFIG_WIDTHS);
}

static int check_order(int32_t low, const char *low_name, int32_t high, const char *high_name,
                       ltd_err *err)
{
    if (low <= high) return LTD_OK;
    return ltd_fail(err, LTD_EINVAL, "%s: is %" PRId32 ", expected at most %s = %" PRId32, low_name,
                    low, high_name, high);
}

/* The paper's observations have room for exactly its beam. */
static int check_contracts(const ltd_config *c, ltd_err *err)
{
    bool depth = ltd_contract_is_paper(c->env.depth_obs);
    bool size = ltd_contract_is_paper(c->env.size_obs);
    if ((depth || size) && c->env.top_k != 10)
        return ltd_fail(err, LTD_EINVAL,
                        "env.top_k: is %" PRId32 ", expected 10 with env.%s_obs = paper/...",
                        c->env.top_k, depth ? "depth" : "size");
    return LTD_OK;
}

const ltd_stage_kind *ltd_stage_kind_find(const char *name)
{
    static const ltd_stage_kind kinds[] = {{"size-alone", false, true},
                                           {"depth-alone", true, true},
                                           {"size", false, false},
                                           {"depth", true, false}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(name, kinds[i].name) == 0) return &kinds[i];
    return NULL;
}

static int check_stages(const ltd_config *c, ltd_err *err)
{
    const ltd_strings *stages = &c->train.stages;
    for (int32_t i = 0; i < stages->n; i++)
        if (!ltd_stage_kind_find(stages->v[i]))
            return ltd_fail(err, LTD_EINVAL,
                            "train.stages: found '%s', expected size-alone, depth-alone, size or "
                            "depth",
                            stages->v[i]);
    if (c->train.mode != LTD_TRAIN_STAGES) return LTD_OK;
    if (stages->n < 1 || stages->n != c->train.stage_decisions.n)
        return ltd_fail(err, LTD_EINVAL,
                        "train.stage_decisions: %" PRId32 " numbers for %" PRId32
                        " train.stages, expected one for each of at least one",
                        c->train.stage_decisions.n, stages->n);
    return LTD_OK;
}

static int check_distill(const ltd_config *c, ltd_err *err)
{
    if (c->distill.unroll.n < 1)
        return ltd_fail(err, LTD_EINVAL, "distill.unroll: is empty, expected a number");
    if (c->distill.taps.n && c->distill.taps.n != 3)
        return ltd_fail(err, LTD_EINVAL, "distill.taps: %" PRId32 " layers, expected 3 or none",
                        c->distill.taps.n);
    return LTD_OK;
}

int ltd_config_check(const ltd_config *c, ltd_err *err)
{
    int rc = check_order(c->env.min_forwards, "env.min_forwards", c->env.max_forwards,
                         "env.max_forwards", err);
    if (rc == LTD_OK)
        rc = check_order(c->train.batch_size, "train.batch_size", c->train.n_steps, "train.n_steps",
                         err);
    if (rc == LTD_OK)
        rc = check_order(c->env.max_prompt, "env.max_prompt", c->model.context - 1,
                         "model.context - 1", err);
    if (rc == LTD_OK) rc = check_ascending(&c->env.sizes, "env.sizes", err);
    if (rc == LTD_OK) rc = check_ascending(&c->calibration.contexts, "calibration.contexts", err);
    if (rc == LTD_OK && c->env.loop_stop == 1)
        rc = ltd_fail(err, LTD_EINVAL, "env.loop_stop: is 1, expected 0 (nowhere), or 2 or more");
    if (rc == LTD_OK) rc = check_widths(&c->tune.top_k, err);
    if (rc == LTD_OK) rc = check_hidden(&c->policy.depth_hidden, "policy.depth_hidden", err);
    if (rc == LTD_OK) rc = check_hidden(&c->policy.size_hidden, "policy.size_hidden", err);
    if (rc == LTD_OK) rc = check_hidden(&c->policy.critic_hidden, "policy.critic_hidden", err);
    if (rc == LTD_OK) rc = check_contracts(c, err);
    if (rc == LTD_OK) rc = check_stages(c, err);
    if (rc == LTD_OK) rc = check_distill(c, err);
    return rc;
}

/* --- documents --- */

/* "0 to 64 forwards", "q8 | f16 | f32", "true | false"; "" for texts. */
static void put_range(const ltd_key *key, const char *bar, ltd_str *out)
{
    if (key->type == LTD_KEY_BOOL) ltd_str_printf(out, "true%sfalse", bar);
    for (const ltd_key_choice *c = key->choices; c && c->name; c++)
        ltd_str_printf(out, "%s%s", c == key->choices ? "" : bar, c->name);
    if (key->type == LTD_KEY_U64) ltd_str_puts(out, "0 to 18446744073709551615");
    if (key->type == LTD_KEY_INT || key->type == LTD_KEY_INTS || key->type == LTD_KEY_FLOAT) {
        put_f64(out, key->min);
        ltd_str_puts(out, " to ");
        put_f64(out, key->max);
    }
}

/* Words of `text` in comment lines of at most 96 columns. */
static void put_comment(const char *text, ltd_str *out)
{
    size_t column = 0;
    while (*text) {
        size_t word = strcspn(text, " ");
        if (column + 1 + word > 96) {
            ltd_str_puts(out, "\n");
            column = 0;
        }
        if (column == 0) ltd_str_puts(out, "  #");
        column += (column ? 0 : 3) + 1 + word;
        ltd_str_puts(out, " ");
        ltd_str_push(out, text, word);
        text += word + (text[word] == ' ');
    }
    ltd_str_puts(out, "\n");
}

static void write_default_yaml(ltd_str *out)
{
    ltd_str_puts(out,
                 "# Every key of ltd with its default.  Printed from trainer/config/config_keys.c; "
                 "a test compares the two.\n"
                 "# Lay a file with only the keys that differ over it: ltd train --config "
                 "FILE --train.lr=1e-4\n\n");
    for (size_t i = 0; i < ltd_config_key_count(); i++) {
        const ltd_key *key = ltd_config_key(i);
        const char *name = in_section(i, ":\n", out);
        ltd_str text = LTD_STR_INIT;
        ltd_str_printf(&text, "%s. ", key->meaning);
        if (key->type != LTD_KEY_STRING && key->type != LTD_KEY_STRINGS) {
            ltd_str_puts(&text, "[");
            put_range(key, " | ", &text);
            ltd_str_printf(&text, "%s%s] ", key->unit[0] ? " " : "", key->unit);
        }
        ltd_str_printf(&text, "(%s)", key->source);
        put_comment(ltd_str_text(&text), out);
        ltd_str_fini(&text);
        ltd_str_printf(out, "  %s: %s\n", name, key->preset);
    }
}

static void write_markdown(ltd_str *out)
{
    for (size_t i = 0; i < ltd_config_key_count(); i++) {
        const ltd_key *key = ltd_config_key(i);
        ltd_str head = LTD_STR_INIT;
        in_section(i, "", &head);
        if (head.len)
            ltd_str_printf(out,
                           "%s### `%s`\n\n| key | default | range | unit | meaning | source |\n"
                           "|---|---|---|---|---|---|\n",
                           i ? "\n" : "", ltd_str_text(&head) + (i ? 1 : 0));
        ltd_str_fini(&head);
        ltd_str_printf(out, "| `%s` | `%s` | ", key->name, key->preset);
        put_range(key, ", ", out);
        ltd_str_printf(out, " | %s | %s | %s |\n", key->unit, key->meaning, key->source);
    }
}

void ltd_config_document_write(ltd_config_document document, ltd_str *out)
{
    if (document == LTD_CONFIG_DOC_YAML)
        write_default_yaml(out);
    else
        write_markdown(out);
}
