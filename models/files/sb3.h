/* Zips of Stable-Baselines3's model.save(): the weights of a policy (member policy.pth, a torch zip
 * inside the zip), and what the zip says about its activation (member data, JSON).
 *
 *     ltd_sb3 *file;
 *     if (ltd_sb3_open(&file, "depth.zip", &err) < 0) ...
 *     const ltd_ptzip *weights = ltd_sb3_weights(file);        "action_net.weight", ...
 *     const char *class = ltd_sb3_activation(file);            "Tanh"
 *
 * Nothing is executed: policy.pth goes through ptzip.h; the objects that `data` carries as pickles
 * are passed over.  Other members are not looked at.
 * Everything is read and checked at open.  Whatever the file says, memory is at most a few hundred
 * MiB and 32 times the file.  Thread rule: immutable once open.
 * Source: files written by Stable-Baselines3 2.9; our reading of them. */
#ifndef LTD_MODELS_FILES_SB3_H
#define LTD_MODELS_FILES_SB3_H

#include <stddef.h>

#include "base/status.h"
#include "models/files/ptzip.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ltd_sb3 ltd_sb3;

/* LTD_EIO, LTD_EFORMAT (damaged, or no such file), LTD_EUNSUPPORTED (see ptzip.h), LTD_ENOMEM.
 * *ret owned. */
int ltd_sb3_open(ltd_sb3 **ret, const char *path, ltd_err *err);
/* The same from memory, which is copied and not needed afterwards; `name` is used in messages. */
int ltd_sb3_parse(ltd_sb3 **ret, const void *data, size_t size, const char *name, ltd_err *err);
void ltd_sb3_close(ltd_sb3 *file);

/* All of these are borrowed until close. */
const char *ltd_sb3_path(const ltd_sb3 *file);
/* Version that wrote it, "" where it isn't told. */
const char *ltd_sb3_version(const ltd_sb3 *file);
const ltd_ptzip *ltd_sb3_weights(const ltd_sb3 *file);
/* Class of the activation, without its module where that is torch.nn's ("ReLU"); "" where the zip
 * leaves it open. */
const char *ltd_sb3_activation(const ltd_sb3 *file);
/* Where that stands, or why it is open, in words. */
const char *ltd_sb3_activation_source(const ltd_sb3 *file);

#ifdef __cplusplus
}
#endif
#endif
