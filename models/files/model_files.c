/* A target model on disk: what the path is, its config, and a checked table of its weights.
 *
 *   path -> GGUF, or folder with config.json -> config -> for every weight of every layer: present,
 *   right shape, readable type -> nothing else in the files that would change the result
 *
 * All checks are made here, once; ltd_model_files_weight() is then a table lookup. */
#include "models/files/model_files.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "models/files/config_priv.h"
#include "models/files/shards_priv.h"
#include "models/files/weights_priv.h"

/* The digest is made on the first demand; it is the one thing that changes after open. */
typedef struct hash_cache {
    pthread_mutex_t lock;
    bool known;
    char hex[65];
} hash_cache;

struct ltd_model_files {
    char *path;
    ltd_llm_config config;
    ltd_gguf *gguf; /* one of these two */
    ltd_shards *shards;
    ltd_tensor_view *weights; /* those outside the layers, then LTD_WEIGHTS_PER_LAYER each */
    size_t n_weights;
    hash_cache *hash;
};

static size_t slot(ltd_weight weight, int layer)
{
    if (weight < LTD_WEIGHT_ATTN_NORM) return (size_t)weight;
    return LTD_WEIGHT_ATTN_NORM + (size_t)layer * LTD_WEIGHTS_PER_LAYER +
           (size_t)(weight - LTD_WEIGHT_ATTN_NORM);
}

static int find_weight(ltd_model_files *files, ltd_weight weight, int layer, ltd_err *err)
{
    char name[LTD_WEIGHT_NAME];
    const ltd_tensor_view *view;
    if (!ltd_weight_belongs(weight, &files->config)) {
        files->n_weights++; /* its slot stays empty */
        return LTD_OK;
    }
    if (weight == LTD_WEIGHT_OUTPUT && files->config.tied) weight = LTD_WEIGHT_EMBED;
    ltd_weight_file_name(name, weight, layer, &files->config, files->gguf != NULL);
    if (files->gguf) {
        view = ltd_gguf_tensor(files->gguf, name);
    } else {
        int rc = ltd_shards_tensor(files->shards, name, &view, err);
        if (rc < 0) return rc;
    }
    if (!view)
        return ltd_fail(err, LTD_EFORMAT, "%s: has no weight %s (the config gives %d layers)",
                        files->path, name, files->config.n_layers);
    int rc = ltd_weight_check(view, weight, &files->config, files->path, err);
    if (rc < 0) return rc;
    files->weights[files->n_weights++] = *view;
    return LTD_OK;
}

static int by_data(const void *a, const void *b)
{
    const void *const *x = a, *const *y = b;
    return ((const char *)*x > (const char *)*y) - ((const char *)*x < (const char *)*y);
}

/* A tensor that no weight refers to would be left out of the arithmetic in silence: biases, query
 * norms, experts.  Refuse it. */
static int refuse_others(const ltd_model_files *files, ltd_err *err)
{
    int rc = LTD_OK;
    bool gguf = files->gguf != NULL;
    size_t n = gguf ? ltd_gguf_tensor_count(files->gguf) : ltd_shards_tensor_count(files->shards);
    const void **used = ltd_mem_zeros(files->n_weights, sizeof *used);
    if (!used) return ltd_fail(err, LTD_ENOMEM, "%s: no memory", files->path);
    for (size_t i = 0; i < files->n_weights; i++) used[i] = files->weights[i].data;
    qsort(used, files->n_weights, sizeof *used, by_data);
    for (size_t i = 0; i < n && rc == LTD_OK; i++) {
        const ltd_tensor_view *view =
            gguf ? ltd_gguf_tensor_at(files->gguf, i) : ltd_shards_tensor_at(files->shards, i);
        if (bsearch(&view->data, used, files->n_weights, sizeof *used, by_data)) continue;
        if (ltd_weight_is_spare(view->name, &files->config, gguf)) continue;
        rc = ltd_fail(err, LTD_EUNSUPPORTED,
                      "%s: tensor %s has no place in a %s model as we run it (a bias, an expert, a "
                      "part for pictures?)",
                      files->path, view->name, files->config.arch);
    }
    free(used);
    return rc;
}

static int find_weights(ltd_model_files *files, ltd_err *err)
{
    size_t n = slot(LTD_WEIGHT_ATTN_NORM, files->config.n_layers);
    files->weights = ltd_mem_zeros(n, sizeof *files->weights);
    if (!files->weights) return ltd_fail(err, LTD_ENOMEM, "%s: no memory", files->path);
    int rc = LTD_OK;
    for (int w = 0; w < LTD_WEIGHT_ATTN_NORM && rc == LTD_OK; w++)
        rc = find_weight(files, (ltd_weight)w, 0, err);
    for (int layer = 0; layer < files->config.n_layers; layer++)
        for (int w = LTD_WEIGHT_ATTN_NORM; w < LTD_WEIGHT_COUNT && rc == LTD_OK; w++)
            rc = find_weight(files, (ltd_weight)w, layer, err);
    return rc == LTD_OK ? refuse_others(files, err) : rc;
}

/* Say what a file that is no GGUF seems to be. */
static int refuse_file(const char *path, ltd_err *err)
{
    static const char ask[] =
        "a model is a .gguf file or a folder with config.json and safetensors";
    ltd_file map;
    int rc = ltd_file_map(&map, path, err);
    if (rc < 0) return rc;
    const char *what = "is no model";
    size_t printable = 0, n = map.size < 256 ? map.size : 256;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = map.data[i];
        printable += c >= ' ' || c == '\n' || c == '\r' || c == '\t';
    }
    if (map.size == 0)
        what = "is empty";
    else if (map.size >= 4 && memcmp(map.data, "PK\3\4", 4) == 0)
        what = "is a zip (a PyTorch file?)";
    else if (map.size > 8 && map.data[8] == '{' && map.data[7] == 0)
        what = "is a safetensors file: give the folder that holds it";
    else if (printable == n)
        what = "is a text file";
    ltd_file_unmap(&map);
    return ltd_fail(err, LTD_EFORMAT, "%s: %s; %s", path, what, ask);
}

