/* models/text: tokenizer.json, tokenizer.model and folders, small ones made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "models/text/tokenizer.h"

/* The parts of a tokenizer.json; a test replaces some of them. */
typedef struct parts {
    const char *normalizer, *pre, *decoder, *post, *added, *vocab, *merges, *more;
} parts;

#define ADDED "{\"id\":0,\"content\":\"<s>\",\"special\":true},{\"id\":6,\"content\":\"<x>\"}"
#define PARTS_DEFAULT                                                                              \
    {                                                                                              \
        .normalizer = "null", .pre = "null", .decoder = "{\"type\":\"Fuse\"}", .post = "null",     \
        .added = ADDED, .vocab = "\"<s>\":0,\"a\":1,\"b\":2,\"ab\":3,\"\u2581\":4,\"\u2581a\":5",  \
        .merges = "\"a b\",[\"\u2581\",\"a\"]", .more = ""                                         \
    }

static int open_parts(ltd_tokenizer **ret, const parts *p, ltd_err *err)
{
    ltd_str s = LTD_STR_INIT;
    ltd_str_printf(&s,
                   "{\"normalizer\":%s,\"pre_tokenizer\":%s,\"decoder\":%s,\"post_processor\":%s,"
                   "\"added_tokens\":[%s],\"model\":{\"type\":\"BPE\",\"vocab\":{%s},"
                   "\"merges\":[%s]%s}}",
                   p->normalizer, p->pre, p->decoder, p->post, p->added, p->vocab, p->merges,
                   p->more);
    int status = ltd_tokenizer_from_json(ret, "t.json", s.data, s.len, err);
    ltd_str_fini(&s);
    return status;
}

static void assert_refused(const parts *p, int code, const char *says)
{
    ltd_tokenizer *tok = (ltd_tokenizer *)1;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(open_parts(&tok, p, &err), code);
    assert_null(tok);
    if (!strstr(err.msg, says)) fail_msg("'%s' does not say '%s'", err.msg, says);
}

/* The tokens of a text with a bar between them. */
static void assert_pieces(const ltd_tokenizer *tok, const char *text, int flags,
                          const char *expected)
{
    ltd_tokens ids = LTD_TOKENS_INIT;
    ltd_err err = LTD_ERR_INIT;
    ltd_str shown = LTD_STR_INIT;
    if (ltd_tokenizer_encode(tok, text, strlen(text), flags, &ids, &err) < 0)
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < ids.n; i++) {
        if (i) ltd_str_puts(&shown, "|");
        ltd_tokenizer_decode(tok, ids.ids[i], true, &shown);
    }
    assert_string_equal(ltd_str_text(&shown), expected);
    ltd_str_fini(&shown);
    ltd_tokens_fini(&ids);
}

static ltd_tokenizer *open_good(const parts *p)
{
    ltd_tokenizer *tok;
    ltd_err err = LTD_ERR_INIT;
    if (open_parts(&tok, p, &err) < 0) fail_msg("%s", err.msg);
    return tok;
}

static void a_small_file_is_read(void **state)
{
    (void)state;
    parts p = PARTS_DEFAULT;
    ltd_tokenizer *tok = open_good(&p);
    assert_int_equal(ltd_tokenizer_vocab(tok), 7);
    assert_int_equal(ltd_tokenizer_bos(tok), -1);
    assert_int_equal(ltd_tokenizer_eos(tok), -1);
    assert_pieces(tok, "abba<s>b<x>", LTD_ENCODE_SPECIAL, "ab|b|a|<s>|b|<x>");
    assert_pieces(tok, "a<s><x>", LTD_ENCODE_PLAIN, "a|<x>"); /* "<s>" has no characters here */
    assert_pieces(tok, "a?b", LTD_ENCODE_PLAIN, "ab");        /* nor has "?": it is dropped */
    ltd_tokenizer_free(tok);
}

static void spaces_are_marked_and_come_back(void **state)
{
    (void)state;
    parts p = PARTS_DEFAULT;
    p.normalizer = "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":"
                   "\"\u2581\"},{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":"
                   "\"\u2581\"}]}";
    p.decoder = "{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\""
                ":\"\u2581\"},\"content\":\" \"},{\"type\":\"Strip\",\"content\":\" \",\"start\":1,"
                "\"stop\":0}]}";
    ltd_tokenizer *tok = open_good(&p);
    assert_pieces(tok, "ab a", LTD_ENCODE_SPECIAL, " |ab| a");
    assert_pieces(tok, "a<s>a", LTD_ENCODE_SPECIAL, " a|<s>| a");
    ltd_tokens ids = LTD_TOKENS_INIT;
    ltd_str text = LTD_STR_INIT;
    assert_int_equal(ltd_tokenizer_encode(tok, "ab a", 4, 0, &ids, NULL), LTD_OK);
    ltd_tokenizer_decode_text(tok, ids.ids, ids.n, true, &text);
    assert_string_equal(ltd_str_text(&text), "ab a");
    ltd_tokens_fini(&ids);
    ltd_str_fini(&text);
    ltd_tokenizer_free(tok);
}

