/* Texts -> configuration.  Every value, be it a default, a line of YAML or an override, ends in
 * set_scalar() or set_entry(), so that ranges and messages are the same everywhere.  Changes are
 * made on a copy and taken over whole: a file that fails half-way changes nothing. */
#include "trainer/config/config.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/yaml.h"
#include "trainer/config/config_priv.h"

int32_t ltd_config_utf8_next(const char **p)
{
    const unsigned char *s = (const unsigned char *)*p;
    static const int32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (s[0] < 0x80) {
        *p += s[0] != 0;
        return s[0];
    }
    int n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4) return -1;
    int32_t c = s[0] & (0x7f >> n);
    for (int i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) return -1;
        c = c << 6 | (s[i] & 0x3f);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return -1;
    *p += n;
    return c;
}

/* --- one value --- */

static int out_of_range(const ltd_key *key, const char *text, ltd_err *err)
{
    char min[32], max[32];
    ltd_json_format_f64(min, key->min);
    ltd_json_format_f64(max, key->max);
    const char *top = key->type == LTD_KEY_U64 ? "18446744073709551615" : max;
    return ltd_fail(err, LTD_EINVAL, "%s: is %.40s, expected %s to %s%s%s", key->name, text, min,
                    top, key->unit[0] ? " " : "", key->unit);
}

/* A decimal number: no hexadecimal, no nan or inf, nothing around it. */
static int parse_f64(const ltd_key *key, const char *text, const char *kind, double *ret,
                     ltd_err *err)
{
    char *end = NULL;
    if (text[0] && text[strspn(text, "0123456789+-.eE")] == 0) *ret = strtod(text, &end);
    if (!end || *end || end == text || !isfinite(*ret))
        return ltd_fail(err, LTD_EINVAL, "%s: found '%.80s', expected %s", key->name, text, kind);
    return LTD_OK;
}

/* Integers may be written 2e5; the range is checked before anything is rounded. */
static int parse_i32(const ltd_key *key, const char *text, int32_t *ret, ltd_err *err)
{
    double d = 0;
    int rc = parse_f64(key, text, "an integer", &d, err);
    if (rc < 0) return rc;
    if (d != floor(d))
        return ltd_fail(err, LTD_EINVAL, "%s: found '%.80s', expected an integer", key->name, text);
    if (d < key->min || d > key->max) return out_of_range(key, text, err);
    *ret = (int32_t)d;
    return LTD_OK;
}

static int parse_u64(const ltd_key *key, const char *text, uint64_t *ret, ltd_err *err)
{
    if (!text[0] || text[strspn(text, "0123456789")])
        return ltd_fail(err, LTD_EINVAL, "%s: found '%.80s', expected an integer of 0 or more",
                        key->name, text);
    errno = 0;
    unsigned long long v = strtoull(text, NULL, 10);
    if (errno) return out_of_range(key, text, err);
    *ret = v;
    return LTD_OK;
}

static int parse_enum(const ltd_key *key, const char *text, int *ret, ltd_err *err)
{
    char names[160] = "";
    for (const ltd_key_choice *c = key->choices; c->name; c++) {
        if (strcmp(c->name, text) == 0) {
            *ret = c->value;
            return LTD_OK;
        }
        size_t n = strlen(names);
        snprintf(names + n, sizeof names - n, "%s%s", n ? ", " : "", c->name);
    }
    return ltd_fail(err, LTD_EINVAL, "%s: found '%.80s', expected one of %s", key->name, text,
                    names);
}

static int parse_string(const ltd_key *key, const char *text, char ret[LTD_CONFIG_TEXT],
                        ltd_err *err)
{
    size_t n = strlen(text);
    if (n >= LTD_CONFIG_TEXT)
        return ltd_fail(err, LTD_EINVAL, "%s: %zu bytes, expected at most %d", key->name, n,
                        LTD_CONFIG_TEXT - 1);
    int32_t c;
    for (const char *p = text; (c = ltd_config_utf8_next(&p)) != 0;)
        if (c < 0) return ltd_fail(err, LTD_EINVAL, "%s: the text is no UTF-8", key->name);
    /* Zeros to the end: equal configurations are then equal bytes. */
    memset(ret, 0, LTD_CONFIG_TEXT);
    memcpy(ret, text, n);
    return LTD_OK;
}

