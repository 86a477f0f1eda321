/* Chat templates: every conversation of tests/golden/chat/renderings.json comes out as the
 * reference rendered it, or is refused where the reference refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <json.h>

#include "models/text/chat.h"
#include "tests/support/golden.h"

enum { MOST = 16 };

static json_object *get(json_object *object, const char *key)
{
    json_object *value = NULL;
    json_object_object_get_ex(object, key, &value);
    return value;
}

static void assert_rendering(const ltd_chat *chat, json_object *conversation, bool generate,
                             json_object *expected, size_t index)
{
    ltd_message messages[MOST];
    size_t n = json_object_array_length(conversation);
    assert_true(n <= MOST);
    for (size_t i = 0; i < n; i++) {
        json_object *m = json_object_array_get_idx(conversation, i);
        messages[i].role = json_object_get_string(get(m, "role"));
        messages[i].content = json_object_get_string(get(m, "content"));
    }
    ltd_str out = LTD_STR_INIT;
    ltd_err err = LTD_ERR_INIT;
    int status = ltd_chat_render(chat, messages, n, generate, &out, &err);
    const char *name = ltd_chat_name(chat);
    if (!expected) {
        if (status != LTD_EINVAL)
            fail_msg("%s, conversation %zu: '%s', expected a refusal", name, index,
                     ltd_str_text(&out));
    } else if (status < 0) {
        fail_msg("%s, conversation %zu: %s", name, index, err.msg);
    } else if (strcmp(ltd_str_text(&out), json_object_get_string(expected)) != 0) {
        fail_msg("%s, conversation %zu:\n'%s', expected\n'%s'", name, index, ltd_str_text(&out),
                 json_object_get_string(expected));
    }
    ltd_str_fini(&out);
}

static void renderings_are_the_reference_s(void **state)
{
    (void)state;
    char path[1024];
    if (!golden_path(path, sizeof path, "chat/renderings.json")) skip();
    json_object *root = json_object_from_file(path);
    assert_non_null(root);
    json_object *conversations = get(root, "conversations"), *templates = get(root, "templates");
    size_t n = json_object_array_length(conversations);
    assert_true(n >= 19 && json_object_array_length(templates) >= 13);
    for (size_t t = 0; t < json_object_array_length(templates); t++) {
        json_object *entry = json_object_array_get_idx(templates, t);
        const char *name = json_object_get_string(get(entry, "template"));
        const ltd_chat *chat = ltd_chat_find(name);
        if (!chat) fail_msg("no template '%s'", name);
        for (size_t i = 0; i < n; i++) {
            json_object *pair = json_object_array_get_idx(get(entry, "renderings"), i);
            for (size_t g = 0; g < 2; g++)
                assert_rendering(chat, json_object_array_get_idx(conversations, i), g == 1,
                                 json_object_array_get_idx(pair, g), i);
        }
    }
    json_object_put(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renderings_are_the_reference_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