static void a_template_s_token_is_put_first_once(void **state)
{
    (void)state;
    parts p = PARTS_DEFAULT;
    p.post = "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<s>\","
             "\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],\"special_tokens\":"
             "{\"<s>\":{\"id\":\"<s>\",\"ids\":[0],\"tokens\":[\"<s>\"]}}}";
    ltd_tokenizer *tok = open_good(&p);
    assert_int_equal(ltd_tokenizer_bos(tok), 0);
    assert_true(ltd_tokenizer_add_bos(tok));
    assert_pieces(tok, "ab", LTD_ENCODE_PROMPT, "<s>|ab");
    assert_pieces(tok, "<s>ab", LTD_ENCODE_PROMPT, "<s>|ab");
    assert_pieces(tok, "ab", LTD_ENCODE_SPECIAL, "ab");
    assert_pieces(tok, "", LTD_ENCODE_PROMPT, "<s>");
    ltd_tokenizer_free(tok);
}

static void ids_may_be_left_out(void **state)
{
    (void)state;
    parts p = PARTS_DEFAULT;
    p.vocab = "\"a\":9,\"b\":2,\"ab\":30";
    p.added = "";
    p.merges = "\"a b\"";
    ltd_tokenizer *tok = open_good(&p);
    assert_int_equal(ltd_tokenizer_vocab(tok), 31);
    assert_pieces(tok, "aba", 0, "ab|a");
    ltd_str out = LTD_STR_INIT;
    ltd_tokenizer_decode(tok, 5, true, &out);
    assert_int_equal(out.len, 0);
    ltd_str_fini(&out);
    assert_int_equal(ltd_tokenizer_find(tok, ""), -1);
    ltd_tokenizer_free(tok);
}

static void unknown_characters_become_the_unknown_token(void **state)
{
    (void)state;
    parts p = PARTS_DEFAULT;
    p.more = ",\"unk_token\":\"<s>\",\"fuse_unk\":true";
    ltd_tokenizer *tok = open_good(&p);
    assert_pieces(tok, "a??b?", 0, "a|<s>|b|<s>");
    ltd_tokenizer_free(tok);
    p.more = ",\"unk_token\":\"<s>\"";
    tok = open_good(&p);
    assert_pieces(tok, "a??b?", 0, "a|<s>|<s>|b|<s>");
    ltd_tokenizer_free(tok);
}

static void components_that_are_not_known_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        size_t at; /* of the part */
        const char *text, *says;
    } cases[] = {
#define AT(field) offsetof(parts, field)
        {AT(normalizer), "{\"type\":\"Lowercase\"}", "normalizer 'Lowercase'"},
        {AT(normalizer), "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"x\"},\"content\":\"\"}",
         "no plain string"},
        {AT(normalizer), "{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"\"}",
         "Replace of an empty text"},
        {AT(pre), "{\"type\":\"Whitespace\"}", "pre-tokenizer 'Whitespace'"},
        {AT(pre),
         "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"ByteLevel\"},{\"type\":"
         "\"Digits\"}]}",
         "behind ByteLevel"},
        {AT(pre), "{\"type\":\"Metaspace\",\"replacement\":\"_\"}", "replacement '_'"},
        {AT(pre),
         "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\\\\w+\"},\"behavior\":\"Isolated\"}",
         "an escape"},
        {AT(pre), "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a\"},\"behavior\":\"Odd\"}",
         "behavior 'Odd'"},
        {AT(decoder), "{\"type\":\"WordPiece\"}", "decoder 'WordPiece'"},
        {AT(decoder), "null", "'decoder'"},
        {AT(post), "{\"type\":\"BertProcessing\"}", "post-processor 'BertProcessing'"},
        {AT(more), ",\"continuing_subword_prefix\":\"##\"", "continuing_subword_prefix"},
        {AT(more), ",\"end_of_word_suffix\":\"</w>\"", "end_of_word_suffix"},
        {AT(more), ",\"dropout\":0.1", "dropout"},
        {AT(more), ",\"type\":\"Unigram\"", "model 'Unigram'"},
        {AT(added), "{\"id\":7,\"content\":\"q\",\"lstrip\":true}", "'q' has lstrip"},
        {AT(added), "{\"id\":7,\"content\":\"q\",\"rstrip\":true}", "'q' has rstrip"},
        {AT(added), "{\"id\":7,\"content\":\"q\",\"single_word\":true}", "'q' has single_word"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        parts p = PARTS_DEFAULT;
        *(const char **)((char *)&p + cases[i].at) = cases[i].text;
        assert_refused(&p, LTD_EUNSUPPORTED, cases[i].says);
    }
}

