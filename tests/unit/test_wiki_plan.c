#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"
#include "trainer/wiki/write/plan.h"

/* Names of the outline of a text, joined by '|'. */
static void outline_is(const char *text, const char *expected)
{
    ltd_wiki_headings o;
    ltd_str s = LTD_STR_INIT;
    ltd_err err = LTD_ERR_INIT;
    assert_int_equal(ltd_wiki_headings_parse(&o, text, &err), LTD_OK);
    for (int32_t i = 0; i < o.n; i++) ltd_str_printf(&s, "%s%s", i ? "|" : "", o.name[i]);
    assert_string_equal(ltd_str_text(&s), expected);
    ltd_wiki_headings_fini(&o);
    assert_int_equal(o.n, 0);
    ltd_str_fini(&s);
}

static void names_are_read_in_each_form(void **state)
{
    (void)state;
    outline_is("1. Introduction\n2. Race\n3. Reaction", "Introduction|Race|Reaction");
    outline_is("1) Introduction\n2)Race\n 10)  Reaction  \n", "Introduction|Race|Reaction");
    outline_is("==Introduction==\n== Race ==\n===Heats===\n", "Introduction|Race|Heats");
    outline_is(
        "**1. Introduction**\n2. **Race**\n3. _Reaction_\n4. `Route`\n5. \"Crew\"\n6. # Ships",
        "Introduction|Race|Reaction|Route|Crew|Ships");
    outline_is("1. Introduction\r\n2. Race\r\n", "Introduction|Race");
    outline_is("1. Route: from the harbour\n2. Race:\n==Crew: who==\n", "Route|Race|Crew");
    outline_is("1. Tide of 3.5 m\n2. 2031 race\n", "Tide of 3.5 m|2031 race");
}

static void other_lines_are_none(void **state)
{
    (void)state;
    outline_is("Sure! Here is a plan:\n\n1. Introduction\n   a. Detail\n   - Another\nSince 2031.\n"
               "2. Race\n2031 was\n7\n12.\n4.\n ... \n= Lone =\n",
               "Introduction|Race");
    outline_is("1. ***\n2. ==\n3. \" \"\n4. Race", "Race");
}

static void names_stand_once(void **state)
{
    (void)state;
    outline_is("1. Race\n2. RACE\n3. race \n4. **Race**\n5. Race: more\n6. Races", "Race|Races");
}

static void back_matter_is_left_out(void **state)
{
    (void)state;
    outline_is("1. Race\n2. References\n3. see also\n4. External links\n5. Notes\n6. Reaction",
               "Race|Reaction");
}

static void only_ten_are_taken(void **state)
{
    (void)state;
    ltd_str text = LTD_STR_INIT;
    for (int i = 1; i <= 14; i++) ltd_str_printf(&text, "%d. S%d\n%d. S%d\n", i, i, i, i);
    outline_is(text.data, "S1|S2|S3|S4|S5|S6|S7|S8|S9|S10");
    ltd_str_fini(&text);
}

static void without_a_name_there_is_an_introduction(void **state)
{
    (void)state;
    outline_is("", "Introduction");
    outline_is("\n\n", "Introduction");
    outline_is("I cannot plan this.", "Introduction");
    outline_is("1. References\n2.\n3. :\n==", "Introduction");
}

static void longer_names_are_left_out(void **state)
{
    (void)state;
    char text[512], expected[256];
    char just[LTD_WIKI_NAME + 1], over[LTD_WIKI_NAME + 2];
    memset(just, 'a', sizeof just - 1);
    just[sizeof just - 1] = 0;
    memset(over, 'b', sizeof over - 1);
    over[sizeof over - 1] = 0;
    snprintf(text, sizeof text, "1. %s\n2. %s\n3. Race", just, over);
    snprintf(expected, sizeof expected, "%s|Race", just);
    outline_is(text, expected);
    snprintf(text, sizeof text, "1. %s", over);
    outline_is(text, "Introduction");
}

static void copies_are_as_they_are(void **state)
{
    (void)state;
    ltd_wiki_headings o;
    ltd_err err = LTD_ERR_INIT;
    const char *names[12] = {"Introduction", "References", "Race", "Race"};
    for (int i = 4; i < 12; i++) names[i] = "*x*";
    assert_int_equal(ltd_wiki_headings_of(&o, names, 12, &err), LTD_OK);
    assert_int_equal(o.n, LTD_WIKI_OUTLINE);
    assert_string_equal(o.name[1], "References");
    assert_string_equal(o.name[3], "Race");
    assert_string_equal(o.name[9], "*x*");
    ltd_wiki_headings_fini(&o);
    assert_int_equal(ltd_wiki_headings_of(&o, names, 0, &err), LTD_OK);
    assert_int_equal(o.n, 0);
    ltd_wiki_headings_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read_in_each_form),
        cmocka_unit_test(other_lines_are_none),
        cmocka_unit_test(names_stand_once),
        cmocka_unit_test(back_matter_is_left_out),
        cmocka_unit_test(only_ten_are_taken),
        cmocka_unit_test(without_a_name_there_is_an_introduction),
        cmocka_unit_test(longer_names_are_left_out),
        cmocka_unit_test(copies_are_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