static int set_scalar(ltd_config *config, const ltd_key *key, const char *text, ltd_err *err)
{
    void *field = ltd_config_field(config, key);
    int rc = LTD_OK;
    switch (key->type) {
    case LTD_KEY_BOOL:
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            return ltd_fail(err, LTD_EINVAL, "%s: found '%.80s', expected true or false", key->name,
                            text);
        *(bool *)field = text[0] == 't';
        break;
    case LTD_KEY_INT: rc = parse_i32(key, text, field, err); break;
    case LTD_KEY_U64: rc = parse_u64(key, text, field, err); break;
    case LTD_KEY_FLOAT: {
        double d = 0;
        rc = parse_f64(key, text, "a number", &d, err);
        if (rc == LTD_OK && (d < key->min || d > key->max)) rc = out_of_range(key, text, err);
        if (rc == LTD_OK) *(double *)field = d == 0 ? 0 : d; /* no negative zero */
        break;
    }
    case LTD_KEY_ENUM: {
        int value = 0;
        rc = parse_enum(key, text, &value, err);
        if (rc == LTD_OK) memcpy(field, &value, sizeof value);
        break;
    }
    case LTD_KEY_STRING: rc = parse_string(key, text, field, err); break;
    default: assert(0 && "lists come in entries");
    }
    return rc;
}

/* --- lists --- */

static bool is_list(const ltd_key *key)
{
    return key->type == LTD_KEY_INTS || key->type == LTD_KEY_STRINGS;
}

static void empty_list(ltd_config *config, const ltd_key *key)
{
    memset(ltd_config_field(config, key), 0,
           key->type == LTD_KEY_INTS ? sizeof(ltd_ints) : sizeof(ltd_strings));
}

static int add_entry(ltd_config *config, const ltd_key *key, const char *text, ltd_err *err)
{
    ltd_ints *ints = ltd_config_field(config, key);
    ltd_strings *strings = ltd_config_field(config, key);
    bool numbers = key->type == LTD_KEY_INTS;
    int32_t *n = numbers ? &ints->n : &strings->n;
    int max = numbers ? LTD_CONFIG_INTS : LTD_CONFIG_STRINGS;
    if (*n == max) return ltd_fail(err, LTD_EINVAL, "%s: more than %d entries", key->name, max);
    int rc = numbers ? parse_i32(key, text, &ints->v[*n], err)
                     : parse_string(key, text, strings->v[*n], err);
    if (rc == LTD_OK) ++*n;
    return rc;
}

/* "0, 2, 4" or "[0, 2, 4]", without quotes. */
static int split_list(ltd_config *config, const ltd_key *key, const char *text, ltd_err *err)
{
    empty_list(config, key);
    size_t n = strlen(text);
    if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    }
    const char *end = text + n;
    while (text < end) {
        const char *comma = memchr(text, ',', (size_t)(end - text));
        const char *stop = comma ? comma : end, *last = stop;
        while (text < last && *text == ' ') text++;
        while (last > text && last[-1] == ' ') last--;
        char entry[LTD_CONFIG_TEXT + 1];
        size_t len = (size_t)(last - text);
        if (len >= sizeof entry) len = sizeof entry - 1; /* too long anyhow; add_entry says so */
        memcpy(entry, text, len);
        entry[len] = 0;
        if (len == 0) return ltd_fail(err, LTD_EINVAL, "%s: an empty entry in the list", key->name);
        int rc = add_entry(config, key, entry, err);
        if (rc < 0) return rc;
        text = comma ? comma + 1 : end;
    }
    return LTD_OK;
}

/* A list in YAML's words, for entries that need quotes. */
static int yaml_list(ltd_config *config, const ltd_key *key, const char *text, ltd_err *err)
{
    ltd_yaml *yaml;
    int rc = ltd_yaml_parse(&yaml, key->name, text, strlen(text), err);
    if (rc < 0) return rc;
    const ltd_yaml_item *item = ltd_yaml_count(yaml) == 1 ? ltd_yaml_at(yaml, 0) : NULL;
    if (!item || !item->is_list)
        rc = ltd_fail(err, LTD_EINVAL, "%s: found '%.80s', expected a list", key->name, text);
    else
        empty_list(config, key);
    for (size_t i = 0; rc == LTD_OK && i < item->n; i++)
        rc = add_entry(config, key, item->list[i], err);
    ltd_yaml_free(yaml);
    return rc;
}

static int set_text(ltd_config *config, const ltd_key *key, const char *text, ltd_err *err)
{
    if (!is_list(key)) return set_scalar(config, key, text, err);
    bool quotes = text[0] == '[' && strpbrk(text, "\"'");
    return quotes ? yaml_list(config, key, text, err) : split_list(config, key, text, err);
}

static void set_preset(ltd_config *config, const ltd_key *key)
{
    const char *text = strcmp(key->preset, "\"\"") == 0 ? "" : key->preset;
    int rc = set_text(config, key, text, NULL);
    assert(rc == LTD_OK);
    (void)rc;
}

void ltd_config_init(ltd_config *ret)
{
    memset(ret, 0, sizeof *ret);
    for (size_t i = 0; i < ltd_config_key_count(); i++) set_preset(ret, ltd_config_key(i));
}

/* --- layers --- */

