/* The words in which a judge is asked: one instruction a kind, and the material behind it.
 *
 *     ltd_str user = LTD_STR_INIT;
 *     ltd_wiki_judge_user(&user, LTD_WIKI_FOCUS, event->key, article_text);
 *     chat(ltd_wiki_judge_system(LTD_WIKI_FOCUS), ltd_str_text(&user));
 *
 * A change of a word here changes every request, so that no reply in a cache fits any longer.
 * Thread rule: pure functions. */
#ifndef LTD_TRAINER_WIKI_JUDGE_PROMPTS_H
#define LTD_TRAINER_WIKI_JUDGE_PROMPTS_H

#include "base/str.h"
#include "trainer/wiki/judge/judge.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Who the judge is, what the grades mean, what to reply; static storage. */
const char *ltd_wiki_judge_system(ltd_wiki_judge_kind kind);

/* Append title and material: the article, or for LTD_WIKI_OUTLINE its headings, one a line. */
void ltd_wiki_judge_user(ltd_str *out, ltd_wiki_judge_kind kind, const char *title,
                         const char *material);
/* Append a chunk and a sentence for LTD_WIKI_NLI. */
void ltd_wiki_judge_user_nli(ltd_str *out, const char *premise, const char *hypothesis);

#ifdef __cplusplus
}
#endif
#endif
