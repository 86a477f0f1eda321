#include "agents/export/export.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agents/export/cheader.h"
#include "agents/export/onnx.h"
#include "agents/export/safetensors.h"
#include "agents/export/torch.h"
#include "base/file.h"

static int write_safetensors(const ltd_bundle *b, const char *turn, const char *path, ltd_err *err)
{
    (void)turn;
    return ltd_export_safetensors(b, path, err);
}

static int read_safetensors(ltd_bundle **io, const char *turn, const void *data, size_t n,
                            const char *name, ltd_err *err)
{
    (void)turn;
    return ltd_import_safetensors(io, data, n, name, err);
}

static int write_cheader(const ltd_policy *policy, const ltd_export_with *with, const char *path,
                         ltd_err *err)
{
    char name[64];
    ltd_str text = LTD_STR_INIT;
    ltd_cheader_name(name, path);
    ltd_cheader_options o = {.name = name, .cost = with->cost, .max_chain = with->max_chain};
    int rc = ltd_export_cheader(policy, &o, &text, err);
    if (rc == LTD_OK) rc = ltd_file_write(path, text.data, text.len, err);
    ltd_str_fini(&text);
    return rc;
}

static int read_cheader(ltd_bundle **io, const char *turn, const void *data, size_t n,
                        const char *name, ltd_err *err)
{
    (void)turn;
    int rc = ltd_import_cheader(io, data, n, err);
    return rc < 0 ? ltd_err_prefix(err, rc, "%s", name) : LTD_OK;
}

/* The default first. */
static const ltd_export_format formats[] = {
    {"safetensors",
     "one file, the manifest in __metadata__",
     {"policy.safetensors", NULL},
     false,
     write_safetensors,
     read_safetensors,
     NULL},
    {"onnx",
     "a graph for each net, opset 17",
     {"depth.onnx", "size.onnx"},
     false,
     ltd_export_onnx,
     ltd_import_onnx,
     NULL},
    {"c",
     "one C99 header, the encoder with it",
     {"ltd_policy.h", NULL},
     true,
     NULL,
     read_cheader,
     write_cheader},
    {"torch",
     "a state dict of Stable-Baselines3 for each net",
     {"depth/policy.pth", "size/policy.pth"},
     false,
     ltd_export_torch,
     ltd_import_torch,
     NULL},
};
enum { N_FORMATS = sizeof formats / sizeof *formats };

const ltd_export_format *ltd_export_format_at(int i)
{
    return i >= 0 && i < N_FORMATS ? &formats[i] : NULL;
}

const ltd_export_format *ltd_export_find(const char *name)
{
    for (int i = 0; i < N_FORMATS; i++)
        if (strcmp(formats[i].name, name) == 0) return &formats[i];
    return NULL;
}

static const char *turn_of(const ltd_export_format *f, int i)
{
    return !f->files[1] ? "" : i ? "size." : "depth.";
}

/* --- where files lie --- */

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Is `path` meant as the only file of the format? */
static bool is_the_file(const ltd_export_format *f, const char *path)
{
    return !f->files[1] && ends_with(path, strrchr(f->files[0], '.')) && !is_folder(path);
}

/* File i of the format under `out`. */
static int file_path(char ret[LTD_EXPORT_PATH], const ltd_export_format *f, int i, const char *out,
                     ltd_err *err)
{
    int n = is_the_file(f, out) ? snprintf(ret, LTD_EXPORT_PATH, "%s", out)
                                : snprintf(ret, LTD_EXPORT_PATH, "%s/%s", out, f->files[i]);
    if (n < LTD_EXPORT_PATH - 8) return LTD_OK;
    return ltd_fail(err, LTD_EINVAL, "%s: the path is too long", out);
}

int ltd_export_paths(char paths[LTD_EXPORT_FILES][LTD_EXPORT_PATH], const ltd_export_format *f,
                     const ltd_policy *policy, const char *out, ltd_err *err)
{
    for (int i = 0; i < LTD_EXPORT_FILES; i++) {
        bool has = f->files[i] && (!f->files[1] || (i ? policy->size : policy->depth));
        paths[i][0] = 0;
        int rc = has ? file_path(paths[i], f, i, out, err) : LTD_OK;
        if (rc < 0) return rc;
    }
    return LTD_OK;
}

/* --- writing --- */

static int write_file(const ltd_export_format *f, int i, const ltd_bundle *b,
                      const ltd_policy *policy, const ltd_export_with *with, const char *path,
                      ltd_err *err)
{
    int rc = ltd_file_mkdirs_for(path, err);
    if (rc < 0) return rc;
    return f->write ? f->write(b, turn_of(f, i), path, err)
                    : f->write_whole(policy, with, path, err);
}

