/* models/text/chat: templates as exact strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "models/text/chat.h"
#include "tests/support/vocab.h"

static void assert_rendered(const char *chat, const ltd_message *messages, size_t n, bool generate,
                            const char *expected)
{
    ltd_str out = LTD_STR_INIT;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_chat_render(ltd_chat_find(chat), messages, n, generate, &out, &err),
                     LTD_OK);
    assert_string_equal(ltd_str_text(&out), expected);
    ltd_str_fini(&out);
}

static void smollm2_puts_its_system_message_first(void **state)
{
    (void)state;
    const ltd_message one[] = {{"user", "Hi"}};
    assert_rendered("smollm2", one, 1, true,
                    "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by "
                    "Hugging Face<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
                    "<|im_start|>assistant\n");
    const ltd_message two[] = {{"system", ""}, {"user", "Hi"}};
    assert_rendered("smollm2", two, 2, false,
                    "<|im_start|>system\n<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n");
    assert_rendered("smollm2", NULL, 0, true, "<|im_start|>assistant\n");
}

static void chatml_adds_nothing(void **state)
{
    (void)state;
    const ltd_message m[] = {{"user", "Hi"}, {"assistant", "Yes?"}};
    assert_rendered("chatml", m, 2, true,
                    "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYes?<|im_end|>\n"
                    "<|im_start|>assistant\n");
}

static void none_is_the_contents(void **state)
{
    (void)state;
    const ltd_message m[] = {{"user", "one "}, {"user", "two"}};
    assert_rendered("none", m, 2, true, "one two");
}

static void names_are_found_and_told(void **state)
{
    (void)state;
    assert_string_equal(ltd_chat_name(ltd_chat_find("chatml")), "chatml");
    assert_null(ltd_chat_find("llama-9"));
}

static void a_message_without_text_is_refused(void **state)
{
    (void)state;
    const ltd_message m[] = {{"user", "Hi"}, {"user", NULL}, {NULL, "x"}};
    ltd_str out = LTD_STR_INIT;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_chat_render(ltd_chat_find("none"), m, 2, true, &out, &err), LTD_EINVAL);
    assert_string_equal(err.msg, "message 1 has no content");
    assert_int_equal(ltd_chat_render(ltd_chat_find("none"), m + 2, 1, true, &out, &err),
                     LTD_EINVAL);
    assert_int_equal(out.len, 0);
}

static void a_model_called_vicuna_needs_no_template(void **state)
{
    (void)state;
    vocab_spec spec = VOCAB_DEFAULT;
    spec.name = "lmsys Vicuna 7b v1.5";
    ltd_tokenizer *tok;
    assert_int_equal(vocab_open(&tok, &spec, NULL), LTD_OK);
    assert_string_equal(ltd_chat_name(ltd_chat_detect(tok)), "vicuna");
    ltd_tokenizer_free(tok);
    spec.chat_template = "something else";
    assert_int_equal(vocab_open(&tok, &spec, NULL), LTD_OK);
    assert_string_equal(ltd_chat_name(ltd_chat_detect(tok)), "none");
    ltd_tokenizer_free(tok);
}

static void roles_that_a_template_lacks_are_refused(void **state)
{
    (void)state;
    const ltd_message tool[] = {{"user", "Hi"}, {"tool", "42"}};
    const ltd_message twice[] = {{"user", "Hi"}, {"user", "Ho"}};
    ltd_str out = LTD_STR_INIT;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_chat_render(ltd_chat_find("qwen3"), tool, 2, true, &out, &err),
                     LTD_EINVAL);
    assert_non_null(strstr(err.msg, "message 1: chat template 'qwen3' has no role 'tool'"));
    assert_int_equal(ltd_chat_render(ltd_chat_find("vicuna"), twice, 2, true, &out, &err),
                     LTD_EINVAL);
    assert_non_null(strstr(err.msg, "message 1 is the user's"));
    assert_int_equal(out.len, 0);
}

static void every_name_is_found(void **state)
{
    (void)state;
    size_t n = 0;
    for (const char *name; (name = ltd_chat_name_at(n)); n++)
        assert_string_equal(ltd_chat_name(ltd_chat_find(name)), name);
    assert_int_equal(n, 14);
}

static void the_template_of_a_file_is_recognised(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {NULL, "none"},
        {"{{ bos }} [INST] ...", "none"},
        {"{{ bos }}[INST] <<SYS>>", "llama2"},
        {"<|start_header_id|>{{ role }}<|end_header_id|>", "llama3"},
        {"<|start_header_id|>system ... Cutting Knowledge Date: December 2023", "llama3.1"},
        {"<\xef\xbd\x9c"
         "Assistant\xef\xbd\x9c><think>",
         "deepseek-r1"},
        {"<\xef\xbd\x9c"
         "Assistant\xef\xbd\x9c>",
         "none"},
        {"<start_of_turn>{{ role }}", "gemma3"},
        {"<|im_start|>system\nYou are a helpful assistant.<|im_end|>", "qwen2"},
        {"<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
         "qwen2.5"},
        {"<|im_start|>{% if enable_thinking is false %}<think>", "qwen3"},
        {"USER: {{ m }} ASSISTANT: ", "vicuna"},
        {"{% for m in messages %}<|im_start|>{{ m.role }}", "chatml"},
        {"<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face",
         "smollm2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vocab_spec spec = VOCAB_DEFAULT;
        spec.chat_template = cases[i][0];
        ltd_tokenizer *tok;
        assert_int_equal(vocab_open(&tok, &spec, NULL), LTD_OK);
        assert_string_equal(ltd_chat_name(ltd_chat_detect(tok)), cases[i][1]);
        ltd_tokenizer_free(tok);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smollm2_puts_its_system_message_first),
        cmocka_unit_test(chatml_adds_nothing),
        cmocka_unit_test(none_is_the_contents),
        cmocka_unit_test(names_are_found_and_told),
        cmocka_unit_test(a_message_without_text_is_refused),
        cmocka_unit_test(the_template_of_a_file_is_recognised),
        cmocka_unit_test(a_model_called_vicuna_needs_no_template),
        cmocka_unit_test(roles_that_a_template_lacks_are_refused),
        cmocka_unit_test(every_name_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
