#include "trainer/wiki/write/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "trainer/config/setup.h"
#include "trainer/wiki/pages/event.h"

int ltd_wiki_settings_task(const ltd_config *c, const char *method, ltd_wiki_task *ret,
                           ltd_err *err)
{
    ltd_wiki_task t = {.plan = (ltd_wiki_plan)c->wiki.plan,
                       .rewrite = c->wiki.rewrite,
                       .profile = ltd_wiki_profile_at(c->wiki.profile),
                       .ranking = (ltd_wiki_ranking)c->wiki.ranking,
                       .sources = (ltd_wiki_sources)c->wiki.sources};
    if (!ltd_wiki_method_find(method, &t.method))
        return ltd_fail(err, LTD_EINVAL,
                        "wiki.methods: is '%s', expected vanilla, rr, prr, extract-rr or "
                        "extract-prr",
                        method);
    *ret = t;
    return LTD_OK;
}

int ltd_wiki_settings_one_task(const ltd_config *c, ltd_wiki_task *ret, ltd_err *err)
{
    if (c->wiki.methods.n != 1)
        return ltd_fail(err, LTD_EINVAL, "wiki.methods: names %d, expected one",
                        (int)c->wiki.methods.n);
    return ltd_wiki_settings_task(c, c->wiki.methods.v[0], ret, err);
}

static int events_of_split(const ltd_config *c, const char *root, ltd_wiki_ids *ret, ltd_err *err)
{
    ltd_wiki_split s;
    int rc = ltd_wiki_split_of(&s, root, err);
    if (rc < 0) return rc;
    *ret = s.part[c->wiki.split];
    s.part[c->wiki.split] = (ltd_wiki_ids){0};
    ltd_wiki_split_fini(&s);
    if (ret->n) return LTD_OK;
    free(ret->id);
    return ltd_fail(err, LTD_EINVAL, "wiki.split: %s has no events in %s",
                    ltd_wiki_split_name((ltd_wiki_part_of)c->wiki.split), root);
}

int ltd_wiki_settings_events(const ltd_config *c, ltd_wiki_ids *ret, ltd_err *err)
{
    char root[LTD_CONFIG_TEXT];
    ltd_wiki_ids ids = {0};
    ltd_wiki_root(c, root, sizeof root);
    int rc = c->wiki.split == LTD_WIKI_SPLITS ? ltd_wiki_event_ids(&ids.id, &ids.n, root, err)
                                              : events_of_split(c, root, &ids, err);
    if (rc < 0) return rc;
    if (c->wiki.events && ids.n > c->wiki.events) ids.n = c->wiki.events;
    *ret = ids;
    return LTD_OK;
}

char *ltd_wiki_root(const ltd_config *c, char *ret, size_t size)
{
    if (!c->wiki.root[0]) return ltd_setup_find(ret, size, "configs/wiki");
    snprintf(ret, size, "%s", c->wiki.root);
    return ret;
}

char *ltd_wiki_data(const ltd_config *c, char *ret, size_t size)
{
    if (c->wiki.data[0])
        snprintf(ret, size, "%s", c->wiki.data);
    else
        snprintf(ret, size, "%s/wiki", c->run.dir);
    return ret;
}

char *ltd_wiki_out(const ltd_config *c, char *ret, size_t size)
{
    if (c->wiki.out[0])
        snprintf(ret, size, "%s", c->wiki.out);
    else if (strncmp(c->wiki.methods.v[0], "extract-", 8) == 0) /* nobody decodes */
        snprintf(ret, size, "%s/wiki-%s", c->run.dir, c->wiki.methods.v[0]);
    else
        snprintf(ret, size, "%s/wiki-%s-%s", c->run.dir, c->wiki.methods.v[0], c->wiki.decoder);
    return ret;
}

void ltd_wiki_task_text(const ltd_wiki_task *t, ltd_str *out)
{
    ltd_str_printf(out, "%s %s %s %s", ltd_wiki_method_name(t->method), t->profile->name,
                   ltd_wiki_ranking_name(t->ranking), ltd_wiki_sources_name(t->sources));
    if (t->method == LTD_WIKI_PRR) ltd_str_printf(out, " plan %s", ltd_wiki_plan_name(t->plan));
    if (t->rewrite) ltd_str_puts(out, " rewrite");
}