static void damaged_files_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        const char *text, *says;
    } cases[] = {
        {AT(merges), "\"nospace\"", "merges[0] is 'nospace'"},
        {AT(merges), "[\"a\"]", "expected two tokens"},
        {AT(merges), "[\"a\",1]", "found number"},
        {AT(merges), "\"a b\",\"b b\"", "merges[1] is 'b b': its result is no token"},
        {AT(vocab), "\"a\":1,\"b\":1", "is both 'a' and 'b'"},
        {AT(vocab), "\"a\":-1", "key 'vocab'"},
        {AT(vocab), "\"a\":99999", "key 'vocab'"},
        {AT(vocab), "\"a\":\"1\"", "found string"},
        {AT(added), "{\"id\":1,\"content\":\"q\"}", "'q' has id 1, which is 'a'"},
        {AT(added), "{\"id\":8,\"content\":\"a\"}", "'a' has id 8 and id 1"},
        {AT(added), "{\"content\":\"a\"}", "key 'id': missing"},
        {AT(more), ",\"unk_token\":\"q\"", "unk_token 'q' is no token"},
        {AT(post), "{\"type\":\"TemplateProcessing\"}", "key 'single': missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        parts p = PARTS_DEFAULT;
        *(const char **)((char *)&p + cases[i].at) = cases[i].text;
        assert_refused(&p, LTD_EFORMAT, cases[i].says);
    }
}

/* --- folders --- */
typedef struct folder {
    char path[64];
} folder;

static void put(const folder *f, const char *file, const char *text)
{
    char path[128];
    ltd_err err = LTD_ERR_INIT;
    snprintf(path, sizeof path, "%s/%s", f->path, file);
    if (ltd_file_write(path, text, strlen(text), &err) < 0) fail_msg("%s", err.msg);
}

static folder make_folder(void)
{
    folder f = {"/tmp/ltd-test-tokenizer-XXXXXX"};
    assert_non_null(mkdtemp(f.path));
    return f;
}

static void drop_folder(const folder *f)
{
    static const char *const files[] = {
        "tokenizer.json",         "tokenizer_config.json", "special_tokens_map.json",
        "generation_config.json", "config.json",           "chat_template.jinja"};
    char path[128];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", f->path, files[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(f->path), 0);
}

#define TINY                                                                                       \
    "{\"decoder\":{\"type\":\"Fuse\"},\"model\":{\"vocab\":{\"a\":0,\"<s>\":1,\"</s>\":2,"         \
    "\"<e>\":3},\"merges\":[]}}"

static void a_folder_s_files_name_the_ends(void **state)
{
    (void)state;
    folder f = make_folder();
    ltd_tokenizer *tok;
    ltd_err err = LTD_ERR_INIT;
    put(&f, "tokenizer.json", TINY);
    put(&f, "tokenizer_config.json",
        "{\"bos_token\":{\"content\":\"<s>\"},\"eos_token\":\"</s>\",\"pad_token\":null,"
        "\"add_bos_token\":true,\"chat_template\":[{\"name\":\"x\",\"template\":\"X\"},"
        "{\"name\":\"default\",\"template\":\"D\"}]}");
    put(&f, "generation_config.json", "{\"eos_token_id\":[2,3,99],\"pad_token_id\":0}");
    if (ltd_tokenizer_from_folder(&tok, f.path, &err) < 0) fail_msg("%s", err.msg);
    assert_int_equal(ltd_tokenizer_bos(tok), 1);
    assert_int_equal(ltd_tokenizer_eos(tok), 2);
    assert_int_equal(ltd_tokenizer_pad(tok), -1); /* said to be none */
    assert_true(ltd_tokenizer_add_bos(tok));
    assert_true(ltd_tokenizer_is_end(tok, 2));
    assert_true(ltd_tokenizer_is_end(tok, 3));
    assert_false(ltd_tokenizer_is_end(tok, 99));
    assert_string_equal(ltd_tokenizer_chat_template(tok), "D");
    ltd_tokenizer_free(tok);

    put(&f, "chat_template.jinja", "J");
    put(&f, "tokenizer_config.json", "{\"eos_token\":\"no\"}");
    assert_int_equal(ltd_tokenizer_from_folder(&tok, f.path, &err), LTD_EFORMAT);
    assert_null(tok);
    assert_non_null(strstr(err.msg, "eos_token 'no' is no token"));
    put(&f, "tokenizer_config.json", "{}");
    put(&f, "special_tokens_map.json", "{\"bos_token\":\"<s>\"}");
    put(&f, "config.json", "{\"bos_token_id\":0,\"eos_token_id\":3}");
    if (ltd_tokenizer_from_folder(&tok, f.path, &err) < 0) fail_msg("%s", err.msg);
    assert_int_equal(ltd_tokenizer_bos(tok), 1);
    assert_int_equal(ltd_tokenizer_eos(tok), 2);
    assert_int_equal(ltd_tokenizer_pad(tok), 0);
    assert_false(ltd_tokenizer_add_bos(tok));
    assert_string_equal(ltd_tokenizer_chat_template(tok), "J");
    ltd_tokenizer_free(tok);
    drop_folder(&f);
}