static bool begins_as_gguf(const char *path)
{
    char magic[4] = "";
    FILE *f = fopen(path, "rb");
    if (!f) return true; /* ltd_gguf_open() says why */
    size_t n = fread(magic, 1, sizeof magic, f);
    fclose(f);
    return n == sizeof magic && memcmp(magic, "GGUF", n) == 0;
}

static int open_gguf(ltd_model_files *files, ltd_err *err)
{
    if (!begins_as_gguf(files->path)) return refuse_file(files->path, err);
    int rc = ltd_gguf_open(&files->gguf, files->path, err);
    return rc < 0 ? rc : ltd_config_from_gguf(&files->config, files->gguf, err);
}

static int open_folder(ltd_model_files *files, ltd_err *err)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/config.json", files->path) >= (int)sizeof path)
        return ltd_fail(err, LTD_EINVAL, "%s: the path is too long", files->path);
    struct stat st;
    if (stat(path, &st) < 0 && errno == ENOENT)
        return ltd_fail(err, LTD_EFORMAT,
                        "%s: the folder has no config.json: no Hugging Face model", files->path);
    int rc = ltd_config_from_hf(&files->config, path, err);
    return rc < 0 ? rc : ltd_shards_open(&files->shards, files->path, err);
}

int ltd_model_files_open(ltd_model_files **ret, const char *path, ltd_err *err)
{
    *ret = NULL;
    struct stat st;
    if (stat(path, &st) < 0) return ltd_fail(err, LTD_EIO, "%s: %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)) /* a pipe would block us */
        return ltd_fail(err, LTD_EIO, "%s: is neither a file nor a folder", path);
    ltd_model_files *files = ltd_mem_zeros(1, sizeof *files);
    if (!files) return ltd_fail(err, LTD_ENOMEM, "%s: no memory", path);
    int rc;
    files->path = ltd_mem_strdup(path);
    files->hash = ltd_mem_zeros(1, sizeof *files->hash);
    if (files->hash && pthread_mutex_init(&files->hash->lock, NULL) != 0) {
        free(files->hash);
        files->hash = NULL;
    }
    if (!files->path || !files->hash) {
        rc = ltd_fail(err, LTD_ENOMEM, "%s: no memory", path);
        goto out;
    }
    rc = S_ISDIR(st.st_mode) ? open_folder(files, err) : open_gguf(files, err);
    if (rc == LTD_OK) rc = find_weights(files, err);
out:
    if (rc < 0)
        ltd_model_files_close(files);
    else
        *ret = files;
    return rc;
}

void ltd_model_files_close(ltd_model_files *files)
{
    if (!files) return;
    if (files->hash) pthread_mutex_destroy(&files->hash->lock);
    free(files->hash);
    ltd_gguf_close(files->gguf);
    ltd_shards_close(files->shards);
    free(files->weights);
    free(files->path);
    free(files);
}

void ltd_model_files_forget(const ltd_model_files *files)
{
    if (files->gguf)
        ltd_gguf_forget(files->gguf);
    else
        ltd_shards_forget(files->shards);
}

const ltd_llm_config *ltd_model_files_config(const ltd_model_files *files)
{
    return &files->config;
}

int ltd_model_files_weight(const ltd_model_files *files, ltd_weight weight, int layer,
                           ltd_tensor_view *ret, ltd_err *err)
{
    bool in_layer = weight >= LTD_WEIGHT_ATTN_NORM;
    if ((unsigned)weight >= LTD_WEIGHT_COUNT ||
        (in_layer && (layer < 0 || layer >= files->config.n_layers)))
        return ltd_fail(err, LTD_EINVAL, "%s: weight %d of layer %d, expected 0 to %d of %d layers",
                        files->path, (int)weight, layer, LTD_WEIGHT_COUNT - 1,
                        files->config.n_layers);
    const ltd_tensor_view *view = &files->weights[slot(weight, layer)];
    if (!view->name) return LTD_WEIGHT_NONE;
    *ret = *view;
    return LTD_OK;
}

const ltd_gguf *ltd_model_files_gguf(const ltd_model_files *files)
{
    return files->gguf;
}

const char *ltd_model_files_path(const ltd_model_files *files)
{
    return files->path;
}

uint64_t ltd_model_files_bytes(const ltd_model_files *files)
{
    return files->gguf ? ltd_gguf_size(files->gguf) : ltd_shards_bytes(files->shards);
}

int ltd_model_files_hash(const ltd_model_files *files, char hex[65], ltd_err *err)
{
    hash_cache *hash = files->hash;
    int rc = LTD_OK;
    pthread_mutex_lock(&hash->lock);
    if (!hash->known) {
        ltd_file map;
        rc = ltd_file_map(&map, files->gguf ? files->path : ltd_shards_path(files->shards), err);
        if (rc == LTD_OK) {
            ltd_file_sha256(hash->hex, map.data, map.size);
            ltd_file_unmap(&map);
            hash->known = true;
        }
    }
    if (rc == LTD_OK) memcpy(hex, hash->hex, sizeof hash->hex);
    pthread_mutex_unlock(&hash->lock);
    return rc;
}