static int find(const char *name, const ltd_key **ret, ltd_err *err)
{
    *ret = ltd_config_key_find(name);
    if (*ret) return LTD_OK;
    return ltd_fail(err, LTD_EINVAL, "%.80s: no such key; nearest: %s", name,
                    ltd_config_key_nearest(name)->name);
}

/* A section, or nothing at all, whose keys are all commented out. */
static bool is_empty_section(const ltd_yaml_item *item)
{
    if (item->is_list || item->quoted || item->text[0]) return false;
    size_t n = strlen(item->key);
    for (size_t i = 0; i < ltd_config_key_count(); i++) {
        const char *name = ltd_config_key(i)->name;
        if (n == 0 || (strncmp(name, item->key, n) == 0 && name[n] == '.')) return true;
    }
    return false;
}

static bool is_null(const ltd_yaml_item *item)
{
    return !item->is_list && !item->quoted &&
           (!item->text[0] || strcmp(item->text, "~") == 0 || strcmp(item->text, "null") == 0);
}

static int set_item(ltd_config *config, const ltd_yaml_item *item, ltd_err *err)
{
    if (is_empty_section(item)) return LTD_OK;
    if (!item->key[0])
        return ltd_fail(err, LTD_EINVAL, "found a lone value, expected sections of keys");
    const ltd_key *key;
    int rc = find(item->key, &key, err);
    if (rc < 0) return rc;
    if (is_null(item)) {
        set_preset(config, key);
        return LTD_OK;
    }
    if (!item->is_list) return set_text(config, key, item->text, err);
    if (!is_list(key))
        return ltd_fail(err, LTD_EINVAL, "%s: found a list, expected one value", key->name);
    empty_list(config, key);
    for (size_t i = 0; rc == LTD_OK && i < item->n; i++)
        rc = add_entry(config, key, item->list[i], err);
    return rc;
}

int ltd_config_parse(ltd_config *config, const char *name, const void *data, size_t size,
                     ltd_err *err)
{
    ltd_yaml *yaml;
    int rc = ltd_yaml_parse(&yaml, name, data, size, err);
    if (rc < 0) return rc;
    ltd_config *next = ltd_mem_zeros(1, sizeof *next);
    if (!next) {
        ltd_yaml_free(yaml);
        return ltd_fail(err, LTD_ENOMEM, "%s: no memory", name);
    }
    *next = *config;
    for (size_t i = 0; rc == LTD_OK && i < ltd_yaml_count(yaml); i++) {
        const ltd_yaml_item *item = ltd_yaml_at(yaml, i);
        rc = set_item(next, item, err);
        if (rc < 0) ltd_err_prefix(err, rc, "%s:%d:%d", name, item->line, item->column);
    }
    if (rc == LTD_OK) *config = *next;
    free(next);
    ltd_yaml_free(yaml);
    return rc;
}

int ltd_config_set_value(ltd_config *config, const char *name, const char *value, ltd_err *err)
{
    const ltd_key *key;
    int rc = find(name, &key, err);
    if (rc < 0) return rc;
    ltd_config *next = ltd_mem_zeros(1, sizeof *next);
    if (!next) return ltd_fail(err, LTD_ENOMEM, "%s: no memory", name);
    *next = *config;
    rc = set_text(next, key, value, err);
    if (rc == LTD_OK) *config = *next;
    free(next);
    return rc;
}

int ltd_config_set(ltd_config *config, const char *assignment, ltd_err *err)
{
    const char *name = strncmp(assignment, "--", 2) == 0 ? assignment + 2 : assignment;
    const char *equals = strchr(name, '=');
    if (!equals)
        return ltd_fail(err, LTD_EINVAL, "%.80s: found no value, expected section.key=value",
                        assignment);
    char key[LTD_YAML_MAX_KEY];
    snprintf(key, sizeof key, "%.*s", (int)(equals - name < 127 ? equals - name : 127), name);
    return ltd_config_set_value(config, key, equals + 1, err);
}

int ltd_config_load(ltd_config *ret, const char *path, const char *const *overrides, size_t n,
                    ltd_err *err)
{
    ltd_config *config = ltd_mem_zeros(1, sizeof *config);
    if (!config) return ltd_fail(err, LTD_ENOMEM, "configuration: no memory");
    ltd_config_init(config);
    int rc = LTD_OK;
    if (path && path[0]) {
        ltd_file file;
        rc = ltd_file_map(&file, path, err);
        if (rc == LTD_OK) rc = ltd_config_parse(config, path, file.data, file.size, err);
        ltd_file_unmap(&file);
    }
    for (size_t i = 0; rc == LTD_OK && i < n; i++) rc = ltd_config_set(config, overrides[i], err);
    if (rc == LTD_OK) rc = ltd_config_check(config, err);
    if (rc == LTD_OK) *ret = *config;
    free(config);
    return rc;
}