int ltd_export_save(const ltd_export_format *f, const ltd_policy *policy,
                    const ltd_export_with *with, const char *out, ltd_err *err)
{
    char paths[LTD_EXPORT_FILES][LTD_EXPORT_PATH], old[LTD_EXPORT_PATH];
    ltd_bundle *b = NULL;
    if (f->needs_cost && !(with && with->cost))
        return ltd_fail(err, LTD_EINVAL, "export %s: needs the cost table of a machine", f->name);
    int rc = ltd_export_paths(paths, f, policy, out, err);
    if (rc == LTD_OK) rc = ltd_bundle_from_policy(&b, policy, err);
    for (int i = 0; rc == LTD_OK && i < LTD_EXPORT_FILES; i++) {
        if (!f->files[i]) continue;
        if (paths[i][0]) {
            rc = write_file(f, i, b, policy, with, paths[i], err);
        } else if (file_path(old, f, i, out, NULL) == LTD_OK) {
            unlink(old);
        }
    }
    ltd_bundle_free(b);
    return rc;
}

/* --- reading --- */

/* The folder that the format's files are in, when `path` is one of them; else false. */
static bool folder_of(char ret[LTD_EXPORT_PATH], const ltd_export_format *f, const char *path)
{
    for (int i = 0; i < LTD_EXPORT_FILES && f->files[i]; i++) {
        size_t n = strlen(path), m = strlen(f->files[i]);
        bool whole = n == m || (n > m && path[n - m - 1] == '/');
        if (n < m || n >= LTD_EXPORT_PATH || !whole || strcmp(path + n - m, f->files[i]) != 0)
            continue;
        snprintf(ret, LTD_EXPORT_PATH, "%.*s", n == m ? 1 : (int)(n - m - 1), n == m ? "." : path);
        if (!ret[0]) snprintf(ret, LTD_EXPORT_PATH, "/");
        return true;
    }
    return false;
}

/* Where to look for the format's files: a folder, or a single file; false when there are none. */
static bool find_files(char ret[LTD_EXPORT_PATH], const ltd_export_format *f, const char *path)
{
    char file[LTD_EXPORT_PATH];
    if (is_the_file(f, path) && access(path, F_OK) == 0)
        return snprintf(ret, LTD_EXPORT_PATH, "%s", path) < LTD_EXPORT_PATH;
    if (is_folder(path)) {
        if (snprintf(ret, LTD_EXPORT_PATH, "%s", path) >= LTD_EXPORT_PATH) return false;
    } else if (access(path, F_OK) != 0 || !folder_of(ret, f, path)) {
        return false;
    }
    for (int i = 0; i < LTD_EXPORT_FILES && f->files[i]; i++)
        if (file_path(file, f, i, ret, NULL) == LTD_OK && access(file, F_OK) == 0) return true;
    return false;
}

const ltd_export_format *ltd_export_is_at(const char *path)
{
    char files[LTD_EXPORT_PATH];
    for (int i = 0; i < N_FORMATS; i++)
        if (find_files(files, &formats[i], path)) return &formats[i];
    return NULL;
}

static int read_file(const ltd_export_format *f, int i, const char *path, ltd_bundle **io,
                     ltd_err *err)
{
    ltd_file map;
    int rc = ltd_file_map(&map, path, err);
    if (rc < 0) return rc;
    rc = f->read(io, turn_of(f, i), map.data, map.size, path, err);
    ltd_file_unmap(&map);
    return rc;
}

int ltd_export_load(ltd_policy **ret, const char *path, ltd_err *err)
{
    char files[LTD_EXPORT_PATH], file[LTD_EXPORT_PATH], missing[LTD_EXPORT_PATH] = "";
    ltd_bundle *b = NULL;
    *ret = NULL;
    const ltd_export_format *f = ltd_export_is_at(path);
    if (!f) return ltd_fail(err, LTD_EINVAL, "%s: no exported policy", path);
    find_files(files, f, path);
    int rc = LTD_OK;
    for (int i = 0; rc == LTD_OK && i < LTD_EXPORT_FILES && f->files[i]; i++) {
        rc = file_path(file, f, i, files, err);
        if (rc < 0) break;
        if (access(file, F_OK) == 0)
            rc = read_file(f, i, file, &b, err);
        else
            memcpy(missing, file, sizeof file);
    }
    if (rc == LTD_OK && !b) rc = ltd_fail(err, LTD_EIO, "%s: no exported policy any more", path);
    if (rc == LTD_OK) {
        rc = ltd_bundle_to_policy(ret, b, path, err);
        if (rc < 0 && missing[0]) ltd_err_prefix(err, rc, "%s is not there", missing);
    }
    ltd_bundle_free(b);
    return rc;
}
