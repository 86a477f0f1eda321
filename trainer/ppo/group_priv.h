/* What carries a group's bytes; shared by group.c and group_*.c. */
#ifndef LTD_TRAINER_GROUP_PRIV_H
#define LTD_TRAINER_GROUP_PRIV_H

#include "trainer/ppo/group.h"

/* Why a process leaves, sent by it. */
typedef struct ltd_group_note {
    int32_t rank, code; /* enum ltd_status */
    char msg[320];
} ltd_group_note;

/* Each returns at once.  One gather or share is under way at most. */
typedef struct ltd_group_wire {
    /* all[size x bytes] of rank 0 from everybody's mine[bytes] */
    int (*gather)(ltd_group *g, const void *mine, void *all, size_t bytes, ltd_err *err);
    int (*share)(ltd_group *g, void *v, size_t bytes, ltd_err *err);
    int (*test)(ltd_group *g, bool *done, ltd_err *err); /* is it over? */
    void (*send)(ltd_group *g, int32_t to, const ltd_group_note *note);
    bool (*receive)(ltd_group *g, ltd_group_note *ret); /* false: none has come */
    void (*close)(ltd_group *g, bool together);         /* frees g */
} ltd_group_wire;

struct ltd_group {
    const ltd_group_wire *wire;
    int32_t rank, size;
    const volatile int *stop; /* borrowed, may be NULL */
    ltd_err why;              /* code < 0: the group has ended */
    int32_t teller;           /* rank whose note ended it; -1: none did */
    ltd_group_note *heard;    /* [size] owned; code < 0: has come */
    void *mine, *all;         /* what is under way reads and writes these alone; owned */
    size_t mine_room, all_room;
};

/* A group over a wire; `ret` is zero but for what belongs to the wire.  LTD_ENOMEM. */
int ltd_group_init(ltd_group *ret, const ltd_group_wire *wire, int32_t rank, int32_t size,
                   ltd_err *err);
void ltd_group_fini(ltd_group *g);
/* How many processes a launcher says that it started, by its environment variables; 1: none does.
 * *name (static storage): that of the variable. */
int32_t ltd_group_launched(const char **name);

#endif
