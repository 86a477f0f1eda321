/* One checkpoint in several safetensors files.
 *
 * The index only tells which files there are; each file's own header tells what is in it.  The two
 * must agree: a tensor is looked up in every file, found once, where the index says. */
#include "models/files/shards_priv.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "models/files/json_priv.h"

enum { MAX_SHARDS = 1024 };

struct ltd_shards {
    char *folder;
    ltd_safetensors **files;
    char **names; /* of the files, as the index gives them */
    size_t n_files;
    json_object *index;     /* NULL for a single file */
    const json_object *map; /* weight_map of the index */
};

static int join(char path[PATH_MAX], const char *folder, const char *name, ltd_err *err)
{
    if (snprintf(path, PATH_MAX, "%s/%s", folder, name) < PATH_MAX) return LTD_OK;
    return ltd_fail(err, LTD_EINVAL, "%s/%s: the path is too long", folder, name);
}

/* Open a file of the folder, once. */
static int add_file(ltd_shards *shards, const char *name, ltd_err *err)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < shards->n_files; i++)
        if (strcmp(shards->names[i], name) == 0) return LTD_OK;
    if (!*name || strchr(name, '/') || *name == '.')
        return ltd_fail(err, LTD_EFORMAT, "%s: the index names file '%.80s', expected a plain name",
                        shards->folder, name);
    if (shards->n_files == MAX_SHARDS)
        return ltd_fail(err, LTD_EFORMAT, "%s: the index names more than %d files", shards->folder,
                        MAX_SHARDS);
    int rc = join(path, shards->folder, name, err);
    if (rc < 0) return rc;
    size_t n = shards->n_files;
    if (!(shards->names[n] = ltd_mem_strdup(name)))
        return ltd_fail(err, LTD_ENOMEM, "%s: no memory", path);
    shards->n_files++;
    return ltd_safetensors_open(&shards->files[n], path, err);
}

static int open_index(ltd_shards *shards, const char *path, ltd_err *err)
{
    int rc = ltd_files_json_load(&shards->index, path, err);
    if (rc < 0) return rc;
    shards->map = json_object_object_get(shards->index, "weight_map");
    if (!json_object_is_type(shards->map, json_type_object))
        return ltd_fail(err, LTD_EFORMAT, "%s: has no object weight_map", path);
    json_object_object_foreach(shards->map, tensor, file)
    {
        if (!json_object_is_type(file, json_type_string))
            return ltd_fail(err, LTD_EFORMAT, "%s: weight_map gives no file for %.80s", path,
                            tensor);
        if ((rc = add_file(shards, json_object_get_string(file), err)) < 0) return rc;
    }
    if (!shards->n_files) return ltd_fail(err, LTD_EFORMAT, "%s: weight_map is empty", path);
    return LTD_OK;
}

static int open_files(ltd_shards *shards, ltd_err *err)
{
    static const char single[] = "model.safetensors", index[] = "model.safetensors.index.json";
    char path[PATH_MAX];
    int rc = join(path, shards->folder, single, err);
    if (rc < 0) return rc;
    if (access(path, F_OK) == 0) return add_file(shards, single, err);
    if ((rc = join(path, shards->folder, index, err)) < 0) return rc;
    if (access(path, F_OK) == 0) return open_index(shards, path, err);
    if ((rc = join(path, shards->folder, "pytorch_model.bin", err)) < 0) return rc;
    bool torch = access(path, F_OK) == 0;
    return ltd_fail(err, LTD_EFORMAT, "%s: the folder has neither %s nor %s%s", shards->folder,
                    single, index,
                    torch ? " (pytorch_model.bin is not read: convert it to safetensors)" : "");
}

int ltd_shards_open(ltd_shards **ret, const char *folder, ltd_err *err)
{
    *ret = NULL;
    int rc;
    ltd_shards *shards = ltd_mem_zeros(1, sizeof *shards);
    if (!shards) return ltd_fail(err, LTD_ENOMEM, "%s: no memory", folder);
    shards->folder = ltd_mem_strdup(folder);
    shards->files = ltd_mem_zeros(MAX_SHARDS, sizeof *shards->files);
    shards->names = ltd_mem_zeros(MAX_SHARDS, sizeof *shards->names);
    if (!shards->folder || !shards->files || !shards->names)
        rc = ltd_fail(err, LTD_ENOMEM, "%s: no memory", folder);
    else
        rc = open_files(shards, err);
    if (rc < 0)
        ltd_shards_close(shards);
    else
        *ret = shards;
    return rc;
}

void ltd_shards_close(ltd_shards *shards)
{
    if (!shards) return;
    for (size_t i = 0; i < shards->n_files; i++) {
        ltd_safetensors_close(shards->files[i]);
        free(shards->names[i]);
    }
    free(shards->files);
    free(shards->names);
    json_object_put(shards->index);
    free(shards->folder);
    free(shards);
}

void ltd_shards_forget(const ltd_shards *shards)
{
    for (size_t i = 0; i < shards->n_files; i++) ltd_safetensors_forget(shards->files[i]);
}

int ltd_shards_tensor(const ltd_shards *shards, const char *name, const ltd_tensor_view **ret,
                      ltd_err *err)
{
    size_t at = 0;
    *ret = NULL;
    for (size_t i = 0; i < shards->n_files; i++) {
        const ltd_tensor_view *view = ltd_safetensors_tensor(shards->files[i], name);
        if (!view) continue;
        if (*ret)
            return ltd_fail(err, LTD_EFORMAT, "%s: tensor %s is in two files, %s and %s",
                            shards->folder, name, shards->names[at], shards->names[i]);
        *ret = view;
        at = i;
    }
    json_object *said = shards->map ? json_object_object_get(shards->map, name) : NULL;
    if (!shards->map || (!*ret && !said)) return LTD_OK;
    const char *file = said ? json_object_get_string(said) : "none";
    if (!*ret || strcmp(file, shards->names[at]) != 0) {
        const char *found = *ret ? shards->names[at] : "none";
        *ret = NULL;
        return ltd_fail(err, LTD_EFORMAT, "%s: tensor %s is in file %s, the index says %s",
                        shards->folder, name, found, file);
    }
    return LTD_OK;
}

size_t ltd_shards_tensor_count(const ltd_shards *shards)
{
    size_t n = 0;
    for (size_t i = 0; i < shards->n_files; i++)
        n += ltd_safetensors_tensor_count(shards->files[i]);
    return n;
}

const ltd_tensor_view *ltd_shards_tensor_at(const ltd_shards *shards, size_t i)
{
    for (size_t f = 0; f < shards->n_files; f++) {
        size_t n = ltd_safetensors_tensor_count(shards->files[f]);
        if (i < n) return ltd_safetensors_tensor_at(shards->files[f], i);
        i -= n;
    }
    return NULL;
}

const char *ltd_shards_path(const ltd_shards *shards)
{
    return ltd_safetensors_path(shards->files[0]);
}

uint64_t ltd_shards_bytes(const ltd_shards *shards)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < shards->n_files; i++) bytes += ltd_safetensors_size(shards->files[i]);
    return bytes;
}