static void a_folder_that_asks_for_more_is_refused(void **state)
{
    (void)state;
    folder f = make_folder();
    ltd_tokenizer *tok;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_tokenizer_from_folder(&tok, f.path, &err), LTD_EFORMAT);
    assert_non_null(strstr(err.msg, "neither tokenizer.json nor tokenizer.model"));
    put(&f, "tokenizer.json", TINY);
    put(&f, "tokenizer_config.json", "{\"add_eos_token\":true}");
    assert_int_equal(ltd_tokenizer_from_folder(&tok, f.path, &err), LTD_EUNSUPPORTED);
    assert_non_null(strstr(err.msg, "add_eos_token"));
    put(&f, "tokenizer_config.json", "{");
    assert_int_equal(ltd_tokenizer_from_folder(&tok, f.path, &err), LTD_EFORMAT);
    drop_folder(&f);
}

/* --- tokenizer.model --- */
static void sentencepiece_models_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        int code;
        const char *says;
    } cases[] = {
        {"", 0, LTD_EUNSUPPORTED, "not BPE"},
        {"\x12\x02\x18\x01", 4, LTD_EUNSUPPORTED, "not BPE"},
        {"\x12\x02\x18\x02", 4, LTD_EUNSUPPORTED, "remove_extra_whitespaces"},
        {"\x12\x02\x18\x02\x1a\x05\x20\x00\x12\x01x", 11, LTD_EUNSUPPORTED, "precompiled_charsmap"},
        {"\x12\x02\x18\x02\x1a\x02\x20\x00", 8, LTD_EFORMAT, "the vocabulary is empty"},
        {"\x0a\x02\x18\x07", 4, LTD_EFORMAT, "type of piece 0 is 7"},
        {"\x0a\x05\x15\x00\x00\x80\x7f", 7, LTD_EFORMAT, "score of piece 0"},
        {"\x0a\x7f", 2, LTD_EFORMAT, "cut off"},
        {"\x0a", 1, LTD_EFORMAT, "cut off"},
        {"\xff", 1, LTD_EFORMAT, "without a number"},
        {"\x0b", 1, LTD_EFORMAT, "unknown kind"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ltd_tokenizer *tok = (ltd_tokenizer *)1;
        ltd_err err = LTD_ERR_INIT;
        int status =
            ltd_tokenizer_from_sentencepiece(&tok, "t.model", cases[i].bytes, cases[i].n, &err);
        assert_null(tok);
        if (!strstr(err.msg, cases[i].says)) fail_msg("case %zu: '%s'", i, err.msg);
        assert_int_equal(status, cases[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_file_is_read),
        cmocka_unit_test(spaces_are_marked_and_come_back),
        cmocka_unit_test(a_template_s_token_is_put_first_once),
        cmocka_unit_test(ids_may_be_left_out),
        cmocka_unit_test(unknown_characters_become_the_unknown_token),
        cmocka_unit_test(components_that_are_not_known_are_refused_by_name),
        cmocka_unit_test(damaged_files_are_refused_with_the_reason),
        cmocka_unit_test(a_folder_s_files_name_the_ends),
        cmocka_unit_test(a_folder_that_asks_for_more_is_refused),
        cmocka_unit_test(sentencepiece_models_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
